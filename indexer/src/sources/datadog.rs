//! Datadog's log intake: `POST /api/v2/logs` and `/v1/input`, and `GET /api/v1/validate`, which its agents ask first.
//!
//! JSON (a list, an object, or one object a line) or plain text by lines. What is said in the address counts for entries
//! that say nothing themselves. A message that is JSON is read as such, and what it says goes before what its shipper
//! says, as Datadog's own pipeline has it.

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::Json;
use axum::routing::{get, post};
use groundcrew_telemetry::{Resource, Timestamp, Value};
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::files::entries::LogEntries;
use super::files::plain_json::{Object, PlainJson, as_text, get as value_of};
use super::http_body::{self, HttpRefusal, Room, content_type, encoding_of, with_body};
use super::otlp_export::{Exported, export};
use super::peer::Door;
use super::pieces::{ENTRY_BYTES_MAX, json_items, text_of};
use crate::intake::Intake;
use crate::stages::decode::{Decoded, body_text, severity_of_field};

/// What an entry takes in memory beside its texts.
const ENTRY_BYTES: usize = 512;
/// An entry, as a tree and as the text it came in, against its length on the wire.
const ENTRY_FACTOR: usize = 4;
/// Entries that are collected before they go into batches.
const ENTRIES_PER_BATCH: usize = 2_000;
/// Tags of one entry that are kept apart.
const TAGS_MAX: usize = 100;

const SPOKEN: &str = "application/json or text/plain";

/// Tags that have a name of their own in OpenTelemetry.
const TAG_NAMES: [(&str, &str); 12] = [
    ("service", "service.name"),
    ("env", "deployment.environment.name"),
    ("version", "service.version"),
    ("pod_name", "k8s.pod.name"),
    ("kube_namespace", "k8s.namespace.name"),
    ("kube_container_name", "k8s.container.name"),
    ("container_name", "k8s.container.name"),
    ("kube_deployment", "k8s.deployment.name"),
    ("kube_node", "k8s.node.name"),
    ("kube_cluster_name", "k8s.cluster.name"),
    ("host", "host.name"),
    ("hostname", "host.name"),
];

/// What the address of a request says of its entries.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The technology that wrote them.
    pub ddsource: String,
    /// Tags, `key:value` set apart by commas.
    pub ddtags: String,
    /// The service that wrote them.
    pub service: String,
    /// The machine they were written on.
    pub hostname: String,
}

pub(super) fn router(intake: Intake) -> Router {
    Router::new()
        .route("/api/v2/logs", post(accepted))
        .route("/v1/input", post(taken))
        .route("/v1/input/{key}", post(taken))
        .route("/api/v1/validate", get(async || Json(serde_json::json!({ "valid": true }))))
        .with_state(intake)
}

async fn accepted(
    Door(intake): Door,
    said: Query<Said>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    answer(StatusCode::ACCEPTED, take(&intake, said.0, &headers, body).await)
}

/// The first version of the protocol answers with 200.
async fn taken(
    Door(intake): Door,
    said: Query<Said>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    answer(StatusCode::OK, take(&intake, said.0, &headers, body).await)
}

fn answer(success: StatusCode, outcome: Result<Exported, HttpRefusal>) -> Response<Body> {
    let problem = |status: StatusCode, detail: String| {
        let error = serde_json::json!({ "status": status.as_str(), "title": status.canonical_reason(), "detail": detail });
        serde_json::json!({ "errors": [error] }).to_string().into_bytes()
    };
    match outcome {
        Ok(Exported { rejected: 0, .. }) => {
            http_body::respond(success, http_body::JSON, b"{}".to_vec())
        }
        Ok(Exported { message, .. }) => {
            let detail = format!("{message}; everything else was stored, do not send it again");
            let status = StatusCode::BAD_REQUEST;
            http_body::respond(status, http_body::JSON, problem(status, detail))
        }
        Err(refusal) => {
            refusal.respond(http_body::JSON, problem(refusal.status(), refusal.to_string()))
        }
    }
}

