//! The rules that make a log record or a span out of what was read, the same for protobuf and JSON.

use std::borrow::Cow;

use groundcrew_telemetry::{
    Attributes, LogRecord, Severity, Span, SpanEvent, SpanId, SpanKind, SpanStatus, StatusCode,
    Timestamp, TraceId, Value,
};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::decoded::DecodeNotes;
use super::limits::{cap_attributes, cap_text};
use super::severity::{infer_severity, severity_of_field};

/// A log record as read, before the rules.
#[derive(Default)]
pub(super) struct ReadLog<'a> {
    pub(super) time: Nanos,
    pub(super) observed: Nanos,
    pub(super) severity_number: i64,
    pub(super) severity_text: Cow<'a, str>,
    pub(super) body: Option<Value>,
    pub(super) attributes: Attributes,
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) event_name: Cow<'a, str>,
}

/// A span as read, before the rules.
#[derive(Default)]
pub(super) struct ReadSpan {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: i64,
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) status_code: i64,
    pub(super) status_message: String,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<(Nanos, String, Attributes)>,
}

/// Nanoseconds since the epoch as a sender wrote them: wider than a [`Timestamp`], so that what does not fit is seen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Nanos(pub(crate) i128);

impl Nanos {
    /// The time; `None` when it was not given (zero).
    pub(super) fn given(self) -> Result<Option<Timestamp>, String> {
        match i64::try_from(self.0) {
            Ok(0) => Ok(None),
            Ok(nanos) => Ok(Some(Timestamp::from_nanos(nanos))),
            Err(_) => Err(format!("time {} lies outside the years 1677 to 2262", self.0)),
        }
    }
}

impl From<u64> for Nanos {
    fn from(nanos: u64) -> Self {
        Self(i128::from(nanos))
    }
}

/// Applies the rules to a log record; an error is the reason to reject it.
///
/// The time is the record's own, else the observed one, else `now`. The severity is the number, else the text, else what
/// the body says about itself. A body that is not text is rendered as compact JSON; a record without body carries its
/// event's name.
pub(super) fn log_record(
    read: ReadLog<'_>,
    now: Timestamp,
    notes: &mut DecodeNotes,
) -> Result<LogRecord, String> {
    let time = match read.time.given()? {
        Some(time) => time,
        None => read.observed.given()?.unwrap_or(now),
    };
    let mut attributes = read.attributes;
    cap_attributes(&mut attributes, notes);
    let mut body = read.body.map(body_text).unwrap_or_default();
    if body.is_empty() {
        body.push_str(&read.event_name);
    }
    if cap_text(&mut body) {
        notes.truncated_texts += 1;
    }
    let severity = severity_of(read.severity_number, &read.severity_text, &body);
    if !read.event_name.is_empty() {
        attributes.set("event.name", read.event_name.as_ref());
    }
    if severity == Severity::UNSPECIFIED && !read.severity_text.is_empty() {
        attributes.set("severity.text", read.severity_text.as_ref());
    }
    Ok(LogRecord {
        time,
        severity,
        body,
        attributes,
        trace_id: read.trace_id,
        span_id: read.span_id,
        template: None,
        site: None,
    })
}

fn severity_of(number: i64, text: &str, body: &str) -> Severity {
    match u8::try_from(number) {
        Ok(number @ 1..=24) => Severity(number),
        _ if text.is_empty() => infer_severity(body),
        _ => severity_of_field(text).unwrap_or_else(|| infer_severity(body)),
    }
}

