//! Log records in OTLP/JSON.

use groundcrew_telemetry::{LogRecord, Timestamp};
use serde::Deserialize;

use super::super::decoded::DecodeNotes;
use super::super::record::{self, ReadLog};
use super::any_value::{AnyValue, Pairs};
use super::scalars::{self, Text, Whole};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogJson<'a> {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Whole,
    #[serde(alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Whole,
    #[serde(alias = "severity_number", deserialize_with = "scalars::severity_number")]
    severity_number: Whole,
    #[serde(alias = "severity_text", borrow)]
    severity_text: Text<'a>,
    body: AnyValue,
    attributes: Pairs,
    #[serde(alias = "trace_id", borrow)]
    trace_id: Text<'a>,
    #[serde(alias = "span_id", borrow)]
    span_id: Text<'a>,
    #[serde(alias = "event_name", borrow)]
    event_name: Text<'a>,
}

impl LogJson<'_> {
    pub(super) fn finish(
        self,
        now: Timestamp,
        notes: &mut DecodeNotes,
    ) -> Result<LogRecord, String> {
        let read = ReadLog {
            time: self.time_unix_nano.nanos(),
            observed: self.observed_time_unix_nano.nanos(),
            severity_number: self.severity_number.clamped(),
            severity_text: self.severity_text.0,
            body: self.body.0,
            attributes: self.attributes.attributes(),
            trace_id: scalars::trace_id(&self.trace_id.0, &mut notes.base64_ids),
            span_id: scalars::span_id(&self.span_id.0, &mut notes.base64_ids),
            event_name: self.event_name.0,
        };
        record::log_record(read, now, notes)
    }
}
