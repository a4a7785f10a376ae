//! One file that is followed: its handle, the lines that came on, and how far they are stored.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use groundcrew_telemetry::Timestamp;

use super::place::{FileId, Place};
use crate::sources::files::IngestSummary;
use crate::sources::files::outbox::Outbox;
use crate::sources::files::reading::{FileState, Reading};
use crate::utf8;

/// Bytes read of one file before others have their turn.
const READ_BYTES: usize = 1 << 20;
/// The longest line; of a longer one the beginning is kept.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A record that has waited so long for a further line is whole.
const RECORD_SECS: i64 = 2;
/// A file that has lost its name is read for so long after that, and after its last line: its writer may have it open.
const NAMELESS_SECS: i64 = 10;

/// A file that is followed.
pub(super) struct Tail {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    file: File,
    state: FileState,
    /// Where the next byte is read.
    at: u64,
    /// The beginning of a line that is not whole.
    partial: Vec<u8>,
    /// Where that line begins.
    line_at: u64,
    /// Whether the rest of a line that was too long is let go.
    skipping: bool,
    /// Where the record begins that may go on; the line after the last one otherwise.
    record_at: u64,
    /// The last place that is stored.
    pub(super) stored: Option<Place>,
    /// The last place before the file was truncated; a copy of what stood there may turn up.
    pub(super) before_truncation: Option<Place>,
    /// When something was read last.
    active: Timestamp,
    /// Since when no path that is followed leads to it.
    nameless_since: Option<Timestamp>,
}

/// What a file id is made of.
pub(super) fn id_of(metadata: &Metadata) -> FileId {
    FileId { device: metadata.dev(), inode: metadata.ino() }
}

impl Tail {
    /// Follows `file` from `place` on, from its beginning without one.
    pub(super) fn open(
        file: File,
        id: FileId,
        path: &Path,
        service: Option<&str>,
        (place, now): (Option<Place>, Timestamp),
    ) -> Self {
        let offset = place.as_ref().map_or(0, |place| place.offset);
        Self {
            id,
            path: path.to_owned(),
            file,
            state: FileState::growing(path, service, now),
            at: offset,
            partial: Vec::new(),
            line_at: offset,
            skipping: false,
            record_at: offset,
            stored: place.filter(|place| place.file == id),
            before_truncation: None,
            active: now,
            nameless_since: None,
        }
    }

    /// Notes whether a path that is followed leads to the file.
    pub(super) fn note_name(&mut self, named: bool, now: Timestamp) {
        self.nameless_since = if named { None } else { Some(self.nameless_since.unwrap_or(now)) };
    }

    /// Whether everything that was read is stored.
    pub(super) fn is_stored(&self) -> bool {
        self.stored.as_ref().map_or(0, |place| place.offset) == self.at
    }

    /// Whether the file has lost its name and nobody seems to write to it any more.
    pub(super) fn is_abandoned(&self, now: Timestamp) -> bool {
        let since = self.nameless_since.map(|since| since.max(self.active));
        since.is_some_and(|since| since.plus_secs(NAMELESS_SECS) <= now)
    }

    /// Whether nothing came for so long that a record is whole.
    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        self.active.plus_secs(RECORD_SECS) <= now
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// How far everything is with the writer: what comes after is read again after a restart.
    fn done(&self) -> u64 {
        self.record_at.min(self.line_at)
    }

    /// Reads what came on, and gives it to `outbox`. Says whether there may be more at once.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read_on(
        &mut self,
        outbox: &mut Outbox,
        summary: &mut IngestSummary,
        now: Timestamp,
    ) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        let is_other = |place: &Place| !place.holds_in(&self.file);
        let truncated =
            length < self.at || (length > self.at && self.stored.as_ref().is_some_and(is_other));
        if truncated {
            // And perhaps written anew: what was read is handed over, what comes is another file.
            self.finish(outbox, summary);
            self.start_over(0);
            self.before_truncation = self.stored.take();
        }
        if length <= self.at {
            return Ok(false);
        }
        self.state.set_now(now);
        let mut chunk = vec![0; READ_BYTES];
        let count = self.file.read_at(&mut chunk, self.at)?;
        let chunk = chunk.get(..count).unwrap_or_default();
        self.active = now;
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', chunk) {
            self.extend(chunk.get(from..end).unwrap_or_default());
            let next = self.at + end as u64 + 1;
            self.take_line(outbox, summary, next);
            from = end + 1;
        }
        self.extend(chunk.get(from..).unwrap_or_default());
        self.at += count as u64;
        self.with_reading(outbox, summary, |reading| drop(reading.send_logs()));
        Ok(count == READ_BYTES)
    }

    /// Ends the record that waits for more lines, since none came.
    pub(super) fn end_record(&mut self, outbox: &mut Outbox, summary: &mut IngestSummary) {
        if self.state.begun().1 {
            self.with_reading(outbox, summary, |reading| drop(reading.finish()));
            self.record_at = self.line_at;
        }
    }

    /// Takes also the line that is not whole, since its file will not go on.
    pub(super) fn finish(&mut self, outbox: &mut Outbox, summary: &mut IngestSummary) {
        if !self.partial.is_empty() {
            self.take_line(outbox, summary, self.at);
        }
        self.end_record(outbox, summary);
        self.with_reading(outbox, summary, |reading| drop(reading.finish()));
    }

    /// The place up to which everything was handed over; `None` when that is stored already.
    ///
    /// # Errors
    /// When the file cannot be read there any more.
    pub(super) fn place(&self) -> io::Result<Option<Place>> {
        let done = self.done();
        if self.stored.as_ref().map_or(0, |place| place.offset) == done {
            return Ok(None);
        }
        Place::at(&self.file, self.id, &self.path.to_string_lossy(), done).map(Some)
    }

    /// Goes back to what is stored, since what came after could not be.
    pub(super) fn go_back(&mut self) {
        self.start_over(self.stored.as_ref().map_or(0, |place| place.offset));
    }

    fn start_over(&mut self, offset: u64) {
        (self.at, self.line_at, self.record_at) = (offset, offset, offset);
        self.partial.clear();
        self.skipping = false;
        self.state.forget_open();
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.partial.len());
        if !self.skipping {
            self.partial.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
        self.skipping |= bytes.len() > room;
    }

    /// Takes the line in `partial`; the next begins at `next`.
    fn take_line(&mut self, outbox: &mut Outbox, summary: &mut IngestSummary, next: u64) {
        let mut line = std::mem::take(&mut self.partial);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let (text, _) = utf8::replaced(&line);
        let cut = u64::from(self.skipping);
        let begun = self.state.begun().0;
        self.with_reading(outbox, summary, |reading| {
            drop(reading.take_line(0, cut, text.strip_prefix('\u{feff}').unwrap_or(&text)));
        });
        let (now_begun, open) = self.state.begun();
        if !open {
            self.record_at = next;
        } else if now_begun != begun {
            self.record_at = self.line_at;
        }
        (self.line_at, self.skipping) = (next, false);
        line.clear();
        self.partial = line;
    }

    /// An outbox that holds what it gets is never closed, so what is returned says nothing.
    fn with_reading(
        &mut self,
        outbox: &mut Outbox,
        summary: &mut IngestSummary,
        work: impl FnOnce(&mut Reading<'_>),
    ) {
        work(&mut Reading::new(&mut self.state, outbox, summary));
    }
}
