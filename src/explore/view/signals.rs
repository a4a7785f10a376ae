//! Views of logs, traces and metrics.

use serde::Serialize;

use super::{LevelCounts, Time};

/// Log records of a time, with how many there were over it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
    /// Whether the histogram counts every record that matches; otherwise there was no time to count them all.
    pub complete: bool,
    /// The records, newest first.
    pub lines: Vec<LogLine>,
    /// Give this as `to` for the records before these; `None` when these are all.
    pub next: Option<Time>,
}

/// What one field of log records holds.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ValuesView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// The query in words that find the same again.
    pub query: String,
    /// The field.
    pub field: String,
    /// Records that match.
    pub records: u64,
    /// Of them those that have the field.
    pub holding: u64,
    /// Whether all were counted; otherwise there was no time for that.
    pub complete: bool,
    /// The commonest values first.
    pub values: Vec<ValueCount>,
    /// Records with values that are not listed.
    pub others: u64,
    /// How the values are spread, where most are numbers.
    pub numbers: Option<Numbers>,
}

/// One value of a field. It is recorded text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ValueCount {
    /// The value.
    pub value: String,
    /// Records that have it.
    pub count: u64,
}

/// How numbers are spread.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Numbers {
    /// How many.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// Nine of ten are not above it.
    pub p90: f64,
    /// Ninety-nine of a hundred are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// One bar of the histogram.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct LogBucket {
    /// Where it begins.
    pub at: Time,
    /// Records by severity: unset, trace, debug, info, warn, error, fatal.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub counts: LevelCounts,
}

/// One log record.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
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
