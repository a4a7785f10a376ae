//! Counts, durations and fan-out per operation, baseline against window.

use rustc_hash::FxHashMap;

use super::period::Period;
use super::spans::Forest;

/// Baseline and window side by side.
pub(super) type Pair<T> = [T; 2];

/// The place of a period in a [`Pair`].
pub(super) fn slot(period: Period) -> usize {
    match period {
        Period::Baseline => 0,
        Period::Window => 1,
    }
}

/// One operation of one service: work of its own, or a call to another service.
#[derive(Clone, Debug, Default)]
pub(super) struct Operation {
    pub(super) service: u32,
    /// Whom it calls, for calls.
    pub(super) callee: Option<u32>,
    pub(super) count: Pair<u64>,
    pub(super) failed: Pair<u64>,
    pub(super) failed_itself: Pair<u64>,
    /// Time of its own (for calls: on the wire) in milliseconds, one per span.
    pub(super) own_ms: Pair<Vec<f64>>,
    /// Spans of the baseline per minute, ascending.
    pub(super) minutes: Vec<(i64, u32)>,
}

/// How often an operation has another as its child.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fanout {
    pub(super) parent: u32,
    pub(super) child: u32,
    pub(super) sum: Pair<f64>,
    pub(super) sum_of_squares: Pair<f64>,
    /// Parents with at least one such child.
    pub(super) with: Pair<u64>,
}

/// All operations and fan-outs.
#[derive(Debug, Default)]
pub(super) struct Operations {
    pub(super) operations: Vec<Operation>,
    /// Sorted by parent, then child.
    pub(super) fanouts: Vec<Fanout>,
}

impl Operations {
    pub(super) fn new(forest: &Forest) -> Self {
        let mut operations = vec![Operation::default(); forest.operations.len()];
        for node in &forest.nodes {
            let Some(operation) = operations.get_mut(node.operation as usize) else { continue };
            let place = slot(node.period);
            operation.service = node.service;
            operation.callee = node.is_call().then_some(node.callee);
            let add = |pair: &mut Pair<u64>, amount: bool| {
                if let Some(count) = pair.get_mut(place) {
                    *count += u64::from(amount);
                }
            };
            add(&mut operation.count, true);
            add(&mut operation.failed, node.failed);
            add(&mut operation.failed_itself, node.failed_itself);
            if let Some(samples) = operation.own_ms.get_mut(place) {
                samples.push(node.self_nanos as f64 / 1e6);
            }
        }
        for ((operation, minute), count) in minutes(forest) {
            if let Some(operation) = operations.get_mut(operation as usize) {
                operation.minutes.push((minute, count));
            }
        }
        Self { operations, fanouts: fanouts(forest) }
    }
}

/// Spans of the baseline per operation and minute, sorted.
fn minutes(forest: &Forest) -> Vec<((u32, i64), u32)> {
    let mut counts: FxHashMap<(u32, i64), u32> = FxHashMap::default();
    for node in forest.nodes.iter().filter(|node| node.period == Period::Baseline) {
        *counts.entry((node.operation, node.start.div_euclid(60_000_000_000))).or_default() += 1;
    }
    let mut counts: Vec<((u32, i64), u32)> = counts.into_iter().collect();
    counts.sort_unstable();
    counts
}

fn fanouts(forest: &Forest) -> Vec<Fanout> {
    // (parent span, child operation), one per child, grouped.
    let mut pairs: Vec<(u32, u32)> = forest
        .nodes
        .iter()
        .filter_map(|node| node.parent().map(|parent| (parent as u32, node.operation)))
        .collect();
    pairs.sort_unstable();
    let mut table: FxHashMap<(u32, u32), Fanout> = FxHashMap::default();
    for group in pairs.chunk_by(|a, b| a == b) {
        let Some((parent, child)) = group.first().copied() else { continue };
        let Some(node) = forest.nodes.get(parent as usize) else { continue };
        let fanout = table.entry((node.operation, child)).or_insert_with(|| Fanout {
            parent: node.operation,
            child,
            ..Fanout::default()
        });
        let place = slot(node.period);
        let count = group.len() as f64;
        if let (Some(sum), Some(squares), Some(with)) = (
            fanout.sum.get_mut(place),
            fanout.sum_of_squares.get_mut(place),
            fanout.with.get_mut(place),
        ) {
            *sum += count;
            *squares += count * count;
            *with += 1;
        }
    }
    let mut fanouts: Vec<Fanout> = table.into_values().collect();
    fanouts.sort_unstable_by_key(|fanout| (fanout.parent, fanout.child));
    fanouts
}
