//! Alerts open incidents, join them and end them, and each incident is looked into once.

use std::path::{Path, PathBuf};

use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Program, Server, client, outage_logs, overview};

async fn alert(server: &Server, name: &str, service: &str, group: &str, status: &str) {
    let now = SystemClock.now();
    let ends = if status == "firing" { "0001-01-01T00:00:00Z".to_owned() } else { now.to_string() };
    let body = json!({"receiver": "crew", "groupKey": group, "status": status, "groupLabels": {}, "alerts": [{
        "status": status, "labels": {"alertname": name, "service": service, "severity": "critical"},
        "annotations": {"summary": "requests fail"}, "startsAt": now.whole_secs().plus_secs(-now.whole_secs().nanos() / 1_000_000_000 % 3_600).to_string(), "endsAt": ends,
        "fingerprint": format!("{name}/{service}")}]});
    let sent = client().post(server.url("/hooks/alertmanager")).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

/// What the first page says of opened incidents, once `holds` does.
async fn opened(server: &Server, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let looked = tokio::time::timeout(PATIENCE, async {
        loop {
            let rows = overview(server).await["opened"].as_array().unwrap().clone();
            if holds(&rows) {
                return rows;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    looked.await.unwrap_or_else(|_| panic!("what was waited for did not come"))
}

/// A program that knows of an outage of `checkout` in the last ten minutes.
fn in_an_outage() -> Program {
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    let logs = program.file("logs.jsonl", outage_logs(now));
    program.ok(&["ingest", &logs]);
    program
}

#[tokio::test]
async fn an_alert_opens_an_incident_that_is_looked_into_at_once_and_ends_with_it() {
    let program = in_an_outage();
    let server = program.serve();
    alert(&server, "CheckoutFails", "checkout", "g", "firing").await;
    let rows = opened(&server, |rows| rows.iter().all(|row| row["headline"].is_string())).await;
    assert_eq!(rows.len(), 1);
    let code = rows[0]["code"].as_str().unwrap().to_owned();
    assert_eq!((&rows[0]["firing"], &rows[0]["until"]), (&json!(1), &Value::Null));
    let path = format!("/v1/incidents/{code}/answer");
    let answer: Value = client().get(server.url(&path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["incident"], code, "the answer goes by the incident's code");
    assert!(answer["evidence"].to_string().contains("pool exhausted"), "{answer:#}");

    alert(&server, "CheckoutFails", "checkout", "g", "firing").await;
    alert(&server, "CheckoutSlow", "checkout", "", "firing").await;
    alert(&server, "CartFails", "cart", "g", "firing").await;
    let rows = opened(&server, |rows| rows.iter().any(|row| row["alerts"] == 3)).await;
    assert_eq!(rows.len(), 1, "what shares a service or a group joins");
    drop(server);

    let server = program.serve();
    for (name, service) in
        [("CheckoutFails", "checkout"), ("CheckoutSlow", "checkout"), ("CartFails", "cart")]
    {
        alert(&server, name, service, "g", "resolved").await;
    }
    let rows = opened(&server, |rows| rows.iter().all(|row| row["until"].is_string())).await;
    assert_eq!((rows.len(), &rows[0]["code"]), (1, &json!(code)), "it is known after a restart");
    assert_eq!(rows[0]["firing"], 0);
}

#[tokio::test]
async fn a_service_that_only_its_monitor_knows_narrows_nothing() {
    let program = in_an_outage();
    let server = program.serve();
    alert(&server, "OrdersFail", "Online Shop (EU)", "", "firing").await;
    let rows = opened(&server, |rows| rows.iter().all(|row| row["headline"].is_string())).await;
    let path = format!("/v1/incidents/{}/answer", rows[0]["code"].as_str().unwrap());
    let answer: Value = client().get(server.url(&path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["scope"], json!([]), "{answer:#}");
    assert!(answer["evidence"].to_string().contains("pool exhausted"), "{answer:#}");
}

#[tokio::test]
async fn a_storm_folds_into_its_incidents_and_none_is_lost() {
    let program = Program::new();
    let server = program.serve();
    let storm = (0..300).map(|number| {
        let server = &server;
        async move {
            let service = format!("service-{}", number % 5);
            alert(server, &format!("alert-{number}"), &service, "", "firing").await;
        }
    });
    futures_util::future::join_all(storm).await;
    let whole = |rows: &[Value]| rows.iter().all(|row| row["headline"].is_string());
    let rows = opened(&server, whole).await;
    assert_eq!(rows.len(), 5, "{rows:#?}");
    let alerts: u64 = rows.iter().map(|row| row["alerts"].as_u64().unwrap()).sum();
    assert_eq!(alerts, 300);
}

#[tokio::test]
async fn what_wakes_nobody_opens_nothing_and_words_are_masked() {
    let program = Program::new();
    let server = program.serve();
    let quiet = json!([{"labels": {"alertname": "Watchdog", "severity": "none"}, "startsAt": SystemClock.now().to_string()}]);
    let sent = client().post(server.url("/api/v2/alerts")).json(&quiet).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let loud = json!({"title": "payment of jane.doe@example.com failed", "severity": "critical"});
    let sent = client().post(server.url("/hooks/shop")).json(&loud).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let rows = opened(&server, |rows| !rows.is_empty()).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert!(!rows[0]["title"].as_str().unwrap().contains("jane.doe"), "{rows:#?}");
    drop(server);
    let files = walk(&program.data());
    assert!(files.len() > 3);
    for (path, bytes) in files {
        let holds = bytes.windows(8).any(|window| window == b"jane.doe");
        assert!(!holds, "{} holds what was masked", path.display());
    }
}

/// Every file below a directory, with what it holds.
fn walk(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path),
            path => vec![(path.clone(), std::fs::read(&path).unwrap())],
        })
        .collect()
}