async fn take(
    intake: &Intake,
    said: Said,
    headers: &HeaderMap,
    body: Body,
) -> Result<Exported, HttpRefusal> {
    let is_text = match content_type(headers) {
        "" | "application/json" => false,
        "text/plain" | "application/logplex-1" => true,
        _ => return Err(HttpRefusal::ContentType(SPOKEN)),
    };
    with_body(intake, headers, encoding_of(headers)?, body, move |intake, bytes, mut room| {
        let decoded = decode(&bytes, is_text, &said, intake.now(), &mut room)?;
        drop(bytes);
        Ok(export(intake, room.into_admission(intake)?, decoded, None)?)
    })
    .await
}

/// Turns an expanded request into batches; `now` is the time of receipt.
///
/// # Errors
/// When it is no such request, or comes to more than there is room for.
pub fn decode(
    body: &[u8],
    is_text: bool,
    said: &Said,
    now: Timestamp,
    room: &mut Room,
) -> Result<Decoded, HttpRefusal> {
    let text = text_of(body)?.trim();
    let mut entries = Entries::new(said, now, room);
    if is_text {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let object = vec![("message".to_owned(), Value::Str(line.to_owned()))];
            entries.take(line, object)?;
        }
    } else if text.starts_with('[') {
        json_items(text, |item| entries.take_json(item.get()))?;
    } else {
        for item in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            let item = item.map_err(|error| {
                HttpRefusal::Malformed(format!("not the JSON it should be: {error}"))
            })?;
            entries.take_json(item.get())?;
        }
    }
    entries.flush();
    Ok(entries.decoded)
}

/// Entries on their way into batches, those of one origin after the other.
struct Entries<'a> {
    said: &'a Said,
    now: Timestamp,
    room: &'a mut Room,
    origin: Said,
    open: LogEntries,
    decoded: Decoded,
}

impl<'a> Entries<'a> {
    fn new(said: &'a Said, now: Timestamp, room: &'a mut Room) -> Self {
        let open = LogEntries::new(said.resource(), false);
        Self { said, now, room, origin: said.clone(), open, decoded: Decoded::default() }
    }

    fn take_json(&mut self, text: &str) -> Result<(), HttpRefusal> {
        if text.len() > ENTRY_BYTES_MAX {
            self.decoded.rejected.add(format!("an entry is longer than {ENTRY_BYTES_MAX} bytes"));
            return Ok(());
        }
        match serde_json::from_str(text) {
            Ok(PlainJson(Some(Value::Map(object)))) => self.take(text, object),
            Ok(_) => {
                self.decoded.rejected.add("an entry is not an object");
                Ok(())
            }
            Err(error) => {
                Err(HttpRefusal::Malformed(format!("not the JSON it should be: {error}")))
            }
        }
    }

    fn take(&mut self, text: &str, object: Object) -> Result<(), HttpRefusal> {
        self.room.take(ENTRY_BYTES + text.len() * ENTRY_FACTOR)?;
        let mut object = object;
        let origin = Said {
            ddsource: take_text(&mut object, "ddsource", &self.said.ddsource),
            ddtags: take_text(&mut object, "ddtags", &self.said.ddtags),
            service: take_text(&mut object, "service", &self.said.service),
            hostname: take_text(&mut object, "hostname", &self.said.hostname),
        };
        if origin != self.origin || self.open.open >= ENTRIES_PER_BATCH {
            self.flush();
            self.open = LogEntries::new(origin.resource(), false);
            self.origin = origin;
        }
        let (object, message) = with_message_read(object);
        self.open.object(message.as_deref().unwrap_or(text), object, self.now, false);
        Ok(())
    }

    fn flush(&mut self) {
        self.decoded.notes.add(self.open.notes);
        self.decoded.batches.extend(self.open.take());
    }
}

