//! What people say about an answer, over the WebSocket and over HTTP, and the incidents that come of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire;
use crate::investigate::plan::parse_duration;
use crate::investigate::remembered::IncidentRecord;
use crate::memory::{self, Found, MemoryError, Statement};
use crate::session::Sessions;

/// `feedback`, over the WebSocket and as the body of `POST /v1/answers/{answer}/feedback`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Feedback {
    /// The answer; over HTTP it stands in the path.
    #[serde(default)]
    pub answer_id: String,
    /// The sentence it is about; without it the whole answer.
    #[serde(default)]
    pub claim_id: Option<String>,
    /// 1 for right, -1 for not.
    #[cfg_attr(test, schemars(extend("enum" = [1, -1])))]
    pub score: i8,
    /// Why not: `wrong_cause`, `wrong_evidence`, `too_long`, `missing` or `other`.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it was, when it was something else.
    #[serde(default)]
    pub cause: Option<CauseGiven>,
    /// What fixed it.
    #[serde(default)]
    pub fix: Option<String>,
    /// How long it took: `23m`.
    #[serde(default)]
    pub took: Option<String>,
    /// Anything else.
    #[serde(default)]
    pub text: Option<String>,
}

/// The cause that a person gives.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CauseGiven {
    /// The service, node or dependency.
    #[serde(default)]
    pub service: Option<String>,
    /// The kind of fault.
    #[serde(default)]
    pub fault_kind: Option<String>,
    /// In their words.
    #[serde(default)]
    pub words: Option<String>,
}

/// A feedback that was not taken: code and message.
pub(super) type Refused = (StatusCode, &'static str, String);

impl Feedback {
    /// What it says about the cause; `None` when it is about something else, such as the length.
    fn statement(&self) -> Result<Option<Statement>, String> {
        let is_wrong = match self.score {
            1 => false,
            -1 => true,
            other => return Err(format!("score must be 1 or -1, not {other}")),
        };
        let about_cause = self.cause.is_some()
            || match self.reason.as_deref() {
                None | Some("wrong_cause") => true,
                Some("wrong_evidence" | "too_long" | "missing" | "other") => !is_wrong,
                Some(reason) => {
                    return Err(format!(
                        "reason `{reason}` is not wrong_cause, wrong_evidence, too_long, missing or other"
                    ));
                }
            };
        // One sentence is not the cause, whatever is said of it.
        let about_cause = about_cause && self.claim_id.is_none();
        let duration_secs = match &self.took {
            Some(took) => Some(
                parse_duration(took)
                    .ok_or_else(|| format!("took `{took}` is not a duration such as 23m"))?
                    .as_secs(),
            ),
            None => None,
        };
        let cause = self.cause.clone().unwrap_or_default();
        Ok(about_cause.then(|| Statement {
            is_wrong,
            service: cause.service,
            fault_kind: cause.fault_kind,
            cause_words: cause.words,
            fix: self.fix.clone(),
            duration_secs,
            text: self.text.clone().unwrap_or_default(),
        }))
    }
}

/// Writes a person's word down. The reply names the incident that remembers it, if it was about the cause.
pub(super) async fn take(sessions: &Sessions, feedback: Feedback) -> Result<Value, Refused> {
    let bad = |message: String| (StatusCode::BAD_REQUEST, "bad_feedback", message);
    let Some(statement) = feedback.statement().map_err(bad)? else {
        let Feedback { answer_id, claim_id, reason, score, .. } = &feedback;
        tracing::info!(answer = answer_id, claim = claim_id, reason, score, "feedback");
        return Ok(json!({"answer_id": feedback.answer_id, "incident": null}));
    };
    let answer_id = feedback.answer_id.clone();
    let record = in_memory(sessions, move |sessions| {
        let investigator = sessions.investigator();
        let state = investigator.store.state();
        let (masker, now) = (&investigator.masker, sessions.now());
        memory::state_opinion(state, masker, now, &answer_id, &statement)
    })
    .await?;
    Ok(json!({"answer_id": record.answer_id, "incident": record.code}))
}

/// Runs a blocking call on the memory off the runtime.
async fn in_memory<T: Send + 'static>(
    sessions: &Sessions,
    work: impl FnOnce(&Sessions) -> Result<T, MemoryError> + Send + 'static,
) -> Result<T, Refused> {
    let sessions = sessions.clone();
    match tokio::task::spawn_blocking(move || work(&sessions)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(refused(&error)),
        Err(error) => {
            tracing::error!(%error, "the task that writes memory died");
            Err((
                StatusCode::INTERNAL_SERVER_ERROR,
                "bug",
                "the memory could not be written".to_owned(),
            ))
        }
    }
}