/// Applies the rules to a span; an error is the reason to reject it.
///
/// Ids of the wrong length or all zero, a missing start, and an end before the start make a span useless for what is
/// computed from it, so it is rejected rather than bent.
pub(super) fn span(read: ReadSpan, notes: &mut DecodeNotes) -> Result<Span, String> {
    let trace_id = read.trace_id.ok_or("span has no valid trace id")?;
    let span_id = read.span_id.ok_or("span has no valid span id")?;
    let start = read.start.given()?.ok_or("span has no start time")?;
    let end = read.end.given()?.ok_or("span has no end time")?;
    if end < start {
        return Err("span ends before it starts".to_owned());
    }
    let mut attributes = read.attributes;
    cap_attributes(&mut attributes, notes);
    let mut events = Vec::with_capacity(read.events.len());
    for (time, name, mut event_attributes) in read.events {
        cap_attributes(&mut event_attributes, notes);
        let time = time.given()?.unwrap_or(start);
        events.push(SpanEvent { time, name, attributes: event_attributes });
    }
    let mut status =
        SpanStatus { code: status_code(read.status_code), message: read.status_message };
    notes.truncated_texts += u64::from(cap_text(&mut status.message));
    let mut name = read.name;
    notes.truncated_texts += u64::from(cap_text(&mut name));
    Ok(Span {
        trace_id,
        span_id,
        parent_span_id: read.parent_span_id,
        name,
        kind: SpanKind::of_number(read.kind),
        start,
        end,
        status,
        attributes,
        events,
    })
}

fn status_code(number: i64) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}

/// A body as one text: text as it is, anything else as compact JSON.
pub(crate) fn body_text(value: Value) -> String {
    match value {
        Value::Str(text) => text,
        other => serde_json::to_string(&AsJson(&other)).unwrap_or_default(),
    }
}

/// Renders a value as plain JSON; bytes as hex, numbers that JSON cannot say as text.
struct AsJson<'a>(&'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Str(text) => serializer.serialize_str(text),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            other @ (Value::Double(_) | Value::Bytes(_)) => serializer.collect_str(other),
            Value::List(values) => {
                let mut sequence = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    sequence.serialize_element(&AsJson(value))?;
                }
                sequence.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &AsJson(value))?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_log(body: &str) -> ReadLog<'static> {
        ReadLog { body: Some(body.into()), ..ReadLog::default() }
    }

    #[test]
    fn time_falls_back_to_observed_and_then_to_now() {
        let now = Timestamp::from_secs(100);
        let mut notes = DecodeNotes::default();
        let observed = ReadLog { observed: Nanos(5), ..read_log("x") };
        assert_eq!(log_record(observed, now, &mut notes).unwrap().time, Timestamp::from_nanos(5));
        assert_eq!(log_record(read_log("x"), now, &mut notes).unwrap().time, now);
        let far = ReadLog { time: Nanos(i128::from(u64::MAX)), ..read_log("x") };
        assert!(log_record(far, now, &mut notes).unwrap_err().contains("2262"));
        let old = ReadLog { time: Nanos(i128::from(i64::MIN)), ..read_log("x") };
        assert_eq!(log_record(old, now, &mut notes).unwrap().time, Timestamp::MIN);
    }

    #[test]
    fn severity_is_number_then_text_then_body() {
        assert_eq!(severity_of(17, "INFO", ""), Severity::ERROR);
        assert_eq!(severity_of(0, "Warning", "ERROR x"), Severity::WARN);
        assert_eq!(severity_of(0, "custom", "ERROR x"), Severity::ERROR);
        assert_eq!(severity_of(99, "", ""), Severity::UNSPECIFIED);
        assert_eq!(severity_of(-1, "", "level=debug"), Severity::DEBUG);
    }

    #[test]
    fn structured_bodies_become_compact_json() {
        let body = Value::Map(vec![
            ("msg".to_owned(), "a \"b\"".into()),
            ("n".to_owned(), Value::List(vec![Value::Int(1), Value::Double(f64::NAN)])),
        ]);
        assert_eq!(body_text(body), r#"{"msg":"a \"b\"","n":[1,"NaN"]}"#);
    }

    #[test]
    fn spans_that_make_no_sense_are_rejected_with_a_reason() {
        let good = || ReadSpan {
            trace_id: Some(TraceId([1; 16])),
            span_id: Some(SpanId([1; 8])),
            start: Nanos(10),
            end: Nanos(20),
            ..ReadSpan::default()
        };
        let mut notes = DecodeNotes::default();
        assert!(span(good(), &mut notes).is_ok());
        let backwards = ReadSpan { end: Nanos(5), ..good() };
        assert_eq!(span(backwards, &mut notes).unwrap_err(), "span ends before it starts");
        assert!(span(ReadSpan { trace_id: None, ..good() }, &mut notes).is_err());
        assert!(span(ReadSpan { end: Nanos(0), ..good() }, &mut notes).is_err());
    }
}
