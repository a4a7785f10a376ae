//! What others' shippers speak, over real sockets: Loki, Elasticsearch bulk, Datadog, remote write and plain lines.
//!
//! What was sent is then looked for through the API, as a person would.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use serde_json::Value;

use crate::peers::{free_port, given, start};
use crate::support::{Program, Server, client, recorded, text};

const TOKEN: &str = "s3cret-token";

/// What a view of the API shows.
async fn view(server: &Server, path: &str, query: &[(&str, &str)]) -> Value {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let asked = client().get(server.url(&format!("{path}?{query}"))).bearer_auth(TOKEN);
    asked.send().await.unwrap().json().await.unwrap()
}

/// The log records of a service, within an hour of now or of `at`.
async fn lines(server: &Server, service: &str, at: Option<&str>) -> Vec<Value> {
    let middle = at.map_or_else(|| SystemClock.now(), |at| Timestamp::parse(at).unwrap());
    let (from, to) = (middle.plus_secs(-3_600).to_string(), middle.plus_secs(3_600).to_string());
    let query = [("service", service), ("from", from.as_str()), ("to", to.as_str())];
    view(server, "/v1/logs", &query).await["lines"].as_array().unwrap().clone()
}

async fn posted(server: &Server, path: &str, kind: &str, body: Vec<u8>) -> reqwest::Response {
    let url = format!("http://{}{path}", server.otlp_http());
    client().post(url).header("content-type", kind).body(body).send().await.unwrap()
}

#[tokio::test]
async fn the_best_known_clients_of_other_protocols_are_understood() {
    let Some(python) = given("GROUNDCREW_TEST_SHIPPERS_PYTHON") else { return };
    let program = Program::new().with("GROUNDCREW__SERVER__TOKEN", TOKEN);
    let server = program.serve();
    let endpoint = format!("http://{}", server.otlp_http());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/send_shippers.py");
    let send =
        |token: &str| Command::new(&python).arg(&script).args([&endpoint, token]).output().unwrap();
    assert!(!send("another").status.success(), "another token is refused");
    let sent = send(TOKEN);
    assert_eq!(text(&sent.stdout), "ok\n", "{}", text(&sent.stderr));
    for (service, count) in [("loki-shop", 1), ("elastic-shop", 3), ("datadog-shop", 2)] {
        let found = lines(&server, service, None).await;
        assert_eq!(found.len(), count, "{service}");
        for line in found {
            assert!(line["body"].as_str().unwrap().starts_with("gadget7 by "), "{line}");
            assert_eq!(line["level"], "ERROR", "{line}");
        }
    }
    let loki = &lines(&server, "loki-shop", None).await[0];
    assert_eq!(loki["pod"], "loki-shop-1");
}

#[tokio::test]
async fn recorded_payloads_come_in_over_a_socket_and_are_found() {
    let Some(payloads) = recorded("payloads") else { return };
    let server_of = Program::new();
    let server = server_of.serve();
    let read = |name: &str| std::fs::read(payloads.join(name)).unwrap();
    let bulk = read("es-bulk/case-03.ndjson");
    let reply = posted(&server, "/_bulk", "application/x-ndjson", bulk).await;
    assert_eq!(reply.json::<Value>().await.unwrap()["errors"], false);
    let datadog = read("datadog-logs/case-01.json");
    assert_eq!(posted(&server, "/api/v2/logs", "application/json", datadog).await.status(), 202);
    let jsonline = read("jsonline/case-03.ndjson");
    let reply = posted(&server, "/v1/lines?service=shop", "text/plain", jsonline).await;
    assert_eq!(reply.json::<Value>().await.unwrap()["records"], 2);
    for file in std::fs::read_dir(payloads.join("loki-push")).unwrap().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let body = std::fs::read(file.path()).unwrap();
        let reply = posted(&server, "/loki/api/v1/push", "application/json", body).await;
        let expected = if name.starts_with("accept-") { 204..205 } else { 400..500 };
        assert!(expected.contains(&reply.status().as_u16()), "{name}: {}", reply.status());
    }
    let then = Some("2023-06-06T04:48:00Z");
    assert_eq!(lines(&server, "filebeat", then).await.len(), 5);
    assert_eq!(lines(&server, "shop", then).await.len(), 2);
    assert!(lines(&server, "test", None).await.len() >= 4);
}

