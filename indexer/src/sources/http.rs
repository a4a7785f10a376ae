//! Every receiver that speaks HTTP, behind one address: OTLP, and what other shippers speak.

use axum::Router;

use super::{datadog, elastic, lines_http, loki, otlp_http, remote_write};
use crate::intake::Intake;

/// The routes of all HTTP receivers.
pub fn router(intake: Intake) -> Router {
    Router::new()
        .merge(otlp_http::router(intake.clone()))
        .merge(loki::router(intake.clone()))
        .merge(elastic::router(intake.clone()))
        .merge(datadog::router(intake.clone()))
        .merge(lines_http::router(intake.clone()))
        .merge(remote_write::router(intake))
}
