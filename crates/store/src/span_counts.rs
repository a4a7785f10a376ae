//! What can be asked of the counts of spans, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use groundcrew_telemetry::{SpanKind, TimeRange};

use crate::latency::LatencySketch;
use crate::span_rollup::SpanRollup;

/// Asks for what spans counted.
#[derive(Clone, PartialEq, Debug)]
pub struct SpanCountQuery {
    /// When they began. Widened to whole tens of seconds, because rollups know no finer time.
    pub range: TimeRange,
    /// Which services; empty for all. Of calls those from or to one of them.
    pub services: Vec<String>,
}

/// What spans counted, all of them: nothing is sampled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SpanCounts {
    /// By service, operation and kind.
    pub operations: Vec<OperationCount>,
    /// By caller, then callee.
    pub edges: Vec<EdgeCount>,
    /// Services with their pods that were heard in the time, by service and name.
    pub pods: BTreeMap<String, BTreeSet<String>>,
}

/// Spans of one operation of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationCount {
    /// Who did it.
    pub service: String,
    /// The spans' name; `_overflow` for those that were too many to be counted apart.
    pub operation: String,
    /// The spans' role.
    pub kind: SpanKind,
    /// Whether they are requests that came to the service from outside it.
    pub is_request: bool,
    /// How many.
    pub spans: u64,
    /// Of them failed.
    pub failed: u64,
    /// How long they took, those that failed too.
    pub times: LatencySketch,
}

/// Calls from one service to another, or to something that sends no spans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeCount {
    /// Who calls.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// How many calls.
    pub calls: u64,
    /// Of them failed.
    pub failed: u64,
    /// How long they took at the side that was seen: the callee's where it answered.
    pub times: LatencySketch,
    /// Calls that a span of the callee answered.
    pub answered: u64,
    /// Of them failed.
    pub answered_failed: u64,
}

impl SpanCounts {
    /// From counts whose slots were added up.
    pub(crate) fn of(rollup: &SpanRollup) -> Self {
        let name = |number: u32| rollup.names.get(number as usize).map_or("", |name| name);
        let mut operations: BTreeMap<(&str, &str, u8, bool), (u64, LatencySketch)> =
            BTreeMap::new();
        for (key, times) in &rollup.cells {
            let of = (name(key.service), name(key.operation), key.kind, key.is_request);
            let (failed, all) = operations.entry(of).or_default();
            *failed += if key.is_failed { times.count() } else { 0 };
            all.merge(times);
        }
        let operations = operations.into_iter();
        let operations =
            operations.map(|((service, operation, kind, is_request), (failed, times))| {
                OperationCount {
                    service: service.to_owned(),
                    operation: operation.to_owned(),
                    kind: SpanKind::of_number(kind.into()),
                    is_request,
                    spans: times.count(),
                    failed,
                    times,
                }
            });
        let mut pods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for seen in &rollup.pods {
            let of_service = pods.entry(name(seen.service).to_owned()).or_default();
            of_service.insert(seen.pod.to_string());
        }
        Self { operations: operations.collect(), edges: edges_of(rollup), pods }
    }
}

fn edges_of(rollup: &SpanRollup) -> Vec<EdgeCount> {
    let name = |number: u32| rollup.names.get(number as usize).map(Arc::as_ref);
    // Who answers under a name, most often.
    let mut answers: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
    for (key, times) in &rollup.edges {
        if let Some((peer, callee)) = key.peer.zip(key.callee) {
            *answers.entry(peer).or_default().entry(callee).or_default() += times.count();
        }
    }
    let who_answers = |peer: u32| {
        let most = answers.get(&peer)?.iter().max_by_key(|(_, calls)| **calls)?;
        Some(*most.0)
    };
    let mut edges: BTreeMap<(&str, &str), EdgeCount> = BTreeMap::new();
    for (key, times) in &rollup.edges {
        let callee = key.callee.or_else(|| key.peer.and_then(who_answers)).or(key.peer);
        let Some((caller, callee)) = name(key.caller).zip(callee.and_then(name)) else { continue };
        let edge = edges.entry((caller, callee)).or_insert_with(|| EdgeCount {
            caller: caller.to_owned(),
            callee: callee.to_owned(),
            calls: 0,
            failed: 0,
            times: LatencySketch::default(),
            answered: 0,
            answered_failed: 0,
        });
        let calls = times.count();
        edge.calls += calls;
        let failed = if key.is_failed { calls } else { 0 };
        edge.failed += failed;
        edge.times.merge(times);
        if key.callee.is_some() {
            edge.answered += calls;
            edge.answered_failed += failed;
        }
    }
    edges.into_values().collect()
}
