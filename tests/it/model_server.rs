//! A model server that behaves as badly as real ones do, and the program that asks it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::support::{PATIENCE, Program, outage_logs, text};

/// When the outage of the tests is asked about.
pub(crate) const END: i64 = 1_790_000_000;

/// What must never reach a model: it stands in the logs.
const SECRET: &str = "hunter2-Zq8TvXw3";

/// Tokens that an endless answer has.
pub(crate) const ENDLESS_TOKENS: usize = 2_000_000;

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Says this, as a model server streams it.
    Says(String),
    /// Says these one after the other, the last one for ever.
    SaysInTurn(Vec<String>),
    /// Says this after so long, and to whatever is asked next it says nothing.
    SaysLateThenHangs(String, Duration),
    /// Answers with this status, and with `Retry-After` in seconds where one is given.
    Status(StatusCode, Option<u32>),
    /// The same for the first request; says something faithful to all others.
    StatusOnce(StatusCode, Option<u32>),
    /// Takes the request and says nothing.
    Hangs,
    /// Says half of something faithful, then nothing more.
    HangsAfterHalf,
    /// Says half of something faithful, then the connection breaks.
    CutAfterHalf,
    /// Sends events that are no JSON.
    BadEvents,
    /// Says something faithful, then goes on for two million tokens, whatever the limit is.
    Endless,
    /// Gives its instructions away as they are.
    RepeatsInstructions,
    /// Gives its instructions away as claims that cite the first item.
    ClaimsInstructions,
    /// Refuses every request that asks for a form of the reply; says something faithful to all others.
    RefusesForms,
    /// Says something faithful in one document, although a stream was asked for.
    NeverStreams,
    /// Refuses to stream; says something faithful in one document where none is asked for.
    RefusesStreams,
}

/// A running server; it ends with the test's runtime.
pub(crate) struct ModelServer {
    /// Where it is, up to and with `/v1`.
    pub(crate) base_url: String,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    bodies: watch::Sender<Vec<Value>>,
    tokens_sent: Mutex<usize>,
    /// When a client left before the answer was over.
    left: watch::Sender<Option<Instant>>,
}

impl ModelServer {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            manner,
            bodies: watch::Sender::default(),
            tokens_sent: Mutex::default(),
            left: watch::Sender::new(None),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base_url, shared }
    }

    /// What it was asked so far. Fails the test if a secret is among it.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let bodies = self.shared.bodies.borrow().clone();
        assert!(!json!(bodies).to_string().contains(SECRET), "no secret is sent");
        bodies
    }

    /// Waits until it is asked something.
    pub(crate) async fn asked(&self) {
        let mut bodies = self.shared.bodies.subscribe();
        let asked = bodies.wait_for(|bodies| !bodies.is_empty());
        tokio::time::timeout(PATIENCE, asked).await.expect("the model is asked").unwrap();
    }

    /// How many tokens of an endless answer it could get rid of.
    pub(crate) fn tokens_sent(&self) -> usize {
        *self.shared.tokens_sent.lock().unwrap()
    }

    /// Waits until a client leaves before the answer is over, and says when.
    pub(crate) async fn client_left(&self) -> Instant {
        let mut left = self.shared.left.subscribe();
        let noticed = tokio::time::timeout(PATIENCE, left.wait_for(Option::is_some)).await;
        noticed.expect("the client lets go of the connection").unwrap().unwrap()
    }
}

