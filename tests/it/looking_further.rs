//! A model that lacks something asks for it, within limits, and is answered with evidence.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model_server::{
    LONG, Manner, ModelServer, Waits, account, answer_with, assert_facts_only, faithful,
};

/// A reply that asks instead of telling.
fn asks(queries: &Value) -> String {
    json!({"headline": "", "claims": [], "next": [], "unknowns": [], "look": queries}).to_string()
}

fn patterns() -> Value {
    json!([{"query": "log_patterns", "service": "Checkout", "words": null, "name": null, "id": null, "from": null, "to": null}])
}

async fn in_turn(said: Vec<String>) -> (Value, ModelServer) {
    answer_with(Manner::SaysInTurn(said), LONG).await
}

/// What the model was told last.
fn last_told(server: &ModelServer) -> String {
    let bodies = server.bodies();
    let messages = bodies.last().unwrap()["messages"].as_array().unwrap().clone();
    messages.last().unwrap()["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_asks_for_is_evidence_it_can_cite() {
    let (answer, server) = in_turn(vec![asks(&patterns()), faithful()]).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["usage"]["queries"], 1);
    assert_eq!(answer["usage"]["input_tokens"], 642, "both turns are counted");
    let told = last_told(&server);
    assert!(told.contains("<untrusted name=\"results\">"), "{told}");
    assert!(told.contains("pool exhausted"), "{told}");
    let bodies = server.bodies();
    assert_eq!(bodies[0]["messages"][1], bodies[1]["messages"][1], "the prefix stays as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argument_that_names_nothing_is_told_and_nothing_runs() {
    let odd = json!([{"query": "search_logs", "service": "no-such'; DROP", "words": "pool"}]);
    let (answer, server) = in_turn(vec![asks(&odd), faithful()]).await;
    assert_eq!(answer["told_by"], "model");
    assert!(last_told(&server).contains("there is no such service; there are checkout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_does_not_exist_is_no_query() {
    let odd = json!([{"query": "delete_everything", "service": "checkout"}]);
    let (answer, server) = in_turn(vec![asks(&odd), faithful()]).await;
    assert_eq!(answer["told_by"], "model");
    assert_eq!(answer["usage"]["queries"], 0);
    assert!(last_told(&server).contains("That was not the JSON object"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_query_for_ever_is_noticed() {
    let (answer, server) = in_turn(vec![asks(&patterns())]).await;
    assert_facts_only(&answer, "went on asking instead of answering");
    assert_eq!(server.bodies().len(), 3, "once run, once told that it was, once more");
    assert_eq!(answer["usage"]["queries"], 4, "no more are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_queries_for_ever_end_at_the_limit() {
    let numbered = |number: usize| {
        asks(
            &json!([{"query": "search_logs", "service": "checkout", "words": format!("request {number}")}]),
        )
    };
    let (answer, server) = in_turn((0..50).map(numbered).collect()).await;
    assert_facts_only(&answer, "went on asking instead of answering");
    assert!(server.bodies().len() <= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_turns_together_end_in_time() {
    let waits = Waits { first_token_secs: 60, total_secs: 2 };
    let late = Manner::SaysLateThenHangs(asks(&patterns()), Duration::from_millis(1_500));
    let (answer, server) = answer_with(late, waits).await;
    assert_facts_only(&answer, "the model took longer than 2 s");
    server.client_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_hold_may_be_mended_once() {
    let invented = json!([{"text": "billing-gateway-9 failed 987654 times", "cites": ["E1"]}]);
    let wrong = account("The gateway is down", &invented);
    let (answer, server) = in_turn(vec![wrong.clone(), faithful()]).await;
    assert_eq!(answer["told_by"], "model");
    assert!(last_told(&server).contains("billing-gateway-9"), "it is told what was struck");
    assert!(!answer.to_string().contains("billing-gateway-9"), "and nobody else is");
    let (answer, server) = in_turn(vec![wrong]).await;
    assert_facts_only(&answer, "did not hold");
    assert_eq!(server.bodies().len(), 2, "not more than once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_measured_again() {
    let claim = |count: &str| {
        let assertion = json!({"of": "E1", "figure": "count", "is": count});
        account(
            "The pool of checkout is exhausted",
            &json!([
                {"text": "checkout writes a line about its pool exhausted", "cites": ["E1"], "asserts": [assertion]},
            ]),
        )
    };
    let (answer, _) = answer_with(Manner::Says(claim("100")), LONG).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["claims"][0]["checks"][0]["outcome"], "held");
    let (answer, _) = answer_with(Manner::Says(claim("250")), LONG).await;
    assert_facts_only(&answer, "did not hold");
}
