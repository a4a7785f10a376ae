//! Reads one file: expands it, tells what it holds, and goes through it line by line or as a whole.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::atomic::Ordering;

use groundcrew_telemetry::{Batch, Timestamp};

use super::billing::{self, Export};
use super::detect::{FileKind, kind_of};
use super::lines::{LineRead, Lines};
use super::outbox::{Closed, Outbox};
use super::reading::{FileState, Reading};
use super::stream::read_stream;
use super::summary::{IngestOptions, IngestSummary};
use super::walk::{FoundFile, hint};
use crate::intake::Intake;
use crate::sources::capped_reader::{CappedReader, TooLarge};
use crate::sources::cluster;
use crate::sources::journal::Entries;
use crate::utf8;

/// Bytes looked at to tell what a file holds.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// Longest line that is held in memory; of a longer one the beginning is read.
pub(super) const LINE_BYTES_MAX: usize = 64 << 20;
/// Largest document (cluster state, JSON over several lines) that is read.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a journal that are read at a time.
const JOURNAL_BYTES: u64 = 1 << 20;

/// What reading needs besides the file.
pub(super) struct FileContext<'a> {
    pub(super) intake: &'a Intake,
    pub(super) options: &'a IngestOptions,
    /// All files of this ingest, and the hashes of those that may hold parts of one billing export, once asked for.
    pub(super) files: &'a [FoundFile],
    pub(super) parts: &'a OnceCell<Vec<String>>,
    pub(super) outbox: &'a mut Outbox,
    pub(super) summary: &'a mut IngestSummary,
}

/// Reads `file` and sends what is in it. What cannot be read is noted in the summary.
///
/// # Errors
/// Only when nobody takes what is read any more.
pub(super) fn read_file(file: &FoundFile, context: FileContext<'_>) -> Result<(), Closed> {
    let FileContext { intake, options, files, parts, outbox, summary } = context;
    let hash = if file.stream { None } else { content_hash(&file.path).ok() };
    let seen = hash.as_deref().is_some_and(|hash| {
        // A state that cannot be asked must not keep telemetry out; at worst it comes in twice.
        !options.again && intake.store().state().file_seen(hash).unwrap_or(false)
    });
    if seen {
        summary.already_ingested.push(file.path.clone());
        outbox.bytes_done += file.bytes;
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
            outbox.bytes_done += file.bytes;
            return Ok(());
        }
    };
    summary.files += 1;
    outbox.begin_file(file.path.clone());
    let (bytes_before, records_before) = (outbox.bytes_done, outbox.counts.total());
    let mut state = FileState::new(file, options);
    outbox.is_stream = file.stream;
    let export = Export {
        intake,
        hash: hash.clone().unwrap_or_else(|| format!("read {}", options.now)),
        now: options.now,
        parts: &|| parts.get_or_init(|| part_hashes(files)),
    };
    let mut reading = Reading::new(&mut state, outbox, summary);
    let settled = if file.stream {
        let now = || intake.now();
        let now: Option<&dyn Fn() -> Timestamp> =
            if options.fallback_time.is_some() { None } else { Some(&now) };
        read_stream(&mut reading, reader, now)?;
        false
    } else {
        read(&mut reading, reader, bytes_before, &export)?
    };
    outbox.bytes_done = bytes_before + file.bytes;
    // A file in which nothing was found may be named outright next time, and is then taken as a log.
    let taken = outbox.counts.total() > records_before;
    outbox.end_file(hash.filter(|_| settled && taken))
}

/// Hashes of the files whose names say that they may be tables.
fn part_hashes(files: &[FoundFile]) -> Vec<String> {
    let tables = files.iter().filter(|file| {
        let name = file.path.to_string_lossy().to_lowercase();
        !file.stream && name.contains(".csv")
    });
    tables.filter_map(|file| content_hash(&file.path).ok()).collect()
}

