//! At which end a failed call failed.
//!
//! A callee that answered well and as fast as ever did not fail: the caller gave up, or could not read the answer. A
//! callee that never heard of the call may be down, unless it serves everyone else; when a caller's calls to several
//! such callees fail, it is the caller that cannot reach anyone (names that do not resolve, its own network).

use std::collections::{BTreeMap, BTreeSet};

use super::limits::Limits;
use super::period::Period;
use super::spans::Forest;

/// Calls of other callers that show that a callee serves.
const OTHERS_MIN: u64 = 10;
/// The share of them that may fail.
const OTHERS_FAILED_MAX: f64 = 0.1;
/// Failed calls of an edge that are judged.
const FAILED_MIN: u64 = 3;
/// Spans of the baseline that say how fast a callee is.
const NORMAL_MIN: usize = 10;
/// How sure it is the caller when one, and when several callees that serve others never hear its calls.
const UNHEARD_BY_ONE: f64 = 0.5;
const UNHEARD_BY_SEVERAL: f64 = 0.9;

#[derive(Clone, Copy, Default)]
struct Calls {
    all: u64,
    failed: u64,
    /// Failed although the callee answered well and as fast as ever.
    answered: u64,
    /// Failed without a span of the callee.
    unheard: u64,
}

/// Per (caller, callee), how likely the caller's end is to blame for the window's failed calls, 0 to 1.
pub(super) type AtCallers = BTreeMap<(u32, u32), f64>;

/// Judges every edge with failed calls.
pub(super) fn at_callers(forest: &Forest) -> AtCallers {
    let answers = answers(forest);
    let limits = limits(forest);
    // Services that send spans of their own: of the others nothing can be said.
    let heard: BTreeSet<u32> = forest.nodes.iter().map(|node| node.service).collect();
    let mut calls: BTreeMap<(u32, u32), Calls> = BTreeMap::new();
    let window = forest.nodes.iter().enumerate();
    for (number, node) in window.filter(|(_, node)| node.period == Period::Window) {
        if !node.is_call() || !heard.contains(&node.callee) {
            continue;
        }
        let edge = calls.entry((node.service, node.callee)).or_default();
        edge.all += 1;
        if !node.failed_itself {
            continue;
        }
        edge.failed += 1;
        match answers.get(&number).and_then(|answer| forest.nodes.get(*answer)) {
            None => edge.unheard += 1,
            Some(answer) => {
                let is_fast = limits.is_slow(answer.operation, answer.nanos()) == Some(false);
                edge.answered += u64::from(is_fast && !answer.failed);
            }
        }
    }
    let serves_others = |caller: u32, callee: u32| {
        let others = calls.iter().filter(|((from, to), _)| *to == callee && *from != caller);
        let (all, failed) =
            others.fold((0, 0), |(all, failed), (_, one)| (all + one.all, failed + one.failed));
        all >= OTHERS_MIN && (failed as f64) < OTHERS_FAILED_MAX * all as f64
    };
    let mut alone: BTreeMap<u32, usize> = BTreeMap::new();
    for ((caller, callee), edge) in &calls {
        let is_unheard = edge.failed >= FAILED_MIN && 2 * edge.unheard > edge.failed;
        if is_unheard && serves_others(*caller, *callee) {
            *alone.entry(*caller).or_default() += 1;
        }
    }
    calls
        .iter()
        .filter(|(_, edge)| edge.failed >= FAILED_MIN)
        .map(|((caller, callee), edge)| {
            let answered = edge.answered as f64 / edge.failed as f64;
            let unheard = edge.unheard as f64 / edge.failed as f64;
            let sure = match alone.get(caller).copied().unwrap_or(0) {
                _ if !serves_others(*caller, *callee) => 0.0,
                0 => 0.0,
                1 => UNHEARD_BY_ONE,
                _ => UNHEARD_BY_SEVERAL,
            };
            ((*caller, *callee), answered + unheard * sure)
        })
        .collect()
}

/// The callee's span for each call that has one.
fn answers(forest: &Forest) -> BTreeMap<usize, usize> {
    let mut answers = BTreeMap::new();
    for (number, node) in forest.nodes.iter().enumerate() {
        let Some(parent) = node.parent() else { continue };
        if forest.nodes.get(parent).is_some_and(|call| call.callee == node.service) {
            answers.insert(parent, number);
        }
    }
    answers
}

/// What is slow of what callees do.
fn limits(forest: &Forest) -> Limits {
    let normal =
        forest.nodes.iter().filter(|node| node.period == Period::Baseline && !node.is_call());
    Limits::new(normal.map(|node| (node.operation, node.nanos())), NORMAL_MIN)
}
