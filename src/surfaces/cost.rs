//! What it costs over HTTP: `GET /v1/cost`. Read-only.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::sync::Semaphore;

use super::wire;
use crate::finops::{CostAsked, CostError, cost_of};
use crate::session::Sessions;

/// Views that are made at the same time: each may read a million charges.
const VIEWS_MAX: usize = 1;

#[derive(Clone)]
struct Costs {
    sessions: Sessions,
    room: Arc<Semaphore>,
}

/// The route.
pub fn router<S: Clone + Send + Sync + 'static>(sessions: Sessions) -> Router<S> {
    Router::new()
        .route("/v1/cost", get(cost))
        .with_state(Costs { sessions, room: Arc::new(Semaphore::new(VIEWS_MAX)) })
}

async fn cost(
    State(costs): State<Costs>,
    asked: Result<Query<CostAsked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => {
            let hint = "see docs/openapi.json for what is understood";
            return wire::refusal(rejection.status(), "bad_query", &rejection.body_text(), hint);
        }
    };
    // It is never closed; without a permit the view is made all the same.
    let room = Arc::clone(&costs.room).acquire_owned().await.ok();
    let work = move || {
        let sessions = costs.sessions;
        let made = cost_of(&sessions.investigator().store, &asked, sessions.now());
        drop(room);
        made
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(view)) => Json(view).into_response(),
        Ok(Err(error)) => refused(&error),
        Err(error) => {
            tracing::error!(%error, "a view of costs died");
            let (message, hint) = ("the view could not be made", "see the server's log");
            wire::refusal(StatusCode::INTERNAL_SERVER_ERROR, "bug", message, hint)
        }
    }
}

fn refused(error: &CostError) -> Response {
    let (status, code, hint) = match error {
        CostError::Bad(_) => (StatusCode::BAD_REQUEST, "bad_query", "correct the address"),
        CostError::NoIncident => {
            (StatusCode::NOT_FOUND, "not_found", "its code stands beside the answer's headline")
        }
        CostError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store", "groundcrew doctor"),
    };
    wire::refusal(status, code, &error.to_string(), hint)
}
