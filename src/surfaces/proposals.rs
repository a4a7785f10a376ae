//! Actions over HTTP: what is declared, what is proposed, and a person's word on it. What is approved is a hash that was
//! shown; nothing here carries a plan back to the server.

use std::collections::BTreeMap;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::wire;
use crate::remediate::{ActionsView, Principal, Proposal, Refused, Remediation, Wanted};

/// `POST /v1/proposals`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Propose {
    /// The action's id.
    action: String,
    /// Arguments, by parameter; what is left out is taken as usual.
    #[serde(default)]
    arguments: BTreeMap<String, String>,
    /// The answer it rests on: its id, or its incident's code.
    #[serde(default)]
    answer: Option<String>,
    /// Who proposes it.
    by: String,
}

/// `POST /v1/proposals/{proposal}/approve`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Approve {
    /// Who approves.
    by: String,
    /// The hash of the plan that they were shown.
    hash: String,
}

/// `POST /v1/proposals/{proposal}/decline`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Decline {
    /// Who declines.
    by: String,
}

type Body<T> = Result<Json<T>, JsonRejection>;

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(actions: Remediation) -> Router<S> {
    Router::new()
        .route("/v1/actions", get(declared))
        .route("/v1/proposals", get(latest).post(propose))
        .route("/v1/proposals/{proposal}", get(one))
        .route("/v1/proposals/{proposal}/approve", post(approve))
        .route("/v1/proposals/{proposal}/decline", post(decline))
        .route("/v1/answers/{answer}/proposal", post(of_answer))
        .route("/v1/audit/head", get(head))
        .with_state(actions)
}

async fn declared(State(actions): State<Remediation>) -> Response {
    match actions.catalogue().await {
        Ok(catalogue) => Json(ActionsView::from(catalogue)).into_response(),
        Err(Refused::NotConfigured) => {
            Json(ActionsView { actions: Vec::new(), problems: Vec::new() }).into_response()
        }
        Err(error) => refused(&error),
    }
}

async fn latest(State(actions): State<Remediation>) -> Response {
    match actions.latest().await {
        Ok(proposals) => Json(json!({"proposals": proposals})).into_response(),
        Err(error) => refused(&error),
    }
}

async fn one(State(actions): State<Remediation>, Path(proposal): Path<String>) -> Response {
    respond(actions.get(&proposal).await)
}

async fn propose(State(actions): State<Remediation>, body: Body<Propose>) -> Response {
    let Propose { action, arguments, answer, by } = match read(body) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    match Principal::named(Principal::Api, &by) {
        Ok(by) => respond(actions.propose(Wanted { action, arguments, answer, by }).await),
        Err(error) => refused(&error),
    }
}

async fn approve(
    State(actions): State<Remediation>,
    Path(proposal): Path<String>,
    body: Body<Approve>,
) -> Response {
    let given = match read(body) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    match Principal::named(Principal::Api, &given.by) {
        Ok(by) => respond(actions.approve(&proposal, &given.hash, by).await),
        Err(error) => refused(&error),
    }
}

async fn decline(
    State(actions): State<Remediation>,
    Path(proposal): Path<String>,
    body: Body<Decline>,
) -> Response {
    let given = match read(body) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    match Principal::named(Principal::Api, &given.by) {
        Ok(by) => respond(actions.decline(&proposal, by).await),
        Err(error) => refused(&error),
    }
}

/// The one proposal under an answer; null where there is none.
async fn of_answer(State(actions): State<Remediation>, Path(answer): Path<String>) -> Response {
    match actions.of_answer(&answer).await {
        Ok(proposal) => Json(json!({"proposal": proposal})).into_response(),
        Err(error) => refused(&error),
    }
}

async fn head(State(actions): State<Remediation>) -> Response {
    match actions.audit_head().await {
        Ok(head) => Json(json!({"head": head.to_string()})).into_response(),
        Err(error) => refused(&error),
    }
}

fn read<T>(body: Body<T>) -> Result<T, Box<Response>> {
    match body {
        Ok(Json(given)) => Ok(given),
        Err(rejection) => Err(Box::new(wire::refusal(
            rejection.status(),
            "bad_request",
            &rejection.body_text(),
            "GET /v1/openapi.json describes what is understood",
        ))),
    }
}

fn respond(result: Result<Proposal, Refused>) -> Response {
    match result {
        Ok(proposal) => Json(proposal).into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &Refused) -> Response {
    let status = match error {
        Refused::NotConfigured
        | Refused::NoSuchAction(_)
        | Refused::NoSuchProposal(_)
        | Refused::NoSuchAnswer(_) => StatusCode::NOT_FOUND,
        Refused::BadArgument(_) | Refused::BadName => StatusCode::BAD_REQUEST,
        Refused::NotTheirs(_) | Refused::Tainted(_) | Refused::Stale(_) | Refused::Decided(_) => {
            StatusCode::CONFLICT
        }
        Refused::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Bug(_) => {
            tracing::error!(%error, "an action");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let (message, hint) = error.parts();
    wire::refusal(status, error.code(), &message, &hint)
}
