//! Loki's push protocol: `POST /loki/api/v1/push`, and `/api/prom/push` of its first days.
//!
//! JSON, or protobuf in a snappy block. 204 means that everything is on disk. A stream whose labels cannot be read, or an
//! entry whose time cannot be, costs itself: its neighbours are stored and the answer is a 400 that says how many were
//! not, as Loki does it, for senders do not repeat what got a 400.

mod json;
mod labels;
mod protobuf;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use groundcrew_store::ResendKey;
use groundcrew_telemetry::{Timestamp, TraceId, Value};

use super::capped_reader::Encoding;
use super::files::entries::{LogEntries, SentLine};
use super::files::json_logs::span_id_of;
use super::http_body::{self, HttpRefusal, Room, content_type, encoding_of, with_body};
use super::otlp_export::{Exported, export};
use super::peer::Door;
use crate::intake::Intake;
use crate::stages::decode::{Decoded, Rejections, severity_of_field};
use labels::{SEVERITY_LABELS, StreamOrigin};

/// What an entry takes in memory beside its texts.
const ENTRY_BYTES: usize = 256;
/// What a label or a pair of metadata takes beside its texts.
const PAIR_BYTES: usize = 64;

const SPOKEN: &str = "application/json, or application/x-protobuf compressed with snappy";

/// How a push is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushFormat {
    /// JSON.
    Json,
    /// `logproto.PushRequest`.
    Protobuf,
}

pub(super) fn router(intake: Intake) -> Router {
    Router::new()
        .route("/loki/api/v1/push", post(push))
        .route("/api/prom/push", post(push))
        // Senders ask before they send.
        .route("/ready", get(async || "ready\n"))
        .with_state(intake)
}

async fn push(Door(intake): Door, headers: HeaderMap, body: Body) -> Response<Body> {
    match take(&intake, &headers, body).await {
        Ok(Exported { rejected: 0, .. }) => {
            http_body::respond(StatusCode::NO_CONTENT, http_body::TEXT, Vec::new())
        }
        Ok(Exported { message, .. }) => {
            let said = format!("{message}; everything else was stored, do not send it again\n");
            http_body::respond(StatusCode::BAD_REQUEST, http_body::TEXT, said.into_bytes())
        }
        Err(refusal) => refusal.respond_text(),
    }
}

async fn take(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<Exported, HttpRefusal> {
    let format = match content_type(headers) {
        "application/json" => PushFormat::Json,
        "" | "application/x-protobuf" | "application/protobuf" => PushFormat::Protobuf,
        _ => return Err(HttpRefusal::ContentType(SPOKEN)),
    };
    let encoding = match (format, encoding_of(headers)?) {
        // The protocol compresses protobuf whether or not a header says so.
        (PushFormat::Protobuf, Encoding::Plain) => Encoding::Snappy,
        (_, encoding) => encoding,
    };
    with_body(intake, headers, encoding, body, move |intake, bytes, mut room| {
        let decoded = decode(format, &bytes, intake.now(), &mut room)?;
        let key = ResendKey::of("", "loki", &bytes);
        drop(bytes);
        Ok(export(intake, room.into_admission(intake)?, decoded, Some(key))?)
    })
    .await
}

/// Turns an expanded push into batches; `now` is the time of receipt.
///
/// # Errors
/// When it is no push, or comes to more than there is room for.
pub fn decode(
    format: PushFormat,
    push: &[u8],
    now: Timestamp,
    room: &mut Room,
) -> Result<Decoded, HttpRefusal> {
    let mut streams = Streams { decoded: Decoded::default(), now, room };
    match format {
        PushFormat::Json => json::read(push, &mut streams)?,
        PushFormat::Protobuf => protobuf::read(push, &mut streams)?,
    }
    Ok(streams.decoded)
}

/// What was read of a push so far.
struct Streams<'a> {
    decoded: Decoded,
    now: Timestamp,
    room: &'a mut Room,
}

/// A stream being read.
struct Stream {
    entries: LogEntries,
    severity: Option<groundcrew_telemetry::Severity>,
}

/// An entry as both formats give it. The time is in nanoseconds.
struct Entry<'a> {
    nanos: Option<i64>,
    line: &'a str,
    metadata: Vec<(String, String)>,
}

impl Stream {
    fn of(origin: StreamOrigin) -> Self {
        let StreamOrigin { resource, service_given, severity } = origin;
        Self { entries: LogEntries::new(resource, service_given), severity }
    }
}

impl Streams<'_> {
    fn reject(&mut self, count: u64, reason: impl Into<String>) {
        let reasons = vec![reason.into()];
        self.decoded.rejected.merge(Rejections { count, reasons });
    }

    fn entry(&mut self, stream: &mut Stream, entry: Entry<'_>) -> Result<(), HttpRefusal> {
        let Entry { nanos, line, metadata } = entry;
        let pairs = metadata.iter().map(|(key, value)| PAIR_BYTES + key.len() + value.len());
        self.room.take(ENTRY_BYTES + line.len() + pairs.sum::<usize>())?;
        let Some(nanos) = nanos else {
            self.reject(1, "entry has no time that can be read");
            return Ok(());
        };
        let mut sent = SentLine {
            text: line.to_owned(),
            time: Some(Timestamp::from_nanos(nanos)),
            severity: stream.severity,
            ..SentLine::default()
        };
        for (key, value) in metadata {
            sent.take_metadata(key, value);
        }
        stream.entries.sent(sent, self.now);
        Ok(())
    }

    fn finish(&mut self, mut stream: Stream) {
        self.decoded.notes.add(stream.entries.notes);
        self.decoded.batches.extend(stream.entries.take());
    }
}

impl SentLine {
    /// Takes a pair of structured metadata.
    fn take_metadata(&mut self, key: String, value: String) {
        let taken = match key.as_str() {
            "trace_id" | "traceID" | "traceId" => {
                self.trace_id = TraceId::from_hex(&value);
                self.trace_id.is_some()
            }
            "span_id" | "spanID" | "spanId" => {
                self.span_id = span_id_of(&value);
                self.span_id.is_some()
            }
            key if SEVERITY_LABELS.contains(&key) => {
                self.severity = severity_of_field(&value).or(self.severity);
                severity_of_field(&value).is_some()
            }
            _ => false,
        };
        if !taken {
            self.attributes.0.push((key, Value::Str(value)));
        }
    }
}

#[cfg(test)]
mod tests;
