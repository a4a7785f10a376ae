//! What it costs over HTTP: `GET /v1/cost`. Read-only.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::views::{ViewError, Views, bad_query};
use crate::finops::{CostAsked, CostError, cost_of};
use crate::session::Sessions;

/// Views that are made at the same time: each may read a million charges.
const VIEWS_MAX: usize = 1;

/// The route.
pub fn router<S: Clone + Send + Sync + 'static>(sessions: Sessions) -> Router<S> {
    Router::new().route("/v1/cost", get(cost)).with_state(Views::new(sessions, VIEWS_MAX))
}

async fn cost(
    State(views): State<Views>,
    asked: Result<Query<CostAsked>, QueryRejection>,
) -> Response {
    match asked {
        Ok(Query(asked)) => views.make(move |from, now| cost_of(&from.store, &asked, now)).await,
        Err(rejection) => bad_query(&rejection),
    }
}

impl ViewError for CostError {
    fn refusal(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Bad(_) => (StatusCode::BAD_REQUEST, "bad_query", "correct the address"),
            Self::NoIncident => {
                (StatusCode::NOT_FOUND, "not_found", "its code stands beside the answer's headline")
            }
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store", "groundcrew doctor"),
        }
    }
}
