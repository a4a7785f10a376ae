//! Stored telemetry as it is read back: a record together with who sent it, and the rollups kept beside the records.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CallSite, LogRecord, MetricSeries, Resource, Severity, Span, TemplateId, Timestamp};

/// A stored log record with its resource.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LogRow {
    /// Who wrote it; shared by the rows of one batch.
    pub resource: Arc<Resource>,
    /// The record.
    pub record: LogRecord,
}

/// A stored span with its resource.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SpanRow {
    /// Who recorded it; shared by the rows of one batch.
    pub resource: Arc<Resource>,
    /// The span.
    pub span: Span,
}

/// A stored metric series with its resource, cut to the time range that was asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Who measured it.
    pub resource: Arc<Resource>,
    /// The series; points oldest first.
    pub series: MetricSeries,
}

/// What one service's use of one log template came to in a time range, from rollups.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TemplateRow {
    /// The template.
    pub template: TemplateId,
    /// Its text, variable parts as `<*>`.
    pub text: String,
    /// The service that wrote it.
    pub service: String,
    /// The worst severity it was written with.
    pub severity: Severity,
    /// Records in the range.
    pub count: u64,
    /// The first record's time in the range (exact where whole minutes are asked for).
    pub first: Timestamp,
    /// The last record's time in the range.
    pub last: Timestamp,
    /// Records per minute that has any: (minute number as [`Timestamp::minute`], count), ascending.
    pub minutes: Vec<(i64, u32)>,
    /// Verbatim messages, at most three, the first and the last among them.
    pub exemplars: Vec<String>,
    /// The same records by where in the code they were written; of those that do not say there is nothing here.
    #[serde(default)]
    pub sites: Vec<SiteRow>,
    /// The same records by severity, mildest first; empty where all came with one.
    #[serde(default)]
    pub levels: Vec<LevelRow>,
}

impl TemplateRow {
    /// The records by severity: how many, and per minute.
    pub fn by_severity(&self) -> impl Iterator<Item = (Severity, u64, &[(i64, u32)])> {
        let only =
            self.levels.is_empty().then_some((self.severity, self.count, self.minutes.as_slice()));
        let levels = self.levels.iter();
        only.into_iter()
            .chain(levels.map(|level| (level.severity, level.count, level.minutes.as_slice())))
    }
}

/// What was written with one severity, of one service and template.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LevelRow {
    /// The severity.
    pub severity: Severity,
    /// Records in the range.
    pub count: u64,
    /// Records per minute that has any, as in [`TemplateRow::minutes`].
    pub minutes: Vec<(i64, u32)>,
}

/// What was written at one place in the code, of one service and template.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SiteRow {
    /// The place.
    pub site: CallSite,
    /// Records in the range.
    pub count: u64,
    /// Records per minute that has any, as in [`TemplateRow::minutes`].
    pub minutes: Vec<(i64, u32)>,
    /// The first message, verbatim.
    pub exemplar: String,
}
