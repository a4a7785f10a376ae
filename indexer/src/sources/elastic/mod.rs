//! Elasticsearch's bulk protocol: `POST /_bulk` and `/INDEX/_bulk`, at the root and under `/elastic`.
//!
//! Documents are read by the names of the Elastic Common Schema and of common loggers. Each item of the answer says what
//! became of it: 201 for one that is on disk, 400 for one that is no document or asks for what a log does not do (update,
//! delete). Every other request a shipper makes before it sends is answered by `probes`.

mod bulk;
mod probes;
mod reply;

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::middleware::map_response;
use axum::routing::post;
use groundcrew_store::ResendKey;

pub use bulk::{Bulk, BulkItem, decode};

use super::http_body::{self, HttpRefusal, encoding_of, with_body};
use super::otlp_export::export;
use super::peer::Door;
use crate::intake::Intake;

pub(super) fn router(intake: Intake) -> Router {
    let with_product = map_response(async |response: Response<Body>| with_product(response));
    let routes = Router::new()
        .route("/_bulk", post(bulk_of_any).put(bulk_of_any))
        .route("/{index}/_bulk", post(bulk_of_one).put(bulk_of_one))
        .with_state(intake)
        .merge(probes::router())
        .layer(with_product.clone());
    // Nested, the root is without a slash at its end; clients ask for it with one.
    let root = probes::root_route().layer(with_product);
    Router::new().route("/elastic/", root).nest("/elastic", routes.clone()).merge(routes)
}

/// Official clients talk to nothing that does not call itself this.
fn with_product(mut response: Response<Body>) -> Response<Body> {
    let product = HeaderValue::from_static("Elasticsearch");
    response.headers_mut().insert("x-elastic-product", product);
    response
}

async fn bulk_of_any(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    take(intake, String::new(), &headers, body).await
}

async fn bulk_of_one(
    Door(intake): Door,
    Path(index): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    take(intake, index, &headers, body).await
}

async fn take(intake: Intake, index: String, headers: &HeaderMap, body: Body) -> Response<Body> {
    let begun = Instant::now();
    let taken = match encoding_of(headers) {
        Err(refusal) => Err(refusal),
        Ok(encoding) => {
            with_body(&intake, headers, encoding, body, move |intake, bytes, mut room| {
                let Bulk { decoded, items } = decode(&bytes, &index, intake.now(), &mut room)?;
                let mark = blake3::hash(&bytes);
                let key = ResendKey::of("", &format!("elastic/{index}"), &bytes);
                drop(bytes);
                let exported = export(intake, room.into_admission(intake)?, decoded, Some(key))?;
                Ok(reply::bulk(&items, mark.as_bytes(), exported.rejected, begun.elapsed()))
            })
            .await
        }
    };
    match taken {
        Ok(body) => http_body::respond(StatusCode::OK, http_body::JSON, body),
        Err(refusal) => refused(&refusal),
    }
}

/// A refusal as Elasticsearch words it.
fn refused(refusal: &HttpRefusal) -> Response<Body> {
    let kind = match refusal.status() {
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable_shards_exception",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type_header_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "content_too_long_exception",
        StatusCode::BAD_REQUEST => "illegal_argument_exception",
        _ => "exception",
    };
    let cause = serde_json::json!({ "type": kind, "reason": refusal.to_string() });
    let body = serde_json::json!({
        "error": { "root_cause": [cause], "type": kind, "reason": refusal.to_string() },
        "status": refusal.status().as_u16(),
    });
    refusal.respond(http_body::JSON, body.to_string().into_bytes())
}

#[cfg(test)]
mod tests;
