//! Turns the lines and JSON values of one file into batches, and notes what was not taken and where.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use groundcrew_telemetry::{Batch, LogRecord, Timestamp, Value};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::alerts::{alert_list, read_alerts};
use super::changes::{change_list, has_change_keys, read_changes};
use super::entries::LogEntries;
use super::json_logs::{looks_like_log, runtime_line};
use super::origin::resource_of;
use super::outbox::{Closed, Outbox};
use super::plain_json::{Object, PlainJson};
use super::summary::{IngestOptions, IngestSummary};
use super::text_logs::TextLogs;
use super::walk::FoundFile;
use crate::stages::decode::Rejections;
use crate::stages::decode::decode_json_text;

/// Log records collected before they go on.
const RECORDS_PER_BATCH: usize = 2_000;
/// How far into a value the key of an OTLP request is looked for; elsewhere it is part of somebody's message.
const OTLP_KEY_BYTES: usize = 256;
const OTLP_KEYS: [&str; 6] = [
    "\"resourceLogs\"",
    "\"resourceSpans\"",
    "\"resourceMetrics\"",
    "\"resource_logs\"",
    "\"resource_spans\"",
    "\"resource_metrics\"",
];

/// One file on its way.
pub(super) struct Reading<'a> {
    pub(super) path: &'a Path,
    /// Named by a person.
    pub(super) given: bool,
    /// The time of what does not carry its own.
    pub(super) fallback: Timestamp,
    now: Timestamp,
    logs: LogEntries,
    text: TextLogs,
    /// Lines so far that were taken as text.
    text_lines: u64,
    /// Lines so far that were JSON.
    json_lines: u64,
    /// Whether the file holds OTLP; then a line that is no JSON is a mistake and no log line.
    is_otlp: bool,
    /// Whether the file is JSON over several lines, which may be anybody's settings.
    is_document: bool,
    pub(super) outbox: &'a mut Outbox,
    pub(super) summary: &'a mut IngestSummary,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        file: &'a FoundFile,
        options: &IngestOptions,
        outbox: &'a mut Outbox,
        summary: &'a mut IngestSummary,
    ) -> Self {
        let fallback = options.fallback_time.or(file.modified).unwrap_or(options.now);
        Self {
            path: &file.path,
            given: file.given,
            fallback,
            now: options.now,
            logs: LogEntries::new(
                resource_of(&file.path, options.service.as_deref()),
                options.service.is_some(),
            ),
            text: TextLogs::new(fallback),
            text_lines: 0,
            json_lines: 0,
            is_otlp: false,
            is_document: false,
            outbox,
            summary,
        }
    }

    /// The file's own name.
    pub(super) fn name(&self) -> Cow<'a, str> {
        self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
    }

    /// Notes that the file ends before its end.
    pub(super) fn broken(&mut self, line: u64, error: &io::Error) {
        let reason =
            format!("the file is cut off or damaged here ({error}); what came before was kept");
        self.summary.reject(self.path, line, reason);
    }

    /// Takes one line, `cut` bytes of which did not fit.
    pub(super) fn take_line(&mut self, number: u64, cut: u64, line: &str) -> Result<(), Closed> {
        let start = line.trim_start();
        if start.is_empty() {
            return Ok(());
        }
        let may_be_json = start.starts_with(['{', '[']);
        if may_be_json && cut > 0 {
            let bytes = line.len() as u64 + cut;
            let reason = format!("a JSON line of {bytes} bytes is too long; write smaller batches");
            self.summary.reject(self.path, number, reason);
            return Ok(());
        }
        if self.is_otlp || (may_be_json && self.is_json_line(start)) {
            self.json_lines += 1;
            return self.take_json(number, line);
        }
        self.text_lines += 1;
        match self.text.line(line) {
            Some(record) => self.take_text_record(record),
            None => Ok(()),
        }
    }

    /// Takes what was read of a line that broke off: of text its beginning still says something.
    pub(super) fn take_broken_line(&mut self, line: &str) -> Result<(), Closed> {
        let is_text = !self.is_otlp && !line.trim_start().starts_with(['{', '[']);
        if is_text { self.take_line(0, 0, line) } else { Ok(()) }
    }

    /// Whether a line that opens like JSON is to be read as JSON: it is, or it should have been.
    fn is_json_line(&self, start: &str) -> bool {
        let among_json = self.json_lines > 0 && self.text_lines == 0 && start.starts_with('{');
        among_json || is_otlp(start) || serde_json::from_str::<IgnoredAny>(start).is_ok()
    }

    /// Takes the JSON values of a document, each of which may span lines.
    pub(super) fn take_document(&mut self, text: &str) -> Result<(), Closed> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        self.is_document = true;
        let mut line = 1;
        let mut counted_to = 0;
        loop {
            let value = values.next();
            let end = values.byte_offset();
            match value {
                None => return Ok(()),
                Some(Ok(value)) => {
                    let start = end.saturating_sub(value.get().len());
                    line += newlines(text, counted_to, start);
                    counted_to = start;
                    self.take_json(line, value.get())?;
                }
                Some(Err(error)) => {
                    let reason = format!("not JSON: {error}");
                    self.summary.reject(self.path, error.line() as u64, reason);
                    return Ok(());
                }
            }
        }
    }

    /// Takes one JSON value: an OTLP request, changes, alerts, a list of them, or a log record.
    fn take_json(&mut self, line: u64, text: &str) -> Result<(), Closed> {
        if is_otlp(text) {
            return self.take_otlp(line, text);
        }
        match serde_json::from_str::<PlainJson>(text) {
            Ok(PlainJson(Some(Value::Map(object)))) => self.take_object(line, text, object),
            Ok(PlainJson(Some(Value::List(values)))) => self.take_list(line, text, values),
            Ok(_) => self.reject(line, "neither an object nor a list"),
            Err(error) => self.reject(line, &format!("not JSON: {error}")),
        }
    }

    fn reject(&mut self, line: u64, reason: &str) -> Result<(), Closed> {
        self.summary.reject(self.path, line, reason);
        Ok(())
    }

    fn take_otlp(&mut self, line: u64, text: &str) -> Result<(), Closed> {
        self.is_otlp = true;
        match decode_json_text(None, text, self.now) {
            Ok(decoded) => {
                self.summary.notes.add(decoded.notes);
                self.summary.reject_all(self.path, line, decoded.rejected);
                decoded.batches.into_iter().try_for_each(|batch| self.outbox.push(batch))
            }
            Err(error) => self.reject(line, &error.to_string()),
        }
    }

    fn take_object(&mut self, line: u64, text: &str, object: Object) -> Result<(), Closed> {
        let mut rejected = Rejections::default();
        // A logger may write of deployments; only what is no log line, or has a change's own keys, is one.
        if (!looks_like_log(&object) || has_change_keys(&object))
            && let Some(changes) = read_changes(&object, self.fallback, &mut rejected)
        {
            self.summary.reject_all(self.path, line, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        let alerts = read_alerts(&object, self.fallback);
        if !alerts.is_empty() {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        if let Some((time, log, partial)) = runtime_line(&object, self.fallback) {
            return match self.text.wrapped(time, log, partial) {
                Some(record) => self.take_text_record(record),
                None => Ok(()),
            };
        }
        if self.is_document && !self.given && !looks_like_log(&object) {
            let reason = "is JSON that is no telemetry; name the file itself to take it as a log";
            self.summary.skip(self.path, reason);
            return Ok(());
        }
        let open = self.text.finish();
        open.map_or(Ok(()), |record| self.take_text_record(record))?;
        self.logs.object(text, object, self.fallback, false);
        self.send_full()
    }

    fn take_list(&mut self, line: u64, text: &str, values: Vec<Value>) -> Result<(), Closed> {
        if let Some(alerts) = alert_list(&values, self.fallback) {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        let mut rejected = Rejections::default();
        if let Some(changes) = change_list(&values, self.fallback, &mut rejected) {
            self.summary.reject_all(self.path, line, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        // Each entry by itself, read again from its own text so that a record keeps it verbatim.
        let entries: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        for entry in entries {
            match serde_json::from_str::<PlainJson>(entry.get()) {
                Ok(PlainJson(Some(Value::Map(_)))) => self.take_json(line, entry.get())?,
                _ => self.summary.reject(self.path, line, "entry of a list is not an object"),
            }
        }
        Ok(())
    }

    fn take_text_record(&mut self, record: LogRecord) -> Result<(), Closed> {
        self.logs.text(record);
        self.send_full()
    }

    /// Sends the log records that have come together, once they are many.
    fn send_full(&mut self) -> Result<(), Closed> {
        if self.logs.open >= RECORDS_PER_BATCH { self.send_logs() } else { Ok(()) }
    }

    fn send_logs(&mut self) -> Result<(), Closed> {
        self.logs.take().into_iter().try_for_each(|batch| self.outbox.push(batch))
    }

    /// Sends what is still open at the file's end.
    pub(super) fn finish(&mut self) -> Result<(), Closed> {
        if let Some(record) = self.text.finish() {
            self.take_text_record(record)?;
        }
        self.summary.undated += self.logs.undated + self.text.undated;
        self.summary.notes.add(self.logs.notes);
        self.summary.notes.truncated_texts += self.text.truncated;
        self.send_logs()
    }
}

fn is_otlp(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(OTLP_KEY_BYTES)).unwrap_or(text);
    OTLP_KEYS.iter().any(|key| head.contains(key))
}

fn newlines(text: &str, from: usize, to: usize) -> u64 {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
