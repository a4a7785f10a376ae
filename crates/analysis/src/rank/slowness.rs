//! Who got slower: time of a service's own, and time on the wire between two.
//!
//! Wire time (the caller's span minus the callee's) belongs to an edge; which end is to blame shows in the other edges
//! of the two ends. A service that waits for slow others has no more time of its own and is left alone.

use std::collections::BTreeMap;

use super::evidence::{Channel, Evidence};
use super::names::Names;
use super::period::Period;
use super::shift::{Samples, Shift};
use super::spans::{Forest, Node};
use super::stats::saturate;
use crate::{Finding, FindingKind};
use groundcrew_telemetry::{SpanRow, Timestamp, TraceId};

/// The least noise of a duration in milliseconds: what a scheduler's tick or a clock's step does.
const NOISE_MIN_MS: f64 = 0.25;
/// An edge counts as slower from this many noise units on.
const SLOWER_SCORE_MIN: f64 = 2.2;
/// What a shift counts whose middle stayed: tails come and go by themselves.
const TAIL_ONLY: f64 = 0.5;
const SLOWER_EFFECT_MIN: f64 = 0.75;

/// One operation's or edge's shift with what it costs.
#[derive(Clone, Debug)]
struct Slower {
    service: u32,
    callee: Option<u32>,
    operation: u32,
    shift: Shift,
    /// Milliseconds per trace of the window.
    cost_ms: f64,
    example: Option<TraceId>,
    since: Option<Timestamp>,
    /// The one pod of several whose requests are slow.
    pod: Option<u32>,
}

/// Finds slower services and edges, and says whom each speaks for.
pub(super) fn find(forest: &Forest, rows: &[SpanRow], services: &Names, evidence: &mut Evidence) {
    let traces = forest
        .nodes
        .iter()
        .filter(|node| node.period == Period::Window && node.parent().is_none())
        .count();
    let slower = measure(forest, rows, traces.max(1) as f64);
    let cost = |item: &Slower| if is_slower(&item.shift) { item.cost_ms.max(0.0) } else { 0.0 };
    let total: f64 = slower.iter().map(cost).sum();
    if total <= 0.0 {
        return;
    }
    let blame = Blame::new(&slower);
    let mut cost_of: BTreeMap<(u32, Channel), f64> = BTreeMap::new();
    for item in slower.iter().filter(|item| is_slower(&item.shift)) {
        for (service, channel, part) in blame.split(item) {
            *cost_of.entry((service, channel)).or_default() += part * cost(item);
        }
    }
    let all_of = |service: u32| -> f64 {
        [Channel::Slow, Channel::Wire]
            .iter()
            .filter_map(|channel| cost_of.get(&(service, *channel)))
            .sum()
    };
    for item in slower.iter().filter(|item| is_slower(&item.shift)) {
        let position = evidence.findings.len();
        evidence.findings.push(finding(item, forest, services));
        let reach = if item.shift.bulk >= 0.5 { 1.0 } else { TAIL_ONLY };
        for (service, channel, part) in blame.split(item) {
            let share = (all_of(service) / total).clamp(0.0, 1.0);
            let growth = item.shift.amount / item.shift.before.max(NOISE_MIN_MS);
            let convincing = saturate(item.shift.score, 1.2, 0.8)
                * saturate(item.shift.effect, 0.0, 1.5)
                * saturate(growth, 0.05, 0.4);
            evidence.clue(
                service,
                channel,
                0.97 * reach * convincing * share.sqrt() * part.sqrt(),
                position,
            );
        }
    }
}

fn is_slower(shift: &Shift) -> bool {
    shift.score >= SLOWER_SCORE_MIN && shift.effect >= SLOWER_EFFECT_MIN
}

fn finding(item: &Slower, forest: &Forest, services: &Names) -> Finding {
    let Shift { before, after, .. } = item.shift;
    let example = item.example;
    let kind = match item.callee {
        Some(callee) => FindingKind::EdgeLatency {
            callee: services.name(callee).to_owned(),
            before_ms: before,
            after_ms: after,
            example,
        },
        None => FindingKind::ServiceLatency {
            operation: Some(forest.operation_name(item.operation).to_owned()),
            before_ms: before,
            after_ms: after,
            example,
        },
    };
    Finding {
        kind,
        service: services.name(item.service).to_owned(),
        pod: item.pod.map(|pod| forest.pods.name(pod).to_owned()),
        since: item.since,
        strength: item.shift.score,
    }
}

