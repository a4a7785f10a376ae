//! The HTTP receiver as a sender meets it, over the router itself; a real socket is used in the product's own tests.

use axum::http::HeaderValue;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;

use super::http_bench::{GZIP, PROTOBUF, gzip, post};
use super::http_body::{BODY_BYTES_MAX, EXPANDED_BYTES_MAX};
use super::rpc_status::RpcStatus;
use crate::test_bench::Bench;

const LOGS: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"1790000000000000000","body":{"stringValue":"gadget one"}},
    {"timeUnixNano":"99999999999999999999","body":{"stringValue":"beyond time"}}]}]}]}"#;

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

#[tokio::test]
async fn what_is_kept_is_stored_and_what_is_not_is_said() {
    let bench = Bench::new();
    let reply = post(&bench, "/v1/logs", &[JSON, GZIP], gzip(LOGS.as_bytes())).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/json");
    let partial = &reply.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "1");
    assert!(partial["errorMessage"].as_str().unwrap().contains("2262"), "{partial}");
    let bodies: Vec<String> = bench.logs().into_iter().map(|row| row.record.body).collect();
    assert_eq!(bodies, ["gadget one"]);
}

/// Half of what one needs is of no use to anybody, so none begins to be read before there is room for all of it.
#[tokio::test(flavor = "multi_thread")]
async fn large_requests_wait_for_room_instead_of_taking_it_from_each_other() {
    let bench = Bench::with_room(400_000);
    let body = format!("{}{}", LOGS, " ".repeat(60_000));
    let length = body.len().to_string();
    let headers = [JSON, ("content-length", length.as_str())];
    let replies = (0..24).map(|_| post(&bench, "/v1/logs", &headers, body.clone()));
    for reply in futures_util::future::join_all(replies).await {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(bench.intake.bytes_in_flight(), 0);
    let held = bench.intake.admit(350_000).unwrap();
    assert_eq!(post(&bench, "/v1/logs", &headers, body.clone()).await.status, 429);
    drop(held);
    let more = ("content-length", "99999999999");
    assert_eq!(post(&bench, "/v1/logs", &[JSON, more], body).await.status, 413);
}

#[tokio::test]
async fn a_clean_request_gets_a_clean_answer_in_its_own_type() {
    let bench = Bench::new();
    let reply = post(&bench, "/v1/traces", &[JSON], b"{\"resourceSpans\":[]}".to_vec()).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let reply = post(&bench, "/v1/logs", &[PROTOBUF], Vec::new()).await;
    assert_eq!(reply.status, 200);
    let response = ExportLogsServiceResponse::decode(reply.body).unwrap();
    assert_eq!(response.partial_success, None);
}

/// Path, headers, body, and the status it comes to.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [u8], u16);

#[tokio::test]
async fn what_cannot_be_read_is_a_bad_request_with_a_status() {
    let bench = Bench::new();
    let cases: [Case; 8] = [
        ("/v1/logs", &[JSON], b"{", 400),
        ("/v1/logs", &[JSON], b"{\"resourceSpans\":[]}", 400),
        ("/v1/logs", &[JSON], b"[]", 400),
        ("/v1/metrics", &[PROTOBUF], b"\xff\xff\xff", 400),
        ("/v1/logs", &[JSON, GZIP], b"not gzip", 400),
        ("/v1/logs", &[("content-type", "text/plain")], b"{}", 415),
        ("/v1/logs", &[], b"{}", 415),
        ("/v1/logs", &[JSON, ("content-encoding", "br")], b"{}", 415),
    ];
    for (path, headers, body, status) in cases {
        let reply = post(&bench, path, headers, body.to_vec()).await;
        assert_eq!(reply.status, status, "{headers:?} {body:?}");
        if headers.contains(&PROTOBUF) {
            assert_eq!(RpcStatus::decode(reply.body).unwrap().code, 3);
        } else {
            assert!(!reply.json()["message"].as_str().unwrap().is_empty());
        }
    }
    assert!(bench.logs().is_empty());
    assert_eq!(bench.intake.bytes_in_flight(), 0);
}

#[tokio::test]
async fn bodies_and_bombs_past_the_cap_are_too_large() {
    let bench = Bench::with_room(128 << 20);
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    assert_eq!(post(&bench, "/v1/logs", &[JSON], large).await.status, 413);
    let zeros = vec![0_u8; EXPANDED_BYTES_MAX + 1];
    assert_eq!(post(&bench, "/v1/logs", &[JSON, GZIP], gzip(&zeros)).await.status, 413);
    let zstd = zstd::encode_all(zeros.as_slice(), 1).unwrap();
    let encoding = ("content-encoding", "zstd");
    assert_eq!(post(&bench, "/v1/logs", &[JSON, encoding], zstd).await.status, 413);
    assert_eq!(bench.intake.bytes_in_flight(), 0);
}

#[tokio::test]
async fn a_busy_intake_says_when_to_come_back() {
    let bench = Bench::with_room(1_000);
    let held = bench.intake.admit(990).unwrap();
    let reply = post(&bench, "/v1/logs", &[JSON], LOGS).await;
    assert_eq!((reply.status, &reply.headers["retry-after"]), (429, &HeaderValue::from(1)));
    let detail = &reply.json()["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.RetryInfo");
    assert_eq!(detail["retryDelay"], "1.000s");
    drop(held);
    assert_eq!(post(&bench, "/v1/logs", &[JSON], LOGS).await.status, 200);
}
