//! Pushes as Loki's senders write them.

use groundcrew_telemetry::{LogRow, Severity, Timestamp, TraceId};
use prost::Message;

use super::protobuf::{LabelPair, PushTime};
use super::{PushFormat, decode};
use crate::sources::http_bench::{GZIP, JSON, PROTOBUF, gzip, post, recorded, snappy, survives};
use crate::sources::http_body::{EXPANDED_BYTES_MAX, Room};
use crate::test_bench::{Bench, NOW_SECS};

const PUSH: &str = "/loki/api/v1/push";

#[derive(Clone, PartialEq, Message)]
struct Push {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<PushStream>,
}

#[derive(Clone, PartialEq, Message)]
struct PushStream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<PushEntry>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct PushEntry {
    #[prost(message, optional, tag = "1")]
    time: Option<PushTime>,
    #[prost(bytes = "vec", tag = "2")]
    line: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<LabelPair>,
}

const TRACE: &str = "5b8efff798038103d269b633813fc60c";

fn push_message(labels: &[&str]) -> Vec<u8> {
    let metadata = [("trace_id", TRACE), ("customer", "c7")];
    let entry = PushEntry {
        time: Some(PushTime { seconds: NOW_SECS, nanos: 7 }),
        line: b"level=error gadget \xff melted".to_vec(),
        metadata: metadata
            .map(|(name, value)| LabelPair { name: name.to_owned(), value: value.to_owned() })
            .to_vec(),
    };
    let streams = labels.iter().map(|labels| PushStream {
        labels: (*labels).to_owned(),
        entries: vec![entry.clone()],
        hash: 1,
    });
    Push { streams: streams.collect() }.encode_to_vec()
}

fn told(row: &LogRow) -> (String, Severity, String) {
    (row.resource.service().to_owned(), row.record.severity, row.record.body.clone())
}

#[tokio::test]
async fn every_recorded_push_is_judged_as_loki_would() {
    for (name, body) in recorded("loki-push") {
        let bench = Bench::new();
        let reply = post(&bench, PUSH, &[JSON], body).await;
        let expected = if name.starts_with("accept-") { 204..205 } else { 400..500 };
        assert!(expected.contains(&reply.status), "{name}: {} {}", reply.status, reply.text());
        if name == "accept-11.json" {
            let rows = bench.logs();
            assert_eq!(rows.len(), 4);
            let last = rows.iter().find(|row| row.record.body.contains("parent_id")).unwrap();
            assert_eq!(last.record.time, Timestamp::from_nanos(1_877_836_900_005_000_004));
            assert_eq!(last.resource.attributes.str("x"), Some("y"));
            let abc = rows.iter().find(|row| row.record.body == "abc").unwrap();
            assert_eq!(abc.record.attributes.str("trace_id"), Some("pqw"));
        }
    }
}

#[tokio::test]
async fn json_pushes_are_found_with_what_their_labels_say() {
    let bench = Bench::new();
    let body = format!(
        r#"{{"streams":[{{"stream":{{"service_name":"cart","level":"warn","pod":"cart-1"}},"values":[
            ["{NOW_SECS}000000001","slow é",{{"trace_id":"{TRACE}","span_id":"eee19b7ec3c1b174"}}]]}},
        {{"stream":{{"app":"shop"}},"values":[["{NOW_SECS}000000002",
            "{{\"level\":\"error\",\"msg\":\"broke\",\"n\":3}}"],["{NOW_SECS}000000003",""]]}}]}}"#
    );
    assert_eq!(post(&bench, PUSH, &[JSON, GZIP], gzip(body.as_bytes())).await.status, 204);
    let rows = bench.logs();
    assert_eq!(rows.len(), 2);
    assert_eq!(told(&rows[0]), ("cart".to_owned(), Severity::WARN, "slow é".to_owned()));
    assert_eq!(rows[0].record.trace_id, TraceId::from_hex(TRACE));
    assert!(rows[0].record.span_id.is_some());
    assert_eq!(rows[0].resource.pod(), Some("cart-1"));
    assert_eq!(rows[0].record.time, Timestamp::from_nanos(NOW_SECS * 1_000_000_000 + 1));
    assert_eq!(told(&rows[1]), ("shop".to_owned(), Severity::ERROR, "broke".to_owned()));
}

