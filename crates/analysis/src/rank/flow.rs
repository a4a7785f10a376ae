//! Where requests end, and what fails: behaviour that changed without anything getting slower.
//!
//! A request that stops early stops right after something answered wrongly, or inside the service that gave up. So for
//! each operation the last thing it did is compared with the last thing it used to do.

use std::collections::BTreeMap;

use super::ends::AtCallers;
use super::evidence::{Channel, Evidence};
use super::names::Names;
use super::operations::{Operations, Pair, slot};
use super::period::Period;
use super::spans::Forest;
use super::stats::{saturate, share_score};
use crate::{Finding, FindingKind};
use groundcrew_telemetry::{SpanRow, Timestamp, TraceId};

/// Spans of an operation that each side needs.
const COUNT_MIN: u64 = 3;
/// Least change of a share that is looked at.
const CHANGE_MIN: f64 = 0.1;
/// How much of an ending's blame goes to the callee that answered last.
const ANSWERED_LAST: f64 = 0.75;

/// What an operation did last: nothing below it, or a child operation.
type Ending = (u32, Option<u32>);
/// When a span's last child began and which operation it is.
type LastChild = Option<(i64, u32)>;

/// Finds operations that end elsewhere than they used to.
pub(super) fn find(
    (forest, ends): (&Forest, &AtCallers),
    operations: &Operations,
    rows: &[SpanRow],
    services: &Names,
    evidence: &mut Evidence,
) {
    let markers = failure_markers(forest);
    let last_children = last_children(forest, &markers);
    let endings = endings(forest, &last_children);
    for ((operation, last), count) in &endings {
        let Some(of) = operations.operations.get(*operation as usize) else { continue };
        let [before_all, after_all] = of.count;
        let [before, after] = *count;
        if before_all < COUNT_MIN
            || after_all < COUNT_MIN
            || !stops_early(operations, *operation, &markers)
        {
            continue;
        }
        let before_share = before as f64 / before_all as f64;
        let after_share = after as f64 / after_all as f64;
        let score = share_score((before, before_all), (after, after_all));
        if score < 2.0 || after_share - before_share < CHANGE_MIN {
            continue;
        }
        if last.is_some_and(|last| is_alternative(operations, *operation, last, before)) {
            continue;
        }
        let callee =
            last.and_then(|last| forest.operation_callee.get(last as usize).copied().flatten());
        let (example, since) = witness(forest, rows, (*operation, *last), &last_children);
        let likelihood = 0.85 * saturate(score, 1.5, 2.0) * (after_share - before_share).sqrt();
        let kind = match callee {
            Some(callee) => FindingKind::EdgeErrors {
                callee: services.name(callee).to_owned(),
                before: before_share,
                after: after_share,
                failed: after,
                total: after_all,
                example,
            },
            None => FindingKind::ServiceErrors {
                before: before_share,
                after: after_share,
                failed: after,
                total: after_all,
                example,
            },
        };
        let service = of.service;
        let finding = Finding {
            kind,
            service: services.name(service).to_owned(),
            pod: None,
            since,
            strength: score,
        };
        let position = evidence.findings.len();
        evidence.findings.push(finding);
        match callee {
            Some(callee) => {
                // Who answered last is to blame, unless the caller did not wait for the answer.
                let here = ends.get(&(service, callee)).copied().unwrap_or(0.0);
                let there = ANSWERED_LAST * (1.0 - here);
                evidence.clue(callee, Channel::Flow, likelihood * there, position);
                evidence.clue(service, Channel::Flow, likelihood * (1.0 - there), position);
            }
            None => evidence.clue(service, Channel::Flow, likelihood, position),
        }
    }
}

/// Operations whose name says that they handle a failure.
fn failure_markers(forest: &Forest) -> Vec<bool> {
    (0..forest.operations.len() as u32)
        .map(|operation| {
            let name = forest.operation_name(operation).to_ascii_lowercase();
            ["error", "exception", "fallback"].iter().any(|word| name.contains(word))
        })
        .collect()
}

