//! Real peers: the official OpenTelemetry Python SDK as sender, the official OpenAI SDK as client, a real OpenAI-compatible
//! model server.
//!
//! `scripts/test.sh` installs them and says where they are; without it these tests say that they are skipped.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::Value;

use crate::support::{Program, outage_logs, text};

/// What `scripts/test.sh` installed and names by a variable.
pub(crate) fn given(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: {variable} does not name it; scripts/test.sh installs it");
    }
    path
}

#[test]
fn the_python_sdk_exports_all_three_signals_over_both_transports() {
    let Some(python) = given("GROUNDCREW_TEST_OTEL_PYTHON") else { return };
    let program = Program::new();
    let server = program.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/send_otlp.py");
    for (transport, endpoint) in [("grpc", server.otlp_grpc()), ("http", server.otlp_http())] {
        let sent = Command::new(&python)
            .arg(&script)
            .args([transport, &format!("http://{endpoint}")])
            .output()
            .unwrap();
        assert!(sent.status.success(), "{transport}: {}", text(&sent.stderr));
        assert!(!text(&sent.stderr).contains("Failed to export"), "{}", text(&sent.stderr));
    }
    let output = program.run(&["ask", "show the errors of python-shop with gadget7", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = answer.to_string();
    assert!(all.contains("gadget7 over grpc") && all.contains("gadget7 over http"), "{answer:#}");
    let receipt = &answer["receipt"];
    assert!(receipt["spans"].as_u64().unwrap() >= 4, "{receipt}");
    assert!(receipt["series"].as_u64().unwrap() >= 2, "{receipt}");
}

#[test]
fn a_real_model_server_speaks_the_protocol_and_its_nonsense_is_refused() {
    let Some(prepared) = given("GROUNDCREW_TEST_TINY_MODEL") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/tiny-model-server.sh");
    let port = free_port();
    let mut server = Command::new(script)
        .args([&port.to_string(), prepared.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = server.stdout.take().unwrap();
    let server = Peer(server);
    // It says where it serves once it does; when it cannot be installed, it ends without a word on stdout.
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let said =
        lines.find_map(|line| line.split_once(" at http://").map(|(_, rest)| rest.to_owned()));
    let answered = said.map(|address| {
        let program = Program::new()
            .with("GROUNDCREW__LLM__BASE_URL", &format!("http://{address}"))
            .with("GROUNDCREW__LLM__MODEL", "tiny-random")
            .with("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "50");
        program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(1_790_000_000))]);
        let doctor = text(&program.run(&["doctor"]).stdout);
        assert!(doctor.contains("✔ language model: tiny-random"), "{doctor}");
        program.run(&["ask", "why is checkout failing?", "-o", "json"])
    });
    drop(server);
    let Some(output) = answered else {
        eprintln!("skipped: the model server did not start");
        return;
    };
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(answer["told_by"], "plain");
    // Random weights say nothing that keeps to the form or holds; the facts stay and say so.
    let notice = answer["notice"].as_str().unwrap();
    assert!(notice.contains("facts alone") && !notice.contains("connect"), "{notice}");
    assert!(answer["claims"].to_string().contains("pool exhausted"));
}

#[test]
fn the_official_openai_sdk_chats_with_the_server() {
    let Some(clients) = given("GROUNDCREW_TEST_API_CLIENTS") else { return };
    let program = Program::new().with("GROUNDCREW__SERVER__TOKEN", "s3cret-token");
    let now = SystemClock.now().nanos() / 1_000_000_000;
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(now))]);
    let server = program.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/openai_client.py");
    let chatted = Command::new(clients.join("python"))
        .arg(script)
        .args([&server.url("/v1"), "s3cret-token"])
        .output()
        .unwrap();
    assert_eq!(text(&chatted.stdout), "ok\n", "{}", text(&chatted.stderr));
}

#[test]
fn the_api_keeps_to_its_description_whatever_is_sent() {
    let Some(clients) = given("GROUNDCREW_TEST_API_CLIENTS") else { return };
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(now))]);
    program.ok(&["ask", "why is checkout failing?"]);
    let server = program.serve();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let examined = Command::new(clients.join("schemathesis"))
        .current_dir(program.home.path())
        .args(["run", &server.url("/v1/openapi.json"), "--url", &server.url("")])
        .args(["--checks", checks, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "40", "--generation-deterministic"])
        // They end only when their reader does.
        .args(["--exclude-path", "/v1/conversations/{sid}/events", "--exclude-path", "/v1/ws"])
        .args(["--workers", "1", "--request-timeout", "60", "--no-color"])
        .output()
        .unwrap();
    assert!(examined.status.success(), "{}{}", text(&examined.stdout), text(&examined.stderr));
}

/// A process of a peer, ended when the test does.
pub(crate) struct Peer(pub(crate) Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn start(program: &Path, arguments: &[String]) -> Peer {
    let quiet = || Stdio::null();
    Peer(
        Command::new(program)
            .args(arguments)
            .stdin(quiet())
            .stdout(quiet())
            .stderr(quiet())
            .spawn()
            .unwrap(),
    )
}

/// A port that was free a moment ago, for a program that cannot say which one it took.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
