//! Standard input and pipes: what comes is stored while more is to come, so that `kubectl logs -f` can be followed.
//!
//! A thread reads, so that a pause in what comes can be told from its end. Lines go on at every pause; JSON over several
//! lines goes on value by value; anything else is read to its end.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use groundcrew_telemetry::{Batch, Timestamp};

use super::detect::{FileKind, kind_of};
use super::file::{HEAD_BYTES, LINE_BYTES_MAX};
use super::outbox::Closed;
use super::reading::Reading;
use crate::sources::capped_reader::CappedReader;
use crate::sources::cluster;
use crate::sources::journal::Entries;
use crate::utf8;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks between the threads.
const CHUNKS_MAX: usize = 8;
/// Nothing for so long is a pause.
const PAUSE: Duration = Duration::from_millis(500);
/// Pauses in a row after which a record that may go on is whole.
const RECORD_PAUSES: u32 = 4;
/// Largest document that is read.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// What a stream gave.
enum Came {
    Bytes(Vec<u8>),
    Pause,
    End,
    Broken(io::Error),
}

/// Reads everything that comes from `reader`. `now` says the time, where no other was given for what carries none.
pub(super) fn read_stream(
    reading: &mut Reading<'_>,
    reader: CappedReader<'static>,
    now: Option<&dyn Fn() -> Timestamp>,
) -> Result<(), Closed> {
    let (chunks, pending) = (chunks(reader), Vec::new());
    let mut stream = Stream { chunks, pending, much: 0, pauses: 0, now };
    let ended = stream.read_head();
    let name = reading.file.name().into_owned();
    match kind_of(&name, &stream.pending, reading.file.given) {
        FileKind::Nothing(reason) => {
            reading.summary.skip(&reading.file.path, reason);
            return Ok(());
        }
        FileKind::Billing => {
            // A part of an export would pass for all of it.
            let reason = "a billing export counts only as a whole; give its file by name";
            reading.summary.skip(&reading.file.path, reason);
            return Ok(());
        }
        FileKind::Lines => stream.each(reading, ended, take_lines)?,
        FileKind::Journal => {
            let mut entries = Entries::default();
            stream.each(reading, ended, |reading, pending, at_end| {
                entries.push(pending);
                pending.clear();
                reading.take_entries(&mut entries, at_end)
            })?;
        }
        kind @ (FileKind::JsonDocument | FileKind::Cluster) => {
            stream.much = DOCUMENT_BYTES_MAX;
            stream.each(reading, ended, |reading, pending, at_end| {
                let Some(text) = whole_values(pending, at_end) else { return Ok(()) };
                if kind == FileKind::JsonDocument {
                    return reading.take_document(&text);
                }
                let snapshot = cluster::read_snapshot(&name, &text, reading.file.fallback);
                reading.outbox.push(Batch::Cluster(vec![snapshot]))
            })?;
        }
    }
    reading.finish()
}

struct Stream<'a> {
    chunks: Receiver<io::Result<Vec<u8>>>,
    pending: Vec<u8>,
    /// So much is taken although there is no pause.
    much: usize,
    /// Pauses since something came.
    pauses: u32,
    now: Option<&'a dyn Fn() -> Timestamp>,
}

impl Stream<'_> {
    fn next(&mut self) -> Came {
        match self.chunks.recv_timeout(PAUSE) {
            Ok(Ok(bytes)) => {
                self.pauses = 0;
                Came::Bytes(bytes)
            }
            Ok(Err(error)) => Came::Broken(error),
            Err(RecvTimeoutError::Timeout) => {
                self.pauses += 1;
                Came::Pause
            }
            Err(RecvTimeoutError::Disconnected) => Came::End,
        }
    }

    /// Reads until there is enough to tell what comes. Gives what ended it, when that is the end.
    fn read_head(&mut self) -> Option<Came> {
        while self.pending.len() < HEAD_BYTES {
            match self.next() {
                Came::Bytes(bytes) => self.pending.extend(bytes),
                Came::Pause if self.pending.trim_ascii_start().contains(&b'\n') => return None,
                Came::Pause => {}
                end => return Some(end),
            }
        }
        None
    }

    /// Gives what has come to `take` at each pause, whenever there is much, and at the end.
    fn each(
        &mut self,
        reading: &mut Reading<'_>,
        mut ended: Option<Came>,
        mut take: impl FnMut(&mut Reading<'_>, &mut Vec<u8>, bool) -> Result<(), Closed>,
    ) -> Result<(), Closed> {
        loop {
            let at_end = ended.is_some();
            if let Some(now) = self.now {
                reading.file.set_now(now());
            }
            if at_end || self.pauses > 0 || self.pending.len() >= self.much {
                take(reading, &mut self.pending, at_end)?;
            }
            if at_end || self.pauses >= RECORD_PAUSES {
                reading.finish()?;
            }
            if self.pauses > 0 {
                reading.send_logs()?;
                reading.outbox.send()?;
            }
            if let Some(end) = ended {
                if let Came::Broken(error) = end {
                    let line = reading.next_line();
                    reading.broken(line, &error);
                }
                return Ok(());
            }
            match self.next() {
                Came::Bytes(bytes) => self.pending.extend(bytes),
                Came::Pause => {}
                end => ended = Some(end),
            }
        }
    }
}

/// Reads on a thread of its own, which ends with the stream or with whom it reads for.
fn chunks(mut reader: CappedReader<'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = sync_channel(CHUNKS_MAX);
    std::thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let outcome = match reader.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let broken = outcome.is_err();
            if sender.send(outcome).is_err() || broken {
                return;
            }
        }
    });
    receiver
}

/// Takes the whole lines of `pending`, and at the end the last one too.
fn take_lines(
    reading: &mut Reading<'_>,
    pending: &mut Vec<u8>,
    at_end: bool,
) -> Result<(), Closed> {
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', pending) {
        take_line(reading, pending.get(from..end).unwrap_or_default())?;
        from = end + 1;
    }
    let rest = pending.len() - from;
    if (at_end && rest > 0) || rest > LINE_BYTES_MAX {
        take_line(reading, pending.get(from..).unwrap_or_default())?;
        from = pending.len();
    }
    pending.drain(..from);
    Ok(())
}

fn take_line(reading: &mut Reading<'_>, line: &[u8]) -> Result<(), Closed> {
    let (text, replaced) = utf8::replaced(line.strip_suffix(b"\r").unwrap_or(line));
    reading.summary.notes.replaced_utf8 += u64::from(replaced);
    let number = reading.next_line();
    reading.take_line(number, 0, text.strip_prefix('\u{feff}').unwrap_or(&text))
}

/// The JSON values at the beginning of `pending` that are whole: a value that spans lines ends in a line that is only its
/// closing bracket. At the end, everything.
fn whole_values(pending: &mut Vec<u8>, at_end: bool) -> Option<String> {
    let is_json = pending.trim_ascii_start().starts_with(b"{");
    let end = match memchr::memmem::rfind(pending, b"\n}\n") {
        _ if at_end || pending.len() >= DOCUMENT_BYTES_MAX => pending.len(),
        Some(at) if is_json => at + 3,
        _ => return None,
    };
    let rest = pending.split_off(end);
    let whole = std::mem::replace(pending, rest);
    let text = utf8::replaced(&whole).0;
    let text = text.trim_start_matches('\u{feff}');
    (!text.trim().is_empty()).then(|| text.to_owned())
}
