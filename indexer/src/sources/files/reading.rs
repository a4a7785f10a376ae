//! Turns the lines and JSON values of one file into batches, and notes what was not taken and where.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use groundcrew_telemetry::{Batch, LogRecord, Timestamp, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::alerts::{alert_list, read_alerts};
use super::changes::{change_list, has_change_keys, read_changes};
use super::entries::LogEntries;
use super::json_logs::{JsonLog, looks_like_log, runtime_line};
use super::origin::resource_of;
use super::outbox::{Closed, Outbox};
use super::plain_json::{Object, PlainJson, as_object, get, list_of};
use super::summary::{IngestOptions, IngestSummary};
use super::text_logs::TextLogs;
use super::walk::FoundFile;
use crate::sources::journal::{Entries, is_entry, read_entry, read_object};
use crate::stages::decode::{
    Decoded, NoSpans, Rejections, decode_jaeger, decode_json_text, decode_zipkin,
    looks_like_jaeger, looks_like_zipkin,
};

/// Log records collected before they go on.
const RECORDS_PER_BATCH: usize = 2_000;
/// How far into a value the key of an OTLP request is looked for; elsewhere it is part of somebody's message.
const OTLP_KEY_BYTES: usize = 256;
/// How far into a value what is around a request is looked for.
const WRAPPER_BYTES: usize = 32;
const OTLP_KEYS: [&str; 6] = [
    "\"resourceLogs\"",
    "\"resourceSpans\"",
    "\"resourceMetrics\"",
    "\"resource_logs\"",
    "\"resource_spans\"",
    "\"resource_metrics\"",
];

/// What is known of a file as far as it is read.
pub(in crate::sources) struct FileState {
    pub(in crate::sources) path: PathBuf,
    /// Named by a person.
    pub(super) given: bool,
    /// The time of what does not carry its own.
    pub(super) fallback: Timestamp,
    now: Timestamp,
    logs: LogEntries,
    text: TextLogs,
    /// Lines or entries so far of what has no other count.
    lines: u64,
    /// Lines so far that were taken as text.
    text_lines: u64,
    /// Lines so far that were JSON.
    json_lines: u64,
    /// Whether the file holds OTLP; then a line that is no JSON is a mistake and no log line.
    is_otlp: bool,
    /// Whether the file is JSON over several lines, which may be anybody's settings.
    is_document: bool,
}

impl FileState {
    pub(super) fn new(file: &FoundFile, options: &IngestOptions) -> Self {
        let fallback = options.fallback_time.or(file.modified).unwrap_or(options.now);
        Self {
            path: file.path.clone(),
            given: file.given,
            fallback,
            now: options.now,
            logs: LogEntries::new(
                resource_of(&file.path, options.service.as_deref()),
                options.service.is_some(),
            ),
            text: TextLogs::new(fallback),
            lines: 0,
            text_lines: 0,
            json_lines: 0,
            is_otlp: false,
            is_document: false,
        }
    }

    /// A file or stream that goes on while time does, of which `service` wrote the lines when a person said so.
    pub(in crate::sources) fn growing(path: &Path, service: Option<&str>, now: Timestamp) -> Self {
        let options =
            IngestOptions { service: service.map(str::to_owned), ..IngestOptions::at(now) };
        let path = path.to_owned();
        let file = FoundFile { path, given: true, bytes: 0, modified: None, stream: true };
        Self::new(&file, &options)
    }

    /// Time has gone on: what carries no time of its own happened at `now`.
    pub(in crate::sources) fn set_now(&mut self, now: Timestamp) {
        (self.now, self.fallback) = (now, now);
        self.text.set_now(now);
    }

    /// How many records were begun by lines of text, and whether the last of them may go on.
    pub(in crate::sources) fn begun(&self) -> (u64, bool) {
        self.text.begun()
    }

    /// Forgets the record that may go on, since its lines will be read again.
    pub(in crate::sources) fn forget_open(&mut self) {
        self.text.forget_open();
    }

    /// The file's own name.
    pub(super) fn name(&self) -> Cow<'_, str> {
        self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
    }
}

/// One file on its way.
pub(in crate::sources) struct Reading<'a> {
    pub(super) file: &'a mut FileState,
    pub(super) outbox: &'a mut Outbox,
    pub(super) summary: &'a mut IngestSummary,
}

impl<'a> Reading<'a> {
    pub(in crate::sources) fn new(
        file: &'a mut FileState,
        outbox: &'a mut Outbox,
        summary: &'a mut IngestSummary,
    ) -> Self {
        Self { file, outbox, summary }
    }

