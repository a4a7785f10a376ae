//! Senders that repeat what was not acknowledged, byte for byte, over every OTLP wire, Loki's push and Elasticsearch's
//! bulk; and what must be in the store then.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundcrew_store::{Access, LogQuery, SpanQuery, Store, StoreOptions};
use groundcrew_telemetry::{SpanId, TimeRange, TraceId};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::json;
use tokio::task::JoinHandle;
use tonic::Code;

use crate::support::{PATIENCE, Server};

const START_NANOS: u64 = 1_790_000_000_000_000_000;
/// Records of one request.
pub(crate) const RECORDS: u64 = 5;
/// Every so many requests a sender repeats one that was acknowledged, as after an answer that got lost.
const REPEAT_EVERY: u64 = 5;
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    HttpJson,
    HttpProtobuf,
    GrpcLogs,
    GrpcSpans,
    Loki,
    Bulk,
}

/// Where the server listens now: OTLP over HTTP and over gRPC.
type Place = Mutex<Option<(SocketAddr, SocketAddr)>>;

#[derive(Default)]
struct Shared {
    place: Place,
    /// Whether the senders end once what they are sending is acknowledged.
    is_over: AtomicBool,
    /// Whether they end at once.
    is_cut: AtomicBool,
}

/// A sender: what it speaks, and how many requests were acknowledged.
struct Sender {
    wire: Wire,
    acknowledged: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// Twelve senders, two for each wire.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    senders: Vec<Sender>,
}

/// How many requests of each sender were acknowledged.
#[derive(Clone)]
pub(crate) struct Acknowledged(Vec<(Wire, u64)>);

impl Acknowledged {
    pub(crate) fn requests(&self) -> u64 {
        self.0.iter().map(|(_, requests)| requests).sum()
    }
}

impl Senders {
    /// Starts them; they have nowhere to send to yet.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let wires = [
            Wire::HttpJson,
            Wire::HttpProtobuf,
            Wire::GrpcLogs,
            Wire::GrpcSpans,
            Wire::Loki,
            Wire::Bulk,
        ];
        let senders = wires.into_iter().cycle().take(12).zip(0..).map(|(wire, number)| {
            let acknowledged = Arc::new(AtomicU64::new(0));
            let sending = send(Arc::clone(&shared), wire, number, Arc::clone(&acknowledged));
            Sender { wire, acknowledged, task: tokio::spawn(sending) }
        });
        Self { senders: senders.collect(), shared }
    }

    pub(crate) fn send_to(&self, server: &Server) {
        let place = (server.otlp_http(), server.otlp_grpc());
        *self.shared.place.lock().unwrap() = Some(place);
    }

    pub(crate) fn acknowledged(&self) -> Acknowledged {
        let of = |sender: &Sender| (sender.wire, sender.acknowledged.load(Ordering::SeqCst));
        Acknowledged(self.senders.iter().map(of).collect())
    }

    /// Waits until something more is acknowledged than was.
    pub(crate) async fn until_more_than(&self, before: u64) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.acknowledged().requests() <= before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("nothing is acknowledged any more");
    }

    /// Ends the senders: once their last request is acknowledged, or at once when the power is cut.
    pub(crate) async fn end(self, is_cut: bool) -> Acknowledged {
        self.shared.is_cut.store(is_cut, Ordering::SeqCst);
        self.shared.is_over.store(true, Ordering::SeqCst);
        let mut ended = Vec::new();
        for Sender { wire, acknowledged, task } in self.senders {
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
            ended.push((wire, acknowledged.load(Ordering::SeqCst)));
        }
        Acknowledged(ended)
    }
}

fn body(sender: u64, number: u64, record: u64) -> String {
    format!("sender{sender} request{number} record{record} done")
}

fn logs(sender: u64, number: u64) -> ExportLogsServiceRequest {
    let record = |record: u64| LogRecord {
        time_unix_nano: START_NANOS + number * RECORDS + record,
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue(body(sender, number, record))),
        }),
        ..LogRecord::default()
    };
    let log_records = (0..RECORDS).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn logs_as_json(sender: u64, number: u64) -> String {
    let record = |record: u64| {
        let nanos = START_NANOS + number * RECORDS + record;
        json!({"timeUnixNano": nanos.to_string(), "body": {"stringValue": body(sender, number, record)}})
    };
    let records: Vec<_> = (0..RECORDS).map(record).collect();
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
}

fn logs_for_loki(sender: u64, number: u64) -> String {
    let value = |record: u64| {
        let nanos = START_NANOS + number * RECORDS + record;
        json!([nanos.to_string(), body(sender, number, record)])
    };
    let values: Vec<_> = (0..RECORDS).map(value).collect();
    json!({"streams": [{"stream": {"service_name": "shop"}, "values": values}]}).to_string()
}

fn logs_in_bulk(sender: u64, number: u64) -> String {
    let document = |record: u64| {
        let milliseconds = START_NANOS / 1_000_000 + number;
        let document = json!({"@timestamp": milliseconds, "message": body(sender, number, record)});
        format!("{}\n{document}\n", json!({"create": {"_index": "logs-shop"}}))
    };
    (0..RECORDS).map(document).collect()
}

