//! Alerts and changes as other systems post them.

use serde_json::{Value, json};

use crate::support::{Program, Server, client, overview};

/// Bodies recorded of real senders, where they are at hand.
const PAYLOADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/payloads");

async fn post(server: &Server, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let response =
        client().post(format!("http://{}{path}", server.http())).body(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

async fn alerts(server: &Server) -> Vec<Value> {
    overview(server).await["alerts"].as_array().unwrap().clone()
}

fn minutes_ago(minutes: i64) -> String {
    use groundcrew_telemetry::{Clock, SystemClock};
    SystemClock.now().plus_secs(-60 * minutes).to_string()
}

fn webhook(status: &str, since: &str) -> String {
    json!({"version": "4", "groupKey": "{}", "status": status, "receiver": "groundcrew",
        "groupLabels": {}, "commonLabels": {"alertname": "CheckoutFails", "service": "checkout", "severity": "critical"},
        "commonAnnotations": {"summary": "orders fail <!channel>"},
        "alerts": [{"status": status, "labels": {"alertname": "CheckoutFails", "service": "checkout", "severity": "critical"},
            "annotations": {}, "startsAt": since, "endsAt": if status == "firing" { "0001-01-01T00:00:00Z".to_owned() } else { minutes_ago(1) }, "fingerprint": "c4edaaf9f9f839b0"}]})
    .to_string()
}

#[tokio::test]
async fn an_alert_is_told_while_it_holds_and_when_it_ends_and_stored_once_each() {
    let program = Program::new();
    let server = program.serve();
    let since = minutes_ago(9);
    for _ in 0..3 {
        let taken = post(&server, "/hooks/alertmanager", webhook("firing", &since)).await;
        assert_eq!(taken, (200, json!({"alerts": 1, "changes": 0})));
    }
    let now = alerts(&server).await;
    assert_eq!(now.len(), 1);
    assert_eq!((&now[0]["firing"], &now[0]["count"]), (&json!(true), &json!(1)), "{now:#?}");
    assert_eq!(now[0]["service"], "checkout");
    post(&server, "/hooks/alertmanager", webhook("resolved", &since)).await;
    let later = alerts(&server).await;
    assert_eq!((&later[0]["firing"], later.len()), (&json!(false), 1));
    assert!(later[0]["until"].is_string());
}

#[tokio::test]
async fn what_fires_is_told_however_long_ago_it_began_and_a_sentence_is_of_a_moment() {
    let program = Program::new();
    let server = program.serve();
    let days_ago = minutes_ago(3 * 24 * 60);
    post(&server, "/hooks/alertmanager", webhook("firing", &days_ago)).await;
    let said = json!({"message": "the nightly job failed", "source": "cron"}).to_string();
    assert_eq!(post(&server, "/hooks/cron", said).await.0, 200);
    let now = alerts(&server).await;
    assert_eq!((&now[0]["name"], &now[0]["firing"]), (&json!("CheckoutFails"), &json!(true)));
    assert_eq!(now[1]["name"], "the nightly job failed");
    assert_eq!(now[1]["firing"], false);
}

#[tokio::test]
async fn prometheus_sends_alerts_as_to_an_alertmanager() {
    let program = Program::new();
    let server = program.serve();
    let alert = |name: &str, ends: String| {
        json!({"labels": {"alertname": name, "service": "cart"}, "annotations": {"summary": "slow"},
            "startsAt": minutes_ago(8), "endsAt": ends, "generatorURL": "http://prom/graph"})
    };
    let in_future = minutes_ago(-4);
    let body = json!([alert("CartSlow", in_future), alert("CartDown", minutes_ago(2))]);
    assert_eq!(post(&server, "/api/v2/alerts", body.to_string()).await.0, 200);
    let now = alerts(&server).await;
    let of = |name: &str| now.iter().find(|alert| alert["name"] == name).unwrap();
    assert_eq!(of("CartSlow")["firing"], true, "it holds until it is heard of no more");
    assert_eq!(of("CartDown")["firing"], false, "it has ended");
    assert_eq!(post(&server, "/api/v2/alerts", "[]").await.0, 200, "nothing to say is fine");
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_a_hint_and_harms_nothing() {
    let program = Program::new();
    let server = program.serve();
    for body in ["", "{", "null", "7", r#"{"a": 1}"#, "[1, 2]", "\u{0}\u{1}", r#"[{"labels": 3}]"#]
    {
        let (status, answer) = post(&server, "/hooks/grafana", body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer["error"]["hint"].is_string());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(post(&server, "/hooks/grafana", deep).await.0, 400);
    assert_eq!(post(&server, "/hooks/grafana", vec![b'x'; 5 << 20]).await.0, 413);
    assert_eq!(post(&server, "/hooks/a%2F..%2Fb", "{}").await.0, 400);
    let change = json!({"kind": "deploy", "time": minutes_ago(3), "service": "cart", "title": "cart 2", "to": "2"});
    let taken = post(&server, "/hooks/ci", change.to_string()).await;
    assert_eq!(taken, (200, json!({"alerts": 0, "changes": 1})));
}

#[tokio::test]
async fn hooks_carry_the_token_where_one_is_demanded() {
    let program = Program::new();
    let server = program.serve_with(&[("GROUNDCREW__SERVER__TOKEN", "secret")]);
    let body = webhook("firing", &minutes_ago(1));
    assert_eq!(post(&server, "/hooks/alertmanager", body.clone()).await.0, 401);
    assert_eq!(post(&server, "/api/v2/alerts", "[]").await.0, 401);
    let url = format!("http://{}/hooks/alertmanager", server.http());
    let sent = client().post(url).bearer_auth("secret").body(body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

#[tokio::test]
async fn bodies_recorded_of_real_senders_are_taken() {
    let program = Program::new();
    let server = program.serve();
    for sender in ["alertmanager", "grafana", "pagerduty", "github"] {
        let Ok(folder) = std::fs::read_dir(format!("{PAYLOADS}/{sender}")) else {
            eprintln!("skipped: {PAYLOADS}/{sender} is not here");
            return;
        };
        for path in folder.flatten().map(|entry| entry.path()) {
            if path.to_string_lossy().contains("signature-vector") {
                continue;
            }
            let body = std::fs::read(&path).unwrap();
            let (status, answer) = post(&server, &format!("/hooks/{sender}"), body).await;
            assert_eq!(status, 200, "{}: {answer}", path.display());
            let holds = ["alerts", "changes"].iter().any(|what| answer[what] != 0);
            assert!(holds || answer["passed_over"].is_string(), "{}: {answer}", path.display());
            let is_github = sender == "github";
            assert!(holds || is_github, "{}: {answer}", path.display());
        }
    }
}

#[tokio::test]
async fn who_signs_needs_no_token_and_who_signs_wrongly_gets_nowhere() {
    // The secret, body and signature that the sender's own library is tested with.
    let folder = format!("{PAYLOADS}/pagerduty");
    let Ok(vector) = std::fs::read(format!("{folder}/v3-signature-vector.json")) else {
        eprintln!("skipped: {folder} is not here");
        return;
    };
    let vector: Value = serde_json::from_slice(&vector).unwrap();
    let body =
        std::fs::read(format!("{folder}/{}", vector["body_file"].as_str().unwrap())).unwrap();
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__SERVER__TOKEN", "secret"),
        ("GROUNDCREW__HOOKS__PAGERDUTY_SECRET", vector["secret"].as_str().unwrap()),
    ]);
    let valid = vector["valid"].as_str().unwrap();
    let send = async |signature: &str, body: &[u8]| {
        let url = format!("http://{}/hooks/pagerduty", server.http());
        let request = client().post(url).header("X-PagerDuty-Signature", signature);
        request.body(body.to_vec()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(valid, &body).await, 200);
    assert_eq!(send(&format!("v1=00,{valid}"), &body).await, 200, "while keys are changed");
    assert_eq!(send(&valid.replace("v1=", "v2="), &body).await, 401);
    assert_eq!(send("", &body).await, 401);
    let mut changed = body.clone();
    changed.push(b' ');
    assert_eq!(send(valid, &changed).await, 401);
    assert_eq!(post(&server, "/hooks/github", "{}").await.0, 401, "it has no secret here");
}

#[test]
fn what_would_be_understood_can_be_tried_out() {
    let program = Program::new();
    let mappings = "[argocd]\nkind = \"deploy\"\nservice = \"/app/name\"\nto = \"/rev\"\n";
    let mappings = program.file("mappings.toml", mappings);
    let message = program.file("m.json", r#"{"app": {"name": "cart\u001b[31m"}, "rev": "7"}"#);
    let program = program.with("GROUNDCREW__HOOKS__MAPPINGS", &mappings);
    let told = program.ok(&["hook", "test", &message, "--source", "argocd"]);
    assert!(told.starts_with("deploy: deploy cart‹U+001B›[31m 7\n  service    cart"), "{told}");
    let refused = program.run(&["hook", "test", &message]);
    assert_eq!(refused.status.code(), Some(2), "without the mapping nobody knows it");
    let ping = program.file("ping.json", r#"{"zen": "x"}"#);
    let passed = program.ok(&["hook", "test", &ping, "--header", "X-GitHub-Event: ping"]);
    assert!(passed.starts_with("passed over: `ping`"), "{passed}");
}
