//! How much work there is: requests per service, and calls per request.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Channel, Evidence};
use super::meaning::Meaning;
use super::names::Names;
use super::period::Period;
use super::retries::Retries;
use super::series::Movement;
use super::spans::Forest;
use super::stats::{count_score, saturate};
use crate::{Finding, FindingKind};
use groundcrew_telemetry::SpanRow;

/// Growth, or its inverse, from which on a change of traffic is a finding.
const RATIO_MIN: f64 = 1.4;
/// Noise units that it needs besides.
const SCORE_MIN: f64 = 4.0;
/// Growth of calls per request from which on it is a finding.
const CALLS_RATIO_MIN: f64 = 1.8;
/// The share of additional calls from which on they are told as repetitions.
const MOSTLY_REPEATED: f64 = 0.5;

/// Spans from which on a system is well traced.
const WELL_TRACED_SPANS: usize = 500;

/// Spans of the baseline from which on a service needs no metrics to be heard, in a system with few spans.
const SERVICE_SPANS_MIN: usize = 20;

/// Requests of one service before (scaled to the window's length) and after.
#[derive(Clone, Copy, Debug)]
struct Load {
    before: f64,
    after: f64,
    score: f64,
}

/// Window against baseline, per service: requests per second as a ratio.
pub(super) type Ratios = BTreeMap<u32, f64>;

