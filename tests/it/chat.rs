//! The chat over its WebSocket and its HTTP twin, against the real server.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::support::{PATIENCE, Program, Server, hear, hear_until, open_chat, outage_logs, say};

const END: i64 = 1_790_000_000;

fn served() -> (Program, Server) {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    let server = program.serve();
    (program, server)
}

fn question() -> Value {
    let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
    json!({"text": "why is checkout failing?", "ask_id": "ask-1", "scope": {"at": at, "since": "10m"}})
}

#[tokio::test]
async fn a_question_is_answered_step_by_step() {
    let (_program, server) = served();
    let mut socket = open_chat(&server, None).await.unwrap();
    say(&mut socket, "hello", None, json!({"client": {"name": "test"}})).await;
    let welcome = hear(&mut socket, "welcome").await;
    assert_eq!(welcome["d"]["server"]["name"], "groundcrew");
    say(&mut socket, "something-newer", None, json!({})).await;
    say(&mut socket, "ask", Some("conv-1"), question()).await;
    let frames = hear_until(&mut socket, "run.finished").await;
    let kinds: Vec<&str> = frames.iter().map(|frame| frame["t"].as_str().unwrap()).collect();
    for kind in ["run.started", "step", "evidence", "answer"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let numbers: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "numbers strictly increase: {numbers:?}");
    let answer = &frames.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"];
    assert!(answer.to_string().contains("pool exhausted"));
}

#[tokio::test]
async fn one_who_comes_back_misses_nothing_and_gets_nothing_twice() {
    let (_program, server) = served();
    let mut first = open_chat(&server, None).await.unwrap();
    say(&mut first, "ask", Some("conv-1"), question()).await;
    let started = hear(&mut first, "run.started").await;
    drop(first);
    let mut second = open_chat(&server, None).await.unwrap();
    let last = started["seq"].as_u64().unwrap();
    say(
        &mut second,
        "hello",
        None,
        json!({"resume": [{"sid": "conv-1", "last_seq": last}, {"sid": "nobody", "last_seq": 3}]}),
    )
    .await;
    let frames = hear_until(&mut second, "run.finished").await;
    let resumed = &frames.iter().find(|frame| frame["t"] == "welcome").unwrap()["d"]["resume"];
    assert_eq!(
        resumed,
        &json!([{"sid": "conv-1", "status": "ok"}, {"sid": "nobody", "status": "gone"}])
    );
    let numbers: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    let expected: Vec<u64> = (last + 1..=*numbers.last().unwrap()).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn the_same_ask_id_is_the_same_run() {
    let (_program, server) = served();
    let mut socket = open_chat(&server, None).await.unwrap();
    say(&mut socket, "ask", Some("conv-1"), question()).await;
    let once = hear(&mut socket, "accepted").await;
    say(&mut socket, "ask", Some("conv-1"), question()).await;
    let again = hear(&mut socket, "accepted").await;
    assert_eq!(once["d"]["run_id"], again["d"]["run_id"]);
}

#[tokio::test]
async fn only_own_pages_may_open_the_chat() {
    let (_program, server) = served();
    let own = format!("http://{}", server.http());
    assert!(open_chat(&server, Some(&own)).await.is_ok());
    for origin in ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"] {
        match open_chat(&server, Some(origin)).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| ())),
        }
    }
}

#[tokio::test]
async fn mistakes_get_an_error_and_the_socket_lives_on() {
    let (_program, server) = served();
    let mut socket = open_chat(&server, None).await.unwrap();
    for (t, d, code) in [
        ("ask", json!({}), "bad_question"),
        (
            "ask",
            json!({"text": "why?", "ask_id": "ask-9", "scope": {"at": "yesterday"}}),
            "bad_question",
        ),
        ("ask", json!({"text": "why?", "ask_id": "../../etc"}), "bad_id"),
        ("cancel", json!({"run_id": "run_0"}), "not_running"),
    ] {
        let asked = d.get("ask_id").cloned();
        say(&mut socket, t, Some("conv-1"), d).await;
        let error = hear(&mut socket, "error").await;
        assert_eq!(error["d"]["code"], code);
        if let Some(asked) = asked {
            assert_eq!(error["d"]["ask_id"], asked, "the refusal names its question");
        }
    }
    say(&mut socket, "ask", Some("conv-1"), json!({"text": " "})).await;
    let finished = hear(&mut socket, "run.finished").await;
    assert_eq!(finished["d"]["status"], "failed");
    assert!(finished["d"]["error"]["message"].as_str().unwrap().contains("empty"));
    say(&mut socket, "ask", Some("conv-1"), question()).await;
    hear(&mut socket, "answer").await;
}

