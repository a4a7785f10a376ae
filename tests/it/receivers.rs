//! The OTLP receivers of the running server, spoken to with another encoder than our own.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::Value;
use tonic::codec::CompressionEncoding;

use crate::support::{PATIENCE, Program, Server, outage_logs};

const END: i64 = 1_790_000_000;

fn string(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) })
}

fn request(body: &str) -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: u64::try_from(END).unwrap() * 1_000_000_000 - 5,
        severity_number: 17,
        body: string(body),
        ..LogRecord::default()
    };
    let service = KeyValue {
        key: "service.name".to_owned(),
        value: string("checkout"),
        ..KeyValue::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource { attributes: vec![service], ..Resource::default() }),
            scope_logs: vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }],
    }
}

/// What the server finds about `word` at once, without waiting for anything to be sealed.
async fn found(server: &Server, word: &str) -> String {
    let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
    let asked = serde_json::json!({"text": format!("show the errors with {word}"), "scope": {"at": at, "since": "10m"}});
    let answer = crate::support::client()
        .post(server.url("/v1/ask"))
        .json(&asked)
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

#[tokio::test]
async fn grpc_with_gzip_is_searchable_at_once() {
    let program = Program::new();
    let server = program.serve();
    let client =
        LogsServiceClient::connect(format!("http://{}", server.otlp_grpc())).await.unwrap();
    let mut client = client
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let response = client.export(request("gadget42 exploded")).await.unwrap();
    assert_eq!(
        response.into_inner().partial_success.map_or(0, |partial| partial.rejected_log_records),
        0
    );
    assert!(found(&server, "gadget42").await.contains("gadget42 exploded"));
}

#[tokio::test]
async fn http_takes_protobuf_and_json_plain_and_gzipped() {
    let program = Program::new();
    let server = program.serve();
    let url = format!("http://{}/v1/logs", server.otlp_http());
    let client = crate::support::client();
    let protobuf = request("gadget43 melted").encode_to_vec();
    let json = outage_logs(END).lines().last().unwrap().replace("pool exhausted", "gadget44 froze");
    for (kind, body) in
        [("application/x-protobuf", protobuf), ("application/json", json.into_bytes())]
    {
        for gzip in [false, true] {
            let mut post = client.post(&url).header("content-type", kind);
            let mut payload = body.clone();
            if gzip {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&body).unwrap();
                payload = encoder.finish().unwrap();
                post = post.header("content-encoding", "gzip");
            }
            let response = post.body(payload).send().await.unwrap();
            assert_eq!(response.status(), 200, "{kind} gzip={gzip}");
            assert_eq!(
                response.headers()["content-type"],
                kind,
                "the reply comes in the request's own type"
            );
            let reply = response.bytes().await.unwrap();
            if kind == "application/json" {
                serde_json::from_slice::<Value>(&reply).unwrap();
            } else {
                ExportLogsServiceResponse::decode(reply).unwrap();
            }
        }
    }
    assert!(found(&server, "gadget43").await.contains("gadget43 melted"));
    assert!(found(&server, "gadget44").await.contains("gadget44 froze"));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_as_the_specification_says() {
    // Made first: the server closes a connection on which nothing comes for as long as this may take.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0_u8; 1024 * 1024];
    for _ in 0..512 {
        encoder.write_all(&zeros).unwrap();
    }
    let program = Program::new();
    let server = program.serve();
    let url = format!("http://{}/v1/logs", server.otlp_http());
    let client = crate::support::client();
    let post = |kind: &'static str, body: Vec<u8>| {
        client.post(&url).header("content-type", kind).body(body).send()
    };
    assert_eq!(
        post("application/x-protobuf", b"\xff\xff\xff".to_vec()).await.unwrap().status(),
        400
    );
    assert_eq!(post("application/json", b"{".to_vec()).await.unwrap().status(), 400);
    assert_eq!(post("text/plain", b"hello".to_vec()).await.unwrap().status(), 415);
    let bomb = client
        .post(&url)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    assert_eq!(
        bomb.body(encoder.finish().unwrap()).send().await.unwrap().status(),
        413,
        "a bomb is not unpacked"
    );
    assert_eq!(
        crate::support::client().get(server.url("/readyz")).send().await.unwrap().status(),
        200
    );
}
