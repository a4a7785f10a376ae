//! Where the time went that users wait longer: the critical path of slow traces against that of normal ones.
//!
//! The critical path of a trace is what its end waited for: from the end backwards, the child that ended last, then what
//! that one waited for (as in Zhang et al., *CRISP: Critical Path Analysis of Large-Scale Microservice Architectures*,
//! USENIX ATC 2022). Its
//! pieces are added up per service, for slow traces of an entry operation and for the normal ones of the same operation;
//! the difference says who made it slower, whoever else ran at the same time.

use std::collections::BTreeMap;

use groundcrew_telemetry::{SpanRow, Timestamp};

use super::limits::limit_of;
use super::names::Names;
use super::period::Period;
use super::spans::{Forest, Node};
use crate::{Finding, FindingKind};

/// Normal traces of an operation that say how it was.
const NORMAL_MIN: usize = 20;
/// Slow traces that are a trouble.
const SLOW_MIN: usize = 8;
/// Traces of each sort whose path is followed.
const TRACES_MAX: usize = 300;
/// Spans of one trace that are followed.
const STEPS_MAX: usize = 5_000;
/// The share of the longer wait that must lie in one service.
const SHARE_MIN: f64 = 0.3;

/// Traces of one entry operation, as numbers of their first spans.
#[derive(Default)]
struct Entry {
    normal: Vec<usize>,
    window: Vec<usize>,
}

/// What the slowed entry operation waits for longer in `service`; `None` when that is little, or nothing is slower.
pub(super) fn find(
    forest: &Forest,
    rows: &[SpanRow],
    services: &Names,
    service: u32,
) -> Option<Finding> {
    let mut entries: BTreeMap<u32, Entry> = BTreeMap::new();
    for (number, node) in forest.nodes.iter().enumerate() {
        if node.parent().is_none() && !node.is_call() {
            let entry = entries.entry(node.operation).or_default();
            match node.period {
                Period::Baseline => entry.normal.push(number),
                Period::Window => entry.window.push(number),
            }
        }
    }
    let length = |number: &usize| forest.nodes.get(*number).map_or(0.0, Node::nanos);
    // The operation whose users wait longest in all.
    let (operation, normal, slow, _) = entries
        .into_iter()
        .filter(|(_, entry)| entry.normal.len() >= NORMAL_MIN)
        .filter_map(|(operation, Entry { normal, window })| {
            let mut lengths: Vec<f64> = normal.iter().map(length).collect();
            let limit = limit_of(&mut lengths);
            let slow: Vec<usize> =
                window.into_iter().filter(|number| length(number) > limit).collect();
            let waited: f64 = slow.iter().map(|number| length(number) - limit).sum();
            (slow.len() >= SLOW_MIN).then_some((operation, normal, slow, waited))
        })
        .max_by(|a, b| a.3.total_cmp(&b.3).then(b.0.cmp(&a.0)))?;
    let children = Children::new(forest);
    let mean = |traces: &[usize]| {
        let step = traces.len().div_ceil(TRACES_MAX).max(1);
        let followed: Vec<usize> = traces.iter().step_by(step).copied().collect();
        let mut sum = 0.0;
        for trace in &followed {
            sum += children.path(forest, *trace).get(&service).copied().unwrap_or(0.0);
        }
        let count = followed.len().max(1) as f64;
        (sum / count, followed.iter().map(length).sum::<f64>() / count)
    };
    let (part_before, before) = mean(&normal);
    let (part_after, after) = mean(&slow);
    let (part, longer) = (part_after - part_before, after - before);
    if longer <= 0.0 || part < SHARE_MIN * longer {
        return None;
    }
    let first = slow.first().and_then(|number| forest.nodes.get(*number))?;
    let entry = forest.operation_service.get(operation as usize)?;
    Some(Finding {
        kind: FindingKind::PathGrew {
            entry: services.name(*entry).to_owned(),
            operation: forest.operation_name(operation).to_owned(),
            longer_ms: longer / 1e6,
            part_ms: part.min(longer) / 1e6,
            slow: slow.len() as u64,
            example: rows.get(first.row as usize).map(|row| row.span.trace_id),
        },
        service: services.name(service).to_owned(),
        pod: None,
        since: Some(Timestamp::from_nanos(first.start)),
        strength: 0.0,
    })
}

