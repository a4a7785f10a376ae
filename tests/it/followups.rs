//! Follow-up questions in one conversation, from several people, and questions about what was known.

use serde_json::{Value, json};

use crate::model_server::{Manner, ModelServer};
use crate::support::{
    Program, Server, Socket, failing_trace, hear, hear_until, open_chat, outage_logs, say,
};

const END: i64 = 1_790_000_000;

fn at(secs: i64) -> String {
    groundcrew_telemetry::Timestamp::from_secs(secs).to_string()
}

fn served() -> (Program, Server) {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    program.ok(&["ingest", &program.file("t.otlp.jsonl", failing_trace(END))]);
    let server = program.serve();
    (program, server)
}

fn first() -> Value {
    json!({"text": "why is checkout failing?", "scope": {"at": at(END), "since": "10m"}})
}

/// Asks and returns the last answer.
async fn answered(socket: &mut Socket, question: Value) -> Value {
    say(socket, "ask", Some("conv-1"), question).await;
    let frames = hear_until(socket, "run.finished").await;
    frames.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"].clone()
}

#[tokio::test]
async fn a_follow_up_takes_what_it_leaves_unsaid_from_the_question_before() {
    let (_program, server) = served();
    let mut socket = open_chat(&server, None).await.unwrap();
    let answer = answered(&mut socket, first()).await;
    assert_eq!(answer["scope"], json!(["checkout"]));
    assert_eq!(answer["understood"], Value::Null);
    let trace = answered(&mut socket, json!({"text": "show me one failing trace"})).await;
    assert_eq!(trace["verdict"], "lookup", "{trace:#}");
    assert_eq!((&trace["from"], &trace["to"]), (&answer["from"], &answer["to"]));
    let shown = trace["claims"][0]["cites"][0].as_str().unwrap();
    let item =
        trace["evidence"].as_array().unwrap().iter().find(|item| item["id"] == shown).unwrap();
    assert_eq!(item["kind"], "trace");
    assert!(item["preview"].as_str().unwrap().contains("0af7651916cd43dd8448eb211c80319c"));
    assert!(item["preview"].as_str().unwrap().contains("pool exhausted"));
    let other = answered(&mut socket, json!({"text": "what about shop?"})).await;
    assert_eq!(other["scope"], json!(["shop"]));
    assert_eq!(other["from"], answer["from"]);
    assert!(other["headline"].as_str().unwrap().contains("shop"), "{other:#}");
    let before = answered(&mut socket, json!({"text": "and before that?"})).await;
    let onset = answer["impact"]["since"].as_str().unwrap_or(answer["from"].as_str().unwrap());
    assert!(before["to"].as_str().unwrap() <= onset, "{before:#}");
    assert!(before["understood"].as_str().unwrap().contains("before"));
}

#[tokio::test]
async fn what_is_asked_for_and_not_there_is_not_replaced_by_something_else() {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    let server = program.serve();
    let mut socket = open_chat(&server, None).await.unwrap();
    answered(&mut socket, first()).await;
    let trace = answered(&mut socket, json!({"text": "show me one failing trace"})).await;
    assert_eq!(trace["headline"], "Nothing of what was asked for was found");
    assert_eq!(trace["verdict"], "not_enough_evidence");
    assert_eq!(trace["claims"], json!([]));
    assert!(trace["unknowns"].to_string().contains("no trace failed"), "{trace:#}");
}

