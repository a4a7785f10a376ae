//! Views of the stores over HTTP, for people who want to check for themselves. Read-only.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use groundcrew_telemetry::Timestamp;
use serde::Serialize;

use super::wire;
use crate::explore::{self, Asked, ExploreError};
use crate::investigate::Investigator;
use crate::session::Sessions;

type Given = Result<Query<Asked>, QueryRejection>;

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(sessions: Sessions) -> Router<S> {
    Router::new()
        .route("/v1/overview", get(overview))
        .route("/v1/answers", get(answers))
        .route("/v1/incidents/{code}/answer", get(answer))
        .route("/v1/logs", get(logs))
        .route("/v1/patterns", get(patterns))
        .route("/v1/traces", get(traces))
        .route("/v1/traces/{trace}", get(trace))
        .route("/v1/traces/{trace}/spans/{span}", get(span))
        .route("/v1/metrics", get(metrics))
        .route("/v1/services", get(services))
        .route("/v1/documents", get(documents))
        .route("/v1/search", get(search))
        .with_state(Arc::new(sessions))
}

async fn overview(State(sessions): State<Arc<Sessions>>) -> Response {
    view(sessions, Ok(Query(Asked::default())), |from, _, now| explore::overview(&from.store, now))
        .await
}

async fn answers(State(sessions): State<Arc<Sessions>>) -> Response {
    let asked = Ok(Query(Asked::default()));
    view(sessions, asked, |from, _, _| explore::listed_incidents(from.store.state())).await
}

async fn answer(State(sessions): State<Arc<Sessions>>, Path(code): Path<String>) -> Response {
    let asked = Ok(Query(Asked::default()));
    view(sessions, asked, move |from, _, _| explore::answer_of(from.store.state(), &code)).await
}

async fn logs(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::logs(&from.store, &asked, now)).await
}

async fn patterns(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::patterns(&from.store, &asked, now)).await
}

async fn traces(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::traces(&from.store, &asked, now)).await
}

async fn trace(State(sessions): State<Arc<Sessions>>, Path(trace): Path<String>) -> Response {
    let asked = Ok(Query(Asked::default()));
    view(sessions, asked, move |from, _, _| explore::trace(&from.store, &trace)).await
}

async fn span(
    State(sessions): State<Arc<Sessions>>,
    Path((trace, span)): Path<(String, String)>,
) -> Response {
    let asked = Ok(Query(Asked::default()));
    view(sessions, asked, move |from, _, _| explore::span(&from.store, &trace, &span)).await
}

async fn metrics(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::metrics(&from.store, &asked, now)).await
}

async fn services(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::services(&from.store, &asked, now)).await
}

async fn documents(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::documents(from, &asked, now)).await
}

async fn search(State(sessions): State<Arc<Sessions>>, asked: Given) -> Response {
    view(sessions, asked, |from, asked, now| explore::search(&from.store, &asked, now)).await
}

/// Reads a view off the runtime and answers with it.
async fn view<T: Serialize + Send + 'static>(
    sessions: Arc<Sessions>,
    asked: Given,
    read: impl FnOnce(&Investigator, Asked, Timestamp) -> Result<T, ExploreError> + Send + 'static,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => {
            let hint = "see the panel's own addresses for what is understood";
            return wire::refusal(rejection.status(), "bad_query", &rejection.body_text(), hint);
        }
    };
    let work = move || read(sessions.investigator(), asked, sessions.now());
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(view)) => Json(view).into_response(),
        Ok(Err(error)) => refused(&error),
        Err(error) => {
            tracing::error!(%error, "a view died");
            let hint = "see the server's log";
            let message = "the view could not be made";
            wire::refusal(StatusCode::INTERNAL_SERVER_ERROR, "bug", message, hint)
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
