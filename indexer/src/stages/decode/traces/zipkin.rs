//! Zipkin's JSON, version 2.

use groundcrew_telemetry::{Attributes, SpanId, TraceId};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::Value;

use super::NoSpans;
use super::ids::{shared_span_id, span_id, trace_id};
use super::span_batches::SpanBatches;
use crate::stages::decode::Decoded;
use crate::stages::decode::record::{Nanos, ReadSpan};

/// A span as Zipkin writes it; times in microseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan {
    trace_id: String,
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default)]
    duration: Option<i64>,
    #[serde(default)]
    local_endpoint: Option<Endpoint>,
    #[serde(default)]
    remote_endpoint: Option<Endpoint>,
    #[serde(default)]
    annotations: Option<Vec<Annotation>>,
    #[serde(default)]
    tags: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    shared: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: Option<String>,
    #[serde(default)]
    ipv4: Option<String>,
    #[serde(default)]
    ipv6: Option<String>,
    #[serde(default)]
    port: Option<i64>,
}

#[derive(Deserialize)]
struct Annotation {
    timestamp: i64,
    value: String,
}

/// Whether an object with these keys is a span of Zipkin's.
#[must_use]
pub fn looks_like_zipkin(mut has: impl FnMut(&str) -> bool) -> bool {
    let telling = ["localEndpoint", "remoteEndpoint", "annotations"];
    has("traceId") && has("id") && !has("spanId") && telling.into_iter().any(has)
}

/// Reads `text`: a list of spans, or one.
///
/// Annotations become events, tags attributes, the local endpoint the resource. Where client and server share one span,
/// the server's half gets an id of its own below the client's, and what the server did hangs below that.
///
/// # Errors
/// When it is no JSON, or no list of objects. A span that cannot be read is rejected by itself.
pub fn decode_zipkin(text: &str) -> Result<Decoded, NoSpans> {
    let no = |reason: String| NoSpans { system: "Zipkin", reason };
    let value: Value = serde_json::from_str(text).map_err(|error| no(error.to_string()))?;
    let items = match value {
        Value::Array(items) => items,
        object @ Value::Object(_) => vec![object],
        _ => return Err(no("neither a list nor a span".to_owned())),
    };
    let mut out = SpanBatches::default();
    let mut spans = Vec::with_capacity(items.len());
    for item in items {
        match ZipkinSpan::deserialize(item) {
            Ok(span) => spans.push(span),
            Err(error) => out.rejected.add(format!("not a span: {error}")),
        }
    }
    let shared = shared_spans(&spans);
    for span in spans {
        take(span, &shared, &mut out);
    }
    Ok(out.decoded())
}

type Key = (TraceId, SpanId);

/// The service on whose side each shared span was reported.
fn shared_spans(spans: &[ZipkinSpan]) -> FxHashMap<Key, String> {
    let of = |span: &ZipkinSpan| {
        let key = (trace_id(&span.trace_id)?, span_id(&span.id)?);
        span.shared.unwrap_or(false).then(|| (key, service(span).to_owned()))
    };
    spans.iter().filter_map(of).collect()
}

fn service(span: &ZipkinSpan) -> &str {
    span.local_endpoint.as_ref().and_then(|local| local.service_name.as_deref()).unwrap_or("")
}

fn take(span: ZipkinSpan, shared: &FxHashMap<Key, String>, out: &mut SpanBatches) {
    let (trace, id) = (trace_id(&span.trace_id), span_id(&span.id));
    let own_service = service(&span).to_owned();
    let mut parent = span.parent_id.as_deref().and_then(span_id);
    let mut own_id = id;
    if let (Some(trace), Some(id), true) = (trace, id, span.shared.unwrap_or(false)) {
        (own_id, parent) = (Some(shared_span_id(trace, id)), Some(id));
    } else if let (Some(trace), Some(above)) = (trace, parent)
        && shared.get(&(trace, above)).is_some_and(|service| *service == own_service)
    {
        parent = Some(shared_span_id(trace, above));
    }
    let start = i128::from(span.timestamp.unwrap_or(0)) * 1_000;
    let duration = i128::from(span.duration.unwrap_or(0).max(0)) * 1_000;
    let mut attributes = tags(span.tags);
    if let Some(remote) = &span.remote_endpoint {
        add_remote(&mut attributes, remote);
    }
    let (status_code, status_message) = status(&mut attributes);
    let events = span.annotations.unwrap_or_default().into_iter().map(|annotation| {
        let time = Nanos(i128::from(annotation.timestamp) * 1_000);
        (time, annotation.value, Attributes::default())
    });
    let read = ReadSpan {
        trace_id: trace,
        span_id: own_id,
        parent_span_id: parent.filter(|parent| Some(*parent) != own_id),
        name: span.name.unwrap_or_default(),
        kind: kind(span.kind.as_deref()),
        start: Nanos(start),
        end: Nanos(start + duration),
        status_code,
        status_message,
        attributes,
        events: events.collect(),
    };
    out.push(resource(span.local_endpoint), "", read);
}

fn tags(tags: Option<serde_json::Map<String, Value>>) -> Attributes {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    tags.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// OTel's number of the kind.
fn kind(name: Option<&str>) -> i64 {
    match name {
        Some("SERVER") => 2,
        Some("CLIENT") => 3,
        Some("PRODUCER") => 4,
        Some("CONSUMER") => 5,
        _ => 1,
    }
}

/// A tag `error` means a failure whatever it holds, except where OTel wrote it.
fn status(attributes: &mut Attributes) -> (i64, String) {
    let mut taken = |key: &str| {
        let position = attributes.0.iter().position(|(name, _)| name == key)?;
        Some(attributes.0.remove(position).1.text().into_owned())
    };
    let (code, error) = (taken("otel.status_code"), taken("error"));
    let description = taken("otel.status_description");
    match (code.as_deref(), error) {
        (Some("OK"), _) => (1, String::new()),
        (_, Some(error)) if error != "false" => {
            let says_something = !matches!(error.as_str(), "" | "true");
            (2, description.unwrap_or(if says_something { error } else { String::new() }))
        }
        (Some("ERROR"), _) => (2, description.unwrap_or_default()),
        _ => (0, String::new()),
    }
}

fn add_remote(attributes: &mut Attributes, remote: &Endpoint) {
    if let Some(service) = &remote.service_name {
        attributes.set("peer.service", service.as_str());
    }
    if let Some(address) = remote.ipv4.as_ref().or(remote.ipv6.as_ref()) {
        attributes.set("network.peer.address", address.as_str());
    }
    if let Some(port) = remote.port {
        attributes.set("network.peer.port", groundcrew_telemetry::Value::Int(port));
    }
}

fn resource(local: Option<Endpoint>) -> Attributes {
    let mut attributes = Attributes::default();
    let Some(local) = local else { return attributes };
    if let Some(service) = local.service_name {
        attributes.set("service.name", service);
    }
    if let Some(address) = local.ipv4.or(local.ipv6) {
        attributes.set("host.ip", address);
    }
    attributes
}