#[tokio::test]
async fn why_not_is_answered_for_and_against() {
    let (_program, server) = served();
    let mut socket = open_chat(&server, None).await.unwrap();
    answered(&mut socket, first()).await;
    let known = answered(&mut socket, json!({"text": "why not checkout?"})).await;
    assert!(known["headline"].as_str().unwrap().starts_with("checkout is"), "{known:#}");
    assert!(!known["claims"].as_array().unwrap().is_empty());
    let unknown = answered(&mut socket, json!({"text": "why not the database?"})).await;
    let headline = unknown["headline"].as_str().unwrap();
    assert!(headline.contains("No telemetry names database"), "{headline}");
    let text = unknown["claims"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("More speaks for another suspect"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_question_can_be_steered() {
    let model = ModelServer::start(Manner::Hangs).await;
    let base_url = model.base_url.clone();
    let starting = tokio::task::spawn_blocking(move || {
        let program = crate::model_server::program(&base_url, crate::model_server::LONG);
        let server = program.serve();
        (program, server)
    });
    let (_program, server) = starting.await.unwrap();
    let mut socket = open_chat(&server, None).await.unwrap();
    say(&mut socket, "ask", Some("conv-1"), first()).await;
    let card = hear(&mut socket, "answer").await["d"]["answer"].clone();
    model.asked().await;
    let steered = json!({"text": "only since 14:08", "steer": true});
    say(&mut socket, "ask", Some("conv-1"), steered).await;
    // The new run may have its facts before the old one has ended.
    let mut heard = hear_until(&mut socket, "run.finished").await;
    let finished = heard.pop().unwrap();
    assert_eq!(
        (&finished["d"]["run_id"], &finished["d"]["status"]),
        (&card["run_id"], &json!("superseded"))
    );
    let is_new =
        |frame: &&Value| frame["t"] == "answer" && frame["d"]["answer"]["run_id"] != card["run_id"];
    let answer = match heard.iter().find(is_new) {
        Some(frame) => frame["d"]["answer"].clone(),
        None => hear(&mut socket, "answer").await["d"]["answer"].clone(),
    };
    assert_ne!(answer["run_id"], card["run_id"]);
    assert!(answer["understood"].as_str().unwrap().contains("steered"), "{answer:#}");
    say(&mut socket, "cancel", Some("conv-1"), json!({"run_id": answer["run_id"]})).await;
    let finished = hear(&mut socket, "run.finished").await;
    assert_eq!(finished["d"]["status"], "cancelled");
}

#[test]
fn the_command_line_goes_on_with_a_conversation() {
    let (program, _server) = served();
    let ask = |words: &[&str]| -> Value {
        let output = program.run(&[&["ask", "-o", "json", "-c", "conv-7"], words].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let answer = ask(&["why is checkout failing?", "--at", &at(END), "--since", "10m"]);
    let other = ask(&["what about shop?"]);
    assert_eq!((&other["scope"], &other["from"]), (&json!(["shop"]), &answer["from"]));
}

#[tokio::test]
async fn several_people_are_in_one_conversation() {
    let (_program, server) = served();
    let mut ana = open_chat(&server, None).await.unwrap();
    let mut bo = open_chat(&server, None).await.unwrap();
    say(&mut bo, "open", Some("conv-1"), json!({})).await;
    hear(&mut bo, "opened").await;
    let asked = answered(&mut ana, first()).await;
    let heard = hear_until(&mut bo, "run.finished").await;
    let heard = &heard.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"];
    assert_eq!(heard["answer_id"], asked["answer_id"], "bo reads what ana asked");
    say(&mut bo, "ask", Some("conv-1"), json!({"text": "what about shop?"})).await;
    let frames = hear_until(&mut ana, "run.finished").await;
    let answer = &frames.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"];
    assert_eq!((&answer["scope"], &answer["from"]), (&json!(["shop"]), &asked["from"]));
}

#[tokio::test]
async fn what_was_known_then_leaves_out_what_was_written_later() {
    let (program, server) = served();
    let page = "---\ndate: 2099-01-01\n---\n# Checkout: pool exhausted\n\nWhen checkout could not get a database connection: pool exhausted, raise the pool.\n";
    let folder = program.file("pages/later.md", page);
    program.ok(&["index", std::path::Path::new(&folder).parent().unwrap().to_str().unwrap()]);
    let mut socket = open_chat(&server, None).await.unwrap();
    let now = answered(&mut socket, first()).await;
    assert!(now.to_string().contains("later.md"), "the page is found today");
    let mut socket = open_chat(&server, None).await.unwrap();
    let then =
        json!({"text": "why is checkout failing?", "scope": {"as_of": at(END), "since": "10m"}});
    say(&mut socket, "ask", Some("conv-2"), then).await;
    let frames = hear_until(&mut socket, "run.finished").await;
    let then = &frames.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"];
    assert!(!then.to_string().contains("later.md"), "{then:#}");
    assert_eq!(then["verdict"], now["verdict"]);
}