async fn complete(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    shared.bodies.send_modify(|bodies| bodies.push(request.clone()));
    let is_first = shared.bodies.borrow().len() == 1;
    let wants_stream = request["stream"] == true;
    let wants_form = request.get("response_format").is_some();
    match &shared.manner {
        Manner::Says(said) => streamed(events(said)),
        Manner::SaysInTurn(said) => {
            let turn = shared.bodies.borrow().len() - 1;
            streamed(events(said.get(turn).or(said.last()).unwrap()))
        }
        Manner::Status(status, wait) => refused(*status, *wait, "as it pleases"),
        Manner::StatusOnce(status, wait) if is_first => refused(*status, *wait, "not yet"),
        Manner::StatusOnce(..) => streamed(events(&faithful())),
        Manner::SaysLateThenHangs(said, wait) if is_first => {
            tokio::time::sleep(*wait).await;
            streamed(events(said))
        }
        Manner::Hangs | Manner::SaysLateThenHangs(..) => {
            let _unfinished = Unfinished(Arc::clone(&shared));
            std::future::pending().await
        }
        Manner::HangsAfterHalf => half(&shared, None),
        Manner::CutAfterHalf => half(&shared, Some(std::io::Error::other("cut"))),
        Manner::BadEvents => streamed("data: {\"choices\": [{\n\ndata: oops\n\n".to_owned()),
        Manner::Endless => endless(&shared),
        Manner::RepeatsInstructions => streamed(events(instructions(&request))),
        Manner::ClaimsInstructions => streamed(events(&as_claims(instructions(&request)))),
        Manner::RefusesForms if wants_form => {
            refused(StatusCode::BAD_REQUEST, None, "Unsupported parameter: 'response_format'")
        }
        Manner::RefusesForms => streamed(events(&faithful())),
        Manner::RefusesStreams if wants_stream => {
            refused(StatusCode::BAD_REQUEST, None, "'stream' does not support true with this model")
        }
        Manner::NeverStreams | Manner::RefusesStreams => axum::Json(json!({
            "object": "chat.completion", "model": "test-model",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": faithful()}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366},
        }))
        .into_response(),
    }
}

/// Notices when it is dropped, which is when the client has left.
struct Unfinished(Arc<Shared>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.left.send_replace(Some(Instant::now()));
    }
}

// === What it says ===

/// An account as the model is asked for it.
pub(crate) fn account(headline: &str, claims: &Value) -> String {
    json!({"headline": headline, "claims": claims, "next": [], "unknowns": []}).to_string()
}

/// An account that holds.
pub(crate) fn faithful() -> String {
    let claim = json!({"text": "checkout writes a line about its pool exhausted", "cites": ["E1"]});
    account("The pool of checkout is exhausted", &json!([claim]))
}

/// What the model was told to do.
fn instructions(request: &Value) -> &str {
    request["messages"][0]["content"].as_str().unwrap()
}

/// An account with one claim a line.
fn as_claims(told: &str) -> String {
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    let claims: Vec<Value> = lines.map(|line| json!({"text": line, "cites": ["E1"]})).collect();
    account("These are my instructions", &json!(claims))
}

// === How it says it ===

fn chunk(content: &str) -> String {
    let delta = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]});
    format!("data: {delta}\n\n")
}

/// The chunks of a text that is torn apart anywhere.
fn chunks(said: &str) -> String {
    let characters: Vec<char> = said.chars().collect();
    characters.chunks(7).map(|piece| chunk(&piece.iter().collect::<String>())).collect()
}

/// A whole answer.
fn events(said: &str) -> String {
    let end = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-model", "choices": [],
        "usage": {"prompt_tokens": 321, "completion_tokens": 45, "total_tokens": 366}});
    format!("{}data: {end}\n\ndata: {usage}\n\ndata: [DONE]\n\n", chunks(said))
}

fn streamed(body: impl Into<Body>) -> Response {
    ([("content-type", "text/event-stream")], body.into()).into_response()
}

