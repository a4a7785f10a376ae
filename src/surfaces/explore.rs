//! Views of the stores over HTTP, for people who want to check for themselves. Read-only.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use groundcrew_telemetry::Timestamp;
use serde::Serialize;

use super::views::{ViewError, Views, bad_query};
use crate::explore::{self, Asked, ExploreError};
use crate::investigate::Investigator;
use crate::session::Sessions;

/// Views that are made at the same time: each may hold some hundred thousand records, and questions come first.
const VIEWS_MAX: usize = 3;

type Given = Result<Query<Asked>, QueryRejection>;

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(sessions: Sessions) -> Router<S> {
    Router::new()
        .route("/v1/overview", view(|from, _, now| explore::overview(&from.store, now)))
        .route("/v1/answers", view(|from, _, _| explore::listed_incidents(from.store.state())))
        .route("/v1/incidents/{code}/answer", get(answer))
        .route("/v1/logs", view(|from, asked, now| explore::logs(&from.store, asked, now)))
        .route("/v1/logs/values", view(|from, asked, now| explore::values(&from.store, asked, now)))
        .route("/v1/patterns", view(|from, asked, now| explore::patterns(&from.store, asked, now)))
        .route("/v1/traces", view(|from, asked, now| explore::traces(&from.store, asked, now)))
        .route("/v1/traces/{trace}", get(trace))
        .route("/v1/traces/{trace}/spans/{span}", get(span))
        .route("/v1/metrics", view(|from, asked, now| explore::metrics(&from.store, asked, now)))
        .route("/v1/services", view(|from, asked, now| explore::services(&from.store, asked, now)))
        .route("/v1/documents", view(explore::documents))
        .route("/v1/search", view(|from, asked, now| explore::search(&from.store, asked, now)))
        .with_state(Views::new(sessions, VIEWS_MAX))
}

async fn answer(State(views): State<Views>, Path(code): Path<String>) -> Response {
    views.make(move |from, _| explore::answer_of(from.store.state(), &code)).await
}

async fn trace(State(views): State<Views>, Path(trace): Path<String>) -> Response {
    views.make(move |from, _| explore::trace(&from.store, &trace)).await
}

async fn span(State(views): State<Views>, Path((trace, span)): Path<(String, String)>) -> Response {
    views.make(move |from, _| explore::span(&from.store, &trace, &span)).await
}

/// A route that is asked by its parameters.
fn view<T: Serialize + Send + 'static>(
    read: fn(&Investigator, &Asked, Timestamp) -> Result<T, ExploreError>,
) -> MethodRouter<Views> {
    get(move |State(views): State<Views>, asked: Given| async move {
        match asked {
            Ok(Query(asked)) => views.make(move |from, now| read(from, &asked, now)).await,
            Err(rejection) => bad_query(&rejection),
        }
    })
}

impl ViewError for ExploreError {
    fn refusal(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Bad(_) => (StatusCode::BAD_REQUEST, "bad_query", "correct the address"),
            Self::NotFound(_) => {
                (StatusCode::NOT_FOUND, "not_found", "it may be older than what is kept")
            }
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store", "groundcrew doctor"),
        }
    }
}