    /// Notes that the file ends before its end.
    pub(super) fn broken(&mut self, line: u64, error: &io::Error) {
        let reason =
            format!("the file is cut off or damaged here ({error}); what came before was kept");
        self.summary.reject(&self.file.path, line, reason);
    }

    /// The number of the next line of a stream.
    pub(super) fn next_line(&mut self) -> u64 {
        self.file.lines += 1;
        self.file.lines
    }

    /// Takes the entries of a journal that are whole, and at its end what is left.
    pub(super) fn take_entries(
        &mut self,
        entries: &mut Entries,
        at_end: bool,
    ) -> Result<(), Closed> {
        while let Some(entry) = entries.next() {
            self.take_entry(read_entry(entry, self.file.fallback))?;
        }
        match at_end.then(|| entries.last()).flatten() {
            Some(last) => {
                self.take_entry(last.and_then(|entry| read_entry(entry, self.file.fallback)))
            }
            None => Ok(()),
        }
    }

    fn take_entry(&mut self, read: Result<JsonLog, String>) -> Result<(), Closed> {
        let number = self.next_line();
        match read {
            Ok(log) => {
                self.file.logs.whole(log);
                self.send_full()
            }
            Err(reason) => self.reject(number, &reason),
        }
    }

    /// Takes one line, `cut` bytes of which did not fit.
    pub(in crate::sources) fn take_line(
        &mut self,
        number: u64,
        cut: u64,
        line: &str,
    ) -> Result<(), Closed> {
        let start = line.trim_start();
        if start.is_empty() {
            return Ok(());
        }
        let may_be_json = start.starts_with(['{', '[']);
        if may_be_json && cut > 0 {
            let bytes = line.len() as u64 + cut;
            let reason = format!("a JSON line of {bytes} bytes is too long; write smaller batches");
            self.summary.reject(&self.file.path, number, reason);
            return Ok(());
        }
        if self.file.is_otlp || (may_be_json && self.is_json_line(start)) {
            self.file.json_lines += 1;
            return self.take_json(number, line);
        }
        self.file.text_lines += 1;
        match self.file.text.line(line) {
            Some(record) => self.take_text_record(record),
            None => Ok(()),
        }
    }

    /// Takes what was read of a line that broke off: of text its beginning still says something.
    pub(super) fn take_broken_line(&mut self, line: &str) -> Result<(), Closed> {
        let is_text = !self.file.is_otlp && !line.trim_start().starts_with(['{', '[']);
        if is_text { self.take_line(0, 0, line) } else { Ok(()) }
    }

    /// Whether a line that opens like JSON is to be read as JSON: it is, or it should have been.
    fn is_json_line(&self, start: &str) -> bool {
        let among_json =
            self.file.json_lines > 0 && self.file.text_lines == 0 && start.starts_with('{');
        among_json || is_otlp(start) || serde_json::from_str::<IgnoredAny>(start).is_ok()
    }