#[tokio::test]
async fn the_http_twin_gives_json_events_and_permalinks() {
    let (_program, server) = served();
    let client = crate::support::client();
    let response = client
        .post(server.url("/v1/ask"))
        .json(&question())
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    let item = &answer["evidence"][0];
    let path = format!(
        "/v1/evidence/{}/{}",
        answer["answer_id"].as_str().unwrap(),
        item["id"].as_str().unwrap()
    );
    let opened = client.get(server.url(&path)).send().await.unwrap();
    let tag = opened.headers()["etag"].clone();
    assert_eq!(
        &opened.json::<Value>().await.unwrap(),
        item,
        "a permalink opens exactly what was cited"
    );
    let unchanged =
        client.get(server.url(&path)).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(unchanged.status(), 304);
    assert_eq!(client.get(server.url("/v1/evidence/ans_0/E1")).send().await.unwrap().status(), 404);

    let mut asked = question();
    asked["ask_id"] = json!("ask-2");
    let request =
        client.post(server.url("/v1/ask")).header("accept", "text/event-stream").json(&asked);
    let events = request.timeout(PATIENCE).send().await.unwrap().text().await.unwrap();
    assert!(events.contains("event: step") && events.contains("event: answer"), "{events}");
    assert!(
        events.trim_end().rsplit("\n\n").next().unwrap().contains("event: run.finished"),
        "the stream ends with the run"
    );
}

#[tokio::test]
async fn wrong_requests_are_refused_with_a_hint() {
    let (_program, server) = served();
    let client = crate::support::client();
    let post = |body: String| {
        client
            .post(server.url("/v1/ask"))
            .header("content-type", "application/json")
            .body(body)
            .timeout(PATIENCE)
            .send()
    };
    let empty = post(json!({"text": ""}).to_string()).await.unwrap();
    assert_eq!(empty.status(), 400);
    assert!(empty.json::<Value>().await.unwrap()["error"]["hint"].is_string());
    assert_eq!(post("{".to_owned()).await.unwrap().status(), 400);
    let megabyte = json!({"text": "why ".repeat(262_144)}).to_string();
    let refused = post(megabyte).await.unwrap();
    assert_eq!(refused.status(), 413, "a question of a megabyte is too long");
    // The refused body broke its connection, so the next request takes a new one.
    let client = crate::support::client();
    let foreign = client
        .post(server.url("/v1/ask"))
        .header("origin", "https://evil.example")
        .json(&question())
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    let rebound = client.get(server.url("/")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    assert_eq!(client.get(server.url("/readyz")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_is_demanded_where_one_is_set() {
    let program = Program::new().with("GROUNDCREW__SERVER__TOKEN", "s3cret-token");
    let server = program.serve();
    let client = crate::support::client();
    let without = client.post(server.url("/v1/ask")).json(&question()).send().await.unwrap();
    assert_eq!(without.status(), 401);
    let with = client
        .post(server.url("/v1/ask"))
        .bearer_auth("s3cret-token")
        .json(&question())
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap();
    assert_eq!(with.status(), 200);
    assert!(
        matches!(open_chat(&server, None).await, Err(Error::Http(response)) if response.status() == 401)
    );
    let logs = client
        .post(format!("http://{}/v1/logs", server.otlp_http()))
        .header("content-type", "application/json")
        .body("{}");
    assert_eq!(logs.send().await.unwrap().status(), 401);
    assert_eq!(client.get(server.url("/livez")).send().await.unwrap().status(), 200);
    let ticket: Value = client
        .post(server.url("/v1/ws-ticket"))
        .bearer_auth("s3cret-token")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let url = format!("ws://{}/v1/ws?ticket={}", server.http(), ticket["ticket"].as_str().unwrap());
    assert!(tokio_tungstenite::connect_async(url.as_str()).await.is_ok());
    assert!(tokio_tungstenite::connect_async(url.as_str()).await.is_err(), "a ticket opens once");
}

#[test]
fn strangers_are_not_let_in_without_a_token() {
    let program = Program::new().with("GROUNDCREW__SERVER__LISTEN", "0.0.0.0:0");
    let output = program.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = crate::support::text(&output.stderr);
    assert!(stderr.contains("token") && stderr.contains("hint"), "{stderr}");
}

#[test]
fn a_client_that_trickles_its_head_is_closed() {
    let program = Program::new();
    let server = program.serve();
    let mut stream = TcpStream::connect(server.http()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127").unwrap();
    let mut rest = Vec::new();
    // It ends by itself: with a close, or with a reset.
    drop(stream.read_to_end(&mut rest));
}

#[test]
fn a_request_to_terminate_ends_in_order() {
    let program = Program::new();
    let server = program.serve();
    let status = server.signal("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(!program.data().join("server.json").exists());
}
