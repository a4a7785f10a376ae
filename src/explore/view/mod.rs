//! What the views show, ready to be drawn. Times are RFC 3339 unless a field says otherwise.

use groundcrew_telemetry::{Attributes, Severity, Timestamp};
use serde::Serialize;

mod places;
mod signals;

pub use places::{
    AlertRow, CoverageRow, DocumentRow, DocumentsView, IncidentRow, IncidentsView, OpenedRow,
    OverviewView, SearchHit, SearchView, Served, ServiceEdge, ServiceRow, ServiceState,
    ServicesView, SignalRow,
};
pub use signals::{
    LogBucket, LogLine, LogsView, Marker, MetricsView, Numbers, Pattern, PatternsView, SeriesView,
    SpanMoment, SpanView, TraceRow, TraceSpan, TraceView, TracesView, ValueCount, ValuesView,
};

/// A moment, RFC 3339 on the wire: nanoseconds since 1970 are more than a browser's numbers hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(type = "string"))]
pub struct Time(#[cfg_attr(test, schemars(with = "String"))] pub Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Counts of log records by severity, worst last: unset, trace, debug, info, warn, error, fatal.
pub type LevelCounts = [u64; 7];

/// The place of a severity in [`LevelCounts`].
#[must_use]
pub const fn level(severity: Severity) -> usize {
    match severity.0 {
        1..=4 => 1,
        5..=8 => 2,
        9..=12 => 3,
        13..=16 => 4,
        17..=20 => 5,
        21..=24 => 6,
        _ => 0,
    }
}

/// Attributes as text, in their order.
#[must_use]
pub fn texts(attributes: &Attributes) -> Vec<(String, String)> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.text().into_owned())).collect()
}