    /// Takes the JSON values of a document, each of which may span lines.
    pub(super) fn take_document(&mut self, text: &str) -> Result<(), Closed> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        self.file.is_document = true;
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
                    self.summary.reject(&self.file.path, error.line() as u64, reason);
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
        self.summary.reject(&self.file.path, line, reason);
        Ok(())
    }

    fn take_otlp(&mut self, line: u64, text: &str) -> Result<(), Closed> {
        self.file.is_otlp = true;
        match decode_json_text(None, unwrapped(text), self.file.now) {
            Ok(decoded) => {
                self.summary.notes.add(decoded.notes);
                self.summary.reject_all(&self.file.path, line, decoded.rejected);
                decoded.batches.into_iter().try_for_each(|batch| self.outbox.push(batch))
            }
            Err(error) => self.reject(line, &error.to_string()),
        }
    }

    fn take_object(&mut self, line: u64, text: &str, object: Object) -> Result<(), Closed> {
        if is_entry(&object) {
            return self.take_entry(read_object(object, self.file.fallback));
        }
        if let Some(decode) = spans_of(&object) {
            return self.take_spans(line, decode(text));
        }
        let mut rejected = Rejections::default();
        // A logger may write of deployments; only what is no log line, or has a change's own keys, is one.
        if (!looks_like_log(&object) || has_change_keys(&object))
            && let Some(changes) = read_changes(&object, self.file.fallback, &mut rejected)
        {
            self.summary.reject_all(&self.file.path, line, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        let alerts = read_alerts(&object, self.file.fallback);
        if !alerts.is_empty() {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        if let Some((time, log, partial)) = runtime_line(&object, self.file.fallback) {
            return match self.file.text.wrapped(time, log, partial) {
                Some(record) => self.take_text_record(record),
                None => Ok(()),
            };
        }
        if self.file.is_document && !self.file.given && !looks_like_log(&object) {
            let reason = "is JSON that is no telemetry; name the file itself to take it as a log";
            self.summary.skip(&self.file.path, reason);
            return Ok(());
        }
        let open = self.file.text.finish();
        open.map_or(Ok(()), |record| self.take_text_record(record))?;
        self.file.logs.object(text, object, self.file.fallback, false);
        self.send_full()
    }

    fn take_spans(&mut self, line: u64, read: Result<Decoded, NoSpans>) -> Result<(), Closed> {
        match read {
            Ok(decoded) => {
                self.summary.notes.add(decoded.notes);
                self.summary.reject_all(&self.file.path, line, decoded.rejected);
                decoded.batches.into_iter().try_for_each(|batch| self.outbox.push(batch))
            }
            Err(error) => self.reject(line, &error.to_string()),
        }
    }

    fn take_list(&mut self, line: u64, text: &str, values: Vec<Value>) -> Result<(), Closed> {
        if let Some(Value::Map(first)) = values.first()
            && let Some(decode) = spans_of(first)
        {
            return self.take_spans(line, decode(text));
        }
        if let Some(alerts) = alert_list(&values, self.file.fallback) {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        let mut rejected = Rejections::default();
        if let Some(changes) = change_list(&values, self.file.fallback, &mut rejected) {
            self.summary.reject_all(&self.file.path, line, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        // Each entry by itself, read again from its own text so that a record keeps it verbatim.
        let entries: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        for entry in entries {
            match serde_json::from_str::<PlainJson>(entry.get()) {
                Ok(PlainJson(Some(Value::Map(_)))) => self.take_json(line, entry.get())?,
                _ => self.summary.reject(&self.file.path, line, "entry of a list is not an object"),
            }
        }
        Ok(())
    }

    fn take_text_record(&mut self, record: LogRecord) -> Result<(), Closed> {
        self.file.logs.text(record);
        self.send_full()
    }

    /// Sends the log records that have come together, once they are many.
    fn send_full(&mut self) -> Result<(), Closed> {
        if self.file.logs.open >= RECORDS_PER_BATCH { self.send_logs() } else { Ok(()) }
    }

    /// Sends the records that are whole.
    pub(in crate::sources) fn send_logs(&mut self) -> Result<(), Closed> {
        self.file.logs.take().into_iter().try_for_each(|batch| self.outbox.push(batch))
    }

    /// Sends what is still open at the file's end.
    pub(in crate::sources) fn finish(&mut self) -> Result<(), Closed> {
        if let Some(record) = self.file.text.finish() {
            self.take_text_record(record)?;
        }
        let (logs, text) = (&mut self.file.logs, &mut self.file.text);
        self.summary.undated +=
            std::mem::take(&mut logs.undated) + std::mem::take(&mut text.undated);
        self.summary.notes.add(std::mem::take(&mut logs.notes));
        self.summary.notes.truncated_texts += std::mem::take(&mut text.truncated);
        self.send_logs()
    }
}

/// An OTLP request without what Jaeger's API (version 3) puts around it.
fn unwrapped(text: &str) -> &str {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        result: &'a RawValue,
    }
    let head = text.get(..text.floor_char_boundary(WRAPPER_BYTES)).unwrap_or(text);
    if !head.contains("\"result\"") {
        return text;
    }
    serde_json::from_str::<Wrapped<'_>>(text).map_or(text, |wrapped| wrapped.result.get())
}

type DecodeSpans = fn(&str) -> Result<Decoded, NoSpans>;

/// How the spans of other tracing systems are read, when an object is theirs.
fn spans_of(object: &[(String, Value)]) -> Option<DecodeSpans> {
    let has = |key: &str| get(object, key).is_some();
    let inside = || match get(object, "data")? {
        Value::List(items) => as_object(items.first()?),
        value => as_object(value),
    };
    if looks_like_jaeger(has)
        || inside().is_some_and(|o| looks_like_jaeger(|key| get(o, key).is_some()))
    {
        return Some(decode_jaeger);
    }
    // Jaeger's domain model, a list of spans without their trace.
    if let Some(Value::Map(first)) = list_of(object, "spans").first()
        && looks_like_jaeger(|key| get(first, key).is_some())
    {
        return Some(decode_jaeger);
    }
    looks_like_zipkin(has).then_some(decode_zipkin as DecodeSpans)
}

fn is_otlp(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(OTLP_KEY_BYTES)).unwrap_or(text);
    OTLP_KEYS.iter().any(|key| head.contains(key))
}

fn newlines(text: &str, from: usize, to: usize) -> u64 {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
