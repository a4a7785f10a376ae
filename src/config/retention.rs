//! How long what is stored is kept.

use serde::Deserialize;

/// How long what is stored is kept: spans of time such as `14d`, empty to keep it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// Log records.
    pub logs: String,
    /// The counts of log records per ten seconds and template.
    pub rollups: String,
    /// Spans.
    pub traces: String,
    /// All traces; of older ones those that failed or were slow stay, and an even share of the rest.
    pub traces_whole: String,
    /// Metric points.
    pub metrics: String,
    /// Changes, alerts and cluster snapshots.
    pub changes: String,
    /// Answers that no remembered incident rests on.
    pub answers: String,
    /// The most that all of it may take on disk, such as `200GiB`; empty for no limit.
    pub bytes_max: String,
}
