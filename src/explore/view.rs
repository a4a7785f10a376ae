//! What the views show, ready to be drawn. Times are RFC 3339 unless a field says otherwise.

use groundcrew_telemetry::{Attributes, Severity, Timestamp};
use serde::Serialize;

use crate::investigate::answer::{Confidence, Verdict};

/// A moment, RFC 3339 on the wire: nanoseconds since 1970 are more than a browser's numbers hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Time(pub Timestamp);

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

/// Log records of a time, with how many there were over it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogsView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// The query in words that find the same again.
    pub query: String,
    /// Milliseconds that a bucket covers.
    pub bucket_ms: u64,
    /// The histogram, oldest first, without gaps.
    pub buckets: Vec<LogBucket>,
    /// Whether the histogram counts every record that matches; otherwise only the newest were counted.
    pub complete: bool,
    /// The records, newest first.
    pub lines: Vec<LogLine>,
    /// Give this as `to` for the records before these; `None` when these are all.
    pub next: Option<Time>,
}

/// One bar of the histogram.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogBucket {
    /// Where it begins.
    pub at: Time,
    /// Records by severity: unset, trace, debug, info, warn, error, fatal.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub counts: LevelCounts,
}

/// One log record.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    /// When.
    pub time: Time,
    /// `UNSET`, `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`.
    pub level: String,
    /// Who wrote it.
    pub service: String,
    /// The pod.
    pub pod: Option<String>,
    /// The message.
    pub body: String,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// The span it was written in.
    pub span_id: Option<String>,
    /// Its template.
    pub template: Option<String>,
    /// Its attributes, as text.
    pub attributes: Vec<(String, String)>,
}

/// Log templates of a time beside the time before it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PatternsView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Start of the time before, which ends at `from`.
    pub before_from: Time,
    /// Milliseconds between two of a pattern's counts.
    pub bucket_ms: u64,
    /// The patterns: new ones of trouble first, then what grew most.
    pub patterns: Vec<Pattern>,
    /// Patterns that are not listed.
    pub left_out: u64,
}

/// One log template of one service.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pattern {
    /// The template's id.
    pub id: String,
    /// Its text, variable parts as `<*>`.
    pub text: String,
    /// Who writes it.
    pub service: String,
    /// The worst severity it came with, as in [`LogLine::level`].
    pub level: String,
    /// Records in the time.
    pub count: u64,
    /// Records in the time before, scaled to the same length; `None` where nothing is known of that time.
    pub before: Option<f64>,
    /// Whether the time before has none.
    pub is_new: bool,
    /// The first record of the time.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// Records per bucket, oldest first.
    pub counts: Vec<u64>,
    /// One record, verbatim.
    pub exemplar: String,
}

/// Traces of a time.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TracesView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// The query in words that find the same again.
    pub query: String,
    /// The traces: failed ones first, then the slowest.
    pub traces: Vec<TraceRow>,
    /// Traces among those read that are not listed.
    pub left_out: u64,
    /// Whether only a sample of whole traces was read.
    pub sampled: bool,
}

/// One trace in a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceRow {
    /// Its id.
    pub id: String,
    /// When it began.
    pub start: Time,
    /// Milliseconds from its first span's start to its last one's end.
    pub ms: f64,
    /// The service of its first span.
    pub service: String,
    /// The operation of its first span.
    pub operation: String,
    /// Spans that were read.
    pub spans: u64,
    /// Of them failed.
    pub failed: u64,
    /// Who took part, sorted.
    pub services: Vec<String>,
}

/// One trace.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceView {
    /// Its id.
    pub id: String,
    /// When it began.
    pub start: Time,
    /// Microseconds it took.
    pub us: i64,
    /// Its spans in the order of a walk through the tree: a parent before its children, children by start.
    pub spans: Vec<TraceSpan>,
    /// Spans that are not shown, because there are too many.
    pub left_out: u64,
}

