//! Work that goes elsewhere because something failed: a database that is asked what the cache no longer answers.
//!
//! A call that begins after another call of the same span failed, to someone else, is a fallback. Whoever gets many more of
//! them is busier, perhaps slow, and explained by the one that failed.

use std::collections::BTreeMap;

use super::combine::Ranked;
use super::period::Period;
use super::retries::follows;
use super::spans::Forest;

/// Fallbacks in the window from which on they count.
const COUNT_MIN: f64 = 20.0;
/// Growth of the share of fallbacks among all calls to someone that counts.
const GROWTH_MIN: f64 = 0.1;
/// The share of fallbacks that explains all there is to explain.
const SHARE_FULL: f64 = 0.3;
/// The one that failed is a suspect itself from here on.
const FAILED_MIN: f64 = 0.3;
/// How much of a suspect the failure of another takes away at most.
const EXPLAINED: f64 = 0.6;

/// Who is asked because of whom: (failed, asked instead) to the share of the latter's calls.
pub(super) type Fallbacks = BTreeMap<(u32, u32), f64>;

/// Finds who is asked instead of whom, more than before.
pub(super) fn find(forest: &Forest) -> Fallbacks {
    let mut troubled = vec![false; forest.nodes.len()];
    let mut all: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    for node in forest.nodes.iter().filter(|node| node.is_call()) {
        let counts = all.entry(node.callee).or_default();
        if let Some(count) = counts.get_mut(usize::from(node.period == Period::Window)) {
            *count += 1.0;
        }
        let parent = node.parent().filter(|_| node.failed);
        if let Some(flag) = parent.and_then(|parent| troubled.get_mut(parent)) {
            *flag = true;
        }
    }
    let is_troubled = |parent: usize| troubled.get(parent).copied().unwrap_or(false);
    let mut calls: Vec<(u32, i64, usize)> = forest
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.is_call() && node.parent().is_some_and(is_troubled))
        .map(|(number, node)| (node.parent, node.start, number))
        .collect();
    calls.sort_unstable();
    let mut instead: BTreeMap<(u32, u32), [f64; 2]> = BTreeMap::new();
    for pair in calls.windows(2) {
        let [(parent, _, failed), (same, _, next)] = pair else { continue };
        let nodes = (forest.nodes.get(*failed), forest.nodes.get(*next));
        let (Some(failed), Some(next)) = nodes else { continue };
        if parent != same || !failed.failed || failed.callee == next.callee {
            continue;
        }
        if follows(failed, next) {
            let counts = instead.entry((failed.callee, next.callee)).or_default();
            if let Some(count) = counts.get_mut(usize::from(next.period == Period::Window)) {
                *count += 1.0;
            }
        }
    }
    let grown = instead.into_iter().filter_map(|(pair, [before, after])| {
        let [all_before, all_after] = all.get(&pair.1).copied().unwrap_or_default();
        let share = after / all_after.max(1.0);
        let growth = share - before / all_before.max(1.0);
        (after >= COUNT_MIN && growth >= GROWTH_MIN).then_some((pair, share))
    });
    grown.collect()
}

/// Takes from those that are asked instead what the failure of another explains.
pub(super) fn explain(ranked: &mut [Ranked], fallbacks: &Fallbacks) {
    if fallbacks.is_empty() {
        return;
    }
    let failed: BTreeMap<u32, (f64, Vec<usize>)> = ranked
        .iter()
        .map(|one| (one.service, (one.score, one.reasons.iter().take(2).copied().collect())))
        .collect();
    for ((cause, asked), share) in fallbacks {
        let Some((score, reasons)) = failed.get(cause).filter(|(score, _)| *score >= FAILED_MIN)
        else {
            continue;
        };
        let Some(one) = ranked.iter_mut().find(|one| one.service == *asked) else { continue };
        one.score *= 1.0 - EXPLAINED * (share / SHARE_FULL).min(1.0) * score;
        one.against.extend(reasons.iter().filter(|reason| !one.reasons.contains(reason)));
    }
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.service.cmp(&b.service)));
}