#[tokio::test]
async fn pushes_of_the_first_days_are_read() {
    let bench = Bench::new();
    let body = r#"{"streams":[{"labels":"{job=\"prod/cart\"}","entries":[
        {"ts":"2026-09-21T13:33:20.5Z","line":"old way"}]}]}"#;
    assert_eq!(post(&bench, "/api/prom/push", &[JSON], body).await.status, 204);
    let rows = bench.logs();
    assert_eq!((rows[0].resource.service(), rows[0].record.body.as_str()), ("cart", "old way"));
    assert_eq!(Some(rows[0].record.time), Timestamp::parse("2026-09-21T13:33:20.5Z"));
}

#[tokio::test]
async fn protobuf_pushes_come_in_snappy_and_a_bad_stream_costs_itself() {
    let bench = Bench::new();
    let headers = [&[PROTOBUF][..], &[], &[PROTOBUF, ("content-encoding", "snappy")]];
    for (headers, zone) in headers.into_iter().zip(["a", "b", "c"]) {
        let push = push_message(&[&format!(r#"{{app="cart", zone="{zone}"}}"#)]);
        // What comes again is stored once.
        for _ in 0..2 {
            assert_eq!(post(&bench, PUSH, headers, snappy(&push)).await.status, 204);
        }
    }
    let mixed = push_message(&["{app=cart}", r#"{app="shop"}"#]);
    let reply = post(&bench, PUSH, &[PROTOBUF], snappy(&mixed)).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().contains("rejected 1: ") && reply.text().contains("quotes"),
        "{}",
        reply.text()
    );
    let rows = bench.logs();
    let services: Vec<&str> = rows.iter().map(|row| row.resource.service()).collect();
    assert_eq!(services, ["cart", "cart", "cart", "shop"]);
    let record = &rows[0].record;
    assert_eq!(record.body, "level=error gadget \u{fffd} melted");
    assert_eq!((record.severity, record.trace_id), (Severity::ERROR, TraceId::from_hex(TRACE)));
    assert_eq!(record.attributes.str("customer"), Some("c7"));
}

#[tokio::test]
async fn what_is_no_push_is_refused_and_a_busy_intake_says_when() {
    let bench = Bench::new();
    let good = push_message(&["{}"]);
    assert_eq!(post(&bench, PUSH, &[PROTOBUF], good.clone()).await.status, 400);
    assert_eq!(post(&bench, PUSH, &[PROTOBUF], snappy(b"\xff\xff")).await.status, 400);
    assert_eq!(post(&bench, PUSH, &[("content-type", "text/plain")], "x").await.status, 415);
    let lying = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(post(&bench, PUSH, &[PROTOBUF], lying).await.status, 413);
    let zeros = vec![0; EXPANDED_BYTES_MAX + 1];
    assert_eq!(post(&bench, PUSH, &[PROTOBUF], snappy(&zeros)).await.status, 413);
    assert!(bench.logs().is_empty());
    assert_eq!(bench.intake.bytes_in_flight(), 0);

    let busy = Bench::with_room(1_000);
    let held = busy.intake.admit(990).unwrap();
    let reply = post(&busy, PUSH, &[PROTOBUF], snappy(&good)).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "1"));
    drop(held);
    assert_eq!(post(&busy, PUSH, &[PROTOBUF], snappy(&good)).await.status, 204);
}

#[test]
fn a_small_push_cannot_ask_for_much_memory() {
    let entries = [b"\x12\x00".repeat(2_000_000)].concat();
    let mut push = vec![0x0a];
    prost::encoding::encode_varint(entries.len() as u64, &mut push);
    push.extend(entries);
    let refused =
        decode(PushFormat::Protobuf, &push, Timestamp::from_secs(0), &mut Room::unasked());
    assert_eq!(refused.unwrap_err().status(), 413);
}

#[test]
fn damaged_pushes_are_the_senders_fault() {
    let now = Timestamp::from_secs(NOW_SECS);
    let decoded = |format, bytes: &[u8]| decode(format, bytes, now, &mut Room::unasked()).map(drop);
    let json = br#"{"streams":[{"stream":{"a":"b"},"values":[["1577836800000000001","x",{"k":"v"}]]},
        {"labels":"{a=\"\\u00e9\"}","entries":[{"ts":"2026-01-02T03:04:05Z","line":"{\"msg\":\"m\",\"level\":3}"}]}]}"#;
    survives(&[json], 50_000, |bytes| decoded(PushFormat::Json, bytes));
    let protobuf = push_message(&[r#"{app="cart"}"#, "{"]);
    survives(&[&protobuf], 50_000, |bytes| decoded(PushFormat::Protobuf, bytes));
}
