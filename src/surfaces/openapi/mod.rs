//! The description of this HTTP API for programs: `GET /v1/openapi.json`, OpenAPI 3.1.
//!
//! It stands in `docs/openapi.json`, made from the types themselves by a test that fails when the two differ.

#[cfg(test)]
mod describe;
#[cfg(test)]
mod document;

use axum::Router;
use axum::http::header;
use axum::routing::get;

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// The route.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Router::new().route("/v1/openapi.json", get(move || async move { (headers, DOCUMENT) }))
}
