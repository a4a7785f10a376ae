//! The model client against a real server on the loopback, in good days and bad ones.

use super::server::{Act, TestServer, delta, ending, head, stream_head};
use super::{ChatRequest, Completion, LanguageModel, LlmSettings, OpenAiCompatible, ReplyForm};
use crate::{LlmError, Stage};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-test-0123456789";

pub(super) fn model_at(base_url: &str, first: Duration, total: Duration) -> OpenAiCompatible {
    OpenAiCompatible::new(LlmSettings {
        base_url: Some(base_url.to_owned()),
        api_key: Some(KEY.to_owned()),
        model: "tiny".to_owned(),
        first_token_timeout: first,
        total_timeout: total,
    })
    .unwrap()
}

pub(super) fn question() -> ChatRequest {
    ChatRequest {
        system: "be short".to_owned(),
        user: "why?".to_owned(),
        turns: Vec::new(),
        output_tokens_max: 50,
        reply: ReplyForm::Json,
    }
}

/// Asks and returns what came back and what was heard on the way.
pub(super) async fn ask(model: &OpenAiCompatible) -> (Result<Completion, LlmError>, String) {
    ask_for(model, &question()).await
}

pub(super) async fn ask_for(
    model: &OpenAiCompatible,
    request: &ChatRequest,
) -> (Result<Completion, LlmError>, String) {
    let mut heard = String::new();
    let completion = model
        .complete(request, &CancellationToken::new(), &mut |piece| heard.push_str(piece))
        .await;
    (completion, heard)
}

async fn ask_server(acts: Vec<Act>) -> (Result<Completion, LlmError>, String, TestServer) {
    let server = TestServer::start(acts).await;
    let model = model_at(&server.base_url, Duration::from_secs(10), Duration::from_secs(20));
    let (completion, heard) = ask(&model).await;
    (completion, heard, server)
}

pub(super) fn good_stream() -> String {
    format!("{}{}{}{}", stream_head(), delta("Hello "), delta("wörld"), ending("stop"))
}