fn gzipped(bytes: &[u8], times: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..times {
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
    }
    encoder.finish().unwrap()
}

/// Kilobytes that the server holds at most, so far.
fn peak_kb(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn bombs_are_too_large_on_every_door_and_take_little_memory() {
    let program = Program::new();
    let server = program.serve();
    let mebibyte = vec![b' '; 1 << 20];
    let gzip = gzipped(&mebibyte, 256);
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    for _ in 0..1_024 {
        std::io::Write::write_all(&mut zstd, &mebibyte).unwrap();
    }
    let zstd = zstd.finish().unwrap();
    assert!(gzip.len() < 2 << 20 && zstd.len() < 1 << 20, "{} {}", gzip.len(), zstd.len());
    let lying = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let doors = [
        ("/v1/logs", "application/json"),
        ("/loki/api/v1/push", "application/json"),
        ("/_bulk", "application/x-ndjson"),
        ("/api/v2/logs", "application/json"),
        ("/v1/lines", "text/plain"),
        ("/api/v1/write", "application/x-protobuf"),
    ];
    let before = peak_kb(&server);
    for (path, kind) in doors {
        let url = format!("http://{}{path}", server.otlp_http());
        for (encoding, bomb) in [("gzip", &gzip), ("zstd", &zstd), ("snappy", &lying)] {
            let post = client().post(&url).header("content-type", kind);
            let sent = post.header("content-encoding", encoding).body(bomb.clone()).send();
            assert_eq!(sent.await.unwrap().status(), 413, "{path} {encoding}");
        }
        // A bomb in a bomb is opened once, and what it is then is no telemetry.
        let double = gzipped(&gzip, 1);
        let post =
            client().post(&url).header("content-type", kind).header("content-encoding", "gzip");
        let status = post.body(double).send().await.unwrap().status();
        assert_eq!(status, 400, "{path}");
    }
    let grown = peak_kb(&server).saturating_sub(before) / 1_024;
    assert!(grown < 192, "bombs took {grown} MiB");
    assert_eq!(client().get(server.url("/readyz")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_post_what_needs_no_asking() {
    let program = Program::new();
    let server = program.serve();
    let url = format!("http://{}/v1/lines?service=evil", server.otlp_http());
    let post = |origin: &'static str| {
        let post = client().post(&url).header("content-type", "text/plain");
        post.header("origin", origin).body("ERROR planted").send()
    };
    assert_eq!(post("http://evil.example").await.unwrap().status(), 403);
    assert_eq!(post("null").await.unwrap().status(), 403);
    assert!(lines(&server, "evil", None).await.is_empty());
}

#[tokio::test]
async fn a_real_prometheus_writes_what_it_scrapes() {
    let Some(folder) = given("GROUNDCREW_TEST_ALERTING") else { return };
    let program = Program::new();
    let server = program.serve();
    let at = program.home.path().join("prometheus");
    std::fs::create_dir_all(&at).unwrap();
    let port = free_port();
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: scraped, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n\
         remote_write: [{{url: 'http://{}/api/v1/write', queue_config: {{batch_send_deadline: 1s}}}}]",
        server.otlp_http()
    );
    let file = at.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let _prometheus = start(
        &folder.join("prometheus"),
        &[
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", at.join("tsdb").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ],
    );
    let up = scraped(&server, "up", |series| series["points"].to_string().contains("1.0")).await;
    assert_eq!(up["pod"], format!("127.0.0.1:{port}"), "{up}");
    let buckets = "prometheus_http_request_duration_seconds_bucket";
    scraped(&server, buckets, |series| series["labels"].to_string().contains("\"le\"")).await;
}

/// The first series of that name, once it is as it should be, within two minutes.
async fn scraped(server: &Server, name: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    for _ in 0..240 {
        seen = view(server, "/v1/metrics", &[("service", "scraped"), ("name", name)]).await;
        if is_right(&seen["series"][0]) {
            return seen["series"][0].clone();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{name} is not found: {seen}")
}
