//! What can be asked of the store.

use groundcrew_telemetry::{LogRow, Severity, TemplateId, TimeRange, Timestamp, TraceId};

use crate::Expression;
use crate::slot::slot_of;

/// Asks for log templates with their counts.
#[derive(Clone, PartialEq, Debug)]
pub struct TemplateQuery {
    /// When. Widened to whole tens of seconds, because rollups know no finer time.
    pub range: TimeRange,
    /// Which services; empty for all.
    pub services: Vec<String>,
}

impl TemplateQuery {
    /// The first and the last slot asked for; crossed when nothing is.
    pub(crate) fn slots(&self) -> (i64, i64) {
        if self.range.is_empty() {
            return (1, 0);
        }
        (slot_of(self.range.start), slot_of(self.range.end.plus_nanos(-1)))
    }
}

/// Asks for log records.
#[derive(Clone, PartialEq, Debug)]
pub struct LogQuery {
    /// When.
    pub range: TimeRange,
    /// Which services; empty for all.
    pub services: Vec<String>,
    /// The least severity.
    pub severity_min: Option<Severity>,
    /// What must hold of body, attributes, trace id and span id.
    pub text: Expression,
    /// Only records of this trace.
    pub trace_id: Option<TraceId>,
    /// Only records of this template.
    pub template: Option<TemplateId>,
    /// Whether the newest records come first and are the ones kept by `limit`; otherwise the oldest.
    pub newest_first: bool,
    /// The most records to return.
    pub limit: usize,
}

impl LogQuery {
    /// Everything of a time, oldest first; narrow it with what is asked for.
    #[must_use]
    pub fn within(range: TimeRange) -> Self {
        Self {
            range,
            services: Vec::new(),
            severity_min: None,
            text: Expression::default(),
            trace_id: None,
            template: None,
            newest_first: false,
            limit: usize::MAX,
        }
    }
}

/// Asks for spans.
#[derive(Clone, PartialEq, Debug)]
pub struct SpanQuery {
    /// When the spans began.
    pub range: TimeRange,
    /// Which services; empty for all.
    pub services: Vec<String>,
    /// Only spans of this trace.
    pub trace_id: Option<TraceId>,
    /// About how many spans to return. When more match, whole traces are kept, chosen by a hash of the trace id.
    pub limit: usize,
}

/// Asks for metric series.
#[derive(Clone, PartialEq, Debug)]
pub struct MetricQuery {
    /// When.
    pub range: TimeRange,
    /// Which services; empty for all.
    pub services: Vec<String>,
    /// Only series of this exact name.
    pub name: Option<String>,
    /// The most series to return, the first by name, service and attributes.
    pub series_max: usize,
}

/// Rows that were found, and how many there were.
#[derive(Clone, PartialEq, Debug)]
pub struct Found<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows matched before the limit cut them down.
    pub matched: u64,
}

/// Log records that were found, as far as was searched.
#[derive(Clone, PartialEq, Debug)]
pub struct LogsFound {
    /// The records.
    pub rows: Vec<LogRow>,
    /// Where the search was broken off: of this moment and beyond there may be more. `None` when it was not.
    pub searched_to: Option<Timestamp>,
}

/// Which services a query asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceFilter<'a>(pub(crate) &'a [String]);

impl ServiceFilter<'_> {
    pub(crate) fn is_all(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn admits(self, service: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| wanted == service)
    }

    pub(crate) fn admits_any<'s>(self, mut services: impl Iterator<Item = &'s str>) -> bool {
        self.0.is_empty() || services.any(|service| self.admits(service))
    }
}