/// Shifts of own time per entry operation, and of wire time per call operation.
fn measure(forest: &Forest, rows: &[SpanRow], traces: f64) -> Vec<Slower> {
    let mut samples: BTreeMap<u32, Samples> = BTreeMap::new();
    let mut sample_of = |node: &Node, value_nanos: i64| {
        let samples = samples.entry(node.operation).or_default();
        let value = value_nanos as f64 / 1e6;
        match node.period {
            Period::Baseline => samples.push_baseline(node.stretch as usize, value),
            Period::Window => samples.window.push(value),
        }
    };
    for (number, node) in forest.nodes.iter().enumerate() {
        if node.is_call() {
            sample_of(node, node.self_nanos);
        } else if node.is_entry(number) {
            sample_of(node, node.own_nanos);
        }
    }
    let counts = samples.values().map(|samples| samples.outliers(NOISE_MIN_MS));
    let (all, far) =
        counts.fold((0, 0), |(all, far), (count, outliers)| (all + count, far + outliers));
    let outliers = (far as f64 + 1.0) / (all as f64 + 100.0);
    let mut slower = Vec::new();
    for (operation, samples) in &samples {
        let Some(shift) = samples.shift(NOISE_MIN_MS, outliers) else { continue };
        let callee = forest.operation_callee.get(*operation as usize).copied().flatten();
        let service = forest.operation_service.get(*operation as usize).copied().unwrap_or(0);
        let cost_ms = shift.amount * samples.window.len() as f64 / traces;
        let witness = if is_slower(&shift) {
            witness(forest, rows, *operation, &shift)
        } else {
            Witness::default()
        };
        slower.push(Slower {
            service,
            callee,
            operation: *operation,
            shift,
            cost_ms,
            example: witness.example,
            since: witness.since,
            pod: witness.pod,
        });
    }
    slower
}

/// What shows that an operation is slow.
#[derive(Clone, Copy, Debug, Default)]
struct Witness {
    example: Option<TraceId>,
    since: Option<Timestamp>,
    pod: Option<u32>,
}

/// The slowest trace of the window, the time of the first slow span, and the pod where the slow ones are.
fn witness(forest: &Forest, rows: &[SpanRow], operation: u32, shift: &Shift) -> Witness {
    let threshold = shift.before + 0.5 * (shift.after - shift.before).max(0.0);
    let time = |node: &Node| if node.is_call() { node.self_nanos } else { node.own_nanos };
    let mut slowest: Option<(i64, std::cmp::Reverse<u32>)> = None;
    let mut since: Option<i64> = None;
    let mut pods: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
    for node in forest
        .nodes
        .iter()
        .filter(|node| node.operation == operation && node.period == Period::Window)
    {
        let slow = time(node) as f64 / 1e6 > threshold;
        let [all, slow_ones] = pods.entry(node.pod).or_default();
        *all += 1;
        *slow_ones += u64::from(slow);
        if slow {
            slowest = slowest.max(Some((time(node), std::cmp::Reverse(node.row))));
            since = Some(since.map_or(node.start, |since| since.min(node.start)));
        }
    }
    let row = slowest.and_then(|(_, row)| rows.get(row.0 as usize));
    Witness {
        example: row.map(|row| row.span.trace_id),
        since: since.map(Timestamp::from_nanos),
        pod: lone_pod(&pods),
    }
}

/// The pod that has nearly all of the slow spans, but not nearly all of the spans.
fn lone_pod(pods: &BTreeMap<u32, [u64; 2]>) -> Option<u32> {
    let [all, slow] = pods
        .values()
        .fold([0, 0], |[all, slow], [count, slow_ones]| [all + count, slow + slow_ones]);
    pods.iter()
        .find(|(_, [count, slow_ones])| {
            *slow_ones as f64 >= 0.85 * slow as f64 && (*count as f64) < 0.75 * all as f64
        })
        .map(|(pod, _)| *pod)
        .filter(|pod| *pod != u32::MAX && slow > 0)
}

/// Which end of a slower edge is to blame.
struct Blame {
    /// (caller, callee) to the milliseconds by which it got slower, 0 for those that did not.
    edges: BTreeMap<(u32, u32), f64>,
}

impl Blame {
    fn new(slower: &[Slower]) -> Self {
        let mut edges: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for item in slower {
            if let Some(callee) = item.callee {
                let amount = if is_slower(&item.shift) { item.shift.amount } else { 0.0 };
                let known = edges.entry((item.service, callee)).or_default();
                *known = known.max(amount);
            }
        }
        Self { edges }
    }

    /// Parts of the blame, adding up to one.
    fn split(&self, item: &Slower) -> Vec<(u32, Channel, f64)> {
        let Some(callee) = item.callee else { return vec![(item.service, Channel::Slow, 1.0)] };
        // What the other edges say, starting from "the callee, rather": most delays are at the receiving end.
        let callee_odds = 2.0 * self.odds(callee, (item.service, callee), item.shift.amount);
        let caller_odds = self.odds(item.service, (item.service, callee), item.shift.amount);
        let part = callee_odds / (callee_odds + caller_odds);
        vec![(callee, Channel::Wire, part), (item.service, Channel::Wire, 1.0 - part)]
    }

    /// Slower against unchanged among the other edges of a service; a tenth of this edge's delay is unchanged.
    fn odds(&self, service: u32, except: (u32, u32), amount: f64) -> f64 {
        let mut counts = [0.0_f64; 2];
        for (edge, slower) in &self.edges {
            let touches = edge.0 == service || edge.1 == service;
            if touches && *edge != except {
                let [unchanged, changed] = &mut counts;
                *(if *slower > 0.1 * amount { changed } else { unchanged }) += 1.0;
            }
        }
        let [unchanged, changed] = counts;
        (changed + 0.5) / (unchanged + 0.5)
    }
}
