//! Incidents that alerts opened, told in the channels that were named for it.

use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use serde_json::json;

use crate::slack::{reply, serve};
use crate::slack_server::{Posted, SlackServer};
use crate::support::{Program, Server, client, outage_logs, overview};

const CHANNELS: (&str, &str) = ("GROUNDCREW__SLACK__CHANNELS", "CONCALL");

/// A program that knows of an outage of `checkout` that goes on.
fn in_an_outage() -> Program {
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(now))]);
    program
}

/// Sends an alert that began at `since`, firing or ended.
async fn alert(server: &Server, (name, service): (&str, &str), since: Timestamp, status: &str) {
    let ends = if status == "firing" { Timestamp::default() } else { SystemClock.now() };
    let body = json!({"receiver": "crew", "groupLabels": {}, "status": status, "alerts": [{"status": status,
        "labels": {"alertname": name, "service": service, "severity": "critical"},
        "annotations": {"summary": "orders fail <!channel>"}, "fingerprint": format!("{name}/{service}"),
        "startsAt": since.to_string(), "endsAt": ends.to_string()}]});
    let sent = client().post(server.url("/hooks/alertmanager")).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

fn in_channel(slack: &SlackServer) -> Vec<Posted> {
    slack.messages().into_iter().filter(|posted| posted.thread_ts.is_empty()).collect()
}

#[tokio::test]
async fn an_incident_is_one_message_that_is_edited_until_it_is_over() {
    let (program, slack) = (in_an_outage(), SlackServer::start());
    let server = serve(&program, &slack, &[CHANNELS]);
    slack.connected().await;
    let since = SystemClock.now().whole_secs();
    alert(&server, ("CheckoutFails", "checkout"), since, "firing").await;
    let told = slack
        .until("what was found", |slack| {
            in_channel(slack).into_iter().find(|posted| posted.says().contains("pool exhausted"))
        })
        .await;
    assert_eq!(told.channel, "CONCALL");
    assert!(!told.says().contains("<!channel>"), "{}", told.says());

    for number in 0..20 {
        alert(&server, (&format!("CheckoutSlow{number}"), "checkout"), since, "firing").await;
    }
    slack
        .until("how many alerts there are", |slack| {
            in_channel(slack).into_iter().find(|posted| posted.says().contains("21 alerts"))
        })
        .await;
    // Who answers in the thread is heard without a mention, and goes on from what was found.
    slack.event(reply("CONCALL", &told.ts, "1790000200.000100", "show me the errors")).await;
    slack.told("CONCALL", &told.ts, "pool exhausted").await;

    alert(&server, ("CheckoutFails", "checkout"), since, "resolved").await;
    for number in 0..20 {
        alert(&server, (&format!("CheckoutSlow{number}"), "checkout"), since, "resolved").await;
    }
    slack
        .until("that it is over", |slack| {
            in_channel(slack).into_iter().find(|posted| posted.says().contains("🟢"))
        })
        .await;
    assert_eq!(in_channel(&slack).len(), 1, "one message: {:#?}", in_channel(&slack));
    drop(server);

    // A server that starts anew knows which message it is, and says nothing twice.
    let server = serve(&program, &slack, &[CHANNELS]);
    slack.until("it is there again", |slack| (slack.sockets() > 0).then_some(())).await;
    alert(&server, ("CheckoutFails", "checkout"), since.plus_secs(1), "firing").await;
    slack
        .until("that it is back", |slack| {
            in_channel(slack).into_iter().find(|posted| posted.says().contains("🔴"))
        })
        .await;
    assert_eq!(in_channel(&slack).len(), 1);
}

#[tokio::test]
async fn nothing_is_told_where_nobody_asked_for_it() {
    let (program, slack) = (in_an_outage(), SlackServer::start());
    let server = serve(&program, &slack, &[]);
    slack.connected().await;
    alert(&server, ("CheckoutFails", "checkout"), SystemClock.now().whole_secs(), "firing").await;
    for _ in 0..600 {
        if overview(&server).await["opened"][0]["headline"].is_string() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(slack.messages().len(), 0);
}
