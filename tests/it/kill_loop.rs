//! Senders that repeat what was not acknowledged, against a server that is killed again and again: nothing acknowledged is
//! lost, nothing is there twice.
//!
//! A few cycles run with every other test; `GROUNDCREW_KILL_CYCLES=500` is the long run.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundcrew_store::{Access, LogQuery, Store, StoreOptions};
use groundcrew_telemetry::TimeRange;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::json;
use tonic::Code;

use crate::support::{PATIENCE, Program};

const START_NANOS: u64 = 1_790_000_000_000_000_000;
const RECORDS: u64 = 5;
/// Every so many requests a sender repeats one that was acknowledged, as after an answer that got lost.
const REPEAT_EVERY: u64 = 5;
/// Memory is sealed all the time, so that kills hit seals and merges too.
const SETTINGS: [(&str, &str); 2] =
    [("GROUNDCREW__DATA__SEAL_AFTER_SECS", "1"), ("GROUNDCREW__DATA__MEMORY_MIB_MAX", "1")];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    HttpJson,
    HttpProtobuf,
    GrpcLogs,
    GrpcSpans,
}

/// Where the server listens now: OTLP over HTTP and over gRPC.
type Place = Mutex<Option<(SocketAddr, SocketAddr)>>;

#[derive(Default)]
struct Shared {
    place: Place,
    is_over: AtomicBool,
    requests: AtomicU64,
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

fn spans(sender: u64, number: u64) -> ExportTraceServiceRequest {
    let span = |record: u64| Span {
        trace_id: [sender + 1, number + 1].iter().flat_map(|part| part.to_be_bytes()).collect(),
        span_id: (record + 1).to_be_bytes().to_vec(),
        start_time_unix_nano: START_NANOS + number,
        end_time_unix_nano: START_NANOS + number + 1_000,
        ..Span::default()
    };
    let scope_spans =
        vec![ScopeSpans { spans: (0..RECORDS).map(span).collect(), ..ScopeSpans::default() }];
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
        Wire::HttpJson | Wire::HttpProtobuf => {
            let (kind, payload) = match wire {
                Wire::HttpJson => ("application/json", logs_as_json(sender, number).into_bytes()),
                _ => ("application/x-protobuf", logs(sender, number).encode_to_vec()),
            };
            let post = crate::support::client()
                .post(format!("http://{http}/v1/logs"))
                .header("content-type", kind)
                .body(payload);
            let Ok(response) = post.timeout(Duration::from_secs(20)).send().await else {
                return false;
            };
            let status = response.status().as_u16();
            assert!(matches!(status, 200 | 429 | 503), "{status}");
            status == 200
        }
        Wire::GrpcLogs => match LogsServiceClient::connect(format!("http://{grpc}")).await {
            Ok(mut client) => answered(client.export(logs(sender, number)).await.map(drop)),
            Err(_) => false,
        },
        Wire::GrpcSpans => match TraceServiceClient::connect(format!("http://{grpc}")).await {
            Ok(mut client) => answered(client.export(spans(sender, number)).await.map(drop)),
            Err(_) => false,
        },
    }
}

/// Sends one request after the other, each until it is acknowledged; says how many.
async fn send(shared: Arc<Shared>, wire: Wire, sender: u64) -> u64 {
    let mut number = 0;
    while !shared.is_over.load(Ordering::Relaxed) {
        let mut acknowledged = 0;
        let wanted = if number % REPEAT_EVERY == 0 { 2 } else { 1 };
        while acknowledged < wanted {
            let place = *shared.place.lock().unwrap();
            let is_done = match place {
                Some(place) => attempt(wire, place, sender, number).await,
                None => false,
            };
            if is_done {
                acknowledged += 1;
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        shared.requests.fetch_add(1, Ordering::Relaxed);
        number += 1;
    }
    number
}

fn check(program: &Program, sent: &[(Wire, u64)]) {
    let options =
        StoreOptions { dir: program.data(), access: Access::ReadOnly, memory_bytes_max: 64 << 20 };
    let store = Store::open(options).unwrap();
    assert_eq!(store.warnings(), Vec::<String>::new());
    let query = LogQuery {
        range: TimeRange::ALL,
        services: Vec::new(),
        severity_min: None,
        terms: Vec::new(),
        trace_id: None,
        template: None,
        newest_first: false,
        limit: usize::MAX,
    };
    let mut times: HashMap<String, u32> = HashMap::new();
    for row in store.search_logs(&query).unwrap() {
        *times.entry(row.record.body).or_default() += 1;
    }
    let (mut lost, mut doubled) = (0, 0);
    for (sender, (_, requests)) in
        sent.iter().enumerate().filter(|(_, (wire, _))| *wire != Wire::GrpcSpans)
    {
        for number in 0..*requests {
            for record in 0..RECORDS {
                match times.remove(&body(sender as u64, number, record)) {
                    None => lost += 1,
                    Some(1) => {}
                    Some(_) => doubled += 1,
                }
            }
        }
    }
    assert_eq!((lost, doubled, times.len()), (0, 0, 0), "lost, doubled, never sent");
    let spans = sent.iter().filter(|(wire, _)| *wire == Wire::GrpcSpans);
    let spans: u64 = spans.map(|(_, requests)| requests * RECORDS).sum();
    assert_eq!(store.coverage().unwrap().spans.count, spans);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_however_often_it_is_killed() {
    let cycles: u64 = std::env::var_os("GROUNDCREW_KILL_CYCLES")
        .map_or(4, |cycles| cycles.to_str().unwrap().parse().expect("a number of cycles"));
    let program = Program::new();
    let shared = Arc::new(Shared::default());
    let wires = [Wire::HttpJson, Wire::HttpProtobuf, Wire::GrpcLogs, Wire::GrpcSpans];
    let wires: Vec<Wire> = wires.into_iter().cycle().take(8).collect();
    let senders: Vec<_> = wires
        .iter()
        .enumerate()
        .map(|(sender, wire)| tokio::spawn(send(Arc::clone(&shared), *wire, sender as u64)))
        .collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..cycles {
        let server = tokio::task::block_in_place(|| program.serve_with(&SETTINGS));
        let before = shared.requests.load(Ordering::Relaxed);
        *shared.place.lock().unwrap() = Some((server.otlp_http(), server.otlp_grpc()));
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(100 + (state >> 33) % 900)).await;
        let waited = tokio::time::timeout(PATIENCE, async {
            while shared.requests.load(Ordering::Relaxed) == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("nothing is acknowledged any more");
        assert!(tokio::task::block_in_place(|| server.signal("KILL")).code().is_none());
    }
    let server = tokio::task::block_in_place(|| program.serve_with(&SETTINGS));
    *shared.place.lock().unwrap() = Some((server.otlp_http(), server.otlp_grpc()));
    shared.is_over.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    for (wire, sender) in wires.into_iter().zip(senders) {
        sent.push((wire, tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap()));
    }
    assert!(tokio::task::block_in_place(|| server.signal("TERM")).success());
    let requests: u64 = sent.iter().map(|(_, requests)| requests).sum();
    eprintln!("{cycles} kills, {requests} requests of {RECORDS} records acknowledged");
    tokio::task::block_in_place(|| check(&program, &sent));
}
