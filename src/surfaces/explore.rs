//! Views of the stores over HTTP, for people who want to check for themselves. Read-only.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use groundcrew_telemetry::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::wire;
use crate::explore::{self, Asked, ExploreError};
use crate::investigate::Investigator;
use crate::session::Sessions;

/// Views that are made at the same time: each may hold some hundred thousand records, and questions come first.
const VIEWS_MAX: usize = 3;

/// What the routes share.
#[derive(Clone)]
struct Views {
    sessions: Sessions,
    room: Arc<Semaphore>,
}

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
        .with_state(Views { sessions, room: Arc::new(Semaphore::new(VIEWS_MAX)) })
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
            Err(rejection) => {
                let hint = "see the panel's own addresses for what is understood";
                wire::refusal(rejection.status(), "bad_query", &rejection.body_text(), hint)
            }
        }
    })
}

impl Views {
    /// Reads a view off the runtime, when there is room, and answers with it.
    async fn make<T: Serialize + Send + 'static>(
        self,
        read: impl FnOnce(&Investigator, Timestamp) -> Result<T, ExploreError> + Send + 'static,
    ) -> Response {
        // It is never closed; without a permit the view is made all the same.
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        let work = move || {
            let made = read(self.sessions.investigator(), self.sessions.now());
            drop(room);
            made
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(view)) => Json(view).into_response(),
            Ok(Err(error)) => refused(&error),
            Err(error) => {
                tracing::error!(%error, "a view died");
                let (message, hint) = ("the view could not be made", "see the server's log");
                wire::refusal(StatusCode::INTERNAL_SERVER_ERROR, "bug", message, hint)
            }
        }
    }
}

fn refused(error: &ExploreError) -> Response {
    let (status, code, hint) = match error {
        ExploreError::Bad(_) => (StatusCode::BAD_REQUEST, "bad_query", "correct the address"),
        ExploreError::NotFound(_) => {
            (StatusCode::NOT_FOUND, "not_found", "it may be older than what is kept")
        }
        ExploreError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store", "groundcrew doctor"),
    };
    wire::refusal(status, code, &error.to_string(), hint)
}
