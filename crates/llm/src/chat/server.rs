//! A small HTTP server for tests: plain TCP on a free port of the loopback, one scripted behaviour per connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What the server does with a connection after it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Send(String),
    /// Sends these bytes and then holds the connection open without a word.
    SendThenHang(String),
    /// Sends these bytes, then the second ones again and again until the client is gone.
    SendThenRepeat(String, String),
    /// The same, but slowly, so that no wait of the client for the next byte is long.
    SendThenTrickle(String, String),
}

/// Pause between two sends of a server that trickles.
const TRICKLE: Duration = Duration::from_millis(20);

/// A server that is running; it ends with the test's runtime.
pub(crate) struct TestServer {
    pub(crate) base_url: String,
    requests: Arc<Mutex<Vec<String>>>,
    gone: Arc<Notify>,
}

impl TestServer {
    /// Starts a server that gives each connection the next of `acts`, and the last one for ever.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let gone = Arc::new(Notify::new());
        let server = Self { base_url, requests: Arc::clone(&requests), gone: Arc::clone(&gone) };
        tokio::spawn(async move {
            let mut served = 0_usize;
            while let Ok((connection, _)) = listener.accept().await {
                let act = acts[served.min(acts.len() - 1)].clone();
                served += 1;
                let requests = Arc::clone(&requests);
                let gone = Arc::clone(&gone);
                tokio::spawn(async move {
                    serve(connection, act, &requests).await;
                    gone.notify_one();
                });
            }
        });
        server
    }

    /// The requests so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the server has noticed that a client is gone.
    pub(crate) async fn client_gone(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.gone.notified())
            .await
            .expect("the client lets go of the connection");
    }
}

async fn serve(mut connection: TcpStream, act: Act, requests: &Mutex<Vec<String>>) {
    let request = read_request(&mut connection).await;
    requests.lock().unwrap().push(request);
    let (first, again, hang) = match act {
        Act::Send(bytes) => (bytes, None, false),
        Act::SendThenHang(bytes) => (bytes, None, true),
        Act::SendThenRepeat(bytes, again) => (bytes, Some((again, Duration::ZERO)), false),
        Act::SendThenTrickle(bytes, again) => (bytes, Some((again, TRICKLE)), false),
    };
    if connection.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    if let Some((again, pause)) = again {
        while connection.write_all(again.as_bytes()).await.is_ok() {
            // A sleep of nothing would still last a millisecond.
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
        }
    }
    if hang {
        // Reading ends when the client closes its side.
        let mut rest = [0_u8; 64];
        while connection.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 4096];
    loop {
        let read = connection.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if read == 0 || body_is_complete(&text) {
            return text;
        }
    }
}

fn body_is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

/// The head of a response that ends where the connection does.
pub(crate) fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n")
}

/// The head of a stream of events.
pub(crate) fn stream_head() -> String {
    head("200 OK", "content-type: text/event-stream\r\n")
}

/// One event with a piece of text.
pub(crate) fn delta(text: &str) -> String {
    let chunk = serde_json::json!({"model": "tiny-1", "choices": [{"index": 0, "delta": {"content": text}}]});
    format!("data: {chunk}\n\n")
}

/// The events that end a good answer.
pub(crate) fn ending(finish: &str) -> String {
    let last = serde_json::json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]});
    let usage = serde_json::json!({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "odd": true}, "unknown": 1});
    format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}
