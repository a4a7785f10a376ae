//! OTLP over HTTP: `POST /v1/logs`, `/v1/traces` and `/v1/metrics`, protobuf or JSON, plain, gzip or zstd.
//!
//! Answers come in the content type of the request. 200 means everything not named in `partialSuccess` is on disk; 400
//! that the body is no such request; 413 that it is too large, also once expanded; 415 that its type or encoding is not
//! spoken here; 429 and 503 that it was not taken and when to send it again. Errors carry a `google.rpc.Status`.

use std::io::Read;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::post;
use bytes::BytesMut;
use groundcrew_telemetry::Signal;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost::Message;

use super::capped_reader::{CappedReader, Encoding, TooLarge};
use super::otlp_export::{Exported, export, resend_key};
use super::peer::source_of;
use super::rpc_status::{RpcCode, RpcStatus, refusal_code};
use crate::intake::{Admission, Intake, Refused};
use crate::stages::decode::{decode_json, decode_protobuf};

/// The largest body that is read off the wire.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// The largest request after expansion. Small enough that a bomb finds room to be told it is one.
pub const EXPANDED_BYTES_MAX: usize = 32 << 20;

/// Decoding turns a request into about this many times its bytes while it is being worked on.
const WORKING_FACTOR: usize = 2;

/// The receiver's routes.
pub fn router(intake: Intake) -> Router {
    Router::new()
        .route("/v1/logs", post(logs))
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .with_state(intake)
}

async fn logs(intake: State<Intake>, request: Request) -> Response<Body> {
    receive(Signal::Logs, &intake, request).await
}

async fn traces(intake: State<Intake>, request: Request) -> Response<Body> {
    receive(Signal::Traces, &intake, request).await
}

async fn metrics(intake: State<Intake>, request: Request) -> Response<Body> {
    receive(Signal::Metrics, &intake, request).await
}

/// How a request is written, and so how it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Protobuf,
    Json,
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
enum HttpRefusal {
    #[error("content type is not spoken here; send application/x-protobuf or application/json")]
    ContentType,
    #[error("content encoding is not spoken here; send gzip, zstd or none")]
    ContentEncoding,
    #[error("request is larger than {0} bytes; send smaller batches")]
    TooLarge(usize),
    #[error("{0}")]
    Malformed(String),
    #[error(transparent)]
    Refused(#[from] Refused),
}

async fn receive(signal: Signal, intake: &Intake, request: Request) -> Response<Body> {
    let format = format_of(request.headers());
    let intake = intake.of(source_of(request.extensions()));
    let outcome = match format {
        Some(format) => take(signal, format, &intake, request).await,
        None => Err(HttpRefusal::ContentType),
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
    request: Request,
) -> Result<Exported, HttpRefusal> {
    let encoding = encoding_of(request.headers())?;
    let (body, mut admission) = read_body(request.into_body(), intake).await?;
    let work = move |intake: &Intake| {
        let expanded = expand(body, encoding, &mut admission)?;
        let decoded = match format {
            Format::Protobuf => decode_protobuf(signal, &expanded, intake.now()),
            Format::Json => decode_json(signal, &expanded, intake.now()),
        };
        let decoded = decoded.map_err(|error| HttpRefusal::Malformed(error.to_string()))?;
        let key = resend_key(signal, &expanded);
        drop(expanded);
        Ok(export(intake, admission, decoded, key)?)
    };
    intake.on_worker(work).await?
}

/// Reads a body, asking for room as it arrives: a sender that only promises bytes takes none.
async fn read_body(body: Body, intake: &Intake) -> Result<(Bytes, Admission), HttpRefusal> {
    let mut body = Limited::new(body, BODY_BYTES_MAX);
    let mut admission = intake.admit(0)?;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => HttpRefusal::TooLarge(BODY_BYTES_MAX),
            None => HttpRefusal::Malformed(format!("failed to read the body: {error}")),
        })?;
        if let Ok(data) = frame.into_data() {
            admission.grow_to((read.len() + data.len()) * WORKING_FACTOR)?;
            read.extend_from_slice(&data);
        }
    }
    Ok((read.freeze(), admission))
}

/// Expands a body, asking for room as it grows.
fn expand(
    body: Bytes,
    encoding: Encoding,
    admission: &mut Admission,
) -> Result<Bytes, HttpRefusal> {
    const STEP_BYTES: u64 = 1 << 20;
    if encoding == Encoding::Plain {
        return Ok(body);
    }
    let malformed = |error: std::io::Error| {
        if TooLarge::is(&error) {
            return HttpRefusal::TooLarge(EXPANDED_BYTES_MAX);
        }
        HttpRefusal::Malformed(format!("failed to decompress the body: {error}"))
    };
    let bytes_max = EXPANDED_BYTES_MAX as u64;
    let mut reader =
        CappedReader::encoded(body.as_ref(), encoding, bytes_max).map_err(malformed)?;
    let mut expanded = Vec::new();
    loop {
        let read =
            reader.by_ref().take(STEP_BYTES).read_to_end(&mut expanded).map_err(malformed)?;
        if read == 0 {
            return Ok(expanded.into());
        }
        admission.grow_to(expanded.len() * WORKING_FACTOR)?;
    }
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or(value).trim();
    if essence.eq_ignore_ascii_case("application/x-protobuf")
        || essence.eq_ignore_ascii_case("application/protobuf")
    {
        return Some(Format::Protobuf);
    }
    essence.eq_ignore_ascii_case("application/json").then_some(Format::Json)
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, HttpRefusal> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Encoding::Plain) };
    match value.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(HttpRefusal::ContentEncoding),
    }
}

fn success(signal: Signal, format: Format, exported: Exported) -> Response<Body> {
    let body = match format {
        Format::Protobuf => exported.protobuf(signal),
        Format::Json => exported.json(signal).to_string().into_bytes(),
    };
    respond(StatusCode::OK, format, body)
}

fn failure(format: Format, refusal: &HttpRefusal) -> Response<Body> {
    let (status, rpc) = match refusal {
        HttpRefusal::ContentType | HttpRefusal::ContentEncoding => {
            let rpc = RpcStatus::new(RpcCode::Unimplemented, refusal.to_string());
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, rpc)
        }
        HttpRefusal::TooLarge(_) => {
            let rpc = RpcStatus::new(RpcCode::InvalidArgument, refusal.to_string());
            (StatusCode::PAYLOAD_TOO_LARGE, rpc)
        }
        HttpRefusal::Malformed(_) => {
            let rpc = RpcStatus::new(RpcCode::InvalidArgument, refusal.to_string());
            (StatusCode::BAD_REQUEST, rpc)
        }
        HttpRefusal::Refused(refused) => (refusal_status(refused), RpcStatus::of_refusal(refused)),
    };
    let body = match format {
        Format::Protobuf => rpc.encode_to_vec(),
        Format::Json => rpc.json().to_string().into_bytes(),
    };
    let mut response = respond(status, format, body);
    if let HttpRefusal::Refused(Refused { retry_after: Some(delay), .. }) = refusal {
        response.headers_mut().insert(RETRY_AFTER, delay.as_secs().max(1).into());
    }
    response
}

fn refusal_status(refused: &Refused) -> StatusCode {
    match refusal_code(refused) {
        RpcCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        RpcCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn respond(status: StatusCode, format: Format, body: Vec<u8>) -> Response<Body> {
    let content_type = match format {
        Format::Protobuf => HeaderValue::from_static("application/x-protobuf"),
        Format::Json => HeaderValue::from_static("application/json"),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
