//! Requests and calls of a sample of traces, counted plainly.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_store::Found;
use groundcrew_telemetry::{SpanId, SpanKind, SpanRow, TimeRange, TraceId};

use super::measure::quantile;

/// Fewer spans than this tell nothing.
const ENOUGH: usize = 5;

/// Sampled traces of one side of the comparison.
#[derive(Default)]
pub(super) struct Traffic {
    rows: Vec<SpanRow>,
    /// Service and self time in nanoseconds of each span.
    spans: BTreeMap<(TraceId, SpanId), (String, i64)>,
    /// Minutes covered, scaled by how much of what matched was read.
    minutes: f64,
}

/// What the requests or calls of one side look like.
pub(super) struct Side {
    /// Share that failed, 0 to 1.
    pub(super) errors: f64,
    /// Median time.
    pub(super) median_ms: f64,
    /// Mean time.
    pub(super) mean_ms: f64,
    /// The 95th percentile of the time.
    pub(super) slow_ms: f64,
    /// Requests per minute; calls per request of the caller.
    pub(super) per_unit: f64,
}

impl Traffic {
    /// Adds what was found in a range.
    pub(super) fn add(&mut self, found: Found<SpanRow>, range: TimeRange) {
        let first = found.rows.iter().map(|row| row.span.start).min().unwrap_or(range.end);
        let share = found.rows.len() as f64 / found.matched.max(1) as f64;
        self.minutes += range.end.secs_since(first) / 60.0 * share;
        for row in &found.rows {
            let own = (row.resource.service().to_owned(), row.span.duration_nanos());
            self.spans.insert((row.span.trace_id, row.span.span_id), own);
        }
        for row in &found.rows {
            if let Some(parent) = row.span.parent_span_id
                && let Some((_, own)) = self.spans.get_mut(&(row.span.trace_id, parent))
            {
                *own = (*own - row.span.duration_nanos()).max(0);
            }
        }
        self.rows.extend(found.rows);
    }

    fn service_of_parent(&self, row: &SpanRow) -> Option<&str> {
        let parent = (row.span.trace_id, row.span.parent_span_id?);
        self.spans.get(&parent).map(|(service, _)| service.as_str())
    }

    /// Requests that `service` answers, with the time it does not spend waiting on others.
    pub(super) fn requests(&self, service: &str, pod: Option<&str>) -> Option<Side> {
        let own: Vec<&SpanRow> = self
            .rows
            .iter()
            .filter(|row| row.resource.service() == service)
            .filter(|row| pod.is_none_or(|pod| row.resource.pod() == Some(pod)))
            .collect();
        let failed: BTreeSet<TraceId> =
            own.iter().filter(|row| row.span.is_error()).map(|row| row.span.trace_id).collect();
        let all: BTreeSet<TraceId> = own.iter().map(|row| row.span.trace_id).collect();
        // All that a service does for one request, in whatever spans it is told.
        let mut times: BTreeMap<TraceId, i64> = BTreeMap::new();
        for row in &own {
            let spent = self.spans.get(&(row.span.trace_id, row.span.span_id));
            *times.entry(row.span.trace_id).or_default() += spent.map_or(0, |(_, own)| *own);
        }
        let times = times.into_values().map(|nanos| nanos as f64 / 1e6).collect();
        side(times, failed.len(), all.len() as f64 / self.minutes.max(f64::MIN_POSITIVE))
    }

    /// Calls from one service to another, with the time that neither has spans of its own for.
    pub(super) fn calls(&self, caller: &str, callee: &str) -> Option<Side> {
        let mut times = Vec::new();
        let mut failed = 0;
        for row in &self.rows {
            let is_call = row.resource.service() == callee
                && self.service_of_parent(row).is_some_and(|service| service == caller);
            if !is_call {
                continue;
            }
            let parent = row.span.parent_span_id.map(|parent| (row.span.trace_id, parent));
            let wire = parent.and_then(|parent| self.spans.get(&parent)).map_or(0, |own| own.1);
            times.push(wire as f64 / 1e6);
            failed += usize::from(row.span.is_error());
        }
        if times.is_empty() {
            // What sends no spans of its own is known by the caller's client spans alone.
            for row in self.rows.iter().filter(|row| is_client_call(row, caller, callee)) {
                times.push(row.span.duration_nanos() as f64 / 1e6);
                failed += usize::from(row.span.is_error());
            }
        }
        let requests: BTreeSet<TraceId> = self
            .rows
            .iter()
            .filter(|row| row.resource.service() == caller)
            .map(|row| row.span.trace_id)
            .collect();
        if times.is_empty() && requests.len() >= ENOUGH {
            return Some(Side {
                errors: 0.0,
                median_ms: 0.0,
                mean_ms: 0.0,
                slow_ms: 0.0,
                per_unit: 0.0,
            });
        }
        let per_request = times.len() as f64 / requests.len().max(1) as f64;
        side(times, failed, per_request)
    }
}

/// Whether the span is a call by `caller` to something named `callee` in its attributes.
fn is_client_call(row: &SpanRow, caller: &str, callee: &str) -> bool {
    row.resource.service() == caller
        && matches!(row.span.kind, SpanKind::Client | SpanKind::Producer)
        && row.span.attributes.iter().any(|(_, value)| value.as_str() == Some(callee))
}

fn side(mut times: Vec<f64>, failed: usize, per_unit: f64) -> Option<Side> {
    if times.len() < ENOUGH {
        return None;
    }
    Some(Side {
        errors: failed as f64 / times.len() as f64,
        mean_ms: times.iter().sum::<f64>() / times.len() as f64,
        median_ms: quantile(&mut times, 0.5)?,
        slow_ms: quantile(&mut times, 0.95)?,
        per_unit,
    })
}
