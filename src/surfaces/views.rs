//! Views as surfaces make them: off the runtime, so many at a time, and refused in one shape.

use std::fmt::Display;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use groundcrew_telemetry::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::wire;
use crate::investigate::Investigator;
use crate::session::Sessions;

/// Why a view could not be made.
pub trait ViewError: Display + Send + 'static {
    /// Status, code and hint of the refusal.
    fn refusal(&self) -> (StatusCode, &'static str, &'static str);
}

/// What makes views.
#[derive(Clone)]
pub struct Views {
    sessions: Sessions,
    room: Arc<Semaphore>,
}

impl Views {
    /// Views of what `sessions` read, `at_once` at a time: questions come first.
    #[must_use]
    pub fn new(sessions: Sessions, at_once: usize) -> Self {
        Self { sessions, room: Arc::new(Semaphore::new(at_once)) }
    }

    /// Reads a view off the runtime, when there is room, and answers with it.
    pub async fn make<T: Serialize + Send + 'static, E: ViewError>(
        self,
        read: impl FnOnce(&Investigator, Timestamp) -> Result<T, E> + Send + 'static,
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
            Ok(Err(error)) => {
                let (status, code, hint) = error.refusal();
                wire::refusal(status, code, &error.to_string(), hint)
            }
            Err(error) => {
                tracing::error!(%error, "a view died");
                let (message, hint) = ("the view could not be made", "see the server's log");
                wire::refusal(StatusCode::INTERNAL_SERVER_ERROR, "bug", message, hint)
            }
        }
    }
}

/// The refusal of an address whose parameters cannot be read.
#[must_use]
pub fn bad_query(rejection: &QueryRejection) -> Response {
    let hint = "see /v1/openapi.json for what is understood";
    wire::refusal(rejection.status(), "bad_query", &rejection.body_text(), hint)
}
