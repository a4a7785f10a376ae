//! What the HTTP receivers share: reading a body within limits, room for what is decoded from it, and refusals.
//!
//! A body is read once the intake has room for all of it, and expanded as far as there is room, on a worker thread.
//! [`Room`] goes on counting while it is decoded, for a few bytes on the wire may ask for many in memory.

use std::io::Read;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use bytes::BytesMut;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::capped_reader::{CappedReader, Encoding, TooLarge, snappy_length};
use super::rpc_status::{RpcCode, refusal_code};
use crate::intake::{Admission, Intake, RefusalReason, Refused};

/// The largest body that is read off the wire.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// The largest request after expansion. Small enough that a bomb finds room to be told it is one.
pub const EXPANDED_BYTES_MAX: usize = 32 << 20;
/// The most that one request may come to in memory.
pub const DECODED_BYTES_MAX: usize = 96 << 20;

/// Decoding turns a request into about this many times its bytes while it is being worked on.
const WORKING_FACTOR: usize = 2;
/// Longest wait for the next piece of a body that has room: after that its sender has given up, too.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A body that arrives more slowly than this, in bytes a second, is given up after a while: it may be meant to hold room.
const SLOWEST: usize = 128 << 10;
/// Longest time that is spent on what a sender goes on sending after it was refused.
const DISCARD_MAX: Duration = Duration::from_secs(5);
/// What is expanded before room is asked for.
const STEP_BYTES: usize = 1 << 20;

/// Why a request was not taken. Nothing of it was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum HttpRefusal {
    /// The body is of a type that is not spoken here.
    #[error("content type is not spoken here; send {0}")]
    ContentType(&'static str),
    /// The body is compressed in a way that is not spoken here.
    #[error("content encoding is not spoken here; send gzip, deflate, zstd or none")]
    ContentEncoding,
    /// The body is too large, as it came, expanded or decoded.
    #[error("request is larger than {0} bytes; send smaller batches")]
    TooLarge(usize),
    /// The body is not what it should be.
    #[error("{0}")]
    Malformed(String),
    /// The intake refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl HttpRefusal {
    /// The status that says so.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Refused(refused) => match refusal_code(refused) {
                RpcCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
                RpcCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// An answer with this status, `body`, and when to try again where that helps.
    pub(super) fn respond(&self, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
        let mut response = respond(self.status(), content_type, body);
        if let Self::Refused(Refused { retry_after: Some(delay), .. }) = self {
            response.headers_mut().insert(RETRY_AFTER, delay.as_secs().max(1).into());
        }
        response
    }

    /// The refusal as a line of text.
    pub(super) fn respond_text(&self) -> Response<Body> {
        self.respond(TEXT, format!("{self}\n").into_bytes())
    }
}

/// The type of answers in words.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
/// The type of answers in JSON.
pub(super) const JSON: &str = "application/json";

/// An answer.
pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Memory that decoding one request may take.
pub struct Room {
    admission: Option<Admission>,
    /// Bytes that were admitted for the request itself.
    request_bytes: usize,
    taken: usize,
}

impl Room {
    /// Room without an intake to ask, up to the limit of one request.
    #[must_use]
    pub fn unasked() -> Self {
        Self { admission: None, request_bytes: 0, taken: 0 }
    }

    /// What was admitted, to submit under.
    pub(super) fn into_admission(self, intake: &Intake) -> Result<Admission, Refused> {
        self.admission.map_or_else(|| intake.admit(self.taken), Ok)
    }

    /// Asks for `bytes` more.
    ///
    /// # Errors
    /// When the request comes to too much, or the intake has no more room now.
    pub fn take(&mut self, bytes: usize) -> Result<(), HttpRefusal> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > DECODED_BYTES_MAX {
            return Err(HttpRefusal::TooLarge(DECODED_BYTES_MAX));
        }
        if let Some(admission) = &mut self.admission {
            admission.grow_to(self.request_bytes + self.taken)?;
        }
        Ok(())
    }
}

