//! The gRPC receiver on a real socket, with the official client.

use groundcrew_telemetry::TimeRange;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Server};

use super::otlp_grpc::routes;
use super::rpc_status::{RetryInfo, RpcStatus};
use crate::test_bench::Bench;

/// A served bench; the server stops when the guard is dropped.
async fn serve(bench: &Bench) -> (Channel, tokio_util::sync::DropGuard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let routes = routes(bench.intake.clone());
    tokio::spawn(async move {
        let server = Server::builder().add_routes(routes);
        server.serve_with_incoming_shutdown(incoming, stopped.cancelled_owned()).await
    });
    let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
    (channel, stop.drop_guard())
}

fn logs(bodies: &[(&str, u64)]) -> ExportLogsServiceRequest {
    let record = |(body, nanos): &(&str, u64)| LogRecord {
        time_unix_nano: *nanos,
        body: Some(AnyValue { value: Some(any_value::Value::StringValue((*body).to_owned())) }),
        ..LogRecord::default()
    };
    let log_records = bodies.iter().map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

#[tokio::test]
async fn logs_are_stored_and_rejections_counted_gzip_both_ways() {
    let bench = Bench::new();
    let (channel, _guard) = serve(&bench).await;
    let mut client = LogsServiceClient::new(channel)
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let request = logs(&[("gadget one", 1_790_000_000_000_000_000), ("late", u64::MAX)]);
    let response = client.export(request).await.unwrap().into_inner();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 1);
    assert!(partial.error_message.contains("2262"), "{}", partial.error_message);
    let clean = client.export(logs(&[("undated", 0)])).await.unwrap().into_inner();
    assert_eq!(clean.partial_success, None);
    let bodies: Vec<String> = bench.logs().into_iter().map(|row| row.record.body).collect();
    assert_eq!(bodies, ["gadget one", "undated"]);
}

#[tokio::test]
async fn spans_and_metrics_are_stored() {
    let bench = Bench::new();
    let (channel, _guard) = serve(&bench).await;
    let span = |id: u8| Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_001_000_000_000,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span(1), span(0)], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let mut traces = TraceServiceClient::new(channel.clone());
    let response = traces.export(ExportTraceServiceRequest { resource_spans }).await.unwrap();
    assert_eq!(response.into_inner().partial_success.unwrap().rejected_spans, 1);

    let point = NumberDataPoint {
        time_unix_nano: 1_790_000_000_000_000_000,
        value: Some(number_data_point::Value::AsInt(5)),
        ..NumberDataPoint::default()
    };
    let data = Some(metric::Data::Gauge(Gauge { data_points: vec![point] }));
    let metric = Metric { name: "queue.length".to_owned(), data, ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    let mut metrics = MetricsServiceClient::new(channel);
    let response = metrics.export(ExportMetricsServiceRequest { resource_metrics }).await.unwrap();
    assert_eq!(response.into_inner().partial_success, None);
    let coverage = bench.intake.store().coverage().unwrap();
    assert_eq!((coverage.spans.count, coverage.points.count), (1, 1));
    assert!(coverage.spans.range.is_some_and(|range| range.overlaps(&TimeRange::ALL)));
}

#[tokio::test]
async fn a_busy_intake_is_resource_exhausted_with_a_delay() {
    let bench = Bench::with_room(1_000);
    let (channel, _guard) = serve(&bench).await;
    let mut client = LogsServiceClient::new(channel);
    let held = bench.intake.admit(1_000).unwrap();
    let status = client.export(logs(&[("x", 1)])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let rpc = RpcStatus::decode(status.details()).unwrap();
    let retry = RetryInfo::decode(rpc.details[0].value.as_slice()).unwrap();
    assert_eq!(retry.retry_delay.unwrap().seconds, 1);
    drop(held);
    assert!(client.export(logs(&[("x", 1)])).await.is_ok());
}
