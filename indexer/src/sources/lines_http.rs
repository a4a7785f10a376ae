//! The door for whatever can post lines: `POST /v1/lines?service=NAME`, JSON objects or plain text, a line each.
//!
//! Lines are read as `groundcrew ingest` reads them: a stack trace stays one record, a line that is JSON is read by the
//! names that loggers use. The answer says how many records are on disk and what was not taken.

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use groundcrew_telemetry::{Resource, Timestamp, Value};
use serde::Deserialize;

use super::files::detect::looks_binary;
use super::files::entries::LogEntries;
use super::files::lines::{LineRead, Lines};
use super::files::plain_json::PlainJson;
use super::files::text_logs::TextLogs;
use super::http_body::{self, HttpRefusal, Room, encoding_of, with_body};
use super::otlp_export::export;
use super::peer::Door;
use super::pieces::ENTRY_BYTES_MAX;
use crate::intake::Intake;
use crate::stages::decode::Decoded;
use crate::utf8;

/// What a record takes in memory beside its texts.
const RECORD_BYTES: usize = 512;
/// A line, as a tree and as text, against its length on the wire.
const LINE_FACTOR: usize = 4;
/// Records that are collected before they go into batches.
const RECORDS_PER_BATCH: usize = 2_000;
/// Bytes that are looked at to tell text from what is none.
const HEAD_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    service: String,
}

pub(super) fn router(intake: Intake) -> Router {
    Router::new().route("/v1/lines", post(lines)).with_state(intake)
}

async fn lines(
    Door(intake): Door,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    match take(&intake, asked.service, &headers, body).await {
        Ok(told) => http_body::respond(StatusCode::OK, http_body::JSON, told),
        Err(refusal) => {
            let told = serde_json::json!({ "error": refusal.to_string() });
            refusal.respond(http_body::JSON, told.to_string().into_bytes())
        }
    }
}

