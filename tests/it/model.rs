//! The model path: told by a model when it keeps to the evidence, facts only when it does not or cannot.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{PATIENCE, Program, hear_until, open_chat, outage_logs, say, text};

const END: i64 = 1_790_000_000;

/// How the model server behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// Repeats what the first item says, and cites it.
    Faithful,
    /// Names a service and a number that no item holds, beside one faithful sentence.
    HalfInvented,
    /// Invents everything.
    Invented,
    /// Answers with something that is no JSON.
    Nonsense,
    /// Answers 500.
    Broken,
    /// Answers 401.
    Refusing,
    /// Never answers.
    Hanging,
}

async fn model(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(manner);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn complete(State(manner): State<Manner>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let prompt = request["messages"].to_string();
    assert!(!prompt.contains("hunter2-Zq8TvXw3"), "no secret is sent");
    let faithful =
        json!({"text": "checkout writes a line about its pool exhausted", "cites": ["E1"]});
    let invented = json!({"text": "billing-gateway-9 failed 987654 times", "cites": ["E1"]});
    let claims = match manner {
        Manner::Faithful => json!([faithful]),
        Manner::HalfInvented => json!([faithful, invented]),
        Manner::Invented => json!([invented, {"text": "see E77", "cites": ["E77"]}]),
        Manner::Nonsense => return streamed("I would rather talk about the weather."),
        Manner::Broken => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Manner::Refusing => return StatusCode::UNAUTHORIZED.into_response(),
        Manner::Hanging => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return StatusCode::OK.into_response();
        }
    };
    streamed(&json!({"headline": "The pool of checkout is exhausted", "claims": claims, "next": [], "unknowns": []}).to_string())
}

/// The text in pieces, as a model server streams it.
fn streamed(reply: &str) -> Response {
    let characters: Vec<char> = reply.chars().collect();
    let mut events = String::new();
    for piece in characters.chunks(7) {
        let delta = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
            "choices": [{"index": 0, "delta": {"content": piece.iter().collect::<String>()}, "finish_reason": null}]});
        events.push_str(&format!("data: {delta}\n\n"));
    }
    let end = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    events.push_str(&format!("data: {end}\n\n"));
    let usage = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model", "choices": [],
        "usage": {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}});
    events.push_str(&format!("data: {usage}\n\ndata: [DONE]\n\n"));
    ([("content-type", "text/event-stream")], events).into_response()
}

fn program(base: &str) -> Program {
    let program = Program::new()
        .with("GROUNDCREW__LLM__BASE_URL", base)
        .with("GROUNDCREW__LLM__MODEL", "test-model")
        .with("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "2")
        .with("GROUNDCREW__LLM__TOTAL_SECS", "5");
    let logs =
        outage_logs(END).replace("handled request", "password=hunter2-Zq8TvXw3 handled request");
    program.ok(&["ingest", &program.file("l.otlp.jsonl", logs)]);
    program
}

async fn asked(manner: Manner) -> Value {
    let address = model(manner).await;
    ask(format!("http://{address}/v1")).await
}

async fn ask(base: String) -> Value {
    tokio::task::spawn_blocking(move || {
        let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
        let output = program(&base).run(&[
            "ask",
            "why is checkout failing?",
            "--at",
            &at,
            "--since",
            "10m",
            "-o",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
    .await
    .unwrap()
}

fn assert_facts_only(answer: &Value) {
    assert_eq!(answer["told_by"], "plain", "{answer:#}");
    assert!(answer["notice"].as_str().unwrap().contains("facts alone"), "{answer:#}");
    assert!(
        answer["claims"].to_string().contains("pool exhausted"),
        "the facts card still arrives"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faithful_model_tells_it() {
    let answer = asked(Manner::Faithful).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["usage"]["model"], "test-model");
    assert_eq!(answer["usage"]["input_tokens"], 321);
    assert_eq!(answer["claims"][0]["status"], "verified");
    assert_eq!(answer["headline"], "The pool of checkout is exhausted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_sentence_is_cut_before_anyone_reads_it() {
    let answer = asked(Manner::HalfInvented).await;
    assert_eq!(answer["told_by"], "model");
    assert!(!answer.to_string().contains("billing-gateway-9"), "{answer:#}");
    assert!(answer["notice"].as_str().unwrap().contains("did not hold"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_hold_is_not_used() {
    let answer = asked(Manner::Invented).await;
    assert_facts_only(&answer);
    assert!(!answer.to_string().contains("987654"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_errors_refusals_and_silence_leave_the_facts() {
    for manner in [Manner::Nonsense, Manner::Broken, Manner::Refusing, Manner::Hanging] {
        assert_facts_only(&asked(manner).await);
    }
    // Nobody listens there.
    assert_facts_only(&ask("http://127.0.0.1:9/v1".to_owned()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_card_does_not_wait_for_the_model_and_stop_stops_it() {
    let address = model(Manner::Hanging).await;
    let server = tokio::task::spawn_blocking(move || {
        let program = program(&format!("http://{address}/v1"))
            .with("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "500")
            .with("GROUNDCREW__LLM__TOTAL_SECS", "500");
        let server = program.serve();
        (program, server)
    });
    let (_program, server) = server.await.unwrap();
    let mut socket = open_chat(&server, None).await.unwrap();
    let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
    say(&mut socket, "ask", Some("c-1"), json!({"text": "why is checkout failing?", "ask_id": "a-1", "scope": {"at": at, "since": "10m"}})).await;
    let frames = hear_until(&mut socket, "answer").await;
    let facts = &frames.last().unwrap()["d"]["answer"];
    assert_eq!(facts["told_by"], "plain");
    say(&mut socket, "cancel", Some("c-1"), json!({"run_id": facts["run_id"]})).await;
    let rest =
        tokio::time::timeout(PATIENCE, hear_until(&mut socket, "run.finished")).await.unwrap();
    assert_eq!(rest.last().unwrap()["d"]["status"], "cancelled");
    let kept = rest.iter().rfind(|frame| frame["t"] == "answer").unwrap();
    assert!(
        kept["d"]["answer"]["claims"].to_string().contains("pool exhausted"),
        "what is proven so far is kept"
    );
}