impl Said {
    fn resource(&self) -> Resource {
        let mut resource = Resource::default();
        let tags = self.ddtags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        for tag in tags.take(TAGS_MAX) {
            let (key, value) = tag.split_once(':').unwrap_or((tag, "true"));
            let known = TAG_NAMES.iter().find(|(name, _)| *name == key).map(|(_, known)| *known);
            resource.attributes.set(known.unwrap_or(key), value);
        }
        let named = [
            ("ddsource", &self.ddsource),
            ("host.name", &self.hostname),
            ("service.name", &self.service),
        ];
        for (name, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
            resource.attributes.set(name, value.as_str());
        }
        resource
    }
}

/// Takes the text of `key` out, else gives what the address said.
fn take_text(object: &mut Object, key: &str, said: &str) -> String {
    let text = value_of(object, key).and_then(as_text);
    match text {
        Some(text) => {
            object.retain(|(name, _)| name != key);
            text
        }
        None => said.to_owned(),
    }
}

/// The entry with its message read where that is JSON itself, and then how that was written; and with its status under the
/// name that loggers use.
fn with_message_read(mut object: Object) -> (Object, Option<String>) {
    let status = value_of(&object, "status").and_then(as_text).and_then(|status| level(&status));
    if let Some(level) = status {
        object.retain(|(name, _)| name != "status");
        object.push(("level".to_owned(), Value::Str(level)));
    }
    let read = match value_of(&object, "message") {
        Some(inner @ Value::Map(entries)) => Some((entries.clone(), body_text(inner.clone()))),
        Some(Value::Str(text)) if text.trim_start().starts_with('{') => {
            match serde_json::from_str(text) {
                Ok(PlainJson(Some(Value::Map(entries)))) => Some((entries, text.clone())),
                _ => None,
            }
        }
        _ => None,
    };
    let Some((mut merged, text)) = read else { return (object, None) };
    // A set, for both may have very many names.
    let said: FxHashSet<String> = merged.iter().map(|(name, _)| name.clone()).collect();
    let more = object.into_iter().filter(|(name, _)| name != "message" && !said.contains(name));
    merged.extend(more);
    (merged, Some(text))
}

