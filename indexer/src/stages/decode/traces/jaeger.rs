//! Jaeger's JSON: what its API and its panel export, what its Elasticsearch index holds, and its domain model.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use groundcrew_telemetry::Value as Attribute;
use groundcrew_telemetry::{Attributes, SpanId, Timestamp, TraceId};
use serde_json::Value;

use super::NoSpans;
use super::ids::{span_id, trace_id};
use super::span_batches::SpanBatches;
use crate::stages::decode::Decoded;
use crate::stages::decode::record::{Nanos, ReadSpan};

/// Traces and lists inside each other.
const DEPTH_MAX: usize = 4;

/// Whether an object with these keys is Jaeger's.
#[must_use]
pub fn looks_like_jaeger(mut has: impl FnMut(&str) -> bool) -> bool {
    let is_span = has("operationName") && has("startTime") && (has("traceID") || has("traceId"));
    let is_trace = has("spans") && (has("processes") || has("traceID"));
    is_span || is_trace
}

/// Reads `text`: an answer of the API (`{"data": [...]}`), traces, or single spans, each alone or in a list.
///
/// Parents come from references within the trace, tags and logs become attributes and events, the process the resource.
/// An id that is no hexadecimal is replaced by its hash.
///
/// # Errors
/// When it is no JSON, or holds nothing of Jaeger's.
pub fn decode_jaeger(text: &str) -> Result<Decoded, NoSpans> {
    let no = |reason: String| NoSpans { system: "Jaeger", reason };
    let value: Value = serde_json::from_str(text).map_err(|error| no(error.to_string()))?;
    let mut spans = SpanBatches::default();
    if take(&value, None, 0, &mut spans) == 0 {
        return Err(no("no spans in it".to_owned()));
    }
    Ok(spans.decoded())
}

/// Takes whatever `value` is, and says how many spans were in it.
fn take(value: &Value, processes: Option<&Value>, depth: usize, out: &mut SpanBatches) -> usize {
    if depth > DEPTH_MAX {
        return 0;
    }
    match value {
        Value::Array(items) => items.iter().map(|item| take(item, processes, depth + 1, out)).sum(),
        Value::Object(object) => {
            if object.contains_key("operationName") {
                take_span(value, processes, out);
                return 1;
            }
            let processes = object.get("processes").or(processes);
            let inside = object.get("spans").or_else(|| object.get("data"));
            inside.map_or(0, |inside| take(inside, processes, depth + 1, out))
        }
        _ => 0,
    }
}

fn take_span(value: &Value, processes: Option<&Value>, out: &mut SpanBatches) {
    let start = time_of(value.get("startTime")).unwrap_or_default();
    let duration = duration_of(value.get("duration"));
    let trace = text_of(value, &["traceID", "traceId"]).and_then(trace_id);
    let id = text_of(value, &["spanID", "spanId"]).and_then(span_id);
    let mut attributes = tags(value.get("tags"));
    let events = events(value.get("logs"));
    let scope = take_scope(&mut attributes);
    let (status_code, status_message) = status(&mut attributes, &events);
    let read = ReadSpan {
        trace_id: trace,
        span_id: id,
        parent_span_id: parent(value, trace).filter(|parent| Some(*parent) != id),
        name: text_of(value, &["operationName"]).unwrap_or_default().to_owned(),
        kind: kind(&mut attributes),
        start: Nanos(start),
        end: Nanos(start + duration),
        status_code,
        status_message,
        attributes,
        events,
    };
    out.push(resource(value, processes), &scope.unwrap_or_default(), read);
}

fn text_of<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| value.get(key)?.as_str())
}

/// The span that a reference within the trace names, the causing one before the merely preceding one.
fn parent(value: &Value, trace: Option<TraceId>) -> Option<SpanId> {
    let references = value.get("references").and_then(Value::as_array);
    let of = |wanted: &str| {
        references.into_iter().flatten().find_map(|reference| {
            let kind = text_of(reference, &["refType"]).unwrap_or("CHILD_OF");
            let within = text_of(reference, &["traceID", "traceId"]).and_then(trace_id);
            let id = text_of(reference, &["spanID", "spanId"]).and_then(span_id);
            id.filter(|_| kind == wanted && within.is_none_or(|within| Some(within) == trace))
        })
    };
    of("CHILD_OF")
        .or_else(|| of("FOLLOWS_FROM"))
        .or_else(|| text_of(value, &["parentSpanID", "parentSpanId"]).and_then(span_id))
}

/// Microseconds since the epoch, or RFC 3339, as nanoseconds.
fn time_of(value: Option<&Value>) -> Option<i128> {
    match value? {
        Value::String(text) => match Timestamp::parse(text) {
            Some(time) => Some(i128::from(time.nanos())),
            None => text.parse::<i64>().ok().map(|micros| i128::from(micros) * 1_000),
        },
        number => number
            .as_i64()
            .map(|micros| i128::from(micros) * 1_000)
            .or_else(|| number.as_f64().map(|micros| (micros * 1e3) as i128)),
    }
}

