//! Log entries on their way into batches: whoever read them, the same is made of a line and of an object.

use groundcrew_telemetry::{
    Attributes, Batch, LogRecord, Resource, Severity, SpanId, Timestamp, TraceId, Value,
};

use super::json_logs::{JsonLog, JsonLogContext, looks_like_log, read_json_log};
use super::log_batches::LogBatches;
use super::plain_json::{Object, PlainJson};
use super::text_logs::{service_in, trace_id_in, without_colours};
use crate::stages::decode::{DecodeNotes, cap_attributes, cap_text, infer_severity};

/// A longer line is a text, whatever it looks like.
const OBJECT_BYTES_MAX: usize = 4 << 20;

/// The entries of one origin.
pub(in crate::sources) struct LogEntries {
    resource: Resource,
    /// Whether somebody named the service, over whatever an entry says.
    service_given: bool,
    logs: LogBatches,
    /// Entries taken and not given away yet.
    pub(in crate::sources) open: usize,
    /// Entries without a time of their own.
    pub(in crate::sources) undated: u64,
    /// What was kept with a change.
    pub(in crate::sources) notes: DecodeNotes,
}

/// A line as a sender gave it, with what the sender said about it. That wins over what the line says itself.
#[derive(Default)]
pub(in crate::sources) struct SentLine {
    pub(in crate::sources) text: String,
    pub(in crate::sources) time: Option<Timestamp>,
    pub(in crate::sources) severity: Option<Severity>,
    pub(in crate::sources) attributes: Attributes,
    pub(in crate::sources) trace_id: Option<TraceId>,
    pub(in crate::sources) span_id: Option<SpanId>,
}

impl LogEntries {
    pub(in crate::sources) fn new(resource: Resource, service_given: bool) -> Self {
        let (logs, notes) = (LogBatches::default(), DecodeNotes::default());
        Self { resource, service_given, logs, open: 0, undated: 0, notes }
    }

    /// Takes a record that was read as text; its message may be JSON after all, inside what a container runtime wrote.
    pub(in crate::sources) fn text(&mut self, record: LogRecord) {
        if let Some(object) = log_object(&record.body) {
            self.object(&record.body, object, record.time, true);
            return;
        }
        self.push(record);
    }

    /// Takes a record written as the object `text`; `time` is what is known of its time for want of its own, `dated`
    /// whether that is its sender's word.
    pub(in crate::sources) fn object(
        &mut self,
        text: &str,
        object: Object,
        time: Timestamp,
        dated: bool,
    ) {
        let mut log = read_json_log(object, text, &self.context(time));
        self.undated += u64::from(!log.dated && !dated);
        self.notes.truncated_texts += u64::from(log.truncated);
        cap_attributes(&mut log.record.attributes, &mut self.notes);
        self.open += 1;
        self.logs.push(&log.resource, &log.scope, log.record);
    }

    /// Takes a record that was read already.
    pub(in crate::sources) fn whole(&mut self, mut log: JsonLog) {
        self.notes.truncated_texts += u64::from(log.truncated);
        cap_attributes(&mut log.record.attributes, &mut self.notes);
        self.open += 1;
        self.logs.push(&log.resource, &log.scope, log.record);
    }

    /// Takes a line that came by itself; `now` is its time for want of any other. Empty ones say nothing.
    pub(in crate::sources) fn sent(&mut self, line: SentLine, now: Timestamp) {
        let text = without_colours(line.text.as_str().into());
        let Some(object) = log_object(&text) else { return self.sent_text(line, now) };
        let mut log = read_json_log(object, &text, &self.context(line.time.unwrap_or(now)));
        self.undated += u64::from(!log.dated && line.time.is_none());
        self.notes.truncated_texts += u64::from(log.truncated);
        let record = &mut log.record;
        record.time = line.time.unwrap_or(record.time);
        record.severity = line.severity.unwrap_or(record.severity);
        record.trace_id = line.trace_id.or(record.trace_id);
        record.span_id = line.span_id.or(record.span_id);
        // The sender's come first, so they are found first; looking for each would take long where there are many.
        let said = std::mem::replace(&mut record.attributes, line.attributes);
        record.attributes.0.extend(said.0);
        cap_attributes(&mut record.attributes, &mut self.notes);
        self.open += 1;
        self.logs.push(&log.resource, &log.scope, log.record);
    }

    fn sent_text(&mut self, line: SentLine, now: Timestamp) {
        let mut body = without_colours(line.text.into()).into_owned();
        body.truncate(body.trim_end().len());
        if body.is_empty() && line.attributes.0.is_empty() {
            return;
        }
        self.undated += u64::from(line.time.is_none());
        self.notes.truncated_texts += u64::from(cap_text(&mut body));
        let mut attributes = line.attributes;
        cap_attributes(&mut attributes, &mut self.notes);
        self.push(LogRecord {
            time: line.time.unwrap_or(now),
            severity: line.severity.unwrap_or_else(|| infer_severity(&body)),
            trace_id: line.trace_id.or_else(|| trace_id_in(&body)),
            span_id: line.span_id,
            body,
            attributes,
            ..LogRecord::default()
        });
    }

    fn push(&mut self, record: LogRecord) {
        self.open += 1;
        match service_in(&record.body).filter(|_| !self.service_given) {
            Some(service) => {
                let mut resource = self.resource.clone();
                resource.attributes.set("service.name", service);
                self.logs.push(&resource, "", record);
            }
            None => self.logs.push(&self.resource, "", record),
        }
    }

    fn context(&self, fallback: Timestamp) -> JsonLogContext<'_> {
        let (resource, service_given) = (&self.resource, self.service_given);
        JsonLogContext { resource, service_given, fallback }
    }

    /// Gives what was taken so far.
    pub(in crate::sources) fn take(&mut self) -> Vec<Batch> {
        self.open = 0;
        self.logs.take()
    }
}

/// The object that a line is, if a logger wrote it.
fn log_object(text: &str) -> Option<Object> {
    if text.len() > OBJECT_BYTES_MAX || !text.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(PlainJson(Some(Value::Map(object)))) if looks_like_log(&object) => Some(object),
        _ => None,
    }
}
