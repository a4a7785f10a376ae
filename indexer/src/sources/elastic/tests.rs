//! Bulk requests and probes as Elasticsearch's shippers send them.

use groundcrew_telemetry::{Severity, Timestamp, TraceId};

use super::decode;
use crate::sources::http_bench::{GZIP, JSON, gzip, post, recorded, send, survives};
use crate::sources::http_body::Room;
use crate::test_bench::{Bench, NOW_SECS};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const TRACE: &str = "5b8efff798038103d269b633813fc60c";

#[tokio::test]
async fn recorded_bulks_are_stored_and_what_is_no_document_is_said() {
    for (name, body) in recorded("es-bulk") {
        let bench = Bench::new();
        let reply = post(&bench, "/_bulk", &[NDJSON], body).await;
        assert_eq!(reply.headers["x-elastic-product"], "Elasticsearch");
        match name.as_str() {
            "case-01.ndjson" => assert_eq!(reply.status, 400, "an action without a document"),
            "case-02.ndjson" => {
                let told = reply.json();
                assert_eq!((reply.status, &told["errors"]), (200, &true.into()));
                assert_eq!(told["items"][0]["create"]["status"], 400);
                assert!(bench.logs().is_empty());
            }
            _ => {
                let told = reply.json();
                assert_eq!((reply.status, &told["errors"]), (200, &false.into()), "{told}");
                let statuses: Vec<String> =
                    told["items"].as_array().unwrap().iter().map(|item| item.to_string()).collect();
                assert!(statuses.iter().all(|item| item.contains("\"status\":201")));
                let rows = bench.logs();
                let mut found: Vec<(String, String)> = rows
                    .iter()
                    .map(|row| (row.record.body.clone(), row.record.time.to_string()))
                    .collect();
                found.sort();
                let expected = [
                    ("baz", "2023-06-06T03:48:12.735Z"),
                    ("foobar", "2023-06-06T04:48:11.735Z"),
                    ("qwe rty", "2023-06-06T04:48:13Z"),
                    ("qwe rty float", "2023-06-06T04:35:23.62Z"),
                    ("xyz", "2023-06-06T04:48:13.735Z"),
                ];
                for ((body, time), (expected_body, expected_time)) in found.iter().zip(expected) {
                    assert_eq!(body, expected_body);
                    assert_eq!(Timestamp::parse(time), Timestamp::parse(expected_time), "{body}");
                }
                assert_eq!(rows.len(), 5);
                assert!(rows.iter().all(|row| row.resource.service() == "filebeat"));
            }
        }
    }
}

#[tokio::test]
async fn documents_are_read_by_the_common_schema_and_each_item_is_answered() {
    let bench = Bench::new();
    let lines = [
        r#"{"index":{"_id":"a1"}}"#.to_owned(),
        format!(
            r#"{{"@timestamp":"2026-09-21T13:33:20Z","message":"gadget broke","log":{{"level":"error"}},
            "service":{{"name":"cart"}},"trace":{{"id":"{TRACE}"}},"host":{{"name":"n1"}},
            "kubernetes":{{"namespace":"prod","pod":{{"name":"cart-1"}}}}}}"#
        )
        .replace('\n', " "),
        r#"{"update":{"_id":"a1"}}"#.to_owned(),
        r#"{"doc":{}}"#.to_owned(),
        r#"{"delete":{"_id":7}}"#.to_owned(),
        r#"{"create":{"_index":"other"}}"#.to_owned(),
        r#"{"msg":"plain"}"#.to_owned(),
    ];
    let body = gzip(lines.join("\r\n").as_bytes());
    let reply = post(&bench, "/elastic/shop-2026.09.21/_bulk", &[NDJSON, GZIP], body).await;
    let told = reply.json();
    assert_eq!((reply.status, &told["errors"]), (200, &true.into()), "{told}");
    let items = told["items"].as_array().unwrap();
    let of = |position: usize, action: &str| {
        let item = &items[position][action];
        (item["status"].as_u64().unwrap(), item["_id"].as_str().unwrap().to_owned())
    };
    assert_eq!(of(0, "index"), (201, "a1".to_owned()));
    assert_eq!(of(1, "update"), (400, "a1".to_owned()));
    assert_eq!(of(2, "delete"), (400, "7".to_owned()));
    assert_eq!(of(3, "create").0, 201);
    let rows = bench.logs();
    assert_eq!(rows.len(), 2);
    let cart = rows.iter().find(|row| row.resource.service() == "cart").unwrap();
    assert_eq!(cart.record.body, "gadget broke");
    assert_eq!(cart.record.severity, Severity::ERROR);
    assert_eq!(cart.record.trace_id, TraceId::from_hex(TRACE));
    assert_eq!((cart.resource.pod(), cart.resource.node()), (Some("cart-1"), Some("n1")));
    let other = rows.iter().find(|row| row.resource.service() == "other").unwrap();
    assert_eq!(other.record.time, Timestamp::from_secs(NOW_SECS));
}

