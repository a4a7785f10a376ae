//! Notices clocks that cannot be right, a sender's or our own. What came with them is kept as it is.

use groundcrew_telemetry::{Batch, Timestamp};

/// Seconds by which a record may be ahead of its receipt before that is said.
const AHEAD_SECS_MAX: i64 = 24 * 3_600;

/// What is said of telemetry from the future.
pub const AHEAD: &str = "telemetry came with times more than a day ahead of this machine's clock: a sender's clock or this machine's is wrong (everything is kept, under the times it came with)";

/// Whether something in `batch` is further ahead of its receipt at `now` than delays and time zones explain.
#[must_use]
pub fn is_ahead(batch: &Batch, now: Timestamp) -> bool {
    let latest = now.plus_secs(AHEAD_SECS_MAX);
    match batch {
        Batch::Logs(logs) => logs.records.iter().any(|record| record.time > latest),
        Batch::Spans(spans) => spans.spans.iter().any(|span| span.start > latest),
        Batch::Metrics(metrics) => {
            let points = metrics.series.iter().filter_map(|series| series.points.last());
            points.into_iter().any(|point| point.time > latest)
        }
        Batch::Changes(_) | Batch::Alerts(_) | Batch::Cluster(_) => false,
    }
}