fn refused(error: &MemoryError) -> Refused {
    let (status, code) = match error {
        MemoryError::NotFound(_) => (StatusCode::NOT_FOUND, "no_such_answer"),
        MemoryError::Ambiguous { .. } => (StatusCode::CONFLICT, "ambiguous"),
        MemoryError::NoSuspect | MemoryError::BadKind { .. } | MemoryError::Withheld => {
            (StatusCode::BAD_REQUEST, "bad_feedback")
        }
        MemoryError::Unreadable(_) => (StatusCode::CONFLICT, "unreadable"),
        MemoryError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store"),
    };
    (status, code, error.to_string())
}

fn respond(result: Result<Value, Refused>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err((status, code, message)) => {
            wire::refusal(status, code, &message, "see GET /v1/incidents, or ask again")
        }
    }
}

/// `POST /v1/answers/{answer}/feedback`.
pub(super) async fn post_feedback(
    State(sessions): State<Arc<Sessions>>,
    Path(answer): Path<String>,
    body: Result<Json<Feedback>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(feedback)) => {
            respond(take(&sessions, Feedback { answer_id: answer, ..feedback }).await)
        }
        Err(rejection) => wire::refusal(
            rejection.status(),
            "bad_feedback",
            &rejection.body_text(),
            r#"send {"score": 1} or {"score": -1, "reason": "wrong_cause"} as application/json"#,
        ),
    }
}

/// `GET /v1/incidents`: newest first, those that are struck too.
pub(super) async fn list(State(sessions): State<Arc<Sessions>>) -> Response {
    let read =
        in_memory(&sessions, |sessions| memory::incidents(sessions.investigator().store.state()));
    respond(read.await.map(|records| json!({"incidents": records})))
}

/// `GET /v1/incidents/{code}`.
pub(super) async fn show(
    State(sessions): State<Arc<Sessions>>,
    Path(code): Path<String>,
) -> Response {
    let read = in_memory(&sessions, move |sessions| {
        match memory::find(sessions.investigator().store.state(), &code)? {
            Found::Record(record) => Ok(*record),
            Found::Answer(_) => Err(MemoryError::NotFound(code)),
        }
    });
    respond(read.await.map(|record: IncidentRecord| json!(record)))
}

/// Why a memory is struck.
#[derive(Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Strike {
    #[serde(default)]
    why: String,
}

/// `POST /v1/incidents/{code}/strike`: kept, marked, no longer used.
pub(super) async fn strike(
    State(sessions): State<Arc<Sessions>>,
    Path(code): Path<String>,
    body: Option<Json<Strike>>,
) -> Response {
    let why = body.map(|Json(strike)| strike.why).unwrap_or_default();
    let written = in_memory(&sessions, move |sessions| {
        let investigator = sessions.investigator();
        let state = investigator.store.state();
        memory::strike(state, &investigator.masker, sessions.now(), &code, &why)
    });
    respond(written.await.map(|record| json!({"incident": record.code, "struck": true})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(json: Value) -> Result<Option<Statement>, String> {
        serde_json::from_value::<Feedback>(json).unwrap().statement()
    }

    #[test]
    fn only_words_about_the_cause_become_memory() {
        let right = feedback(json!({"score": 1})).unwrap().unwrap();
        assert!(!right.is_wrong);
        let wrong = feedback(json!({"score": -1, "reason": "wrong_cause"})).unwrap().unwrap();
        assert!(wrong.is_wrong && wrong.service.is_none());
        let other = json!({"score": -1, "cause": {"service": "orders-db", "fault_kind": "disk"}});
        assert_eq!(feedback(other).unwrap().unwrap().service.as_deref(), Some("orders-db"));
        assert_eq!(feedback(json!({"score": -1, "reason": "too_long"})).unwrap(), None);
        assert_eq!(feedback(json!({"score": 1, "claim_id": "c1"})).unwrap(), None);
        for bad in [
            json!({"score": 0}),
            json!({"score": -1, "reason": "bored"}),
            json!({"score": 1, "took": "soon"}),
        ] {
            assert!(feedback(bad).is_err());
        }
    }
}