/// Reads and expands a body as the intake has room, then runs `work` on it on a worker thread.
pub(super) async fn with_body<T: Send + 'static>(
    intake: &Intake,
    headers: &HeaderMap,
    encoding: Encoding,
    mut body: Body,
    work: impl FnOnce(&Intake, Bytes, Room) -> Result<T, HttpRefusal> + Send + 'static,
) -> Result<T, HttpRefusal> {
    let (body, mut admission) = match read_body(&mut body, length_of(headers), intake).await {
        Err(refused @ HttpRefusal::Refused(Refused { reason: RefusalReason::Busy, .. })) => {
            discard(body).await;
            return Err(refused);
        }
        read => read?,
    };
    let work = move |intake: &Intake| {
        let expanded = expand(body, encoding, &mut admission)?;
        let request_bytes = expanded.len();
        let room = Room { admission: Some(admission), request_bytes, taken: 0 };
        work(intake, expanded, room)
    };
    intake.on_worker(work).await?
}

/// Reads a body. One that says how long it is waits for room before any of it is read, and keeps it only as long as it
/// goes on arriving, and not too slowly; else room is asked for as it arrives.
async fn read_body(
    body: &mut Body,
    promised: usize,
    intake: &Intake,
) -> Result<(Bytes, Admission), HttpRefusal> {
    if promised > BODY_BYTES_MAX {
        return Err(HttpRefusal::TooLarge(BODY_BYTES_MAX));
    }
    let mut admission = intake.admit_in_turn(promised * WORKING_FACTOR).await?;
    let longest = time_for(if promised == 0 { BODY_BYTES_MAX } else { promised });
    let all = read_all(body, promised, &mut admission, intake);
    let read = timeout(longest, all).await.map_err(|_| intake.stalled())??;
    Ok((read, admission))
}

/// How long a body of so many bytes may take to arrive.
pub(super) fn time_for(bytes: usize) -> Duration {
    PAUSE_MAX + Duration::from_secs((bytes / SLOWEST) as u64)
}

async fn read_all(
    body: &mut Body,
    promised: usize,
    admission: &mut Admission,
    intake: &Intake,
) -> Result<Bytes, HttpRefusal> {
    let mut body = Limited::new(body, BODY_BYTES_MAX);
    let mut read = BytesMut::with_capacity(promised);
    while let Some(frame) = timeout(PAUSE_MAX, body.frame()).await.map_err(|_| intake.stalled())? {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => HttpRefusal::TooLarge(BODY_BYTES_MAX),
            None => HttpRefusal::Malformed(format!("failed to read the body: {error}")),
        })?;
        if let Ok(data) = frame.into_data() {
            admission.grow_to((read.len() + data.len()) * WORKING_FACTOR)?;
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}

/// Reads what a sender goes on sending, so that it gets to read that it was refused: a connection that is closed under
/// its hands tells it nothing, least of all when to come again.
async fn discard(body: Body) {
    let mut body = Limited::new(body, BODY_BYTES_MAX);
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    if timeout(DISCARD_MAX, all).await.is_err() {
        tracing::debug!("a sender that was refused took too long");
    }
}

/// Expands a body, asking for room as it grows.
fn expand(
    body: Bytes,
    encoding: Encoding,
    admission: &mut Admission,
) -> Result<Bytes, HttpRefusal> {
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
    if encoding == Encoding::Snappy {
        let length = snappy_length(&body, bytes_max).map_err(malformed)?;
        admission.grow_to(length * WORKING_FACTOR)?;
    }
    let mut reader =
        CappedReader::encoded(body.as_ref(), encoding, bytes_max).map_err(malformed)?;
    let mut expanded = Vec::new();
    loop {
        let step = reader.by_ref().take(STEP_BYTES as u64);
        let read = { step }.read_to_end(&mut expanded).map_err(malformed)?;
        if read == 0 {
            return Ok(expanded.into());
        }
        admission.grow_to(expanded.len() * WORKING_FACTOR)?;
    }
}

/// The type that `headers` name, without its parameters; `""` when they name none.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or(value).trim()
}

/// How many bytes `headers` say are coming; 0 when they do not say.
fn length_of(headers: &HeaderMap) -> usize {
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    said.and_then(|length| length.parse().ok()).unwrap_or_default()
}

/// The encoding that `headers` name.
///
/// # Errors
/// When it is not spoken here, one inside the other included.
pub(super) fn encoding_of(headers: &HeaderMap) -> Result<Encoding, HttpRefusal> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Encoding::Plain) };
    match value.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "deflate" => Ok(Encoding::Deflate),
        "zstd" => Ok(Encoding::Zstd),
        "snappy" => Ok(Encoding::Snappy),
        _ => Err(HttpRefusal::ContentEncoding),
    }
}
