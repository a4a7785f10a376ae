//! The model client against servers that do not take every part of a request.

use super::openai_tests::{ask, ask_for, good_stream, model_at, question};
use super::server::{Act, TestServer, delta, head, stream_head};
use super::{ChatRequest, OpenAiCompatible, ReplyForm, ReplySchema};
use serde_json::{Value, json};
use std::time::Duration;

/// A server that does these things in turn, and a client of it.
async fn served(acts: Vec<Act>) -> (TestServer, OpenAiCompatible) {
    let server = TestServer::start(acts).await;
    let model = model_at(&server.base_url, Duration::from_secs(10), Duration::from_secs(20));
    (server, model)
}

fn refused(status: &str, message: &str) -> Act {
    Act::Send(format!("{}{}", head(status, ""), json!({"error": {"message": message}})))
}

fn question_with_schema() -> ChatRequest {
    let schema = json!({"type": "object", "properties": {"headline": {"type": "string"}},
        "required": ["headline"], "additionalProperties": false});
    let schema = ReplySchema::new("account", schema).unwrap();
    ChatRequest { reply: ReplyForm::Schema(schema), ..question() }
}

/// The bodies of the requests so far.
fn bodies(server: &TestServer) -> Vec<Value> {
    let body = |request: String| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    };
    server.requests().into_iter().map(body).collect()
}

/// The form of the reply that each request so far asked for.
fn forms(server: &TestServer) -> Vec<Option<String>> {
    let form = |body: Value| {
        body.pointer("/response_format/type").map(|form| form.as_str().unwrap().to_owned())
    };
    bodies(server).into_iter().map(form).collect()
}

#[tokio::test]
async fn a_schema_is_sent_where_it_is_taken() {
    let (server, model) = served(vec![Act::Send(good_stream())]).await;
    assert!(ask_for(&model, &question_with_schema()).await.0.is_ok());
    let body = bodies(&server).remove(0);
    assert_eq!(body["response_format"]["type"], "json_schema");
    let told = &body["response_format"]["json_schema"];
    assert_eq!((&told["name"], &told["strict"]), (&json!("account"), &json!(true)));
    assert_eq!(told["schema"]["properties"]["headline"]["type"], "string");
}

#[tokio::test]
async fn a_refused_schema_becomes_an_object_and_that_is_remembered() {
    for status in
        ["400 Bad Request", "404 Not Found", "422 Unprocessable Entity", "501 Not Implemented"]
    {
        let no_schema = refused(status, "response_format: json_schema is not supported");
        let (server, model) = served(vec![no_schema, Act::Send(good_stream())]).await;
        assert!(ask_for(&model, &question_with_schema()).await.0.is_ok(), "{status}");
        assert!(ask_for(&model, &question_with_schema()).await.0.is_ok(), "{status}");
        let object = Some("json_object".to_owned());
        assert_eq!(forms(&server), [Some("json_schema".to_owned()), object.clone(), object]);
    }
}

#[tokio::test]
async fn where_no_form_is_taken_the_next_question_costs_no_refused_call() {
    let no_form = refused("400 Bad Request", "Unsupported parameter: 'response_format'");
    let (server, model) = served(vec![no_form.clone(), no_form, Act::Send(good_stream())]).await;
    assert!(ask_for(&model, &question_with_schema()).await.0.is_ok());
    assert!(ask_for(&model, &question_with_schema()).await.0.is_ok());
    let forms = forms(&server);
    assert_eq!(forms.len(), 4);
    assert_eq!(forms.last(), Some(&None));
}

#[tokio::test]
async fn a_refusal_inside_a_stream_is_understood_too() {
    let event = json!({"error": {"message": "json_schema is not supported"}});
    let told = Act::Send(format!("{}data: {event}\n\n", stream_head()));
    let (server, model) = served(vec![told, Act::Send(good_stream())]).await;
    assert!(ask_for(&model, &question_with_schema()).await.0.is_ok());
    assert_eq!(server.requests().len(), 2);

    // Once there is text it is too late: nothing is told twice.
    let late = Act::Send(format!("{}{}data: {event}\n\n", stream_head(), delta("half")));
    let (server, model) = served(vec![late]).await;
    let (completion, heard) = ask_for(&model, &question_with_schema()).await;
    assert_eq!((completion.unwrap_err().kind(), heard.as_str()), ("unavailable", "half"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_field_the_server_does_not_know_is_left_out_for_good() {
    let unknown = |field: &str| {
        let body = format!("{{\"detail\":\"Unexpected keys in the request: {{'{field}'}}\"}}");
        Act::Send(format!("{}{body}", head("422 Unprocessable Entity", "")))
    };
    let acts =
        vec![unknown("stream_options"), unknown("response_format"), Act::Send(good_stream())];
    let (server, model) = served(acts).await;
    assert!(ask(&model).await.0.is_ok());
    assert!(ask(&model).await.0.is_ok());
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(!requests[3].contains("stream_options") && !requests[3].contains("response_format"));
}

#[tokio::test]
async fn a_server_that_cannot_stream_is_asked_for_the_whole_at_once() {
    let document = json!({"model": "m", "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]});
    let whole =
        Act::Send(format!("{}{document}", head("200 OK", "content-type: application/json\r\n")));
    let cannot = refused(
        "400 Bad Request",
        "Unsupported value: 'stream' does not support true with this model.",
    );
    let (server, model) = served(vec![cannot, whole]).await;
    assert_eq!(ask(&model).await.0.unwrap().text, "whole");
    assert_eq!(ask(&model).await.0.unwrap().text, "whole");
    let streaming: Vec<Value> = bodies(&server).iter().map(|body| body["stream"].clone()).collect();
    assert_eq!(streaming, [true, false, false]);
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_asked_for_ever() {
    let everything = "stream_options, response_format json_schema, stream, max_tokens and max_completion_tokens are unknown";
    let (server, model) = served(vec![refused("400 Bad Request", everything)]).await;
    let error = ask_for(&model, &question_with_schema()).await.0.unwrap_err();
    assert_eq!(error.kind(), "rejected");
    // As it was, and without each of the five parts.
    assert_eq!(server.requests().len(), 6);
}