async fn take(
    intake: &Intake,
    service: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, HttpRefusal> {
    with_body(intake, headers, encoding_of(headers)?, body, move |intake, bytes, mut room| {
        let decoded = decode(&bytes, &service, intake.now(), &mut room)?;
        drop(bytes);
        let (records, refused) = (decoded.record_count() as u64, decoded.rejected.count);
        let exported = export(intake, room.into_admission(intake)?, decoded, None)?;
        let stored = records.saturating_sub(exported.rejected.saturating_sub(refused));
        let mut told = serde_json::json!({ "records": stored });
        if exported.rejected > 0 || !exported.message.is_empty() {
            told = serde_json::json!({
                "records": stored, "rejected": exported.rejected, "message": exported.message,
            });
        }
        Ok(told.to_string().into_bytes())
    })
    .await
}

/// Turns lines into batches. A non-empty `service` is that of lines that name none; `now` is the time of receipt.
///
/// # Errors
/// When the body is no text, or comes to more than there is room for.
pub fn decode(
    body: &[u8],
    service: &str,
    now: Timestamp,
    room: &mut Room,
) -> Result<Decoded, HttpRefusal> {
    if looks_binary(body.get(..HEAD_BYTES).unwrap_or(body)) {
        return Err(HttpRefusal::Malformed("the body is not text; send lines".to_owned()));
    }
    let resource =
        if service.is_empty() { Resource::default() } else { Resource::service_named(service) };
    let mut decoded = Decoded::default();
    let mut entries = LogEntries::new(resource, false);
    let mut text_lines = TextLogs::new(now);
    let mut lines = Lines::new(body);
    let mut line = Vec::new();
    while let LineRead::Line { number, cut } = lines.next(&mut line, ENTRY_BYTES_MAX) {
        let (text, replaced) = utf8::replaced(&line);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        decoded.notes.replaced_utf8 += u64::from(replaced);
        room.take(if text.is_empty() { 0 } else { RECORD_BYTES + text.len() * LINE_FACTOR })?;
        if cut > 0 && text.trim_start().starts_with('{') {
            let reason = format!("line {number} is longer than {ENTRY_BYTES_MAX} bytes");
            decoded.rejected.add(reason);
            continue;
        }
        match object_of(text) {
            Some(object) => {
                text_lines.finish().into_iter().for_each(|record| entries.text(record));
                entries.object(text, object, now, false);
            }
            None => text_lines.line(text).into_iter().for_each(|record| entries.text(record)),
        }
        if entries.open >= RECORDS_PER_BATCH {
            decoded.batches.extend(entries.take());
        }
    }
    text_lines.finish().into_iter().for_each(|record| entries.text(record));
    decoded.batches.extend(entries.take());
    decoded.notes.add(entries.notes);
    decoded.notes.truncated_texts += text_lines.truncated;
    Ok(decoded)
}

/// The object that a line is.
fn object_of(line: &str) -> Option<Vec<(String, Value)>> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(line) {
        Ok(PlainJson(Some(Value::Map(object)))) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Severity;

    use super::*;
    use crate::sources::http_bench::{GZIP, gzip, post, recorded, survives};
    use crate::test_bench::{Bench, NOW_SECS};

    #[tokio::test]
    async fn the_recorded_lines_are_stored() {
        for (name, body) in recorded("jsonline") {
            let bench = Bench::new();
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
            let reply = post(&bench, "/v1/lines?service=shop", &[], body).await;
            assert_eq!(
                (reply.status, reply.json()["records"].as_u64()),
                (200, Some(lines as u64)),
                "{name}"
            );
            let rows = bench.logs();
            assert!(rows.iter().all(|row| row.resource.service() == "shop"));
            if name == "case-03.ndjson" {
                let times: Vec<String> =
                    rows.iter().map(|row| row.record.time.to_string()).collect();
                let bodies: Vec<&str> = rows.iter().map(|row| row.record.body.as_str()).collect();
                assert_eq!(bodies, ["baz", "foobar"]);
                assert!(times[0].starts_with("2023-06-06T03:48:12.735"), "{times:?}");
            }
        }
    }

    #[tokio::test]
    async fn text_is_read_as_files_are() {
        let bench = Bench::new();
        let text = "2026-09-21 13:33:20 ERROR gadget broke\njava.lang.Oops: no\n\tat a.B(B.java:5)\r\n\
            {\"level\":\"warn\",\"msg\":\"slow\",\"service\":\"cart\"}\n2026-09-21 13:33:21 INFO fine\n";
        let body = gzip(text.as_bytes());
        let reply = post(&bench, "/v1/lines?service=shop", &[GZIP], body).await;
        assert_eq!(reply.json(), serde_json::json!({ "records": 3 }));
        let rows = bench.logs();
        let broke = rows.iter().find(|row| row.record.body.contains("gadget")).unwrap();
        assert!(broke.record.body.ends_with("at a.B(B.java:5)"));
        assert_eq!((broke.record.severity, broke.resource.service()), (Severity::ERROR, "shop"));
        let slow = rows.iter().find(|row| row.record.body == "slow").unwrap();
        assert_eq!((slow.record.severity, slow.resource.service()), (Severity::WARN, "cart"));
    }

    #[tokio::test]
    async fn what_is_no_text_is_refused() {
        let bench = Bench::new();
        let reply = post(&bench, "/v1/lines", &[], vec![0, 1, 2, 3]).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains("not text"));
        let long = format!("{{\"a\":\"{}\"}}\n{{\"msg\":\"kept\"}}\n", "x".repeat(ENTRY_BYTES_MAX));
        let reply = post(&bench, "/v1/lines", &[], long).await;
        assert_eq!(reply.json()["records"], 1);
        assert!(reply.json()["message"].as_str().unwrap().contains("line 1 is longer"));
        assert_eq!(post(&bench, "/v1/lines", &[], "").await.json()["records"], 0);
    }

    #[test]
    fn damaged_lines_are_taken_as_text_or_are_the_senders_fault() {
        let good: [&[u8]; 2] = [
            b"{\"ts\":1790000000,\"level\":\"warn\",\"msg\":\"x\"}\n{\"a\":[1,{}]}\r\n",
            b"2026-09-21T13:33:20Z ERROR x trace_id=5b8efff798038103d269b633813fc60c\n\tat a.B\n",
        ];
        let now = Timestamp::from_secs(NOW_SECS);
        survives(&good, 100_000, |bytes| decode(bytes, "s", now, &mut Room::unasked()).map(drop));
    }
}