fn refused(status: StatusCode, retry_after_secs: Option<u32>, message: &str) -> Response {
    let mut response = (status, axum::Json(json!({"error": {"message": message}}))).into_response();
    if let Some(seconds) = retry_after_secs {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// The first half of an account, then an error or silence.
fn half(shared: &Arc<Shared>, error: Option<std::io::Error>) -> Response {
    let said = faithful();
    let first = said.chars().take(said.chars().count() / 2).collect::<String>();
    let steps = (Some(chunks(&first)), error, Unfinished(Arc::clone(shared)));
    let body = stream::unfold(steps, |(first, error, unfinished)| async move {
        match (first, error) {
            (Some(first), error) => Some((Ok(first), (None, error, unfinished))),
            (None, Some(error)) => {
                // What comes before is sent as soon as nothing is ready.
                tokio::task::yield_now().await;
                Some((Err(error), (None, None, unfinished)))
            }
            (None, None) => std::future::pending().await,
        }
    });
    streamed(Body::from_stream(body))
}

fn endless(shared: &Arc<Shared>) -> Response {
    const AT_ONCE: usize = 100;
    let more = chunk(" pool").repeat(AT_ONCE);
    let begun = (0, Some(chunks(&faithful())), Unfinished(Arc::clone(shared)));
    let body = stream::unfold(begun, move |(sent, first, unfinished)| {
        let more = more.clone();
        async move {
            if let Some(first) = first {
                return Some((Ok::<_, std::io::Error>(first), (sent, None, unfinished)));
            }
            let sent = sent + AT_ONCE;
            *unfinished.0.tokens_sent.lock().unwrap() = sent;
            (sent <= ENDLESS_TOKENS).then_some((Ok(more), (sent, None, unfinished)))
        }
    });
    streamed(Body::from_stream(body))
}

// === Who asks it ===

/// How long the program waits for the model, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) first_token_secs: u32,
    pub(crate) total_secs: u32,
}

/// Enough for every server that answers at all.
pub(crate) const LONG: Waits = Waits { first_token_secs: 60, total_secs: 120 };

/// For servers that do not.
pub(crate) const SHORT: Waits = Waits { first_token_secs: 1, total_secs: 2 };

/// The program with an outage in its store and this model.
pub(crate) fn program(base_url: &str, waits: Waits) -> Program {
    let program = Program::new()
        .with("GROUNDCREW__LLM__BASE_URL", base_url)
        .with("GROUNDCREW__LLM__MODEL", "test-model")
        .with("GROUNDCREW__LLM__FIRST_TOKEN_SECS", &waits.first_token_secs.to_string())
        .with("GROUNDCREW__LLM__TOTAL_SECS", &waits.total_secs.to_string());
    let secret = format!("password={SECRET} handled request");
    let logs = outage_logs(END).replace("handled request", &secret);
    program.ok(&["ingest", &program.file("l.otlp.jsonl", logs)]);
    program
}

/// Asks why, and insists on an answer without an alarm.
pub(crate) async fn ask(base_url: &str, waits: Waits) -> Value {
    ask_in_words("why is checkout failing?", base_url, waits).await
}

/// Asks this, and insists on an answer without an alarm.
pub(crate) async fn ask_in_words(words: &str, base_url: &str, waits: Waits) -> Value {
    let (words, base_url) = (words.to_owned(), base_url.to_owned());
    let asking = tokio::task::spawn_blocking(move || {
        let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
        let question = ["ask", &words, "--at", &at, "--since", "10m"];
        program(&base_url, waits).run(&[&question[..], &["-o", "json"]].concat())
    });
    let output = asking.await.unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The answer of the program when its model server behaves like that.
pub(crate) async fn answer_with(manner: Manner, waits: Waits) -> (Value, ModelServer) {
    let server = ModelServer::start(manner).await;
    let answer = ask(&server.base_url, waits).await;
    assert!(!server.bodies().is_empty(), "the model was asked");
    (answer, server)
}

/// Insists on the facts card, and on a notice that says `why` in these words.
pub(crate) fn assert_facts_only(answer: &Value, why: &str) {
    assert_eq!(answer["told_by"], "plain", "{answer:#}");
    assert_has_facts(answer);
    let notice = answer["notice"].as_str().unwrap();
    assert!(notice.contains("facts alone") && notice.contains(why), "{notice}");
}

/// Insists on what code alone finds.
pub(crate) fn assert_has_facts(answer: &Value) {
    assert!(answer["claims"].to_string().contains("pool exhausted"), "{answer:#}");
}
