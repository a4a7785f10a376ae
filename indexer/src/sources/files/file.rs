//! Reads one file: tells what it holds, turns it into batches, and says at which line something was not taken.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use groundcrew_telemetry::{Batch, Resource, Timestamp, Value};
use serde::de::IgnoredAny;

use super::alerts::{alert_list, read_alerts};
use super::changes::{change_list, read_changes};
use super::detect::{FileKind, kind_of};
use super::json_logs::{JsonLogContext, looks_like_log, read_json_log};
use super::lines::{LineRead, Lines};
use super::log_batches::LogBatches;
use super::origin::resource_of;
use super::outbox::{Closed, Outbox};
use super::plain_json::PlainJson;
use super::summary::{IngestOptions, IngestSummary};
use super::text_logs::TextLogs;
use super::walk::{FoundFile, hint};
use crate::intake::Intake;
use crate::sources::capped_reader::CappedReader;
use crate::sources::cluster;
use crate::stages::decode::{DecodeNotes, Rejections, decode_json_text};

/// Bytes looked at to tell what a file holds.
const HEAD_BYTES: usize = 64 * 1024;
/// Longest line that is held in memory; of a longer one the beginning is read.
const LINE_BYTES_MAX: usize = 64 << 20;
/// Largest document (cluster state, JSON over several lines) that is read.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;
/// Log records collected before they go on.
const RECORDS_PER_BATCH: usize = 2_000;
/// Keys that begin an OTLP/JSON request, looked for near the start of a line.
const OTLP_KEYS: [&str; 6] = [
    "\"resourceLogs\"",
    "\"resourceSpans\"",
    "\"resourceMetrics\"",
    "\"resource_logs\"",
    "\"resource_spans\"",
    "\"resource_metrics\"",
];

/// What reading needs besides the file.
pub(super) struct FileContext<'a> {
    pub(super) intake: &'a Intake,
    pub(super) options: &'a IngestOptions,
    pub(super) outbox: &'a mut Outbox,
    pub(super) summary: &'a mut IngestSummary,
}

/// Reads `file` and sends what is in it. What cannot be read is noted in the summary.
///
/// # Errors
/// Only when nobody takes what is read any more.
pub(super) fn read_file(file: &FoundFile, context: FileContext<'_>) -> Result<(), Closed> {
    let FileContext { intake, options, outbox, summary } = context;
    let hash = if file.stream { None } else { content_hash(&file.path).ok() };
    let seen = hash.as_deref().is_some_and(|hash| {
        // A state that cannot be asked must not keep telemetry out; at worst it comes in twice.
        !options.again && intake.store().state().file_seen(hash).unwrap_or(false)
    });
    if seen {
        summary.already_ingested.push(file.path.clone());
        return Ok(());
    }
    let opened: io::Result<Box<dyn Read + Send>> = if file.is_stdin() {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(&file.path).map(|file| Box::new(file) as Box<dyn Read + Send>)
    };
    let reader = opened.and_then(|input| CappedReader::sniffed(input, options.expanded_bytes_max));
    let reader = match reader {
        Ok(reader) => reader,
        Err(error) => {
            summary.fail(&file.path, hint("read", &error));
            return Ok(());
        }
    };
    summary.files += 1;
    outbox.begin_file(file.path.clone());
    let fallback = options.fallback_time.or(file.modified).unwrap_or(options.now);
    let resource = resource_of(&file.path, options.service.as_deref());
    let mut reading = Reading {
        path: &file.path,
        fallback,
        now: options.now,
        service_given: options.service.is_some(),
        bytes_before: outbox.bytes_done,
        consumed: reader.consumed(),
        logs: LogBatches::default(),
        open_records: 0,
        text: TextLogs::new(fallback),
        is_otlp: false,
        resource,
        outbox,
        summary,
    };
    let whole = reading.read(reader, file.given)?;
    let bytes_before = reading.bytes_before;
    outbox.bytes_done = bytes_before + file.bytes;
    // A file that broke off may be mended; then it is taken again.
    outbox.end_file(hash.filter(|_| whole))
}

fn content_hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

