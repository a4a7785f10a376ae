//! Stores in temporary directories and telemetry to put into them.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use groundcrew_masking::{Masked, Masker};
use groundcrew_telemetry::{
    Attributes, Batch, CallSite, ChangeEvent, ChangeKind, LogBatch, LogRecord, LogRow, MetricBatch,
    MetricSeries, Point, Resource, Severity, Span, SpanBatch, SpanEvent, SpanId, SpanKind,
    SpanStatus, StatusCode, TemplateId, TimeRange, Timestamp, TraceId, Value,
};

use crate::{
    Access, Bucket, BucketSettings, LogQuery, MetricQuery, SpanQuery, Store, StoreOptions,
    TemplateQuery,
};

/// Small enough that a few hundred rows fill it.
pub(super) const TINY: usize = 64 * 1024;
pub(super) const ROOMY: usize = 64 * 1024 * 1024;

pub(super) fn open(dir: &Path, access: Access, memory_bytes_max: usize) -> Store {
    Store::open(StoreOptions { dir: dir.to_owned(), access, memory_bytes_max }).unwrap()
}

pub(super) fn writer(dir: &Path) -> Store {
    open(dir, Access::ReadWrite, ROOMY)
}

pub(super) fn reader(dir: &Path) -> Store {
    open(dir, Access::ReadOnly, ROOMY)
}

/// The store takes masked values alone; what the masker does is tested where it lives.
pub(super) fn masked(batch: Batch) -> Masked<Batch> {
    static MASKER: OnceLock<Masker> = OnceLock::new();
    MASKER.get_or_init(Masker::new).mask(batch, |_, _| {}).unwrap()
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

pub(super) fn record(seconds: i64, body: &str) -> LogRecord {
    LogRecord {
        time: at(seconds),
        severity: Severity::INFO,
        body: body.to_owned(),
        template: Some(TemplateId(7)),
        ..LogRecord::default()
    }
}

/// A record that uses every field.
pub(super) fn rich_record(number: u64) -> LogRecord {
    LogRecord {
        time: at(number as i64),
        severity: Severity((number % 25) as u8),
        body: format!("request {number} took {} ms", number * 3),
        attributes: Attributes(vec![
            ("http.route".to_owned(), Value::from(format!("/orders/{}", number % 5))),
            ("status".to_owned(), Value::Int(200 - number as i64)),
            ("ratio".to_owned(), Value::Double(number as f64 / 3.0)),
            ("ok".to_owned(), Value::Bool(number.is_multiple_of(2))),
            ("raw".to_owned(), Value::Bytes(vec![0, 255, number as u8])),
            (
                "nested".to_owned(),
                Value::Map(vec![(
                    "list".to_owned(),
                    Value::List(vec![Value::from("inner-word"), Value::Int(-1)]),
                )]),
            ),
        ]),
        trace_id: number.is_multiple_of(3).then(|| trace(number / 3)),
        span_id: number.is_multiple_of(4).then(|| SpanId((number + 1).to_be_bytes())),
        template: (!number.is_multiple_of(6)).then_some(TemplateId(number % 6)),
        site: CallSite::from_code((number % 3) as u8),
    }
}

pub(super) fn trace(number: u64) -> TraceId {
    let mut id = [1; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(id)
}

pub(super) fn span(number: u64) -> Span {
    let start = at(number as i64);
    Span {
        trace_id: trace(number / 5),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_span_id: (!number.is_multiple_of(5)).then(|| SpanId(number.to_be_bytes())),
        name: format!("GET /{}", number % 7),
        kind: [
            SpanKind::Unspecified,
            SpanKind::Internal,
            SpanKind::Server,
            SpanKind::Client,
            SpanKind::Producer,
            SpanKind::Consumer,
        ][(number % 6) as usize],
        start,
        end: start.plus_nanos(number as i64 * 1_000),
        status: SpanStatus {
            code: [StatusCode::Unset, StatusCode::Ok, StatusCode::Error][(number % 3) as usize],
            message: if number.is_multiple_of(3) {
                String::new()
            } else {
                format!("failed {number}")
            },
        },
        attributes: [("peer", Value::from(format!("host-{}", number % 3)))].into_iter().collect(),
        events: (0..number % 3)
            .map(|event| SpanEvent {
                time: start.plus_nanos(event as i64 - 5),
                name: "exception".to_owned(),
                attributes: [("exception.type", format!("E{event}"))].into_iter().collect(),
            })
            .collect(),
    }
}

pub(super) fn log_batch(service: &str, records: Vec<LogRecord>) -> Masked<Batch> {
    let resource = Resource::service_named(service);
    masked(Batch::Logs(LogBatch { resource, scope: "logger".to_owned(), records }))
}

pub(super) fn span_batch(service: &str, spans: Vec<Span>) -> Masked<Batch> {
    let resource = Resource::service_named(service);
    masked(Batch::Spans(SpanBatch { resource, scope: String::new(), spans }))
}

pub(super) fn series(name: &str, label: &str, points: &[(i64, f64)]) -> MetricSeries {
    MetricSeries {
        name: name.to_owned(),
        unit: "By".to_owned(),
        attributes: [("label", label)].into_iter().collect(),
        points: points
            .iter()
            .map(|(seconds, value)| Point { time: at(*seconds), value: *value })
            .collect(),
        ..MetricSeries::default()
    }
}

pub(super) fn metric_batch(service: &str, series: Vec<MetricSeries>) -> Masked<Batch> {
    let resource = Resource::service_named(service);
    masked(Batch::Metrics(MetricBatch { resource, scope: String::new(), series }))
}

pub(super) fn any_logs() -> LogQuery {
    LogQuery::within(TimeRange::ALL)
}

pub(super) fn any_spans() -> SpanQuery {
    SpanQuery { range: TimeRange::ALL, services: Vec::new(), trace_id: None, limit: 1_000_000 }
}

pub(super) fn any_metrics() -> MetricQuery {
    MetricQuery { range: TimeRange::ALL, services: Vec::new(), name: None, series_max: 1_000_000 }
}

pub(super) fn any_templates() -> TemplateQuery {
    TemplateQuery { range: TimeRange::ALL, services: Vec::new() }
}

/// The bodies of all log records, oldest first.
pub(super) fn all_bodies(store: &Store) -> Vec<String> {
    bodies(&store.search_logs(&any_logs()).unwrap())
}

pub(super) fn bodies(rows: &[LogRow]) -> Vec<String> {
    rows.iter().map(|row| row.record.body.clone()).collect()
}

/// A bucket that is a directory.
pub(super) fn bucket(dir: &Path) -> Bucket {
    let settings = BucketSettings {
        url: format!("file://{}/prefix", dir.display()),
        options: Vec::new(),
        timeout: Duration::from_secs(30),
        cache_bytes_max: 1 << 20,
    };
    Bucket::new(&settings).unwrap()
}

pub(super) fn change(seconds: i64, id: &str) -> ChangeEvent {
    ChangeEvent {
        kind: ChangeKind::Deploy,
        time: at(seconds),
        id: id.to_owned(),
        service: Some("cart".to_owned()),
        title: "release 2".to_owned(),
        actor: None,
        from: Some("1".to_owned()),
        to: Some("2".to_owned()),
        commits: vec!["abc".to_owned()],
        files: vec!["src/main.rs".to_owned()],
        diff: "-a\n+b".to_owned(),
        link: None,
    }
}

/// Copies a directory as it is, without the lock and SQLite's shared memory.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files below a directory.
pub(super) fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
