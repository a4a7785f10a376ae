//! Prometheus remote write, versions 1 and 2: `POST /api/v1/write`, protobuf in a snappy block.
//!
//! `job` and `instance` become the service and its instance; names of metrics stay as they are. Native histograms are
//! spread into `NAME.count`, `NAME.sum` and `NAME.bucket` as those of OTLP are. What says that a series has ended is
//! understood and not kept; exemplars are not kept. 204 means that everything is on disk; 400 that nothing was, or, where
//! it says so, that single series were not; both tell in their headers how many were, as version 2 asks for.

mod messages;
mod native;
mod origin;
mod request;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;
use groundcrew_store::ResendKey;

pub use request::{Version, Written, decode};

use super::capped_reader::Encoding;
use super::http_body::{self, HttpRefusal, content_type, encoding_of, with_body};
use super::otlp_export::{Exported, export};
use super::peer::Door;
use crate::intake::Intake;

const SPOKEN: &str = "application/x-protobuf with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request";

pub(super) fn router(intake: Intake) -> Router {
    Router::new().route("/api/v1/write", post(write)).with_state(intake)
}

/// What became of a request.
struct Outcome {
    samples: u64,
    histograms: u64,
    exported: Exported,
}

async fn write(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    let (mut response, samples, histograms) = match take(&intake, &headers, body).await {
        Ok(Outcome { samples, histograms, exported }) if exported.rejected == 0 => {
            let response = http_body::respond(StatusCode::NO_CONTENT, http_body::TEXT, Vec::new());
            (response, samples, histograms)
        }
        Ok(Outcome { samples, histograms, exported }) => {
            let said = format!("{}; everything else was stored\n", exported.message);
            let status = StatusCode::BAD_REQUEST;
            (http_body::respond(status, http_body::TEXT, said.into_bytes()), samples, histograms)
        }
        Err(refusal) => (refusal.respond_text(), 0, 0),
    };
    let written = response.headers_mut();
    written.insert("x-prometheus-remote-write-samples-written", samples.into());
    written.insert("x-prometheus-remote-write-histograms-written", histograms.into());
    written.insert("x-prometheus-remote-write-exemplars-written", 0.into());
    response
}

async fn take(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<Outcome, HttpRefusal> {
    let version = version_of(headers)?;
    let encoding = match encoding_of(headers)? {
        // The protocol compresses whether or not a header says so.
        Encoding::Plain => Encoding::Snappy,
        encoding => encoding,
    };
    with_body(intake, headers, encoding, body, move |intake, bytes, mut room| {
        let Written { decoded, samples, histograms } = decode(version, &bytes, &mut room)?;
        let key = ResendKey::of("", "remote-write", &bytes);
        drop(bytes);
        let exported = export(intake, room.into_admission(intake)?, decoded, Some(key))?;
        Ok(Outcome { samples, histograms, exported })
    })
    .await
}

fn version_of(headers: &HeaderMap) -> Result<Version, HttpRefusal> {
    if !matches!(content_type(headers), "" | "application/x-protobuf") {
        return Err(HttpRefusal::ContentType(SPOKEN));
    }
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parameters = value.unwrap_or("").split(';').skip(1).map(str::trim);
    match parameters.find_map(|parameter| parameter.strip_prefix("proto=")) {
        None | Some("prometheus.WriteRequest") => Ok(Version::V1),
        Some("io.prometheus.write.v2.Request") => Ok(Version::V2),
        Some(_) => Err(HttpRefusal::ContentType(SPOKEN)),
    }
}

#[cfg(test)]
mod tests;