#[tokio::test]
async fn a_stream_is_put_together() {
    let (completion, heard, server) = ask_server(vec![Act::Send(good_stream())]).await;
    let expected = Completion {
        text: "Hello wörld".to_owned(),
        model: "tiny-1".to_owned(),
        input_tokens: Some(12),
        output_tokens: Some(3),
        truncated: false,
    };
    assert_eq!((completion, heard.as_str()), (Ok(expected), "Hello wörld"));
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {KEY}")));
    for part in [
        "\"stream\":true",
        "\"include_usage\":true",
        "\"max_tokens\":50",
        "json_object",
        "be short",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

#[tokio::test]
async fn usage_and_finish_may_come_in_any_shape() {
    let bare = format!(
        "{}: comment\n\ndata: {{\"choices\":[],\"usage\":null}}\n\n{}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"length\"}}]}}\n\ndata: [DONE]\n\n",
        stream_head(),
        delta("cut off")
    );
    let completion = ask_server(vec![Act::Send(bare)]).await.0.unwrap();
    assert_eq!((completion.text.as_str(), completion.truncated), ("cut off", true));
    assert_eq!((completion.input_tokens, completion.output_tokens), (None, None));
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let document = "{\n  \"model\": \"m\",\n  \"choices\": [{\"message\": {\"content\": \"all\\nat once\"}, \"finish_reason\": \"stop\"}]\n}\n";
    let reply = format!(
        "{}{document}",
        head("200 OK", "content-type: application/json; charset=utf-8\r\n")
    );
    let (completion, heard, _) = ask_server(vec![Act::Send(reply)]).await;
    assert_eq!(
        (completion.unwrap().text.as_str(), heard.as_str()),
        ("all\nat once", "all\nat once")
    );

    // It is the content that counts, not what the server calls it.
    let unnamed = format!("{}\n  {document}", head("200 OK", ""));
    let completion = ask_server(vec![Act::Send(unnamed)]).await.0;
    assert_eq!(completion.unwrap().text, "all\nat once");
    let misnamed = format!(
        "{}\n{}{}",
        head("200 OK", "content-type: application/json\r\n"),
        delta("piece"),
        ending("stop")
    );
    assert_eq!(ask_server(vec![Act::Send(misnamed)]).await.0.unwrap().text, "piece");
}

#[tokio::test]
async fn a_refused_key_is_neither_tried_again_nor_told() {
    let told =
        format!("{}{{\"error\":{{\"message\":\"bad key {KEY}\"}}}}", head("401 Unauthorized", ""));
    let (completion, _, server) = ask_server(vec![Act::Send(told)]).await;
    let error = completion.unwrap_err();
    assert_eq!(error, LlmError::Refused { status: 401 });
    assert!(!format!("{error} {error:?}").contains(KEY));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_model_is_told_in_the_servers_words_without_the_key() {
    let told = format!(
        "{}{{\"error\":{{\"message\":\"no model\\nfor {KEY}\"}}}}",
        head("404 Not Found", "")
    );
    let (completion, _, server) = ask_server(vec![Act::Send(told)]).await;
    assert_eq!(
        completion,
        Err(LlmError::Rejected { status: 404, detail: "no model for [redacted]".to_owned() })
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_once() {
    let limited = Act::Send(head("429 Too Many Requests", "retry-after: 0\r\n"));
    let (completion, _, server) = ask_server(vec![limited.clone(), Act::Send(good_stream())]).await;
    assert_eq!(completion.unwrap().text, "Hello wörld");
    assert_eq!(server.requests().len(), 2);

    let (completion, _, server) = ask_server(vec![limited]).await;
    assert_eq!(completion, Err(LlmError::RateLimited { retry_after: Some(Duration::ZERO) }));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let limited = head("429 Too Many Requests", "retry-after: 3600\r\n");
    let (completion, _, server) = ask_server(vec![Act::Send(limited)]).await;
    let hour = Duration::from_secs(3600);
    assert_eq!(completion, Err(LlmError::RateLimited { retry_after: Some(hour) }));
    assert_eq!(server.requests().len(), 1);

    // It would end before the deadline, but leave no time for an answer.
    let limited = head("429 Too Many Requests", "retry-after: 18\r\n");
    let (completion, _, server) = ask_server(vec![Act::Send(limited)]).await;
    assert_eq!(completion.unwrap_err().kind(), "rate_limited");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_overloaded_server_is_tried_again_and_a_broken_one_is_not() {
    let busy = head("503 Service Unavailable", "retry-after: 0.01\r\n");
    let (completion, _, server) = ask_server(vec![Act::Send(busy), Act::Send(good_stream())]).await;
    assert!(completion.is_ok());
    assert_eq!(server.requests().len(), 2);

    let broken = format!("{}<html>oops</html>", head("500 Internal Server Error", ""));
    let (completion, _, server) = ask_server(vec![Act::Send(broken)]).await;
    let error = completion.unwrap_err();
    assert_eq!(error.kind(), "unavailable");
    assert!(error.to_string().contains("HTTP 500: <html>oops</html>"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn silence_before_the_first_piece_ends() {
    let started = format!(
        "{}data: {{\"choices\":[{{\"delta\":{{\"role\":\"assistant\"}}}}]}}\n\n",
        stream_head()
    );
    for said in [String::new(), stream_head(), started] {
        let server = TestServer::start(vec![Act::SendThenHang(said)]).await;
        let model = model_at(&server.base_url, Duration::from_millis(200), Duration::from_secs(20));
        assert_eq!(ask(&model).await.0, Err(LlmError::Timeout { stage: Stage::FirstToken }));
        server.client_gone().await;
    }
}

#[tokio::test]
async fn silence_in_the_middle_ends_too() {
    let said = format!("{}{}", stream_head(), delta("so far"));
    let server = TestServer::start(vec![Act::SendThenHang(said)]).await;
    let model = model_at(&server.base_url, Duration::from_secs(10), Duration::from_millis(300));
    let (completion, heard) = ask(&model).await;
    assert_eq!(completion, Err(LlmError::Timeout { stage: Stage::Total }));
    assert_eq!(heard, "so far");
    server.client_gone().await;
}

#[tokio::test]
async fn a_trickle_of_nothing_is_silence() {
    let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
        .to_owned();
    for (said, again) in [
        (stream_head(), ": still there\n\n".to_owned()),
        (stream_head(), role),
        // A refusal that never ends, and a head that never does.
        (head("400 Bad Request", ""), "x".to_owned()),
        ("HTTP/1.1 200 OK\r\n".to_owned(), "x-a: b\r\n".to_owned()),
    ] {
        let server = TestServer::start(vec![Act::SendThenTrickle(said, again.clone())]).await;
        let model = model_at(&server.base_url, Duration::from_millis(200), Duration::from_secs(20));
        let (completion, heard) = ask(&model).await;
        assert_eq!(completion, Err(LlmError::Timeout { stage: Stage::FirstToken }), "{again}");
        assert_eq!(heard, "");
        server.client_gone().await;
    }
}

#[tokio::test]
async fn a_trickle_of_text_ends_with_the_time_for_the_whole() {
    let trickle = Act::SendThenTrickle(stream_head(), delta("a"));
    let server = TestServer::start(vec![trickle]).await;
    let model = model_at(&server.base_url, Duration::from_millis(200), Duration::from_millis(600));
    let started = std::time::Instant::now();
    let (completion, heard) = ask(&model).await;
    assert_eq!(completion, Err(LlmError::Timeout { stage: Stage::Total }));
    assert!(heard.len() > 1 && started.elapsed() < Duration::from_secs(10));
    server.client_gone().await;
}

#[tokio::test]
async fn a_cut_stream_is_no_answer() {
    let (completion, heard, _) =
        ask_server(vec![Act::Send(format!("{}{}", stream_head(), delta("half")))]).await;
    assert!(completion.unwrap_err().to_string().contains("the answer was cut after 4 bytes"));
    assert_eq!(heard, "half");

    let chunked =
        head("200 OK", "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n");
    let event = delta("half");
    let torn = format!("{chunked}{:x}\r\n{event}\r\n40\r\ndata: ", event.len());
    let error = ask_server(vec![Act::Send(torn)]).await.0.unwrap_err();
    assert_eq!(error.kind(), "unavailable", "{error}");
    assert!(error.to_string().contains("the answer was cut"), "{error}");
}

#[tokio::test]
async fn nonsense_is_a_bad_response() {
    for body in [
        "data: {\"choices\": [\n\n",
        "data: not json\n\n",
        "data: [1,2]\n\n",
        "data: {\"hello\":1}\n\n",
    ] {
        let error =
            ask_server(vec![Act::Send(format!("{}{body}", stream_head()))]).await.0.unwrap_err();
        assert_eq!(error.kind(), "bad_response", "{body}");
    }
    let empty = format!("{}{}", stream_head(), ending("stop"));
    let error = ask_server(vec![Act::Send(empty)]).await.0.unwrap_err();
    assert!(error.to_string().contains("the answer has no text"));
    let page =
        format!("{}<html>a login page</html>", head("200 OK", "content-type: text/html\r\n"));
    assert!(ask_server(vec![Act::Send(page)]).await.0.is_err());
    let redirect = head("302 Found", "location: http://127.0.0.1:1/\r\n");
    assert_eq!(ask_server(vec![Act::Send(redirect)]).await.0.unwrap_err().kind(), "unavailable");
}

#[tokio::test]
async fn an_error_inside_a_stream_is_an_error() {
    let told = format!(
        "{}{}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n",
        stream_head(),
        delta("a")
    );
    let error = ask_server(vec![Act::Send(told)]).await.0.unwrap_err();
    assert!(error.to_string().contains("overloaded"), "{error}");
}

#[tokio::test]
async fn a_server_that_ignores_the_output_limit_is_cut_off() {
    let endless = Act::SendThenRepeat(stream_head(), delta(&"x".repeat(1_000)));
    let (completion, heard, server) = ask_server(vec![endless]).await;
    let bytes_max = 50 * 8 + 4 * 1024;
    let error = completion.unwrap_err();
    assert_eq!(error, LlmError::Overlong { tokens_max: 50, bytes_max });
    assert!(error.to_string().contains("did not stop at its limit of 50 tokens"), "{error}");
    assert_eq!(heard.len(), bytes_max);
    server.client_gone().await;
}

#[tokio::test]
async fn a_huge_event_is_not_taken_in() {
    let huge = format!("{}{}", stream_head(), delta(&"y".repeat(2_000_000)));
    let error = ask_server(vec![Act::Send(huge)]).await.0.unwrap_err();
    assert!(error.to_string().contains("larger than any real one"), "{error}");
}

#[tokio::test]
async fn endless_silence_made_of_comments_ends() {
    let endless = Act::SendThenRepeat(stream_head(), format!(": {}\n\n", "z".repeat(10_000)));
    let error = ask_server(vec![endless]).await.0.unwrap_err();
    assert!(error.to_string().contains("larger than any real one"), "{error}");
}

#[tokio::test]
async fn cancelling_lets_go_of_the_connection() {
    let endless = Act::SendThenRepeat(stream_head(), delta("a"));
    let server = TestServer::start(vec![endless]).await;
    let model = model_at(&server.base_url, Duration::from_secs(10), Duration::from_secs(20));
    let cancel = CancellationToken::new();
    let request = ChatRequest { output_tokens_max: 1_000_000, ..question() };
    let mut pieces = 0;
    let mut stop_after_ten = |_: &str| {
        pieces += 1;
        if pieces == 10 {
            cancel.cancel();
        }
    };
    assert_eq!(
        model.complete(&request, &cancel, &mut stop_after_ten).await,
        Err(LlmError::Cancelled)
    );
    server.client_gone().await;
}

#[tokio::test]
async fn cancelling_works_before_the_first_byte_and_before_the_start() {
    let server = TestServer::start(vec![Act::SendThenHang(String::new())]).await;
    let model = model_at(&server.base_url, Duration::from_secs(10), Duration::from_secs(20));
    let cancel = CancellationToken::new();
    let asking = async { model.complete(&question(), &cancel, &mut |_| ()).await };
    let cancelling = async {
        while server.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    assert_eq!(tokio::join!(asking, cancelling).0, Err(LlmError::Cancelled));
    server.client_gone().await;
    assert_eq!(model.complete(&question(), &cancel, &mut |_| ()).await, Err(LlmError::Cancelled));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let model = model_at("http://127.0.0.1:9/v1", Duration::from_secs(5), Duration::from_secs(5));
    let error = ask(&model).await.0.unwrap_err();
    assert_eq!(error.kind(), "unavailable");
    assert!(error.to_string().contains("onnection refused"), "{error}");
    assert!(!error.to_string().contains("/v1/chat"), "the address stays out of messages: {error}");
}