/// Microseconds, or a number with its unit (`22938000ns`, `1.5s`), as nanoseconds, never negative.
fn duration_of(value: Option<&Value>) -> i128 {
    const UNITS: [(&str, f64); 5] =
        [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let nanos = match value {
        Some(Value::String(text)) => UNITS.iter().find_map(|(unit, nanos)| {
            Some((text.strip_suffix(unit)?.parse::<f64>().ok()? * nanos) as i128)
        }),
        other => time_of(other),
    };
    nanos.unwrap_or(0).max(0)
}

fn tags(value: Option<&Value>) -> Attributes {
    let pairs = value.and_then(Value::as_array).into_iter().flatten();
    pairs.filter_map(|pair| Some((text_of(pair, &["key"])?.to_owned(), tag_value(pair)?))).collect()
}

fn tag_value(pair: &Value) -> Option<Attribute> {
    let kind = text_of(pair, &["type", "vType"]).unwrap_or("").to_ascii_lowercase();
    const KEYS: [&str; 6] = ["value", "vStr", "vInt64", "vFloat64", "vBool", "vBinary"];
    let value = KEYS.iter().find_map(|key| pair.get(key));
    Some(match (value, kind.as_str()) {
        // The domain model leaves zero, false and empty texts out.
        (None, "bool") => Attribute::Bool(false),
        (None, "int64") => Attribute::Int(0),
        (None, "float64") => Attribute::Double(0.0),
        (None, _) => Attribute::Str(String::new()),
        (Some(Value::String(text)), "bool") => Attribute::Bool(text == "true"),
        (Some(Value::String(text)), "int64") => {
            text.parse().map_or_else(|_| Attribute::from(text.as_str()), Attribute::Int)
        }
        (Some(Value::String(text)), "float64") => {
            text.parse().map_or_else(|_| Attribute::from(text.as_str()), Attribute::Double)
        }
        (Some(Value::String(text)), "binary") => {
            STANDARD.decode(text).map_or_else(|_| Attribute::from(text.as_str()), Attribute::Bytes)
        }
        (Some(Value::String(text)), _) => Attribute::from(text.as_str()),
        (Some(Value::Bool(flag)), _) => Attribute::Bool(*flag),
        (Some(Value::Number(number)), _) => match number.as_i64() {
            Some(whole) => Attribute::Int(whole),
            None => Attribute::Double(number.as_f64()?),
        },
        (Some(Value::Null), _) => return None,
        (Some(other), _) => Attribute::Str(other.to_string()),
    })
}

fn events(value: Option<&Value>) -> Vec<(Nanos, String, Attributes)> {
    let logs = value.and_then(Value::as_array).into_iter().flatten();
    logs.map(|log| {
        let mut fields = tags(log.get("fields"));
        let name =
            take_text(&mut fields, &["event", "message"]).unwrap_or_else(|| "log".to_owned());
        (Nanos(time_of(log.get("timestamp")).unwrap_or_default()), name, fields)
    })
    .collect()
}

/// The instrumentation that made a span: as SDKs name it, and as the first of them did.
fn take_scope(attributes: &mut Attributes) -> Option<String> {
    let of = |kind: &&str| take_text(attributes, &[&format!("otel.{kind}.name")]);
    ["scope", "library"].iter().find_map(of)
}

/// Takes the first of `keys` that holds a text.
fn take_text(attributes: &mut Attributes, keys: &[&str]) -> Option<String> {
    let found = keys.iter().find(|key| attributes.str(key).is_some_and(|text| !text.is_empty()))?;
    take_tag(attributes, found).map(|value| value.text().into_owned())
}

fn take_tag(attributes: &mut Attributes, key: &str) -> Option<Attribute> {
    let position = attributes.0.iter().position(|(name, _)| name == key)?;
    Some(attributes.0.remove(position).1)
}

/// OTel's number of the kind that a tag names.
fn kind(attributes: &mut Attributes) -> i64 {
    let named = take_tag(attributes, "span.kind");
    match named.as_ref().and_then(Attribute::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("internal") => 1,
        Some("server") => 2,
        Some("client") => 3,
        Some("producer") => 4,
        Some("consumer") => 5,
        _ => 0,
    }
}

/// OTel's number of the status and what was said of it: by tags, else by what an event says of an error.
fn status(attributes: &mut Attributes, events: &[(Nanos, String, Attributes)]) -> (i64, String) {
    let error = take_tag(attributes, "error").is_some_and(|value| match value {
        Attribute::Bool(flag) => flag,
        other => matches!(other.text().as_ref(), "true" | "1"),
    });
    let named = take_text(attributes, &["otel.status_code"]);
    let code = match named.as_deref() {
        _ if error => 2,
        Some("ERROR") => 2,
        Some("OK") => 1,
        _ => 0,
    };
    const WORDS: [&str; 4] = ["message", "error.object", "exception.message", "error.message"];
    let told = || {
        let of_errors =
            events.iter().filter(|(_, name, _)| matches!(name.as_str(), "error" | "exception"));
        let mut texts = of_errors.flat_map(|(_, _, fields)| {
            WORDS.iter().filter_map(|key| fields.str(key).map(str::to_owned))
        });
        texts.next().filter(|_| code == 2)
    };
    let message = take_text(attributes, &["otel.status_description"]).or_else(told);
    (code, message.unwrap_or_default())
}

fn resource(span: &Value, processes: Option<&Value>) -> Attributes {
    let named = text_of(span, &["processID", "processId"]);
    let process = named
        .and_then(|id| processes?.get(id))
        .or_else(|| span.get("process"))
        .unwrap_or(&Value::Null);
    let mut attributes = tags(process.get("tags"));
    if let Some(service) = text_of(process, &["serviceName"]) {
        attributes.set("service.name", service);
    }
    if let Some(host) = take_tag(&mut attributes, "hostname") {
        attributes.set("host.name", host);
    }
    attributes
}
