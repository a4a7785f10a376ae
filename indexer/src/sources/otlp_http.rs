//! OTLP over HTTP: `POST /v1/logs`, `/v1/traces` and `/v1/metrics`, protobuf or JSON, plain or
//! compressed.
//!
//! Answers come in the content type of the request. 200 means everything not named in `partialSuccess` is on disk; 400
//! that the body is no such request; 413 that it is too large, also once expanded; 415 that its type or encoding is not
//! spoken here; 429 and 503 that it was not taken and when to send it again. Errors carry a `google.rpc.Status`.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use groundcrew_telemetry::Signal;
use prost::Message;

use super::http_body::{self, HttpRefusal, content_type, encoding_of, with_body};
use super::otlp_export::{Exported, export, resend_key};
use super::peer::Door;
use super::rpc_status::{RpcCode, RpcStatus};
use crate::intake::Intake;
use crate::stages::decode::{decode_json, decode_protobuf};

/// The receiver's routes.
pub fn router(intake: Intake) -> Router {
    Router::new()
        .route("/v1/logs", post(logs))
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .with_state(intake)
}

async fn logs(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    receive(Signal::Logs, intake, headers, body).await
}

async fn traces(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    receive(Signal::Traces, intake, headers, body).await
}

async fn metrics(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    receive(Signal::Metrics, intake, headers, body).await
}

/// How a request is written, and so how it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Protobuf,
    Json,
}

const SPOKEN: &str = "application/x-protobuf or application/json";

async fn receive(signal: Signal, intake: Intake, headers: HeaderMap, body: Body) -> Response<Body> {
    let format = format_of(&headers);
    let outcome = match format {
        Some(format) => take(signal, format, &intake, &headers, body).await,
        None => Err(HttpRefusal::ContentType(SPOKEN)),
    };
    let format = format.unwrap_or(Format::Json);
    match outcome {
        Ok(exported) => success(signal, format, exported),
        Err(refusal) => failure(format, &refusal),
    }
}

async fn take(
    signal: Signal,
    format: Format,
    intake: &Intake,
    headers: &HeaderMap,
    body: Body,
) -> Result<Exported, HttpRefusal> {
    let encoding = encoding_of(headers)?;
    with_body(intake, headers, encoding, body, move |intake, expanded, room| {
        let decoded = match format {
            Format::Protobuf => decode_protobuf(signal, &expanded, intake.now()),
            Format::Json => decode_json(signal, &expanded, intake.now()),
        };
        let decoded = decoded.map_err(|error| HttpRefusal::Malformed(error.to_string()))?;
        let key = resend_key(signal, &expanded);
        drop(expanded);
        Ok(export(intake, room.into_admission(intake)?, decoded, Some(key))?)
    })
    .await
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let essence = content_type(headers);
    if essence.eq_ignore_ascii_case("application/x-protobuf")
        || essence.eq_ignore_ascii_case("application/protobuf")
    {
        return Some(Format::Protobuf);
    }
    essence.eq_ignore_ascii_case("application/json").then_some(Format::Json)
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => http_body::JSON,
        }
    }
}

fn success(signal: Signal, format: Format, exported: Exported) -> Response<Body> {
    let body = match format {
        Format::Protobuf => exported.protobuf(signal),
        Format::Json => exported.json(signal).to_string().into_bytes(),
    };
    http_body::respond(StatusCode::OK, format.content_type(), body)
}

fn failure(format: Format, refusal: &HttpRefusal) -> Response<Body> {
    let rpc = match refusal {
        HttpRefusal::ContentType(_) | HttpRefusal::ContentEncoding => {
            RpcStatus::new(RpcCode::Unimplemented, refusal.to_string())
        }
        HttpRefusal::TooLarge(_) | HttpRefusal::Malformed(_) => {
            RpcStatus::new(RpcCode::InvalidArgument, refusal.to_string())
        }
        HttpRefusal::Refused(refused) => RpcStatus::of_refusal(refused),
    };
    let body = match format {
        Format::Protobuf => rpc.encode_to_vec(),
        Format::Json => rpc.json().to_string().into_bytes(),
    };
    refusal.respond(format.content_type(), body)
}