/// One span of a trace.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceSpan {
    /// Its id.
    pub id: String,
    /// The position in [`TraceView::spans`] of the span that caused it; `None` for a root, or where that one is not there.
    pub parent: Option<u32>,
    /// How deep it lies, 0 for a root.
    pub depth: u32,
    /// Who recorded it.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// `internal`, `server`, `client`, `producer`, `consumer` or `unspecified`.
    pub kind: String,
    /// Microseconds from the trace's start to the span's.
    pub start_us: i64,
    /// Microseconds it took.
    pub us: i64,
    /// Microseconds in which none of its children ran.
    pub own_us: i64,
    /// Whether it failed.
    pub failed: bool,
    /// Stretches in which it is what the trace waited for: from, to, in microseconds since the trace's start.
    pub critical: Vec<(i64, i64)>,
}

/// What is known of one span beside its times.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanView {
    /// What it says about its failure; `""` for nothing.
    pub message: String,
    /// Its attributes, as text.
    pub attributes: Vec<(String, String)>,
    /// Attributes of who recorded it.
    pub resource: Vec<(String, String)>,
    /// What happened inside.
    pub events: Vec<SpanMoment>,
    /// Log records written in it, oldest first.
    pub lines: Vec<LogLine>,
}

/// Something that happened at one moment inside a span.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanMoment {
    /// When.
    pub time: Time,
    /// What.
    pub name: String,
    /// Details, as text.
    pub attributes: Vec<(String, String)>,
}

/// Metric series of a time and the time before it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricsView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Start of the time before, whose points are in the series too.
    pub before_from: Time,
    /// The query in words that find the same again.
    pub query: String,
    /// Every metric's name that there is, sorted.
    pub names: Vec<String>,
    /// The series: those that left their usual band furthest first.
    pub series: Vec<SeriesView>,
    /// Series that are not shown.
    pub left_out: u64,
    /// Changes in the time, to be marked.
    pub markers: Vec<Marker>,
}

/// One series.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SeriesView {
    /// The metric's name.
    pub name: String,
    /// Its unit, as the sender wrote it; for counters `/s` is added.
    pub unit: String,
    /// Whose.
    pub service: String,
    /// The pod.
    pub pod: Option<String>,
    /// What tells it from others of the name.
    pub labels: Vec<(String, String)>,
    /// Milliseconds since 1970 and value, ascending; counters as rate per second.
    pub points: Vec<(i64, f64)>,
    /// Where nine in ten values of the time before lie: from, to; `None` when there are too few.
    pub usual: Option<(f64, f64)>,
}

/// Something that happened at one moment, to be marked in a chart or listed.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Marker {
    /// When.
    pub at: Time,
    /// `deploy`, `commit`, `flag`, `config`, `scaling` or `change`.
    pub kind: String,
    /// In one line.
    pub title: String,
    /// The service it acts on.
    pub service: Option<String>,
    /// Version or value before.
    pub before: Option<String>,
    /// Version or value after.
    pub after: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
}

/// Services and who calls whom.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServicesView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Start of the time before, which ends at `from`.
    pub before_from: Time,
    /// The services: failing ones first, then by name.
    pub services: Vec<ServiceRow>,
    /// Calls between them, by caller, then callee.
    pub edges: Vec<ServiceEdge>,
    /// Whether requests were counted in a sample of whole traces.
    pub sampled: bool,
}

/// How a service stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ServiceState {
    /// More of its requests fail, or it logs more errors, than before.
    Failing,
    /// It is slower than before.
    Slower,
    /// It sent telemetry before and sends none now.
    Silent,
    /// As before.
    Fine,
}

/// One service.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServiceRow {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: ServiceState,
    /// Why, in words; `""` where it is as before.
    pub why: String,
    /// Whether it is known only from being called.
    pub dependency: bool,
    /// The time.
    pub now: Served,
    /// The time before.
    pub before: Served,
    /// Log records in the time.
    pub log_records: u64,
    /// Of them errors.
    pub errors_logged: u64,
    /// Its pods, sorted.
    pub pods: Vec<String>,
    /// Who owns it, from the catalog.
    pub owner: Option<String>,
}

/// Requests that a service served.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Served {
    /// How many were read.
    pub requests: u64,
    /// Of them failed.
    pub failed: u64,
    /// Median milliseconds; `None` without requests.
    pub p50_ms: Option<f64>,
    /// Milliseconds that nineteen in twenty stay below.
    pub p95_ms: Option<f64>,
}

/// Calls from one service to another.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServiceEdge {
    /// Who calls.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// Calls that were read.
    pub calls: u64,
    /// Of them failed.
    pub failed: u64,
}

