//! `groundcrew ask` over a data directory: outputs, exit codes, scope.

use serde_json::{Value, json};

use crate::support::{Program, outage_logs, text};

const END: i64 = 1_790_000_000;

fn with_outage() -> Program {
    let program = Program::new();
    let file = program.file("logs.otlp.jsonl", outage_logs(END));
    program.ok(&["ingest", &file]);
    program
}

fn at() -> String {
    groundcrew_telemetry::Timestamp::from_secs(END).to_string()
}

#[test]
fn an_answer_cites_evidence_that_opens() {
    let program = with_outage();
    let output = program.run(&[
        "ask",
        "why is checkout failing?",
        "--at",
        &at(),
        "--since",
        "10m",
        "-o",
        "json",
    ]);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(output.status.code(), Some(0), "{answer:#}");
    let claims = answer["claims"].as_array().unwrap();
    assert!(!claims.is_empty());
    for claim in claims {
        for cite in claim["cites"].as_array().unwrap() {
            let item =
                answer["evidence"].as_array().unwrap().iter().find(|item| item["id"] == *cite);
            assert!(item.is_some(), "{cite} opens");
        }
    }
    let all = answer.to_string();
    assert!(all.contains("pool exhausted"), "the new line is told: {answer:#}");
    assert_eq!(answer["told_by"], "plain");
    assert!(answer["unknowns"].to_string().contains("no traces"), "missing signals are said");
}

#[test]
fn a_service_that_selects_no_pod_is_found_by_comparing_manifests() {
    let program = Program::new();
    let manifests = "\
apiVersion: v1
kind: Service
metadata: {name: basket, namespace: store}
spec:
  selector: {app: basket, tier: backend}
---
apiVersion: v1
kind: Pod
metadata:
  name: basket-7c9d8f6b5d-x2x4k
  namespace: store
  labels: {app: basket, tier: back-end}
spec:
  containers: [{name: basket, image: 'store/basket:1.2.0'}]
status: {phase: Running}
";
    let file = program.file("state.yaml", manifests);
    program.ok(&["ingest", &file]);
    let output = program.run(&["ask", "why does nobody reach basket?", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    let headline = answer["headline"].as_str().unwrap();
    assert!(headline.contains("Service/store/basket"), "{answer:#}");
    assert!(headline.contains("selecting no pod") && headline.contains("back-end"), "{answer:#}");
}

#[test]
fn every_output_form_is_itself() {
    let program = with_outage();
    let ask = |form: &str| {
        program.run(&[
            "ask",
            "why is checkout failing?",
            "--at",
            &at(),
            "--since",
            "10m",
            "-o",
            form,
        ])
    };
    let plain = text(&ask("text").stdout);
    assert!(
        plain.contains("[E1") && !plain.contains('\u{1b}'),
        "no colour where nobody looks: {plain}"
    );
    assert!(text(&ask("md").stdout).starts_with("**"));
    let lines = text(&ask("jsonl").stdout);
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["t"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("step"));
    assert!(kinds.contains(&"answer".to_owned()));
    assert_eq!(kinds.last().map(String::as_str), Some("run.finished"));
}

#[test]
fn the_same_question_gets_the_same_evidence() {
    let program = with_outage();
    let evidence = || {
        let output = program.run(&["ask", "why is checkout failing?", "--at", &at(), "-o", "json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let hashes: Vec<String> = answer["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["hash"].to_string())
            .collect();
        (hashes, answer["headline"].clone())
    };
    assert_eq!(evidence(), evidence());
}

#[test]
fn a_quiet_system_is_not_blamed() {
    let program = Program::new();
    let calm: String = outage_logs(END).lines().take(25).map(|line| format!("{line}\n")).collect();
    program.ok(&["ingest", &program.file("logs.otlp.jsonl", calm)]);
    let calm_end = groundcrew_telemetry::Timestamp::from_secs(END - 900).to_string();
    let output =
        program.run(&["ask", "why is it slow?", "--at", &calm_end, "--since", "5m", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["verdict"], "not_enough_evidence");
    assert_eq!(answer["confidence"], Value::Null);
}

#[test]
fn logs_can_be_piped_in() {
    let program = Program::new();
    let log = "2026-11-22T03:07:01Z INFO checkout started\n2026-11-22T03:07:10Z ERROR checkout java.lang.IllegalStateException: pool is closed\n\tat shop.Pool.get(Pool.java:41)\n\tat shop.Checkout.pay(Checkout.java:7)\n2026-11-22T03:07:12Z INFO checkout retrying\n";
    let output =
        program.run_with_stdin(&["ask", "-", "what", "broke?", "-o", "json"], log.as_bytes());
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert!(
        answer.to_string().contains("Pool.java:41"),
        "the stack trace stays with its line: {answer:#}"
    );
    assert!(!program.data().exists(), "what is piped in is not kept");
}

#[test]
fn a_stale_store_is_asked_about_its_own_time_and_says_so() {
    let program = with_outage();
    let output = program.run(&["ask", "why is checkout failing?", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["unknowns"].to_string().contains("newest telemetry"), "{answer:#}");
}

#[test]
fn help_leads_with_examples_and_version_is_short() {
    let program = Program::new();
    let help = program.ok(&["--help"]);
    assert!(help.find("Examples").unwrap() < help.find("Usage").unwrap());
    assert!(program.ok(&["--version"]).starts_with("groundcrew "));
    assert_eq!(program.run(&["aks"]).status.code(), Some(2));
}

#[test]
fn a_value_that_changed_in_lines_that_are_alike_is_in_the_evidence() {
    let end = 1_790_000_000_i64;
    let records: Vec<Value> = (0..600)
        .map(|number| {
            // Three in the middle of six hundred, long before the last.
            let ttl = if (400..403).contains(&number) { 60 } else { 3600 };
            let nanos = (end - 600 + number) * 1_000_000_000;
            let body = format!("issued token for user {} with ttl {ttl}", 10_000 + number * 7);
            json!({"timeUnixNano": nanos.to_string(), "severityNumber": 9, "body": {"stringValue": body}})
        })
        .collect();
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": "login"}}]});
    let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "a"}, "logRecords": records}]}]});
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", logs.to_string())]);
    let told = program.asked("why do tokens of login expire?", end).to_string();
    assert!(told.contains("ttl 3600 ×"), "{told}");
    assert!(told.contains("60 ×0 before, ×3 in the window"), "{told}");
}
