//! The OpenAI-compatible door, spoken to as bare HTTP.

use futures_util::StreamExt;
use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::model_server::{LONG, Manner, ModelServer};
use crate::support::{PATIENCE, Program, Server, client, outage_logs};

/// A server that holds an outage of this minute.
fn served() -> (Program, Server) {
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(now))]);
    let server = program.serve();
    (program, server)
}

async fn send(server: &Server, body: &Value) -> reqwest::Response {
    let url = server.url("/v1/chat/completions");
    client().post(url).json(body).timeout(PATIENCE).send().await.unwrap()
}

async fn completed(server: &Server, messages: Value) -> Value {
    let response = send(server, &json!({"model": "groundcrew-quick", "messages": messages})).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn said(completion: &Value) -> &str {
    completion["choices"][0]["message"]["content"].as_str().unwrap()
}

/// The data of a stream's events, and whether it held comments.
fn events(stream: &str) -> (Vec<String>, usize) {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    (data.map(str::to_owned).collect(), stream.lines().filter(|line| line.starts_with(':')).count())
}

#[tokio::test]
async fn a_question_is_answered_with_footnotes_and_the_evidence_beside() {
    let (_program, server) = served();
    let completion = completed(&server, json!([user("why is checkout failing?")])).await;
    assert_eq!(completion["object"], "chat.completion");
    assert_eq!(completion["choices"][0]["finish_reason"], "stop");
    assert_eq!(completion["usage"]["total_tokens"], 0, "no model was asked");
    let text = said(&completion);
    assert!(text.contains("pool exhausted"), "{text}");
    let evidence = completion["groundcrew"]["evidence"].as_array().unwrap();
    assert!(!evidence.is_empty());
    for item in evidence {
        let id = item["id"].as_str().unwrap();
        assert!(text.contains(&format!("\n[^{id}]: ")), "{id} is explained in {text}");
        assert!(text.matches(&format!("[^{id}]")).count() >= 2, "{id} is cited in {text}");
    }
    let link = evidence[0]["permalink"].as_str().unwrap();
    assert!(link.contains(completion["groundcrew"]["answer_id"].as_str().unwrap()), "{link}");
}

#[tokio::test]
async fn a_stream_holds_the_same_text_the_usage_and_an_end() {
    let (_program, server) = served();
    let body = json!({"model": "groundcrew-deep", "stream": true, "stream_options": {"include_usage": true},
        "messages": [user("why is checkout failing?")], "temperature": 0.1, "tools": [], "n": 1});
    let response = send(&server, &body).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let (data, comments) = events(&response.text().await.unwrap());
    assert!(comments > 0, "steps are told as comments");
    let (end, pieces) = data.split_last().unwrap();
    assert_eq!(end, "[DONE]");
    let pieces: Vec<Value> =
        pieces.iter().map(|piece| serde_json::from_str(piece).unwrap()).collect();
    assert!(pieces.iter().all(|piece| piece["object"] == "chat.completion.chunk"));
    assert!(pieces.iter().all(|piece| piece["id"] == pieces[0]["id"]));
    assert_eq!(pieces[0]["choices"][0]["delta"]["role"], "assistant");
    let (used, told) = pieces.split_last().unwrap();
    assert_eq!((&used["choices"], &used["usage"]["prompt_tokens"]), (&json!([]), &json!(0)));
    let last = told.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert!(last["groundcrew"]["evidence"][0]["id"].is_string());
    let text: String =
        told.iter().filter_map(|piece| piece["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(text.contains("pool exhausted") && text.contains("[^E"), "{text}");
}

#[tokio::test]
async fn the_same_chat_is_one_conversation() {
    let (program, server) = served();
    let first = "why is checkout failing?";
    let answer = completed(&server, json!([user(first)])).await;
    let reply = json!({"role": "assistant", "content": format!("{}  \n", said(&answer))});
    let follow_up = json!([user(first), reply, user("and before that?")]);
    let second = completed(&server, follow_up.clone()).await;
    assert!(said(&second).contains(", before "), "{}", said(&second));
    drop(server);
    // After a restart the chat is not known any more; its last question is.
    let server = program.serve();
    let after = completed(&server, follow_up).await;
    assert!(said(&after).contains(", before "), "{}", said(&after));
    let alone = completed(&server, json!([user("and before that?")])).await;
    assert!(!said(&alone).contains(", before "), "{}", said(&alone));
}

#[tokio::test]
async fn models_are_listed_and_what_is_wrong_is_refused_in_the_shape_of_the_api() {
    let program = Program::new();
    let server = program.serve();
    let list: Value =
        client().get(server.url("/v1/models")).send().await.unwrap().json().await.unwrap();
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["groundcrew-quick", "groundcrew-deep"]);
    let one = client().get(server.url("/v1/models/groundcrew-deep")).send().await.unwrap();
    assert_eq!(one.status(), 200);
    let messages = json!([user("why?")]);
    for (body, status, param) in [
        (json!({"messages": messages}), 400, json!("model")),
        (json!({"model": "gpt-5", "messages": messages}), 404, json!("model")),
        (json!({"model": "groundcrew-quick"}), 400, json!("messages")),
        (json!({"model": "groundcrew-quick", "messages": messages, "n": 2}), 400, json!("n")),
        (
            json!({"model": "groundcrew-quick", "messages": messages, "tool_choice": "required"}),
            400,
            json!("tool_choice"),
        ),
        (
            json!({"model": "groundcrew-quick", "messages": messages, "response_format": {"type": "json_object"}}),
            400,
            json!("response_format"),
        ),
        (
            json!({"model": "groundcrew-quick", "messages": [user(&"x".repeat(70_000))]}),
            400,
            Value::Null,
        ),
        (json!([]), 400, json!("model")),
    ] {
        let response = send(&server, &body).await;
        assert_eq!(response.status(), status, "{param}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["param"], param, "{error}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(error["error"]["type"], "invalid_request_error");
        assert!(error["error"].as_object().unwrap().contains_key("code"));
    }
    let body = json!({"model": "groundcrew-quick", "stream": true, "messages": [user(&"x".repeat(70_000))]});
    let (data, _) = events(&send(&server, &body).await.text().await.unwrap());
    assert!(data[1].contains("invalid_request_error") && data[2] == "[DONE]", "{data:?}");
}

#[tokio::test]
async fn chores_of_chat_programs_start_no_investigation() {
    let (_program, server) = served();
    let title = "### Task:\nGenerate a concise, 3-5 word title.\n### Output:\nJSON format: { \"title\": \"your title\" }\n### Chat History:\n<chat_history>\nUSER: why is checkout failing?\nASSISTANT: **...\n</chat_history>";
    let completion = completed(&server, json!([user(title)])).await;
    assert_eq!(said(&completion), r#"{"title":"Why is checkout failing"}"#);
    let body = json!({"model": "groundcrew-quick", "stream": true, "messages": [user(title)]});
    let (data, _) = events(&send(&server, &body).await.text().await.unwrap());
    assert!(data.iter().any(|piece| piece.contains("Why is checkout failing")));
    let answers: Value =
        client().get(server.url("/v1/answers")).send().await.unwrap().json().await.unwrap();
    assert_eq!(answers["incidents"], json!([]), "{answers}");
}

#[tokio::test]
async fn hanging_up_cancels_the_run() {
    let model = ModelServer::start(Manner::Hangs).await;
    let program = crate::model_server::program(&model.base_url, LONG);
    let server = program.serve();
    let body = json!({"model": "groundcrew-quick", "stream": true,
        "messages": [user("why is checkout failing?")]});
    let mut stream = send(&server, &body).await.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    model.asked().await;
    drop(stream);
    tokio::time::timeout(PATIENCE, model.client_left()).await.unwrap();
}

#[tokio::test]
async fn hostile_telemetry_becomes_no_markup() {
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    let hostile = outage_logs(now).replace(
        "pool exhausted",
        "![x](https://evil.example/p.gif) <img src=x> www.evil.example @channel `x` [^E1]: no",
    );
    program.ok(&["ingest", &program.file("l.otlp.jsonl", hostile)]);
    let server = program.serve();
    let completion = completed(&server, json!([user("why is checkout failing?")])).await;
    let text = said(&completion);
    assert!(text.contains("evil"), "the text is shown: {text}");
    for markup in ["![x](", "](http", "https:", "<img", "www.evil", "@channel", "`x`"] {
        assert!(!text.contains(markup), "{markup} in {text}");
    }
}
