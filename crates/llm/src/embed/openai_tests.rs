//! The embedding client against a real server on the loopback, in good days and bad ones.

use super::{Embedder as _, EmbeddingSettings, OpenAiEmbedder};
use crate::LlmError;
use crate::chat::server::{Act, TestServer, head};
use std::time::Duration;

const KEY: &str = "sk-test-0123456789";

fn settings(base_url: &str) -> EmbeddingSettings {
    EmbeddingSettings {
        base_url: Some(base_url.to_owned()),
        api_key: Some(KEY.to_owned()),
        model: "tiny".to_owned(),
        dimensions: None,
        timeout: Duration::from_secs(20),
    }
}

/// Embeds as a command would: on a thread that may wait.
async fn embed(
    settings: EmbeddingSettings,
    texts: &[&str],
) -> (Result<Vec<Vec<f32>>, LlmError>, String) {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let working = tokio::task::spawn_blocking(move || {
        let embedder = OpenAiEmbedder::new(&settings).unwrap();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        (embedder.embed(&texts), embedder.identity().to_owned())
    });
    working.await.unwrap()
}

async fn embed_at(acts: Vec<Act>, texts: &[&str]) -> (Result<Vec<Vec<f32>>, LlmError>, TestServer) {
    let server = TestServer::start(acts).await;
    let (vectors, _) = embed(settings(&server.base_url), texts).await;
    (vectors, server)
}

fn reply(embeddings: &[(usize, &[f32])]) -> Act {
    let data: Vec<serde_json::Value> = embeddings
        .iter()
        .map(|(index, embedding)| serde_json::json!({"object": "embedding", "index": index, "embedding": embedding}))
        .collect();
    let body = serde_json::json!({"object": "list", "model": "tiny", "data": data, "usage": {"total_tokens": 1}});
    Act::Send(format!("{}{body}", head("200 OK", "content-type: application/json\r\n")))
}