/// The first page: what is wrong now, what was, and whether anything is heard at all.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OverviewView {
    /// The server's clock.
    pub now: Time,
    /// Start of the time that is looked at.
    pub from: Time,
    /// Its end: now, or the newest telemetry where that is older.
    pub to: Time,
    /// Alerts of the last day, the same ones folded; firing ones first, then the newest.
    pub alerts: Vec<AlertRow>,
    /// Questions that were answered and incidents that people spoke about, newest first.
    pub incidents: Vec<IncidentRow>,
    /// Changes in the time, newest first.
    pub changes: Vec<Marker>,
    /// Services that are not as before.
    pub unwell: Vec<ServiceRow>,
    /// Services that were heard of.
    pub services: u64,
    /// What is stored of logs, spans and metric points.
    pub signals: Vec<SignalRow>,
}

/// One signal.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignalRow {
    /// `logs`, `spans` or `metric points`.
    pub name: String,
    /// Records stored.
    pub count: u64,
    /// The newest; `None` when there is none.
    pub newest: Option<Time>,
}

/// Alerts of one name and service, folded.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AlertRow {
    /// The rule's name.
    pub name: String,
    /// The sender's word for how bad it is.
    pub severity: String,
    /// The service it names.
    pub service: Option<String>,
    /// Whether one of them still holds.
    pub firing: bool,
    /// The earliest start.
    pub since: Time,
    /// The latest end, where none holds any more.
    pub until: Option<Time>,
    /// How many were folded.
    pub count: u64,
    /// What the rule's author wrote.
    pub text: String,
}

/// One incident in a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IncidentRow {
    /// Its code.
    pub code: String,
    /// What it was, in one line.
    pub title: String,
    /// The question it came from; `""` where it is not kept.
    pub question: String,
    /// When it was asked or recorded.
    pub at: Time,
    /// What the answer came to.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Option<Confidence>,
    /// Services it is about.
    pub services: Vec<String>,
    /// What people said: `confirmed`, `corrected`, `struck`; `None` for nothing yet.
    pub said: Option<String>,
}

/// All incidents.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IncidentsView {
    /// Newest first.
    pub incidents: Vec<IncidentRow>,
}

/// Documents found by words and meaning.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DocumentsView {
    /// What was searched for.
    pub query: String,
    /// What was found, best first; without a query nothing.
    pub documents: Vec<DocumentRow>,
    /// Documents in the index.
    pub indexed: u64,
    /// Of them runbooks.
    pub runbooks: u64,
    /// Of them accounts of incidents.
    pub incidents: u64,
    /// Alerts of the last week and whether a runbook covers them.
    pub coverage: Vec<CoverageRow>,
}

/// One document in a list, shown by the section that fits best.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DocumentRow {
    /// Its id.
    pub document: String,
    /// `runbook`, `incident` or `doc`.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Headings above the section, outermost first.
    pub heading: Vec<String>,
    /// The section's text.
    pub text: String,
    /// The section's first line, counted from 1.
    pub line_start: u32,
    /// Its last line.
    pub line_end: u32,
    /// Services it is about.
    pub services: Vec<String>,
    /// Alerts it answers.
    pub alerts: Vec<String>,
    /// When it was written or the incident happened.
    pub date: Option<Time>,
    /// How sure it is that it answers, 0 to 1.
    pub confidence: f32,
}

/// Whether a runbook covers an alert.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CoverageRow {
    /// The alert's name.
    pub alert: String,
    /// The service it names.
    pub service: Option<String>,
    /// How often it fired.
    pub count: u64,
    /// The runbook's title; `None` where none covers it.
    pub runbook: Option<String>,
    /// The runbook's id.
    pub document: Option<String>,
}

/// What a few letters may mean.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchView {
    /// Best first.
    pub hits: Vec<SearchHit>,
}

/// One place to go.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchHit {
    /// `service`, `incident`, `trace`, `metric`, `runbook` or `document`.
    pub kind: String,
    /// Its name.
    pub title: String,
    /// A line more.
    pub detail: String,
    /// A path of the panel.
    pub path: String,
}

/// Attributes as text, in their order.
#[must_use]
pub fn texts(attributes: &Attributes) -> Vec<(String, String)> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.text().into_owned())).collect()
}
