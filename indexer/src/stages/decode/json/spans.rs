//! Spans in OTLP/JSON.

use groundcrew_telemetry::Span;
use serde::Deserialize;

use super::super::decoded::DecodeNotes;
use super::super::record::{self, ReadSpan};
use super::any_value::Pairs;
use super::scalars::{self, List, Text, Whole};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SpanJson<'a> {
    #[serde(alias = "trace_id", borrow)]
    trace_id: Text<'a>,
    #[serde(alias = "span_id", borrow)]
    span_id: Text<'a>,
    #[serde(alias = "parent_span_id", borrow)]
    parent_span_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(deserialize_with = "scalars::span_kind")]
    kind: Whole,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Whole,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Whole,
    attributes: Pairs,
    #[serde(borrow)]
    events: List<EventJson<'a>>,
    #[serde(borrow, deserialize_with = "scalars::or_default")]
    status: StatusJson<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct EventJson<'a> {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Whole,
    #[serde(borrow)]
    name: Text<'a>,
    attributes: Pairs,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusJson<'a> {
    #[serde(deserialize_with = "scalars::status_code")]
    code: Whole,
    #[serde(borrow)]
    message: Text<'a>,
}

impl SpanJson<'_> {
    pub(super) fn finish(self, notes: &mut DecodeNotes) -> Result<Span, String> {
        let event = |event: EventJson<'_>| {
            let EventJson { time_unix_nano, name, attributes } = event;
            (time_unix_nano.nanos(), name.0.into_owned(), attributes.attributes())
        };
        let read = ReadSpan {
            trace_id: scalars::trace_id(&self.trace_id.0, &mut notes.base64_ids),
            span_id: scalars::span_id(&self.span_id.0, &mut notes.base64_ids),
            parent_span_id: scalars::span_id(&self.parent_span_id.0, &mut notes.base64_ids),
            name: self.name.0.into_owned(),
            kind: self.kind.clamped(),
            start: self.start_time_unix_nano.nanos(),
            end: self.end_time_unix_nano.nanos(),
            status_code: self.status.code.clamped(),
            status_message: self.status.message.0.into_owned(),
            attributes: self.attributes.attributes(),
            events: self.events.0.into_iter().map(event).collect(),
        };
        record::span(read, notes)
    }
}
