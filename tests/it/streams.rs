//! The program as a reader of streams: a real NATS server whose messages survive kills of both, and a Kafka that is away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Program, Server, client, text};

/// A server of NATS; killed when dropped.
struct Nats {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nats {
    fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("GROUNDCREW_TEST_NATS") else {
            println!("skipped: GROUNDCREW_TEST_NATS does not name a nats-server");
            return None;
        };
        if !std::path::Path::new(&program).is_file() {
            println!("skipped: there is no {}", program.display());
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--auth", "s3cret"])
            .args(["--jetstream", "--store_dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port, _folder: folder })
    }

    /// Says these to the server, each a subject and a payload, and waits until it has heard them.
    fn publish(&self, messages: &[(&str, String)]) {
        let started = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::from("CONNECT {\"verbose\":false,\"auth_token\":\"s3cret\"}\r\n");
        for (subject, payload) in messages {
            said.push_str(&format!("PUB {subject} nobody {}\r\n{payload}\r\n", payload.len()));
        }
        said.push_str("PING\r\n");
        stream.write_all(said.as_bytes()).unwrap();
        let (mut heard, mut bytes) = (String::new(), [0; 4_096]);
        while !heard.contains("PONG") {
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the server of NATS hung up: {heard}");
            heard.push_str(&text(&bytes[..count]));
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lines that are stored, as they are shown.
async fn stored(server: &Server) -> Vec<String> {
    let now = SystemClock.now();
    let path = format!("/v1/logs?limit=1000&from={}&to={}", now.plus_secs(-600), now.plus_secs(60));
    let answer = client().get(server.url(&path)).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let lines = answer["lines"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mut bodies: Vec<String> =
        lines.iter().map(|line| line["body"].as_str().unwrap().to_owned()).collect();
    bodies.sort_unstable();
    bodies
}

async fn until_stored(server: &Server, count: usize) {
    let waiting = async {
        while stored(server).await.len() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("they never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_lead_to_nats_and_a_kill_doubles_nothing() {
    let Some(nats) = Nats::start() else { return };
    let stream = json!({ "name": "telemetry", "subjects": ["app"] }).to_string();
    nats.publish(&[("$JS.API.STREAM.CREATE.telemetry", stream)]);
    let lines = |numbers: std::ops::Range<u32>| -> Vec<(&str, String)> {
        numbers.map(|number| ("app", format!("line {number} happened"))).collect()
    };
    let url = format!("nats://127.0.0.1:{}", nats.port);
    let settings = [
        ("GROUNDCREW__INTAKE__NATS_URL", url.as_str()),
        ("GROUNDCREW__INTAKE__NATS_STREAM", "telemetry"),
        ("GROUNDCREW__INTAKE__NATS_PASSWORD", "s3cret"),
    ];
    let program = Program::new();
    nats.publish(&lines(0..50));
    let server = tokio::task::block_in_place(|| program.serve_with(&settings));
    until_stored(&server, 50).await;
    assert!(tokio::task::block_in_place(|| server.signal("KILL")).code().is_none());
    nats.publish(&lines(50..100));
    let server = tokio::task::block_in_place(|| program.serve_with(&settings));
    until_stored(&server, 100).await;
    let mut expected: Vec<String> = (0..100).map(|n| format!("line {n} happened")).collect();
    expected.sort_unstable();
    assert_eq!(stored(&server).await, expected);
    assert!(tokio::task::block_in_place(|| server.signal("TERM")).success());
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    for (settings, word) in [
        (&[("GROUNDCREW__INTAKE__NATS_URL", "nats://127.0.0.1:1")][..], "nats_stream"),
        (
            &[
                ("GROUNDCREW__INTAKE__NATS_URL", "nats://127.0.0.1:1"),
                ("GROUNDCREW__INTAKE__NATS_STREAM", "s"),
                ("GROUNDCREW__INTAKE__NATS_FORMAT", "xml"),
            ],
            "nats_format",
        ),
        (&[("GROUNDCREW__INTAKE__STREAMS_BEGIN", "never")], "streams_begin"),
        #[cfg(feature = "kafka")]
        (&[("GROUNDCREW__INTAKE__KAFKA_BROKERS", "127.0.0.1:1")], "kafka_topics"),
        #[cfg(not(feature = "kafka"))]
        (&[("GROUNDCREW__INTAKE__KAFKA_BROKERS", "127.0.0.1:1")], "without Kafka"),
    ] {
        let mut program = Program::new();
        for (name, value) in settings {
            program = program.with(name, value);
        }
        for port in ["LISTEN", "OTLP_GRPC", "OTLP_HTTP"] {
            program = program.with(&format!("GROUNDCREW__SERVER__{port}"), "127.0.0.1:0");
        }
        let output = program.run(&["serve"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word) && said.contains("intake."), "{said}");
    }
}

#[cfg(feature = "kafka")]
#[test]
fn a_kafka_that_is_away_keeps_no_server_from_starting_or_ending() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__KAFKA_BROKERS", "127.0.0.1:1"),
        ("GROUNDCREW__INTAKE__KAFKA_TOPICS", "otlp_logs, app=lines"),
    ]);
    assert!(server.signal("TERM").success());
}