fn is_marker(markers: &[bool], operation: u32) -> bool {
    markers.get(operation as usize).copied().unwrap_or(false)
}

/// Counts endings per operation; operations that never have children do not end anywhere.
fn endings(forest: &Forest, last: &[LastChild]) -> BTreeMap<Ending, Pair<u64>> {
    let mut has_children = vec![false; forest.operations.len()];
    for (node, last) in forest.nodes.iter().zip(last) {
        if last.is_some()
            && let Some(flag) = has_children.get_mut(node.operation as usize)
        {
            *flag = true;
        }
    }
    let mut endings: BTreeMap<Ending, Pair<u64>> = BTreeMap::new();
    for (node, last) in forest.nodes.iter().zip(last) {
        if !node.is_call() && has_children.get(node.operation as usize).copied().unwrap_or(false) {
            let last = last.map(|(_, operation)| operation);
            let counts = endings.entry((node.operation, last)).or_default();
            if let Some(count) = counts.get_mut(slot(node.period)) {
                *count += 1;
            }
        }
    }
    endings
}

/// Per span, when its last child began and which operation that is.
fn last_children(forest: &Forest, markers: &[bool]) -> Vec<LastChild> {
    let mut last: Vec<LastChild> = vec![None; forest.nodes.len()];
    for node in &forest.nodes {
        let Some(parent) = node.parent() else { continue };
        if is_marker(markers, node.operation) {
            continue;
        }
        if let Some(place) = last.get_mut(parent)
            && place.is_none_or(|known| (node.start, node.operation) > known)
        {
            *place = Some((node.start, node.operation));
        }
    }
    last
}

/// Whether spans of the operation have fewer children than they used to, or more that handle a failure.
fn stops_early(operations: &Operations, operation: u32, markers: &[bool]) -> bool {
    let Some(of) = operations.operations.get(operation as usize) else { return false };
    let [before_all, after_all] = of.count;
    let begin = operations.fanouts.partition_point(|fanout| fanout.parent < operation);
    let fanouts =
        operations.fanouts.iter().skip(begin).take_while(|fanout| fanout.parent == operation);
    let mut work = [0.0_f64; 2];
    let mut failures = [0.0_f64; 2];
    for fanout in fanouts {
        let sums = if is_marker(markers, fanout.child) { &mut failures } else { &mut work };
        for (sum, amount) in sums.iter_mut().zip(fanout.sum) {
            *sum += amount;
        }
    }
    let ratio = |[before, after]: [f64; 2]| {
        (before / before_all.max(1) as f64, after / after_all.max(1) as f64)
    };
    let (work_before, work_after) = ratio(work);
    let (failures_before, failures_after) = ratio(failures);
    let recovers = failures_after < failures_before - CHANGE_MIN;
    !recovers && (work_after < 0.93 * work_before || failures_after > failures_before + CHANGE_MIN)
}

/// Whether the child used to be the end wherever it came: then it is another way to go, not a way cut short.
fn is_alternative(operations: &Operations, parent: u32, child: u32, ended_before: u64) -> bool {
    let found = operations
        .fanouts
        .binary_search_by_key(&(parent, child), |fanout| (fanout.parent, fanout.child));
    let Some(fanout) = found.ok().and_then(|position| operations.fanouts.get(position)) else {
        return false;
    };
    let [came_before, _] = fanout.with;
    came_before > 0 && ended_before as f64 > 0.6 * came_before as f64
}

/// The first trace of the window that ends there.
fn witness(
    forest: &Forest,
    rows: &[SpanRow],
    (operation, ending): Ending,
    last: &[LastChild],
) -> (Option<TraceId>, Option<Timestamp>) {
    let first = forest
        .nodes
        .iter()
        .zip(last)
        .filter(|(node, last)| {
            node.operation == operation
                && node.period == Period::Window
                && last.map(|(_, operation)| operation) == ending
        })
        .min_by_key(|(node, _)| (node.start, node.row));
    let Some((node, _)) = first else { return (None, None) };
    let trace = rows.get(node.row as usize).map(|row| row.span.trace_id);
    (trace, Some(Timestamp::from_nanos(node.start)))
}