fn status(line: &str, headers: &str) -> Act {
    Act::Send(format!("{}{{\"error\":{{\"message\":\"told {KEY}\"}}}}", head(line, headers)))
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_and_of_length_one() {
    let answer = reply(&[(1, &[0.0, 2.0]), (0, &[3.0, 4.0])]);
    let (vectors, server) = embed_at(vec![answer], &["one", "two"]).await;
    assert_eq!(vectors.unwrap(), [vec![0.6, 0.8], vec![0.0, 1.0]]);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v1/embeddings HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {KEY}")));
    for part in
        ["\"model\":\"tiny\"", "\"input\":[\"one\",\"two\"]", "\"encoding_format\":\"float\""]
    {
        assert!(request.contains(part), "{part} in {request}");
    }
    assert!(!request.contains("dimensions"));
}

#[tokio::test]
async fn many_texts_go_in_several_requests() {
    let texts: Vec<String> = (0..130).map(|number| format!("text {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let full: Vec<(usize, &[f32])> = (0..64).map(|index| (index, &[1.0_f32, 0.0][..])).collect();
    let (vectors, server) = embed_at(vec![reply(&full)], &texts).await;
    // The third request has two texts, for which 64 vectors are too many.
    assert!(vectors.unwrap_err().to_string().contains("64 embeddings came for 2 texts"));
    assert!(server.requests().len() <= 3);
    let (vectors, server) = embed_at(vec![reply(&full)], &texts[..128]).await;
    assert_eq!((vectors.unwrap().len(), server.requests().len()), (128, 2));
    let (vectors, server) = embed_at(vec![reply(&full)], &[]).await;
    assert_eq!((vectors.unwrap().len(), server.requests().len()), (0, 0));
}

#[tokio::test]
async fn what_is_secret_or_empty_does_not_leave() {
    let answer = reply(&[(0, &[1.0]), (1, &[1.0])]);
    let (vectors, server) =
        embed_at(vec![answer], &["mail ann.example@shop.test about password=hunter2secret", " "])
            .await;
    assert!(vectors.is_ok());
    let request = &server.requests()[0];
    assert!(!request.contains("ann.example@") && !request.contains("hunter2secret"), "{request}");
    assert!(request.contains("mail ") && request.contains(",\"-\"]"), "{request}");
}

#[tokio::test]
async fn a_busy_or_broken_server_is_asked_again() {
    let good = reply(&[(0, &[1.0])]);
    for bad in [
        status("429 Too Many Requests", "retry-after: 0\r\n"),
        status("503 Service Unavailable", "retry-after: 0.01\r\n"),
        status("500 Internal Server Error", "retry-after: 0\r\n"),
    ] {
        let (vectors, server) = embed_at(vec![bad.clone(), bad, good.clone()], &["x"]).await;
        assert_eq!(vectors.unwrap(), [vec![1.0]]);
        assert_eq!(server.requests().len(), 3);
    }
    let busy = status("429 Too Many Requests", "retry-after: 0\r\n");
    let (vectors, server) = embed_at(vec![busy], &["x"]).await;
    assert!(vectors.unwrap_err().to_string().contains("HTTP 429"));
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let busy = status("429 Too Many Requests", "retry-after: 3600\r\n");
    let (vectors, server) = embed_at(vec![busy], &["x"]).await;
    assert_eq!(vectors.unwrap_err().kind(), "embedding_server");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_opened_again() {
    let cut = Act::Send(head("200 OK", "content-length: 500\r\n"));
    let (vectors, server) = embed_at(vec![cut, reply(&[(0, &[1.0])])], &["x"]).await;
    assert_eq!(vectors.unwrap(), [vec![1.0]]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn refusals_are_told_without_the_key_and_not_tried_again() {
    for (line, expected) in [
        ("401 Unauthorized", "HTTP 401: it does not accept the key"),
        ("404 Not Found", "HTTP 404: told [redacted]"),
    ] {
        let (vectors, server) = embed_at(vec![status(line, "")], &["x"]).await;
        let error = vectors.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("embedding.base_url"), "{error}");
        assert!(!error.contains(KEY));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn silence_ends() {
    let server = TestServer::start(vec![Act::SendThenHang(String::new())]).await;
    let impatient =
        EmbeddingSettings { timeout: Duration::from_millis(200), ..settings(&server.base_url) };
    let error = embed(impatient, &["x"]).await.0.unwrap_err().to_string();
    assert!(error.contains("no answer within 0.2 s"), "{error}");
    server.client_gone().await;
}

#[tokio::test]
async fn another_length_is_told_plainly() {
    let server = TestServer::start(vec![reply(&[(0, &[1.0, 2.0])])]).await;
    let wanting = EmbeddingSettings { dimensions: Some(3), ..settings(&server.base_url) };
    let (vectors, identity) = embed(wanting, &["x"]).await;
    assert_eq!(vectors, Err(LlmError::EmbeddingDimensions { found: 2, expected: 3 }));
    assert_eq!(identity, "tiny, 3 dimensions, by API");
    assert!(server.requests()[0].contains("\"dimensions\":3"));
    let uneven = reply(&[(0, &[1.0, 2.0]), (1, &[1.0])]);
    let (vectors, _) = embed_at(vec![uneven], &["x", "y"]).await;
    assert_eq!(vectors, Err(LlmError::EmbeddingDimensions { found: 1, expected: 2 }));
}

#[tokio::test]
async fn nonsense_is_an_error() {
    let page = Act::Send(format!("{}<html>a login page</html>", head("200 OK", "")));
    for (act, expected) in [
        (page, "not a list of embeddings"),
        (reply(&[]), "0 embeddings came for 1 texts"),
        (reply(&[(5, &[1.0])]), "not numbered"),
        (reply(&[(0, &[])]), "empty"),
        (reply(&[(0, &[f32::NAN])]), "not a list of embeddings"),
    ] {
        let error = embed_at(vec![act], &["x"]).await.0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let endless = Act::SendThenRepeat(head("200 OK", ""), "[".repeat(100_000));
    let (vectors, server) = embed_at(vec![endless], &["x"]).await;
    assert!(vectors.unwrap_err().to_string().contains("larger than any real one"));
    server.client_gone().await;
}

#[test]
fn bad_settings_are_told_at_once() {
    for (url, model, setting) in [
        ("localhost:1", "m", "embedding.base_url"),
        ("http://localhost/v1", " ", "embedding.model"),
    ] {
        let settings = EmbeddingSettings { model: model.to_owned(), ..settings(url) };
        let error = OpenAiEmbedder::new(&settings).unwrap_err().to_string();
        assert!(error.contains(setting) && !error.contains(KEY), "{error}");
    }
}

#[tokio::test]
async fn it_may_be_used_and_dropped_on_a_thread_of_a_runtime() {
    let server = TestServer::start(vec![reply(&[(0, &[1.0])])]).await;
    let embedder = OpenAiEmbedder::new(&settings(&server.base_url)).unwrap();
    drop(embedder);
}