fn span(sender: u64, number: u64, record: u64) -> Span {
    Span {
        trace_id: [sender + 1, number + 1].iter().flat_map(|part| part.to_be_bytes()).collect(),
        span_id: (record + 1).to_be_bytes().to_vec(),
        start_time_unix_nano: START_NANOS + number,
        end_time_unix_nano: START_NANOS + number + 1_000,
        ..Span::default()
    }
}

fn spans(sender: u64, number: u64) -> ExportTraceServiceRequest {
    let spans = (0..RECORDS).map(|record| span(sender, number, record)).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// One attempt; whether it was acknowledged.
async fn attempt(wire: Wire, place: (SocketAddr, SocketAddr), sender: u64, number: u64) -> bool {
    let (http, grpc) = place;
    let answered = |outcome: Result<(), tonic::Status>| match outcome {
        Ok(()) => true,
        Err(status) => {
            assert!(
                matches!(
                    status.code(),
                    Code::Unavailable
                        | Code::ResourceExhausted
                        | Code::Unknown
                        | Code::Cancelled
                        | Code::Internal
                ),
                "{status}"
            );
            false
        }
    };
    match wire {
        Wire::GrpcLogs => match LogsServiceClient::connect(format!("http://{grpc}")).await {
            Ok(mut client) => answered(client.export(logs(sender, number)).await.map(drop)),
            Err(_) => false,
        },
        Wire::GrpcSpans => match TraceServiceClient::connect(format!("http://{grpc}")).await {
            Ok(mut client) => answered(client.export(spans(sender, number)).await.map(drop)),
            Err(_) => false,
        },
        Wire::HttpJson | Wire::HttpProtobuf | Wire::Loki | Wire::Bulk => {
            post(wire, http, sender, number).await
        }
    }
}

async fn post(wire: Wire, http: SocketAddr, sender: u64, number: u64) -> bool {
    let (path, kind, payload) = match wire {
        Wire::Loki => ("loki/api/v1/push", "application/json", logs_for_loki(sender, number)),
        Wire::Bulk => ("_bulk", "application/x-ndjson", logs_in_bulk(sender, number)),
        _ => ("v1/logs", "application/json", logs_as_json(sender, number)),
    };
    let (kind, payload) = match wire {
        Wire::HttpProtobuf => ("application/x-protobuf", logs(sender, number).encode_to_vec()),
        _ => (kind, payload.into_bytes()),
    };
    let post = crate::support::client()
        .post(format!("http://{http}/{path}"))
        .header("content-type", kind)
        .body(payload);
    let Ok(response) = post.timeout(Duration::from_secs(20)).send().await else {
        return false;
    };
    let status = response.status().as_u16();
    assert!(matches!(status, 200 | 204 | 429 | 503), "{status}");
    matches!(status, 200 | 204)
}

/// Sends one request after the other, each until it is acknowledged.
async fn send(shared: Arc<Shared>, wire: Wire, sender: u64, acknowledged: Arc<AtomicU64>) {
    let mut number = 0_u64;
    while !shared.is_over.load(Ordering::SeqCst) {
        let mut times = 0;
        let wanted = if number.is_multiple_of(REPEAT_EVERY) { 2 } else { 1 };
        while times < wanted {
            if shared.is_cut.load(Ordering::SeqCst) {
                return;
            }
            let place = *shared.place.lock().unwrap();
            let is_done = match place {
                Some(place) => attempt(wire, place, sender, number).await,
                None => false,
            };
            if is_done {
                times += 1;
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        number += 1;
        acknowledged.store(number, Ordering::SeqCst);
    }
}

/// What is in the store in `dir` must be all that was acknowledged and nothing twice; with `is_all`, nothing else.
pub(crate) fn check(dir: &Path, acknowledged: &Acknowledged, is_all: bool) {
    let options =
        StoreOptions { dir: dir.to_owned(), access: Access::ReadOnly, memory_bytes_max: 64 << 20 };
    let store = Store::open(options).unwrap();
    let query = LogQuery::within(TimeRange::ALL);
    let mut times: HashMap<String, u32> = HashMap::new();
    for row in store.search_logs(&query).unwrap() {
        *times.entry(row.record.body).or_default() += 1;
    }
    let query = SpanQuery {
        range: TimeRange::ALL,
        services: Vec::new(),
        trace_id: None,
        limit: 10_000_000,
    };
    for row in store.spans(&query).unwrap().rows {
        let name = format!("{:?} {:?}", row.span.trace_id, row.span.span_id);
        *times.entry(name).or_default() += 1;
    }
    let doubled = times.values().filter(|times| **times > 1).count();
    let mut lost = 0;
    for (sender, (wire, requests)) in acknowledged.0.iter().enumerate() {
        let all =
            (0..*requests).flat_map(|number| (0..RECORDS).map(move |record| (number, record)));
        for (number, record) in all {
            let name = match wire {
                Wire::GrpcSpans => {
                    let span = span(sender as u64, number, record);
                    let trace_id = TraceId(span.trace_id.try_into().unwrap());
                    format!("{trace_id:?} {:?}", SpanId(span.span_id.try_into().unwrap()))
                }
                _ => body(sender as u64, number, record),
            };
            lost += usize::from(times.remove(&name).is_none());
        }
    }
    assert_eq!((lost, doubled), (0, 0), "lost, doubled; {:?}", store.warnings());
    assert!(!is_all || times.is_empty(), "never sent: {times:?}");
}
