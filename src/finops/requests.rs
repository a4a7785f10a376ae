//! Requests to services, counted from spans.

use std::collections::BTreeSet;

use groundcrew_store::{SpanQuery, Store, StoreError};
use groundcrew_telemetry::{SpanId, SpanKind, SpanRow, TimeRange, TraceId};

/// Spans that are read at most, over all times together.
const SPANS_MAX: usize = 240_000;

/// Requests that came from outside the services.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Requests {
    count: f64,
    failed: f64,
    /// Spans read, and spans that there are.
    pub(super) spans: (u64, u64),
}

impl Requests {
    pub(super) fn count(&self) -> u64 {
        self.count.round() as u64
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.round() as u64
    }

    /// Whether they were counted in a sample.
    pub(super) const fn estimated(&self) -> bool {
        self.spans.0 < self.spans.1
    }
}

/// Counts the requests to these services that did not come from one of them. Where there are too many spans, whole traces
/// are sampled evenly and their requests stand for all.
pub(super) fn count(
    store: &Store,
    services: &[String],
    times: &[TimeRange],
) -> Result<Requests, StoreError> {
    let limit = SPANS_MAX / times.len().max(1);
    let mut requests = Requests::default();
    for range in times {
        let query = SpanQuery { range: *range, services: services.to_vec(), trace_id: None, limit };
        let found = store.spans(&query)?;
        let share = found.matched as f64 / (found.rows.len() as f64).max(1.0);
        let entries = entries(&found.rows);
        requests.count += entries.len() as f64 * share;
        requests.failed += entries.iter().filter(|row| row.span.is_error()).count() as f64 * share;
        requests.spans.0 += found.rows.len() as u64;
        requests.spans.1 += found.matched;
    }
    Ok(requests)
}

/// Spans whose parents are not among them, but for calls to others.
fn entries(rows: &[SpanRow]) -> Vec<&SpanRow> {
    let known: BTreeSet<(TraceId, SpanId)> =
        rows.iter().map(|row| (row.span.trace_id, row.span.span_id)).collect();
    let is_entry = |row: &&SpanRow| {
        let is_call = matches!(row.span.kind, SpanKind::Client | SpanKind::Producer);
        let parent = row.span.parent_span_id.map(|parent| (row.span.trace_id, parent));
        !is_call && parent.is_none_or(|parent| !known.contains(&parent))
    };
    rows.iter().filter(is_entry).collect()
}