/// Datadog's words that loggers do not use.
fn level(status: &str) -> Option<String> {
    match status.to_ascii_lowercase().as_str() {
        "emerg" => Some("fatal".to_owned()),
        "ok" | "success" => Some("info".to_owned()),
        _ => severity_of_field(status).map(|_| status.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{Severity, TraceId};

    use super::*;
    use crate::sources::http_bench::{GZIP, JSON, gzip, post, recorded, send, survives};
    use crate::test_bench::{Bench, NOW_SECS};

    const LOGS: &str = "/api/v2/logs";

    #[tokio::test]
    async fn the_recorded_logs_are_found_with_their_service_and_tags() {
        for (name, body) in recorded("datadog-logs") {
            let bench = Bench::new();
            let entries = serde_json::from_slice::<Vec<serde_json::Value>>(&body).unwrap().len();
            let reply = post(&bench, LOGS, &[JSON], body).await;
            assert_eq!((reply.status, reply.text().as_str()), (202, "{}"), "{name}");
            let rows = bench.logs();
            assert_eq!(rows.len(), entries);
            for row in &rows {
                assert_eq!(row.resource.service(), "test");
                assert_eq!(row.resource.attributes.str("tag1"), Some("value1"));
                assert_eq!(row.resource.attributes.str("ddsource"), Some("nginx"));
            }
            let bodies: Vec<&str> = rows.iter().map(|row| row.record.body.as_str()).collect();
            assert!(
                ["bar", "nested", "foobar"].iter().all(|body| bodies.contains(body)),
                "{bodies:?}"
            );
        }
    }

    #[tokio::test]
    async fn json_messages_are_read_and_the_address_fills_in() {
        let bench = Bench::new();
        let body = r#"{"message":"{\"level\":\"error\",\"msg\":\"broke\",\"dd.trace_id\":\"255\"}","status":"info",
            "ddtags":"env:prod,pod_name:cart-1,blue","timestamp":1790000000123}
            {"message":"plain","status":"emerg","hostname":"n1"}
            {"message":"{\"order\":7}","status":"ok"}"#;
        let path = "/api/v2/logs?service=cart&ddsource=go";
        let reply = post(&bench, path, &[JSON, GZIP], gzip(body.as_bytes())).await;
        assert_eq!(reply.status, 202);
        let rows = bench.logs();
        let broke = rows.iter().find(|row| row.record.body == "broke").unwrap();
        assert_eq!((broke.resource.service(), broke.resource.pod()), ("cart", Some("cart-1")));
        assert_eq!(broke.record.severity, Severity::ERROR);
        assert_eq!(broke.record.time, Timestamp::from_millis(1_790_000_000_123));
        assert_eq!(broke.record.trace_id, TraceId::from_hex(&format!("{:032x}", 255)));
        assert_eq!(broke.resource.attributes.str("blue"), Some("true"));
        let order = rows.iter().find(|row| row.record.body == "{\"order\":7}").unwrap();
        assert_eq!(order.record.severity, Severity::INFO);
        let plain = rows.iter().find(|row| row.record.body == "plain").unwrap();
        assert_eq!((plain.record.severity, plain.resource.node()), (Severity::FATAL, Some("n1")));
    }

    #[tokio::test]
    async fn text_comes_by_lines_and_every_encoding_is_taken() {
        let bench = Bench::new();
        let text = "ERROR gadget broke\n\nfine\n";
        let plain = ("content-type", "text/plain; charset=utf-8");
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, text.as_bytes()).unwrap();
        let packed = [
            ("gzip", gzip(text.as_bytes())),
            ("deflate", zlib.finish().unwrap()),
            ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
            ("identity", text.into()),
        ];
        for (name, body) in packed {
            let headers = [plain, ("content-encoding", name)];
            let reply = post(&bench, "/v1/input/key?service=cart", &headers, body).await;
            assert_eq!(reply.status, 200, "{name}");
        }
        let rows = bench.logs();
        assert_eq!(rows.len(), 8);
        assert_eq!(
            (rows[0].record.severity, rows[0].resource.service()),
            (Severity::ERROR, "cart")
        );
        let reply = send(&bench, "GET", "/api/v1/validate", &[], Vec::new()).await;
        assert_eq!(reply.json()["valid"], true);
    }

    #[tokio::test]
    async fn what_is_no_entry_is_said_and_the_rest_is_stored() {
        let bench = Bench::new();
        let reply = post(&bench, LOGS, &[JSON], r#"[{"message":"kept"},7]"#).await;
        assert_eq!(reply.status, 400);
        let detail = reply.json()["errors"][0]["detail"].to_string();
        assert!(
            detail.contains("rejected 1") && detail.contains("do not send it again"),
            "{detail}"
        );
        assert_eq!(bench.logs().len(), 1);
        for bad in ["{", "[{]", "nonsense", "[1"] {
            assert_eq!(post(&bench, LOGS, &[JSON], bad).await.status, 400, "{bad}");
        }
        let xml = ("content-type", "application/xml");
        assert_eq!(post(&bench, LOGS, &[xml], "<x/>").await.status, 415);
        let busy = Bench::with_room(1_000);
        let _held = busy.intake.admit(990).unwrap();
        let reply = post(&busy, LOGS, &[JSON], r#"{"message":"later, when there is room"}"#).await;
        assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "1"));
    }

    #[test]
    fn damaged_logs_are_the_senders_fault() {
        let good: [&[u8]; 2] = [
            br#"[{"ddsource":"a","ddtags":"a:b,c","hostname":"h","message":"{\"msg\":\"x\",\"level\":3}","service":"s","status":"warn","timestamp":1790000000123},{"message":{"message":"n"}}]"#,
            b"{\"message\":\"a\"}\n{\"message\":\"b\"}\n",
        ];
        let (said, now) = (Said::default(), Timestamp::from_secs(NOW_SECS));
        survives(&good, 80_000, |bytes| {
            decode(bytes, false, &said, now, &mut Room::unasked()).map(drop)
        });
        survives(&good, 20_000, |bytes| {
            decode(bytes, true, &said, now, &mut Room::unasked()).map(drop)
        });
    }
}
