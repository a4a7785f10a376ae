//! What the tests of actions share: a runbook that declares one, an answer that it fits, and a local receiver.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use groundcrew::investigate::answer::Answer;
use groundcrew_store::{Access, StateDb};
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::support::{Program, Server, client, failing_trace, outage_logs};

/// With this as its status a receiver takes an order and never answers.
pub(crate) const SILENT: u16 = 0;

/// A runbook that declares one action, done by the webhook `recycler`.
pub(crate) const RUNBOOK: &str = "---\ntitle: Pool exhausted\nkind: runbook\nservices: [checkout]\nactions:\n  - id: recycle\n    title: Recycle checkout\n    \
    does: Restarts the pods one by one\n    blast_radius: one pod at a time\n    undo: nothing to undo\n    services: [checkout, ghost]\n    parameters:\n      \
    service: {type: service}\n      step: {type: integer, min: 1, max: 5, default: 2}\n    \
    check: {measure: error_ratio, service: \"{service}\", below: 0.05, after: 1s, for: 4s}\n    actuator: {webhook: recycler}\n---\n# Pool exhausted\n\nRecycle it.\n";

/// A receiver of orders that keeps what comes.
#[derive(Clone)]
pub(crate) struct Receiver {
    orders: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answers: Arc<AtomicU16>,
    port: u16,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver =
            Self { orders: Arc::default(), answers: Arc::new(AtomicU16::new(200)), port };
        let router = Router::new().fallback(any(take)).with_state(receiver.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/act", self.port)
    }

    pub(crate) fn orders(&self) -> Vec<(HeaderMap, Value)> {
        self.orders.lock().unwrap().clone()
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.answers.store(status, Ordering::SeqCst);
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    receiver.orders.lock().unwrap().push((headers, body));
    let status = receiver.answers.load(Ordering::SeqCst);
    if status == SILENT {
        std::future::pending::<()>().await;
    }
    let elsewhere = [("location", receiver.url())];
    (StatusCode::from_u16(status).unwrap(), elsewhere, "done").into_response()
}

/// A program with an outage of `checkout` that goes on, the runbook above, and the receiver as its webhook.
pub(crate) fn program(receiver: &Receiver) -> Program {
    let program = Program::new();
    let now = SystemClock.now().nanos() / 1_000_000_000;
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(now))]);
    program.ok(&["ingest", &program.file("t.otlp.jsonl", failing_trace(now))]);
    let page = program.file("runbooks/pool.md", RUNBOOK);
    let folder = std::path::Path::new(&page).parent().unwrap().to_string_lossy().into_owned();
    program.file(
        "groundcrew.toml",
        format!(
            "[actions]\nrunbooks = ['{folder}']\n[[actions.webhooks]]\nname = \"recycler\"\nurl = \"{}\"\ntoken = \"s3cret\"\ntimeout_secs = 2\n",
            receiver.url()
        ),
    );
    program
}

/// The state of a program, beside whatever else works on it.
pub(crate) fn state(program: &Program) -> StateDb {
    StateDb::open(&program.data().join("state.db"), Access::ReadWrite).unwrap()
}

/// An answer that suspects `service`, resting on evidence of this kind, and says to follow the runbook above.
pub(crate) fn answer(id: &str, service: &str, kind: &str) -> Value {
    let now = SystemClock.now().to_string();
    let item = |id: &str, kind: &str, query: Value| {
        json!({"id": id, "kind": kind, "title": "t", "service": service, "from": now, "to": now, "query": query,
            "permalink": format!("/e/x/{id}"), "preview": "measured", "own": 8, "score": 0.9, "hash": "00", "series": null})
    };
    json!({
        "answer_id": id, "incident": groundcrew::investigate::remembered::incident_code(id).get(..3),
        "run_id": format!("run_{id}"), "question": "why?", "verdict": "likely_cause", "confidence": "high",
        "headline": "checkout is at fault", "headline_cites": ["E1"], "from": now, "to": now,
        "impact": {"since": now, "services": [service]}, "claims": [],
        "hypotheses": [{"id": "h1", "title": service, "subject": service, "fault_kind": "config", "status": "supported",
            "score": 0.9, "for": ["E1"], "against": [], "why": "it is"}],
        "ruled_out": [], "next": [{"label": "follow the runbook", "kind": "runbook", "cmd": null, "cites": ["E2"]}],
        "seen_before": [], "unknowns": [],
        "evidence": [item("E1", kind, Value::Null), item("E2", "runbook", json!("documents pool.md:1-9"))],
        "receipt": {"log_records": 1, "templates": 1, "templates_changed": 1, "spans": 1, "series": 1, "items": 2,
            "left_out": 0, "bundle_tokens": 1},
        "usage": {"model": null, "input_tokens": null, "output_tokens": null, "ms": 1},
        "told_by": "plain", "notice": null,
        "imprint": {"fingerprint": groundcrew_analysis::fingerprint::Fingerprint::default(),
            "suspects": [{"service": service, "subject": "", "fault_kind": "config"}]},
    })
}

/// Stores an answer as if it had been given in a conversation at a time.
pub(crate) fn give(state: &StateDb, answer: &Value, conversation: &str, at: Timestamp) {
    let read: Answer = serde_json::from_value(answer.clone()).unwrap();
    state.put_answer(&read.answer_id, conversation, at, &answer.to_string()).unwrap();
}

/// A status and what was said.
pub(crate) async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let sent = client().post(server.url(path)).json(&body).send().await.unwrap();
    let status = sent.status().as_u16();
    (status, sent.json().await.unwrap_or_default())
}

pub(crate) async fn get(server: &Server, path: &str) -> Value {
    client().get(server.url(path)).send().await.unwrap().json().await.unwrap()
}

/// The proposal under an answer that was given just now.
pub(crate) async fn offered(server: &Server, program: &Program, id: &str) -> Value {
    give(&state(program), &answer(id, "checkout", "span"), "talk", SystemClock.now());
    let (status, body) = post(server, &format!("/v1/answers/{id}/proposal"), json!({})).await;
    assert_eq!(status, 200, "{body:#}");
    assert!(body["proposal"]["id"].as_str().is_some_and(|id| id.starts_with("ap_")), "{body:#}");
    body["proposal"].clone()
}

pub(crate) async fn approve(server: &Server, proposal: &Value, by: &str) -> (u16, Value) {
    let path = format!("/v1/proposals/{}/approve", proposal["id"].as_str().unwrap());
    post(server, &path, json!({"by": by, "hash": proposal["hash"]})).await
}
