//! Reads the write-ahead log back, without changing it.

use std::path::Path;

use super::record::Record;
use super::segment::{self, HEAD_BYTES};
use crate::frames::{Tail, read_frames};
use crate::{StoreError, disk};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// The number for the next segment.
    pub(crate) number_next: u64,
    /// The length of the last segment up to its last whole frame.
    pub(crate) length_before: u64,
    /// Segments with a damaged range.
    pub(crate) damaged: Vec<u64>,
    /// What is damaged, for a person.
    pub(crate) warnings: Vec<String>,
    /// The first segment that was not read any more.
    pub(crate) rest: Option<u64>,
}

impl Replayed {
    fn warn(&mut self, number: u64, path: &Path, what: &str) {
        if self.damaged.last() != Some(&number) {
            self.damaged.push(number);
        }
        self.warnings.push(format!("the write-ahead log {} {what}", path.display()));
    }
}

/// Whoever takes what is read back.
pub(crate) trait Reader {
    /// Takes a record.
    fn take(&mut self, record: Record) -> Result<(), StoreError>;

    /// Whether nothing more should come: then reading ends with the segment at hand.
    fn is_full(&self) -> bool;
}

/// Reads every record from segment `floor` on, in order, until the reader is full.
pub(crate) fn replay(
    dir: &Path,
    floor: u64,
    reader: &mut impl Reader,
) -> Result<Replayed, StoreError> {
    let mut found =
        Replayed { number_next: floor, length_before: HEAD_BYTES as u64, ..Replayed::default() };
    let segments = segment::list(dir)?;
    let mut segments = segments.into_iter().filter(|(number, _)| *number >= floor).peekable();
    while let Some((number, path)) = segments.next() {
        let mut bytes = disk::read(&path)?;
        if segment::length_before(&path, &bytes)?.is_none() {
            found.warn(number, &path, "has a damaged head");
        }
        let length_acked = match segments.peek() {
            Some((next, next_path)) if *next == number + 1 => {
                segment::length_before(next_path, &segment::read_head(next_path)?)?
            }
            _ => None,
        };
        if let Some(length) = length_acked {
            // What is behind was refused when it was written.
            bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        }
        found.length_before = replay_segment(&mut found, number, &path, &bytes, reader)?;
        if length_acked.is_some_and(|length| length > found.length_before) {
            found.warn(number, &path, "is shorter than what was acknowledged");
        }
        found.number_next = number + 1;
        if reader.is_full() {
            found.rest = segments.peek().map(|(number, _)| *number);
            break;
        }
    }
    // The log goes on behind its last segment, whether that was read or not.
    if let Some((number, path)) = segments.last() {
        found.number_next = number + 1;
        found.length_before = read_frames(&disk::read(&path)?, HEAD_BYTES).end as u64;
    }
    Ok(found)
}

fn replay_segment(
    found: &mut Replayed,
    number: u64,
    path: &Path,
    bytes: &[u8],
    reader: &mut impl Reader,
) -> Result<u64, StoreError> {
    let frames = read_frames(bytes, HEAD_BYTES);
    for range in &frames.damaged {
        let what = format!(
            "is damaged from byte {} to {}; these records are lost",
            range.start, range.end
        );
        found.warn(number, path, &what);
    }
    if frames.tail == Tail::Damaged {
        found.warn(number, path, "ends in bytes that are no record: a write was torn or damaged");
    }
    for payload in &frames.payloads {
        match Record::decode(payload) {
            Ok(record) => reader.take(record)?,
            Err(error) => {
                found.warn(number, path, &format!("has a record that does not decode: {error}"))
            }
        }
    }
    Ok(frames.end as u64)
}
