//! The JSON shapes of the chat protocol `groundcrew.v1+json` and of its HTTP twin. They only grow.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::investigate::answer::AnswerEvent;
use crate::investigate::plan::parse_duration;
use crate::investigate::question::Question;
use crate::session::{Logged, RunEvent, RunStatus, Tail};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "groundcrew.v1+json";

/// One frame in either direction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Its type.
    pub t: String,
    /// The conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Its place in the conversation's log; only on logged events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The client's own id of a request, repeated in the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The content.
    #[serde(default)]
    pub d: Value,
}

impl Envelope {
    /// A frame outside any conversation's log.
    #[must_use]
    pub fn unlogged(t: &str, d: Value) -> Self {
        Self { t: t.to_owned(), sid: None, seq: None, id: None, d }
    }

    /// An error frame.
    #[must_use]
    pub fn error(code: &str, message: &str, retry_after: Option<Duration>) -> Self {
        let retry_after_ms =
            retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let d = json!({"code": code, "message": message, "retryable": retry_after.is_some(), "retry_after_ms": retry_after_ms});
        Self::unlogged("error", d)
    }
}

/// `hello`: what a client says first.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Hello {
    /// Conversations to go on with.
    #[serde(default)]
    pub resume: Vec<Resume>,
}

/// A conversation and how far the client has read it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Resume {
    /// The conversation.
    pub sid: String,
    /// The last number read.
    #[serde(default)]
    pub last_seq: u64,
}

/// `ask`, over the WebSocket and as the body of `POST /v1/ask`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ask {
    /// The question.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub text: String,
    /// The client's key for it: the same key again is the same run.
    #[serde(default)]
    pub ask_id: Option<String>,
    /// The conversation, over HTTP.
    #[serde(default)]
    pub sid: Option<String>,
    /// Whether it replaces the question that runs in the same conversation: "only look at payments".
    #[serde(default)]
    pub steer: bool,
    /// `deep` fills the model's whole window.
    #[serde(default)]
    pub mode: Option<String>,
    /// Where to look.
    #[serde(default)]
    pub scope: Scope,
}

/// Where to look.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scope {
    /// Services; empty for all.
    #[serde(default)]
    pub services: Vec<String>,
    /// The clock, RFC 3339.
    #[serde(default)]
    pub at: Option<String>,
    /// How far back: `90s`, `15m`, `2h`, `1d`.
    #[serde(default)]
    pub since: Option<String>,
    /// The clock, RFC 3339, and nothing that was only written down later: what was known then.
    #[serde(default)]
    pub as_of: Option<String>,
}

impl Ask {
    /// The question, asked at `now` unless it says otherwise.
    ///
    /// # Errors
    /// A message for the asker when a time or duration cannot be read.
    pub fn question(&self, now: Timestamp) -> Result<Question, String> {
        let mut question = Question::new(self.text.clone(), now);
        let read = |name: &str, text: &str| {
            Timestamp::parse(text).ok_or_else(|| {
                format!(
                    "scope.{name} `{text}` is not an RFC 3339 time such as 2026-11-22T03:12:00Z"
                )
            })
        };
        if let Some(at) = &self.scope.at {
            question.at = read("at", at)?;
            question.at_given = true;
        }
        if let Some(as_of) = &self.scope.as_of {
            question.at = read("as_of", as_of)?;
            question.at_given = true;
            question.known_until = Some(question.at);
        }
        question.steers = self.steer;
        question.budget.deep = match self.mode.as_deref() {
            None | Some("" | "quick") => false,
            Some("deep") => true,
            Some(other) => return Err(format!("mode `{other}` is neither quick nor deep")),
        };
        if let Some(since) = &self.scope.since {
            let duration = parse_duration(since);
            question.since = Some(duration.ok_or_else(|| {
                format!("scope.since `{since}` is not a duration such as 15m or 2h")
            })?);
        }
        question.services.clone_from(&self.scope.services);
        Ok(question)
    }
}

/// A logged event as its frame.
#[must_use]
pub fn frame(sid: &str, logged: &Logged) -> Envelope {
    let (t, d) = match &logged.event {
        RunEvent::Started { run_id, ask_id, model } => {
            ("run.started", json!({"run_id": run_id, "ask_id": ask_id, "model": model}))
        }
        RunEvent::Progress { run_id, answer_id, event } => progress(run_id, answer_id, event),
        RunEvent::Finished { run_id, status, error } => {
            let partial = *status == RunStatus::Cancelled;
            let error =
                error.as_ref().map(|(code, message)| json!({"code": code, "message": message}));
            (
                "run.finished",
                json!({"run_id": run_id, "status": status.name(), "partial": partial, "error": error}),
            )
        }
    };
    Envelope { t: t.to_owned(), sid: Some(sid.to_owned()), seq: Some(logged.seq), id: None, d }
}

fn progress(run_id: &str, answer_id: &str, event: &AnswerEvent) -> (&'static str, Value) {
    match event {
        AnswerEvent::Step(step) => ("step", with_run(json!(step), run_id)),
        AnswerEvent::Evidence(evidence) => {
            ("evidence", json!({"run_id": run_id, "evidence": evidence}))
        }
        AnswerEvent::Hypothesis(hypothesis) => ("hypothesis", with_run(json!(hypothesis), run_id)),
        AnswerEvent::Text { block, text } => (
            "text",
            json!({"run_id": run_id, "answer_id": answer_id, "block": block, "at": 0, "s": text}),
        ),
        AnswerEvent::Answer(answer) => ("answer", json!({"run_id": run_id, "answer": answer})),
    }
}

fn with_run(mut value: Value, run_id: &str) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert("run_id".to_owned(), Value::String(run_id.to_owned()));
    }
    value
}

/// What a reader gets next, as frames, and the number to go on from.
#[must_use]
pub fn frames(sid: &str, tail: &Tail, from: u64) -> (Vec<Envelope>, u64) {
    match tail {
        Tail::Events(events) => {
            let next = events.last().map_or(from, |logged| logged.seq);
            (events.iter().map(|logged| frame(sid, logged)).collect(), next)
        }
        Tail::Snapshot { seq, answers } => {
            let d = json!({"seq": seq, "answers": answers});
            let snapshot = Envelope {
                t: "snapshot".to_owned(),
                sid: Some(sid.to_owned()),
                seq: Some(*seq),
                id: None,
                d,
            };
            (vec![snapshot], *seq)
        }
    }
}

/// What the server says first: itself, the model that tells, and how the conversations stand that the client knew.
#[must_use]
pub fn welcome(model: Option<&str>, heartbeat: Duration, resumed: &[(String, bool)]) -> Envelope {
    let resume: Vec<Value> = resumed
        .iter()
        .map(|(sid, known)| json!({"sid": sid, "status": if *known { "ok" } else { "gone" }}))
        .collect();
    let d = json!({
        "server": {"name": "groundcrew", "version": env!("CARGO_PKG_VERSION")},
        "model": model, "heartbeat_s": heartbeat.as_secs(), "resume": resume,
    });
    Envelope::unlogged("welcome", d)
}

/// A refusal over HTTP: `{"error": {"code", "message", "hint"}}`.
#[must_use]
pub fn refusal(status: StatusCode, code: &str, message: &str, hint: &str) -> Response {
    let body = json!({"error": {"code": code, "message": message, "hint": hint}});
    let mut response = (status, Json(body)).into_response();
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