fn content_hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Reads everything; says whether reading the same bytes again would come to the same. Then there is no need to.
fn read(
    reading: &mut Reading<'_>,
    mut reader: CappedReader<'_>,
    bytes_before: u64,
    export: &Export<'_>,
) -> Result<bool, Closed> {
    let consumed = reader.consumed();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let broken = reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).err();
    if let Some(error) = &broken
        && head.is_empty()
    {
        reading.summary.fail(&reading.file.path, hint("read", error));
        return Ok(false);
    }
    let name = reading.file.name().into_owned();
    let kind = kind_of(&name, &head, reading.file.given);
    let replay = Replay { head: Cursor::new(head), broken, rest: reader };
    if kind == FileKind::Billing {
        return Ok(billing::take(reading, replay, export));
    }
    let mut lines = Lines::new(replay);
    match kind {
        FileKind::Nothing(reason) => {
            reading.summary.skip(&reading.file.path, reason);
            Ok(true)
        }
        FileKind::Lines | FileKind::Billing => read_lines(reading, &mut lines, |reading| {
            reading.outbox.bytes_done = bytes_before + consumed.load(Ordering::Relaxed);
        }),
        FileKind::Journal => read_journal(reading, &mut lines),
        FileKind::JsonDocument => {
            read_document(reading, &mut lines, |reading, text| reading.take_document(text))
        }
        FileKind::Cluster => read_document(reading, &mut lines, |reading, text| {
            let snapshot = cluster::read_snapshot(&name, text, reading.file.fallback);
            reading.outbox.push(Batch::Cluster(vec![snapshot]))
        }),
    }
}

fn read_document<R: Read>(
    reading: &mut Reading<'_>,
    lines: &mut Lines<R>,
    take: impl FnOnce(&mut Reading<'_>, &str) -> Result<(), Closed>,
) -> Result<bool, Closed> {
    let mut bytes = Vec::new();
    let settled = match lines.rest(&mut bytes, DOCUMENT_BYTES_MAX) {
        Ok(true) => true,
        Ok(false) => {
            let limit = DOCUMENT_BYTES_MAX >> 20;
            let reason = format!("is larger than {limit} MiB, and was cut there");
            reading.summary.fail(&reading.file.path, reason);
            true
        }
        Err(error) => {
            let line = 1 + memchr::memchr_iter(b'\n', &bytes).count() as u64;
            reading.broken(line, &error);
            is_settled(&error)
        }
    };
    let (text, replaced) = utf8::replaced(&bytes);
    reading.summary.notes.replaced_utf8 += u64::from(replaced);
    take(reading, text.trim_start_matches('\u{feff}'))?;
    reading.finish()?;
    Ok(settled)
}

fn read_journal<R: Read>(reading: &mut Reading<'_>, lines: &mut Lines<R>) -> Result<bool, Closed> {
    let mut entries = Entries::default();
    let mut bytes = Vec::new();
    let settled = loop {
        bytes.clear();
        match lines.rest(&mut bytes, JOURNAL_BYTES) {
            Ok(at_end) => {
                entries.push(&bytes);
                reading.take_entries(&mut entries, at_end)?;
                if at_end {
                    break true;
                }
            }
            Err(error) => {
                entries.push(&bytes);
                reading.take_entries(&mut entries, true)?;
                reading.broken(0, &error);
                break is_settled(&error);
            }
        }
    };
    reading.finish()?;
    Ok(settled)
}

fn read_lines<R: Read>(
    reading: &mut Reading<'_>,
    lines: &mut Lines<R>,
    came_on: impl Fn(&mut Reading<'_>),
) -> Result<bool, Closed> {
    let mut line = Vec::new();
    let settled = loop {
        match lines.next(&mut line, LINE_BYTES_MAX) {
            LineRead::Line { number, cut } => {
                let (text, replaced) = utf8::replaced(&line);
                reading.summary.notes.replaced_utf8 += u64::from(replaced);
                reading.take_line(number, cut, text.strip_prefix('\u{feff}').unwrap_or(&text))?;
                came_on(reading);
            }
            LineRead::End => break true,
            LineRead::Broken(error) => {
                reading.take_broken_line(&String::from_utf8_lossy(&line))?;
                reading.broken(lines.number().max(1), &error);
                break is_settled(&error);
            }
        }
    };
    reading.finish()?;
    Ok(settled)
}

/// Whether a fault lies in the bytes themselves, and so will be there next time. A disk may do better, a cap be raised.
fn is_settled(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && !TooLarge::is(error)
}

/// Gives the head that was looked at, then the fault that ended it if any, then the rest.
struct Replay<R> {
    head: Cursor<Vec<u8>>,
    broken: Option<io::Error>,
    rest: R,
}

impl<R: Read> Read for Replay<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.head.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        match self.broken.take() {
            Some(error) => Err(error),
            None => self.rest.read(buffer),
        }
    }
}
