//! Real peers: the official OpenTelemetry Python SDK as sender, the official OpenAI SDK as client, a real OpenAI-compatible
//! model server, a real Prometheus and a real Alertmanager.
//!
//! `scripts/test.sh` installs them and says where they are; without it these tests say that they are skipped.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::Value;

use crate::support::{Program, Server, outage_logs, overview, text};

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
pub(crate) struct Peer(Child);

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

/// Whether the first page tells of a firing alert of that name within a minute.
async fn hears(server: &Server, name: &str) -> bool {
    for _ in 0..120 {
        let view = overview(server).await;
        let alerts = view["alerts"].as_array().unwrap();
        if alerts.iter().any(|alert| alert["name"] == name && alert["firing"] == true) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    false
}

#[tokio::test]
async fn a_real_prometheus_and_where_installed_a_real_alertmanager_are_heard() {
    let Some(folder) = given("GROUNDCREW_TEST_ALERTING") else { return };
    // Debian's Alertmanager reads its templates from where its package puts them, and only from there.
    let has_templates = Path::new("/usr/share/prometheus/alertmanager/default.tmpl").exists();
    if !has_templates {
        eprintln!("skipped: prometheus-alertmanager is not installed; Prometheus alone is heard");
    }
    for by_alertmanager in [false, true].into_iter().take(1 + usize::from(has_templates)) {
        let program = Program::new();
        let server = program.serve();
        let at = program.data().join("alerting");
        std::fs::create_dir_all(&at).unwrap();
        let file = |name: &str, text: String| {
            std::fs::write(at.join(name), text).unwrap();
            at.join(name).display().to_string()
        };
        let ours = server.http();
        let (prometheus_port, alertmanager_port) = (free_port(), free_port());
        let rules = file("rules.yml", "groups: [{name: g, rules: [{alert: ItFires, expr: vector(1), labels: {service: cart, severity: critical}, annotations: {summary: it fires}}]}]".to_owned());
        let target = if by_alertmanager {
            format!("127.0.0.1:{alertmanager_port}")
        } else {
            ours.to_string()
        };
        let config = file(
            "prometheus.yml",
            format!(
                "global: {{evaluation_interval: 1s}}\nrule_files: ['{rules}']\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}"
            ),
        );
        let receiver = file(
            "alertmanager.yml",
            format!(
                "route: {{receiver: us, group_wait: 1s}}\nreceivers: [{{name: us, webhook_configs: [{{url: 'http://{ours}/hooks/alertmanager'}}]}}]"
            ),
        );
        let _alertmanager = by_alertmanager.then(|| {
            start(
                &folder.join("prometheus-alertmanager"),
                &[
                    format!("--config.file={receiver}"),
                    format!("--storage.path={}", at.join("am").display()),
                    format!("--web.listen-address=127.0.0.1:{alertmanager_port}"),
                    "--cluster.listen-address=".to_owned(),
                ],
            )
        });
        let _prometheus = start(
            &folder.join("prometheus"),
            &[
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={}", at.join("tsdb").display()),
                format!("--web.listen-address=127.0.0.1:{prometheus_port}"),
                // It finds its targets only seconds after it sends for the first time.
                "--rules.alert.resend-delay=1s".to_owned(),
            ],
        );
        assert!(hears(&server, "ItFires").await, "by an Alertmanager: {by_alertmanager}");
        let opened = overview(&server).await["opened"].clone();
        let title = opened[0]["title"].as_str().unwrap_or_else(|| panic!("an incident: {opened}"));
        assert!(title.contains("it fires"), "{title}");
    }
}
