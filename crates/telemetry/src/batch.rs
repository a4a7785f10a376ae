//! What travels through the write path in one piece.

use serde::{Deserialize, Serialize};

use crate::{Alert, ChangeEvent, ClusterSnapshot, LogRecord, MetricSeries, Resource, Span};

/// The three telemetry signals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Metric points.
    Metrics,
}

impl Signal {
    /// The word used in sentences and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// Log records of one resource and scope.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LogBatch {
    /// Who wrote them.
    pub resource: Resource,
    /// The instrumentation scope or logger, `""` when not given.
    pub scope: String,
    /// The records, in the order they came.
    pub records: Vec<LogRecord>,
}

/// Spans of one resource and scope.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SpanBatch {
    /// Who recorded them.
    pub resource: Resource,
    /// The instrumentation scope, `""` when not given.
    pub scope: String,
    /// The spans, in the order they came.
    pub spans: Vec<Span>,
}

/// Metric series of one resource and scope.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct MetricBatch {
    /// Who measured them.
    pub resource: Resource,
    /// The instrumentation scope, `""` when not given.
    pub scope: String,
    /// The series.
    pub series: Vec<MetricSeries>,
}

/// Everything that can be stored, as one closed list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Batch {
    /// Log records.
    Logs(LogBatch),
    /// Spans.
    Spans(SpanBatch),
    /// Metric points.
    Metrics(MetricBatch),
    /// Change events.
    Changes(Vec<ChangeEvent>),
    /// Alerts.
    Alerts(Vec<Alert>),
    /// Cluster state.
    Cluster(Vec<ClusterSnapshot>),
}

impl Batch {
    /// Number of records (log records, spans, points, events, alerts or snapshots) inside.
    #[must_use]
    pub fn record_count(&self) -> usize {
        match self {
            Self::Logs(batch) => batch.records.len(),
            Self::Spans(batch) => batch.spans.len(),
            Self::Metrics(batch) => batch.series.iter().map(|series| series.points.len()).sum(),
            Self::Changes(changes) => changes.len(),
            Self::Alerts(alerts) => alerts.len(),
            Self::Cluster(snapshots) => snapshots.len(),
        }
    }

    /// Calls `visit` with every text inside that a person or program wrote: the nearest key and the text.
    ///
    /// This is what the masking stage walks; a text that it does not reach is stored unmasked.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        match self {
            Self::Logs(batch) => {
                batch.resource.attributes.for_each_text_mut(visit);
                batch.records.iter_mut().for_each(|record| record.for_each_text_mut(visit));
            }
            Self::Spans(batch) => {
                batch.resource.attributes.for_each_text_mut(visit);
                batch.spans.iter_mut().for_each(|span| span.for_each_text_mut(visit));
            }
            Self::Metrics(batch) => {
                batch.resource.attributes.for_each_text_mut(visit);
                batch.series.iter_mut().for_each(|series| series.for_each_text_mut(visit));
            }
            Self::Changes(changes) => {
                changes.iter_mut().for_each(|change| change.for_each_text_mut(visit))
            }
            Self::Alerts(alerts) => {
                alerts.iter_mut().for_each(|alert| alert.for_each_text_mut(visit))
            }
            Self::Cluster(snapshots) => {
                snapshots.iter_mut().for_each(|snapshot| snapshot.for_each_text_mut(visit))
            }
        }
    }
}
