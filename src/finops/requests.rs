//! Requests to services, from what spans counted.

use groundcrew_store::{SpanCountQuery, Store, StoreError};
use groundcrew_telemetry::TimeRange;

/// Requests that came from outside the services.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Requests {
    pub(super) count: u64,
    /// Of them failed.
    pub(super) failed: u64,
}

/// Counts the requests to these services that did not come from one of them, in times that are widened to whole tens of
/// seconds. Counts of spans outlive most of the spans, so nothing is estimated.
pub(super) fn count(
    store: &Store,
    services: &[String],
    times: &[TimeRange],
) -> Result<Requests, StoreError> {
    let mut requests = Requests::default();
    for range in times {
        let query = SpanCountQuery { range: *range, services: services.to_vec() };
        let counts = store.span_counts(&query)?;
        let to_them = counts.operations.iter().filter(|operation| operation.is_request);
        let (all, failed) = to_them.fold((0, 0), |(all, failed), operation| {
            (all + operation.spans, failed + operation.failed)
        });
        let among_them = counts.edges.iter().filter(|edge| {
            services.contains(&edge.caller)
                && services.contains(&edge.callee)
                && edge.caller != edge.callee
        });
        let (inner, inner_failed) = among_them.fold((0, 0), |(all, failed), edge| {
            (all + edge.answered, failed + edge.answered_failed)
        });
        requests.count += all.saturating_sub(inner);
        requests.failed += failed.saturating_sub(inner_failed);
    }
    Ok(requests)
}