/// The spans below each span.
struct Children {
    /// (parent, child), by parent.
    pairs: Vec<(u32, u32)>,
}

impl Children {
    fn new(forest: &Forest) -> Self {
        let mut pairs: Vec<(u32, u32)> = forest
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(number, node)| {
                Some((u32::try_from(node.parent()?).ok()?, u32::try_from(number).ok()?))
            })
            .collect();
        pairs.sort_unstable();
        Self { pairs }
    }

    fn of(&self, parent: usize) -> impl Iterator<Item = usize> {
        let parent = u32::try_from(parent).unwrap_or(u32::MAX);
        let start = self.pairs.partition_point(|(other, _)| *other < parent);
        let below = self.pairs.get(start..).unwrap_or_default();
        below
            .iter()
            .take_while(move |(other, _)| *other == parent)
            .map(|(_, child)| *child as usize)
    }

    /// Nanoseconds of the trace's critical path in each service; what a service without spans takes is its own.
    fn path(&self, forest: &Forest, root: usize) -> BTreeMap<u32, f64> {
        let mut spent: BTreeMap<u32, f64> = BTreeMap::new();
        let times = |number: usize| forest.nodes.get(number).map(|node| (node.start, node.end));
        critical_path(root, &times, &|number| self.of(number).collect(), &mut |number, stretch| {
            let Some(node) = forest.nodes.get(number) else { return };
            let is_leaf_call = node.is_call() && self.of(number).next().is_none();
            let who = if is_leaf_call { node.callee } else { node.service };
            *spent.entry(who).or_default() += (stretch.1 - stretch.0) as f64;
        });
        spent
    }
}

/// Follows what the end of the span `root` waited for. `times` says when a span began and ended, `below` which spans it
/// caused; `waits` hears of each stretch that is waited for in a span itself, by the clock of `root`, in no order.
pub fn critical_path(
    root: usize,
    times: &dyn Fn(usize) -> Option<(i64, i64)>,
    below: &dyn Fn(usize) -> Vec<usize>,
    waits: &mut dyn FnMut(usize, (i64, i64)),
) {
    let Some((start, end)) = times(root) else { return };
    // A span, where it begins by the clock of its parent, and until when it was waited for.
    let mut open: Vec<(usize, i64, i64)> = vec![(root, start, end.max(start))];
    let mut steps = 0;
    while let Some((number, start, end)) = open.pop() {
        steps += 1;
        let Some((known_start, known_end)) = times(number).filter(|_| steps <= STEPS_MAX) else {
            break;
        };
        let length = known_end.saturating_sub(known_start).max(0);
        let mut inside: Vec<(i64, i64, usize)> = below(number)
            .into_iter()
            .filter_map(|child| {
                let (child_start, child_end) = times(child)?;
                let took = child_end.saturating_sub(child_start).clamp(0, length);
                let offset = child_start.saturating_sub(known_start);
                // Clocks of two hosts differ: what does not fit is put into the middle.
                let fits = offset >= 0 && offset.saturating_add(took) <= length;
                let offset = if fits { offset } else { (length - took) / 2 };
                let begins = start.saturating_add(offset);
                Some((begins.saturating_add(took), begins, child))
            })
            .collect();
        inside.sort_unstable_by(|a, b| b.cmp(a));
        let mut cursor = end;
        for (ends, begins, child) in inside {
            if begins >= cursor {
                continue;
            }
            let ends = ends.min(cursor);
            if cursor > ends {
                waits(number, (ends, cursor));
            }
            open.push((child, begins, ends));
            cursor = begins.max(start);
            if cursor <= start {
                break;
            }
        }
        if cursor > start {
            waits(number, (start, cursor));
        }
    }
}
