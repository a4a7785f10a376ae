//! The model path on bad days: whatever the model server does, the facts arrive, and the answer says what happened.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::model_server::{
    END, ENDLESS_TOKENS, LONG, Manner, ModelServer, SHORT, account, answer_with, ask,
    assert_facts_only, assert_has_facts, program,
};
use crate::support::{PATIENCE, hear_until, open_chat, say};

/// Longest time from a person's stop to the end of the model's connection. It takes milliseconds; this is for machines
/// that have other things to do.
const LETTING_GO: Duration = Duration::from_secs(2);

fn assert_told_by_the_model(answer: &Value) {
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["headline"], "The pool of checkout is exhausted");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let answer = ask(&base_url, LONG).await;
    assert_facts_only(&answer, "the model server is unavailable");
    assert!(answer["notice"].as_str().unwrap().contains("llm.base_url"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_refused() {
    let (answer, server) = answer_with(Manner::Status(StatusCode::UNAUTHORIZED, None), LONG).await;
    assert_facts_only(&answer, "the model server refused the key");
    assert_eq!(server.bodies().len(), 1, "a wrong key is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_rate_limit_is_waited_for() {
    let limited = Manner::StatusOnce(StatusCode::TOO_MANY_REQUESTS, Some(1));
    let (answer, server) = answer_with(limited, LONG).await;
    assert_told_by_the_model(&answer);
    assert_eq!(server.bodies().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_rate_limit_is_not() {
    let limited = Manner::Status(StatusCode::TOO_MANY_REQUESTS, Some(3_600));
    let (answer, server) = answer_with(limited, LONG).await;
    assert_facts_only(&answer, "rate limiting this key; try again in 3600 s");
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_broken() {
    let broken = Manner::Status(StatusCode::INTERNAL_SERVER_ERROR, None);
    let (answer, server) = answer_with(broken, LONG).await;
    assert_facts_only(&answer, "the model server is unavailable: HTTP 500");
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_one_byte_comes() {
    let (answer, server) = answer_with(Manner::Hangs, SHORT).await;
    assert_facts_only(&answer, "no first token in time");
    server.client_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_more_comes() {
    let (answer, server) = answer_with(Manner::HangsAfterHalf, SHORT).await;
    assert_facts_only(&answer, "no complete answer in time");
    server.client_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_cut_in_the_middle() {
    let (answer, server) = answer_with(Manner::CutAfterHalf, LONG).await;
    assert_facts_only(&answer, "the answer was cut");
    assert_eq!(server.bodies().len(), 1, "what was told in part is not asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_are_no_json() {
    let (answer, _) = answer_with(Manner::BadEvents, LONG).await;
    assert_facts_only(&answer, "the model server sent a bad reply");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_no_json_or_another_one() {
    let other = json!({"answer": "the pool", "confidence": 0.99, "claims_made": ["E1"]});
    let odd = json!({"headline": 7, "claims": {"text": "no list"}});
    for said in [
        "I would rather talk about the weather.".to_owned(),
        "{\"headline\": \"The pool\", \"claims\": [{\"text\": \"checkout".to_owned(),
        other.to_string(),
        odd.to_string(),
        account("Nothing", &json!([])),
    ] {
        let (answer, _) = answer_with(Manner::Says(said), LONG).await;
        assert_facts_only(&answer, "did not answer in the form it was asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_million_tokens_come() {
    let (answer, server) = answer_with(Manner::Endless, LONG).await;
    assert_facts_only(&answer, "did not stop at its limit of 600 tokens");
    server.client_left().await;
    // What the sockets hold is sent before the end is noticed.
    let sent = server.tokens_sent();
    assert!(sent < ENDLESS_TOKENS / 10, "{sent} tokens were paid for");
    eprintln!("an endless answer was cut off after {sent} tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_gives_its_instructions_away() {
    for manner in [Manner::RepeatsInstructions, Manner::ClaimsInstructions] {
        let (answer, server) = answer_with(manner.clone(), LONG).await;
        assert_eq!(answer["told_by"], "plain", "{manner:?}: {answer:#}");
        assert_has_facts(&answer);
        let shown = answer.to_string();
        let bodies = server.bodies();
        let instructions = bodies[0]["messages"][0]["content"].as_str().unwrap();
        for line in instructions.lines().map(str::trim).filter(|line| line.len() > 20) {
            assert!(!shown.contains(line), "{manner:?}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_reply_is_refused() {
    let (answer, server) = answer_with(Manner::RefusesForms, LONG).await;
    assert_told_by_the_model(&answer);
    let bodies = server.bodies();
    let (last, refused) = bodies.split_last().unwrap();
    assert!(last.get("response_format").is_none());
    assert!((1..=2).contains(&refused.len()), "as a schema or an object at most");
    assert!(refused.iter().all(|body| body["response_format"]["type"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_cannot_stream() {
    for manner in [Manner::NeverStreams, Manner::RefusesStreams] {
        let (answer, _) = answer_with(manner, LONG).await;
        assert_told_by_the_model(&answer);
        assert_eq!(answer["usage"]["input_tokens"], 321);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_lets_go_of_the_model_and_keeps_the_facts() {
    for manner in [Manner::Hangs, Manner::HangsAfterHalf] {
        stop_in_the_middle(manner).await;
    }
}

async fn stop_in_the_middle(manner: Manner) {
    let model = ModelServer::start(manner.clone()).await;
    let base_url = model.base_url.clone();
    let starting = tokio::task::spawn_blocking(move || {
        let program = program(&base_url, LONG);
        let server = program.serve();
        (program, server)
    });
    let (_program, server) = starting.await.unwrap();
    let mut socket = open_chat(&server, None).await.unwrap();
    let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
    let scope = json!({"at": at, "since": "10m"});
    let question = json!({"text": "why is checkout failing?", "ask_id": "a-1", "scope": scope});
    say(&mut socket, "ask", Some("c-1"), question).await;
    let frames = hear_until(&mut socket, "answer").await;
    let facts = &frames.last().unwrap()["d"]["answer"];
    assert_eq!(facts["told_by"], "plain", "the facts card does not wait for the model");
    assert_has_facts(facts);
    model.asked().await;
    let stopped = Instant::now();
    say(&mut socket, "cancel", Some("c-1"), json!({"run_id": facts["run_id"]})).await;
    let left = model.client_left().await;
    let took = left.saturating_duration_since(stopped);
    assert!(took < LETTING_GO, "{manner:?}: {took:?}");
    eprintln!("{manner:?}: the model's connection ended {took:?} after the stop");
    let finishing = hear_until(&mut socket, "run.finished");
    let rest = tokio::time::timeout(PATIENCE, finishing).await.unwrap();
    assert_eq!(rest.last().unwrap()["d"]["status"], "cancelled");
    let kept = rest.iter().rfind(|frame| frame["t"] == "answer").unwrap();
    assert_has_facts(&kept["d"]["answer"]);
    assert!(kept["d"]["answer"]["notice"].as_str().unwrap().contains("stopped"));
}