struct Reading<'a> {
    path: &'a Path,
    fallback: Timestamp,
    now: Timestamp,
    service_given: bool,
    bytes_before: u64,
    consumed: Arc<AtomicU64>,
    resource: Resource,
    logs: LogBatches,
    open_records: usize,
    text: TextLogs,
    /// Whether the file holds OTLP; then a line that is no JSON is a mistake and no log line.
    is_otlp: bool,
    outbox: &'a mut Outbox,
    summary: &'a mut IngestSummary,
}

impl Reading<'_> {
    /// Reads everything; says whether it came to the end.
    fn read(&mut self, mut reader: CappedReader<'_>, given: bool) -> Result<bool, Closed> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let begun = reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head);
        if let Err(error) = begun
            && head.is_empty()
        {
            self.summary.fail(self.path, hint("read", &error));
            return Ok(false);
        }
        let name = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let kind = kind_of(&name, &head, given);
        let mut lines = Lines::new(Cursor::new(head).chain(reader));
        match kind {
            FileKind::Nothing(reason) => {
                self.summary.skip(self.path, reason);
                Ok(true)
            }
            FileKind::Lines => self.read_lines(&mut lines),
            FileKind::JsonDocument => {
                self.read_document(&mut lines, |reading, text| reading.take_json(1, text))
            }
            FileKind::Cluster => self.read_document(&mut lines, |reading, text| {
                let title = reading.path.file_name().map(|name| name.to_string_lossy());
                let snapshot =
                    cluster::read_snapshot(&title.unwrap_or_default(), text, reading.fallback);
                reading.outbox.push(Batch::Cluster(vec![snapshot]))
            }),
        }
    }

    fn read_document<R: Read>(
        &mut self,
        lines: &mut Lines<R>,
        take: impl FnOnce(&mut Self, &str) -> Result<(), Closed>,
    ) -> Result<bool, Closed> {
        let mut bytes = Vec::new();
        let whole = match lines.rest(&mut bytes, DOCUMENT_BYTES_MAX) {
            Ok(true) => true,
            Ok(false) => {
                let limit = DOCUMENT_BYTES_MAX >> 20;
                self.summary
                    .fail(self.path, format!("is larger than {limit} MiB, and was cut there"));
                false
            }
            Err(error) => {
                self.broken(lines.number() + 1, &error);
                false
            }
        };
        let text = String::from_utf8_lossy(&bytes);
        self.summary.notes.replaced_utf8 += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
        take(self, text.trim_start_matches('\u{feff}'))?;
        self.send_logs()?;
        Ok(whole)
    }

    fn read_lines<R: Read>(&mut self, lines: &mut Lines<R>) -> Result<bool, Closed> {
        let mut line = Vec::new();
        let whole = loop {
            let (number, cut) = match lines.next(&mut line, LINE_BYTES_MAX) {
                LineRead::Line { number, cut } => (number, cut),
                LineRead::End => break true,
                LineRead::Broken(error) => {
                    // What stands of the line is not whole, so it is not taken.
                    self.broken(lines.number().max(1), &error);
                    break false;
                }
            };
            let text = String::from_utf8_lossy(&line);
            self.summary.notes.replaced_utf8 +=
                u64::from(matches!(text, std::borrow::Cow::Owned(_)));
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            self.take_line(number, cut, text)?;
            self.outbox.bytes_done = self.bytes_before + self.consumed.load(Ordering::Relaxed);
        };
        if let Some(record) = self.text.finish() {
            let resource = self.resource.clone();
            self.logs.push(&resource, "", record);
        }
        self.summary.undated += self.text.undated;
        self.summary.notes.truncated_texts += self.text.truncated;
        self.send_logs()?;
        Ok(whole)
    }

    fn broken(&mut self, line: u64, error: &io::Error) {
        let reason =
            format!("the file is cut off or damaged here ({error}); what came before was kept");
        self.summary.reject(self.path, line, reason);
    }

    fn take_line(&mut self, number: u64, cut: u64, text: &str) -> Result<(), Closed> {
        let is_json = text.trim_start().starts_with(['{', '[']);
        if is_json && cut > 0 {
            let limit = LINE_BYTES_MAX >> 20;
            self.summary.reject(self.path, number, format!("longer than {limit} MiB"));
            return Ok(());
        }
        // A brace opens JSON, not a sentence; a bracket may open either.
        let must_be_json = text.trim_start().starts_with('{') || self.is_otlp;
        if must_be_json && !text.trim().is_empty() {
            return self.take_json(number, text);
        }
        if is_json && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            return self.take_json(number, text);
        }
        if let Some(record) = self.text.line(text) {
            let resource = self.resource.clone();
            self.logs.push(&resource, "", record);
            self.counted()?;
        }
        Ok(())
    }

    /// Takes one JSON value: an OTLP request, changes, alerts, a list of them, or a log record.
    fn take_json(&mut self, number: u64, text: &str) -> Result<(), Closed> {
        let start = text.get(..text.floor_char_boundary(4_096)).unwrap_or(text);
        if OTLP_KEYS.iter().any(|key| start.contains(key)) {
            return self.take_otlp(number, text);
        }
        match serde_json::from_str::<PlainJson>(text) {
            Ok(PlainJson(Some(Value::Map(object)))) => self.take_object(number, text, object),
            Ok(PlainJson(Some(Value::List(values)))) => self.take_list(number, values),
            Ok(_) => {
                self.summary.reject(self.path, number, "neither an object nor a list");
                Ok(())
            }
            Err(error) => {
                self.summary.reject(self.path, number, format!("not JSON: {error}"));
                Ok(())
            }
        }
    }

    fn take_otlp(&mut self, number: u64, text: &str) -> Result<(), Closed> {
        self.is_otlp = true;
        match decode_json_text(None, text, self.now) {
            Ok(decoded) => {
                self.note(number, decoded.rejected, decoded.notes);
                decoded.batches.into_iter().try_for_each(|batch| self.outbox.push(batch))
            }
            Err(error) => {
                self.summary.reject(self.path, number, error.to_string());
                Ok(())
            }
        }
    }

    fn note(&mut self, number: u64, rejected: Rejections, notes: DecodeNotes) {
        self.summary.notes.add(notes);
        self.summary.reject_all(self.path, number, rejected);
    }

    fn take_object(
        &mut self,
        number: u64,
        text: &str,
        object: Vec<(String, Value)>,
    ) -> Result<(), Closed> {
        let mut rejected = Rejections::default();
        if !looks_like_log(&object)
            && let Some(changes) = read_changes(&object, self.fallback, &mut rejected)
        {
            self.summary.reject_all(self.path, number, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        let alerts = read_alerts(&object, self.fallback);
        if !alerts.is_empty() {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        let context = JsonLogContext {
            resource: &self.resource,
            service_given: self.service_given,
            fallback: self.fallback,
        };
        let log = read_json_log(object, text, &context);
        self.summary.undated += u64::from(!log.dated);
        self.summary.notes.truncated_texts += u64::from(log.truncated);
        self.logs.push(&log.resource, &log.scope, log.record);
        self.counted()
    }

    fn take_list(&mut self, number: u64, values: Vec<Value>) -> Result<(), Closed> {
        if let Some(alerts) = alert_list(&values, self.fallback) {
            return self.outbox.push(Batch::Alerts(alerts));
        }
        let mut rejected = Rejections::default();
        if let Some(changes) = change_list(&values, self.fallback, &mut rejected) {
            self.summary.reject_all(self.path, number, rejected);
            return self.outbox.push(Batch::Changes(changes));
        }
        for value in values {
            match value {
                Value::Map(object) => {
                    let own = Value::Map(object.clone()).to_string();
                    self.take_object(number, &own, object)?;
                }
                _ => self.summary.reject(self.path, number, "entry of a list is not an object"),
            }
        }
        Ok(())
    }

    /// Counts a log record, and sends what has come together.
    fn counted(&mut self) -> Result<(), Closed> {
        self.open_records += 1;
        if self.open_records >= RECORDS_PER_BATCH { self.send_logs() } else { Ok(()) }
    }

    fn send_logs(&mut self) -> Result<(), Closed> {
        self.open_records = 0;
        self.logs.take().into_iter().try_for_each(|batch| self.outbox.push(batch))
    }
}