/// Finds changed traffic and fan-out; returns by what factor each service's traffic changed.
pub(super) fn find(
    (forest, rows): (&Forest, &[SpanRow]),
    movements: &[Movement<'_>],
    edges: &[(u32, u32)],
    services: &mut Names,
    evidence: &mut Evidence,
) -> Ratios {
    let mut loads = from_spans(forest);
    for movement in movements.iter().filter(|movement| movement.meaning == Meaning::Load) {
        let service = services.number(movement.row.resource.service());
        let load = Load { before: movement.before, after: movement.after, score: movement.score };
        loads.entry(service).or_insert(load);
    }
    let ratio = |load: &Load| if load.before > 0.0 { load.after / load.before } else { 1.0 };
    let grew = |service: u32| {
        loads.get(&service).is_some_and(|load| ratio(load) >= RATIO_MIN && load.score >= SCORE_MIN)
    };
    for (service, load) in &loads {
        let ratio = ratio(load);
        if load.score.abs() < SCORE_MIN || (ratio < RATIO_MIN && ratio > 1.0 / RATIO_MIN) {
            continue;
        }
        let finding = Finding {
            kind: FindingKind::LoadChanged {
                before_per_min: load.before,
                after_per_min: load.after,
            },
            service: services.name(*service).to_owned(),
            pod: None,
            since: None,
            strength: load.score.abs(),
        };
        // Load comes from above: it says something only about the first one that has more of it.
        let from_above = edges
            .iter()
            .any(|(caller, callee)| callee == service && caller != service && grew(*caller));
        let likelihood =
            if ratio > 1.0 && !from_above { 0.35 * saturate(ratio, RATIO_MIN, 1.0) } else { 0.0 };
        evidence.add(finding, *service, Channel::Load, likelihood);
    }
    fan_out(forest, rows, services, evidence);
    loads.iter().map(|(service, load)| (*service, ratio(load))).collect()
}

/// Services whose latency and failures metrics have to tell.
///
/// In a well traced system those are the ones that send no spans and are called by one that does: what no request
/// touches is on nobody's path. Where spans are few, those are all services without enough of them.
pub(super) fn heard_by_metrics(
    forest: &Forest,
    edges: &[(u32, u32)],
    services: usize,
) -> BTreeSet<u32> {
    let mut spans: BTreeMap<u32, usize> = BTreeMap::new();
    for node in forest.nodes.iter().filter(|node| node.period == Period::Baseline) {
        *spans.entry(node.service).or_default() += 1;
    }
    let well_traced = forest.nodes.len() >= WELL_TRACED_SPANS;
    let enough = if well_traced { 1 } else { SERVICE_SPANS_MIN };
    (0..services as u32)
        .filter(|service| spans.get(service).is_none_or(|count| *count < enough))
        .filter(|service| !well_traced || edges.iter().any(|(_, callee)| callee == service))
        .collect()
}

/// Entry spans per service; the baseline scaled to the window by the time that spans cover.
fn from_spans(forest: &Forest) -> BTreeMap<u32, Load> {
    let mut counts: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    for (number, node) in forest.nodes.iter().enumerate() {
        if node.is_entry(number) && !node.is_call() {
            let [before, after] = counts.entry(node.service).or_default();
            *(if node.period == Period::Baseline { before } else { after }) += 1.0;
        }
    }
    let scale = covered(forest, Period::Window) / covered(forest, Period::Baseline);
    let loads = counts.into_iter().filter(|(_, [before, _])| *before >= 20.0).map(
        |(service, [before, after])| {
            let expected = before * scale;
            (service, Load { before: expected, after, score: count_score(after, expected, scale) })
        },
    );
    loads.collect()
}

/// Ten-second slices in which any span begins.
fn covered(forest: &Forest, period: Period) -> f64 {
    let mut slices: Vec<i64> = forest
        .nodes
        .iter()
        .filter(|node| node.period == period)
        .map(|node| node.start.div_euclid(10_000_000_000))
        .collect();
    slices.sort_unstable();
    slices.dedup();
    slices.len().max(1) as f64
}

/// Calls per request of each edge: more of them for the same work is the caller's doing, unless they repeat failed ones.
fn fan_out(forest: &Forest, rows: &[SpanRow], services: &Names, evidence: &mut Evidence) {
    let mut requests: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    let mut calls: BTreeMap<(u32, u32), [f64; 2]> = BTreeMap::new();
    for (number, node) in forest.nodes.iter().enumerate() {
        let place = usize::from(node.period == Period::Window);
        let counts = if node.is_call() {
            calls.entry((node.service, node.callee)).or_default()
        } else if node.is_entry(number) {
            requests.entry(node.service).or_default()
        } else {
            continue;
        };
        if let Some(count) = counts.get_mut(place) {
            *count += 1.0;
        }
    }
    let retries = Retries::new(forest, rows);
    for (edge, [before, after]) in calls {
        let (caller, callee) = edge;
        let Some([requests_before, requests_after]) = requests.get(&caller).copied() else {
            continue;
        };
        if requests_before < 5.0 || requests_after < 3.0 || before < 5.0 {
            continue;
        }
        let scale = requests_after / requests_before;
        let score = count_score(after, before * scale, scale);
        let ratio = after / (before * scale);
        let [repeated_before, repeated_after] = retries.repeated(edge);
        let extra = after - before * scale;
        let repeated = repeated_after - repeated_before * scale;
        let repeats = retries
            .finding(edge, [before, after], rows, services)
            .filter(|_| repeated >= MOSTLY_REPEATED * extra);
        let changed = ratio >= CALLS_RATIO_MIN || ratio <= 1.0 / CALLS_RATIO_MIN;
        if repeats.is_none() && (score.abs() < SCORE_MIN || !changed) {
            continue;
        }
        // What is not repeated is the caller's doing; what is, as far as its habit changed.
        let repeated = (repeated / extra).clamp(0.0, 1.0);
        let guilt = 1.0 - repeated * (1.0 - retries.guilt(edge));
        // Fewer calls are what endings tell more exactly.
        let likelihood = if ratio > 1.0 {
            0.6 * guilt * saturate(score, 3.0, 4.0) * saturate(ratio, 1.0, 1.0)
        } else {
            0.0
        };
        let finding = repeats.unwrap_or_else(|| Finding {
            kind: FindingKind::CallsChanged {
                callee: services.name(callee).to_owned(),
                before_per_min: before * scale,
                after_per_min: after,
            },
            service: services.name(caller).to_owned(),
            pod: None,
            since: None,
            strength: score.abs(),
        });
        evidence.add(finding, caller, Channel::Flow, likelihood);
    }
}
