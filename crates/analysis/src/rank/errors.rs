//! Failed spans: whose failures are its own, and which calls fail without the callee saying so.

use std::collections::BTreeMap;

use super::ends::AtCallers;
use super::evidence::{Channel, Evidence};
use super::names::Names;
use super::operations::{Pair, slot};
use super::period::Period;
use super::spans::{Forest, Node};
use super::stats::{CHANCE_FINDINGS_MAX, chance_of_counts, saturate, share_score};
use crate::{Finding, FindingKind};
use groundcrew_telemetry::{SpanRow, Timestamp, TraceId};

/// Requests and failures of one service or edge.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    all: Pair<u64>,
    failed: Pair<u64>,
    first: Option<(i64, u32)>,
}

impl Tally {
    fn count(&mut self, node: &Node, failed: bool) {
        let place = slot(node.period);
        for (count, amount) in [(&mut self.all, true), (&mut self.failed, failed)] {
            if let Some(count) = count.get_mut(place) {
                *count += u64::from(amount);
            }
        }
        if failed && node.period == Period::Window {
            let at = (node.start, node.row);
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
        }
    }

    fn score(&self) -> f64 {
        let ([all_before, all_after], [before, after]) = (self.all, self.failed);
        share_score((before, all_before), (after, all_after))
    }

    /// Whether so many failures come by chance somewhere among `compared` services or calls.
    fn is_chance(&self, compared: usize) -> bool {
        let ([all_before, all_after], [before, after]) = (self.all, self.failed);
        if all_before == 0 {
            return false;
        }
        let scale = all_after as f64 / all_before as f64;
        let chance = chance_of_counts(before as f64, after as f64, scale);
        compared as f64 * chance > CHANCE_FINDINGS_MAX
    }

    fn shares(&self) -> (f64, f64) {
        let share = |failed: u64, all: u64| if all == 0 { 0.0 } else { failed as f64 / all as f64 };
        let ([all_before, all_after], [before, after]) = (self.all, self.failed);
        (share(before, all_before), share(after, all_after))
    }

    fn likelihood(&self) -> f64 {
        let (before, after) = self.shares();
        0.9 * saturate(self.score(), 1.5, 2.0) * (after - before).clamp(0.0, 1.0).powf(0.25)
    }

    fn witness(&self, rows: &[SpanRow]) -> (Option<TraceId>, Option<Timestamp>) {
        let Some((start, row)) = self.first else { return (None, None) };
        (rows.get(row as usize).map(|row| row.span.trace_id), Some(Timestamp::from_nanos(start)))
    }
}

/// Finds services and calls that fail more than they used to.
pub(super) fn find(
    forest: &Forest,
    (rows, ends): (&[SpanRow], &AtCallers),
    services: &Names,
    evidence: &mut Evidence,
) {
    let mut own: BTreeMap<u32, Tally> = BTreeMap::new();
    let mut calls: BTreeMap<(u32, u32), Tally> = BTreeMap::new();
    let failed_below = failed_by_entry(forest);
    for (number, node) in forest.nodes.iter().enumerate() {
        if node.is_call() {
            // A call that failed although nothing below it did: the way to the callee, or a callee without spans.
            calls.entry((node.service, node.callee)).or_default().count(node, node.failed_itself);
        } else if node.is_entry(number) {
            let failed = failed_below.get(number).copied().unwrap_or(false);
            own.entry(node.service).or_default().count(node, failed);
        }
    }
    for (service, tally) in &own {
        if tally.is_chance(own.len()) {
            continue;
        }
        if let Some(finding) = own_finding(services.name(*service), tally, rows) {
            evidence.add(finding, *service, Channel::Errors, tally.likelihood());
        }
    }
    for ((caller, callee), tally) in &calls {
        if tally.score() < 2.0 || tally.is_chance(calls.len()) {
            continue;
        }
        let at_caller = ends.get(&(*caller, *callee)).copied().unwrap_or(0.0);
        let (before, after) = tally.shares();
        let (example, since) = tally.witness(rows);
        let [_, failed] = tally.failed;
        let [_, total] = tally.all;
        let kind = FindingKind::EdgeErrors {
            callee: services.name(*callee).to_owned(),
            before,
            after,
            failed,
            total,
            example,
        };
        let position = evidence.findings.len();
        evidence.findings.push(Finding {
            kind,
            service: services.name(*caller).to_owned(),
            pod: None,
            since,
            strength: tally.score(),
        });
        let share = |at_this_end: f64| (0.3 + 0.5 * at_this_end) * tally.likelihood();
        evidence.clue(*callee, Channel::Errors, share(1.0 - at_caller), position);
        evidence.clue(*caller, Channel::Errors, share(at_caller), position);
    }
}

fn own_finding(service: &str, tally: &Tally, rows: &[SpanRow]) -> Option<Finding> {
    if tally.score() < 2.0 {
        return None;
    }
    let (before, after) = tally.shares();
    let (example, since) = tally.witness(rows);
    let [_, failed] = tally.failed;
    let [_, total] = tally.all;
    Some(Finding {
        kind: FindingKind::ServiceErrors { before, after, failed, total, example },
        service: service.to_owned(),
        pod: None,
        since,
        strength: tally.score(),
    })
}

/// Entry spans under which the service's own work failed although none of its calls did.
fn failed_by_entry(forest: &Forest) -> Vec<bool> {
    let mut failed = vec![false; forest.nodes.len()];
    let mut call_failed = vec![false; forest.nodes.len()];
    for node in &forest.nodes {
        let flags = if node.is_call() { &mut call_failed } else { &mut failed };
        if let Some(flag) = flags.get_mut(node.entry as usize) {
            *flag |= node.failed;
        }
    }
    failed.iter().zip(&call_failed).map(|(own, call)| *own && !*call).collect()
}
