//! Calls that are made again because they failed: work that the caller adds to what is failing already.
//!
//! Two calls of one span to the same operation, of which the second began after the first had failed, are a try and its
//! repetition. How many of its failed calls a caller repeats is a habit of its own: when calls begin to fail the habit
//! shows and says nothing against the caller; when the habit changes, the caller changed.

use std::collections::BTreeMap;

use groundcrew_telemetry::{SpanRow, Timestamp};

use super::names::Names;
use super::period::Period;
use super::spans::{Forest, Node};
use super::stats::count_score;
use crate::{Finding, FindingKind};

/// Repetitions in the window from which on they are a finding.
const REPEATED_MIN: u64 = 5;
/// Growth of repetitions per wanted call that is looked at.
const GROWTH_MIN: f64 = 0.1;
/// Noise units that it needs besides.
const SCORE_MIN: f64 = 4.0;
/// Failed calls of the baseline that show a caller's habit.
const HABIT_FAILURES_MIN: f64 = 5.0;
/// Growth of the share of failed calls that are repeated from which on the habit changed.
const HABIT_GROWTH_MIN: f64 = 0.2;
/// How much repetitions are the doing of a caller whose habit nothing has shown before.
const UNKNOWN_HABIT: f64 = 0.5;
/// Clocks that tell milliseconds let a call seem to begin before the one that it follows ended.
const CLOCK_STEP_NANOS: i64 = 1_000_000;
/// The attribute with which OpenTelemetry's HTTP clients number repetitions.
const RESEND_COUNT: &str = "http.request.resend_count";

/// Calls of one edge in one period.
#[derive(Clone, Copy, Default)]
struct Tries {
    failed: f64,
    repeated: f64,
    tries_max: u32,
    /// When the first repetition began, and its row.
    first: Option<(i64, u32)>,
}

/// Repetitions per edge, (caller, callee), baseline and window.
pub(super) struct Retries {
    edges: BTreeMap<(u32, u32), [Tries; 2]>,
}

impl Retries {
    /// Counts repetitions; linear in spans, apart from sorting the calls of spans of which one failed.
    pub(super) fn new(forest: &Forest, rows: &[SpanRow]) -> Self {
        let mut troubled = vec![false; forest.nodes.len()];
        for node in forest.nodes.iter().filter(|node| node.is_call() && node.failed) {
            if let Some(flag) = node.parent().and_then(|parent| troubled.get_mut(parent)) {
                *flag = true;
            }
        }
        let is_troubled = |parent: usize| troubled.get(parent).copied().unwrap_or(false);
        let mut calls: Vec<(u32, u32, i64, usize)> = forest
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.is_call() && node.parent().is_some_and(is_troubled))
            .map(|(number, node)| (node.parent, node.operation, node.start, number))
            .collect();
        calls.sort_unstable();
        let mut retries = Self { edges: BTreeMap::new() };
        for group in calls.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let numbers: Vec<usize> = group.iter().map(|(.., number)| *number).collect();
            retries.count(forest, rows, &numbers);
        }
        retries
    }

    /// Counts the calls of one span to one operation, in order of their beginnings.
    fn count(&mut self, forest: &Forest, rows: &[SpanRow], calls: &[usize]) {
        let mut failed_before: Option<&Node> = None;
        let mut tries = 1;
        for number in calls {
            let Some(node) = forest.nodes.get(*number) else { continue };
            let sides = self.edges.entry((node.service, node.callee)).or_default();
            let side = usize::from(node.period == Period::Window);
            let Some(counts) = sides.get_mut(side) else { continue };
            let says_so = || {
                let row = rows.get(node.row as usize);
                row.and_then(|row| row.span.attributes.get(RESEND_COUNT)?.as_f64())
                    .is_some_and(|count| count > 0.0)
            };
            if failed_before.is_some_and(|failed| follows(failed, node)) || says_so() {
                tries += 1;
                counts.repeated += 1.0;
                counts.tries_max = counts.tries_max.max(tries);
                if counts.first.is_none_or(|(start, _)| node.start < start) {
                    counts.first = Some((node.start, node.row));
                }
            } else {
                tries = 1;
            }
            counts.failed += f64::from(u8::from(node.failed));
            failed_before = node.failed.then_some(node);
        }
    }

    /// Repetitions of an edge in baseline and window.
    pub(super) fn repeated(&self, edge: (u32, u32)) -> [f64; 2] {
        self.edges.get(&edge).map_or([0.0; 2], |sides| sides.map(|side| side.repeated))
    }

    /// How much repetitions of an edge are its caller's doing, 0 to 1.
    pub(super) fn guilt(&self, edge: (u32, u32)) -> f64 {
        let Some([before, after]) = self.edges.get(&edge) else { return 1.0 };
        let habit = |side: &Tries| side.repeated / side.failed.max(1.0);
        if before.failed < HABIT_FAILURES_MIN {
            UNKNOWN_HABIT
        } else if habit(after) > habit(before) + HABIT_GROWTH_MIN {
            1.0
        } else {
            0.0
        }
    }

    /// The finding that an edge has more repetitions than before, of (baseline, window) calls, repetitions among them.
    pub(super) fn finding(
        &self,
        edge: (u32, u32),
        [all_before, all_after]: [f64; 2],
        rows: &[SpanRow],
        services: &Names,
    ) -> Option<Finding> {
        let [before, after] = self.edges.get(&edge)?;
        let wanted_before = (all_before - before.repeated).max(1.0);
        let wanted_after = (all_after - after.repeated).max(1.0);
        let scale = wanted_after / wanted_before;
        let score = count_score(after.repeated, before.repeated * scale, scale);
        let per_call = [before.repeated / wanted_before, after.repeated / wanted_after];
        let [per_call_before, per_call_after] = per_call;
        if (after.repeated as u64) < REPEATED_MIN
            || score < SCORE_MIN
            || per_call_after - per_call_before < GROWTH_MIN
        {
            return None;
        }
        let first = after.first;
        Some(Finding {
            kind: FindingKind::Retries {
                callee: services.name(edge.1).to_owned(),
                before: per_call_before,
                after: per_call_after,
                repeated: after.repeated as u64,
                tries_max: after.tries_max,
                example: first
                    .and_then(|(_, row)| rows.get(row as usize))
                    .map(|row| row.span.trace_id),
            },
            service: services.name(edge.0).to_owned(),
            pod: None,
            since: first.map(|(start, _)| Timestamp::from_nanos(start)),
            strength: score,
        })
    }
}

/// Whether the second of two calls of one span began when the first was over.
pub(super) fn follows(first: &Node, second: &Node) -> bool {
    second.start.saturating_add(CLOCK_STEP_NANOS) >= first.end
}
