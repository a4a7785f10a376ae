//! What the ranking is given: everything seen around an incident, cut to a window and to a past that counts as normal.

use groundcrew_telemetry::{
    ChangeEvent, ClusterEvent, ClusterObject, SeriesRow, SpanRow, TemplateId, TemplateRow,
    TimeRange, TraceId,
};
use serde::{Deserialize, Serialize};

/// Everything seen in the window of trouble and in the time before it.
///
/// Rows may come in any order and rows outside of both the window and the baseline are ignored, except series, whose
/// points are sorted into the two by their time. Each part may be empty: a missing signal is never held against anyone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// The trouble is in here.
    pub window: TimeRange,
    /// What counts as normal. May have holes, and may be much longer or shorter than the window; rates are compared
    /// per second of it, or per request where spans count requests.
    pub baseline: Vec<TimeRange>,
    /// The window's clock time on earlier days and weeks, as far as there is telemetry of them; may be a little longer.
    pub seasons: Vec<TimeRange>,
    /// Spans of window and baseline together.
    pub spans: Vec<SpanRow>,
    /// Log templates in the window.
    pub templates_window: Vec<TemplateRow>,
    /// Log templates in the baseline.
    pub templates_baseline: Vec<TemplateRow>,
    /// Log templates in each of the seasons, in their order.
    pub templates_seasons: Vec<Vec<TemplateRow>>,
    /// Which requests lines of trouble of the window belong to: a sample of each template's lines.
    pub log_links: Vec<LogLink>,
    /// Metric series, window and baseline together.
    pub series: Vec<SeriesRow>,
    /// Metric series of the seasons; pods of last week have other names than today's, and one series may come in
    /// several rows.
    pub series_seasons: Vec<SeriesRow>,
    /// Changes up to the end of the window; older ones than the baseline are welcome.
    pub changes: Vec<ChangeEvent>,
    /// Cluster objects as last seen.
    pub objects: Vec<ClusterObject>,
    /// Cluster events.
    pub cluster_events: Vec<ClusterEvent>,
    /// (caller, callee) pairs known from elsewhere.
    pub topology: Vec<(String, String)>,
    /// What people noticed.
    pub symptom: Symptom,
}

impl Default for Observations {
    fn default() -> Self {
        let nothing = TimeRange::new(Default::default(), Default::default());
        Self {
            window: nothing,
            baseline: Vec::new(),
            seasons: Vec::new(),
            spans: Vec::new(),
            templates_window: Vec::new(),
            templates_baseline: Vec::new(),
            templates_seasons: Vec::new(),
            log_links: Vec::new(),
            series: Vec::new(),
            series_seasons: Vec::new(),
            changes: Vec::new(),
            objects: Vec::new(),
            cluster_events: Vec::new(),
            topology: Vec::new(),
            symptom: Symptom::default(),
        }
    }
}

/// A line that was written while a request was handled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLink {
    /// Who wrote it.
    pub service: String,
    /// Its template.
    pub template: TemplateId,
    /// The request's trace.
    pub trace_id: TraceId,
}

/// What people noticed: the alert or the question.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Symptom {
    /// The service that the alert or question names.
    pub service: Option<String>,
    /// Its words.
    pub text: String,
}