#[tokio::test]
async fn a_bulk_that_cannot_be_told_apart_is_refused_whole() {
    let bench = Bench::new();
    let good = "{\"create\":{}}\n{\"message\":\"m\"}\n";
    for bad in ["", "\n\n", "{\"create\":{}}", "nonsense\n{}", "{\"upsert\":{}}\n{}", "\u{0}"] {
        let reply = post(&bench, "/_bulk", &[NDJSON], format!("{good}{bad}")).await;
        let status = if bad.trim().is_empty() { 200 } else { 400 };
        assert_eq!(reply.status, status, "{bad}");
        if status == 400 {
            assert_eq!(reply.json()["error"]["type"], "illegal_argument_exception");
        }
    }
    assert_eq!(bench.logs().len(), 2, "only what was answered with 200");
    assert_eq!(post(&bench, "/_bulk", &[NDJSON], "").await.status, 400);
    let brotli = ("content-encoding", "br");
    assert_eq!(post(&bench, "/_bulk", &[NDJSON, brotli], "x").await.status, 415);

    let busy = Bench::with_room(1_000);
    let _held = busy.intake.admit(990).unwrap();
    let reply = post(&busy, "/_bulk", &[NDJSON], good).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(reply.json()["error"]["type"], "es_rejected_execution_exception");
}

#[tokio::test]
async fn shippers_find_what_they_look_for_before_they_send() {
    let bench = Bench::new();
    let asked = [
        ("GET", "/", "version"),
        ("GET", "/_license", "license"),
        ("GET", "/_license?human=false", "license"),
        ("GET", "/_xpack", "features"),
        ("GET", "/_nodes/http", "nodes"),
        ("GET", "/_nodes", "nodes"),
        ("GET", "/_cluster/health", "status"),
        ("GET", "/_ilm/policy/filebeat", "filebeat"),
        ("PUT", "/_ilm/policy/filebeat", "acknowledged"),
        ("GET", "/_index_template/filebeat-8.8.0", "index_templates"),
        ("PUT", "/_index_template/filebeat-8.8.0", "acknowledged"),
        ("GET", "/_data_stream/filebeat-8.8.0", "data_streams"),
        ("PUT", "/_data_stream/filebeat-8.8.0", "acknowledged"),
        ("GET", "/_template/logstash", "logstash"),
        ("PUT", "/_ingest/pipeline/p", "acknowledged"),
        ("PUT", "/filebeat", "acknowledged"),
    ];
    for (method, path, key) in asked {
        for prefix in ["", "/elastic"] {
            let path = format!("{prefix}{path}");
            let reply = send(&bench, method, &path, &[JSON], Vec::new()).await;
            assert_eq!(reply.status, 200, "{method} {path}");
            assert_eq!(reply.headers["x-elastic-product"], "Elasticsearch", "{path}");
            assert!(!reply.json()[key].is_null(), "{path}");
        }
    }
    for path in ["/", "/elastic", "/_index_template/x", "/filebeat", "/_alias/x"] {
        let reply = send(&bench, "HEAD", path, &[], Vec::new()).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{path}");
    }
}

#[test]
fn damaged_bulks_are_the_senders_fault() {
    let good = b"{\"create\":{\"_index\":\"a\",\"_id\":1}}\n{\"message\":\"m\",\"log.level\":\"warn\",\"trace\":{\"id\":\"x\"}}\r
{\"delete\":{\"_id\":\"2\"}}\n{\"index\":{}}\n{\"ts\":1790000000,\"kubernetes\":{\"pod\":{\"name\":\"p\"},\"labels\":{\"app\":\"a\"}}}\n";
    let now = Timestamp::from_secs(NOW_SECS);
    survives(&[good], 100_000, |bytes| decode(bytes, "i", now, &mut Room::unasked()).map(drop));
}
