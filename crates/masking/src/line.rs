//! The text under examination: bounds-safe reading for the detectors, their findings, and the bound on their work.

use std::ops::Range;

use crate::finding::{Finding, Kind};

/// How far a detector may look back from its anchor for context.
pub(crate) const CONTEXT_BYTES: usize = 96;

/// Bytes that detectors may read per byte of text, over all anchors; honest text stays below a tenth of it.
const READS_PER_BYTE: usize = 128;

/// A text with what has been found in it so far.
pub(crate) struct Line<'a> {
    text: &'a str,
    bytes: &'a [u8],
    findings: Vec<Finding>,
    reads_left: usize,
    key_seen: Range<usize>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a str) -> Line<'a> {
        let reads_left = text.len().saturating_mul(READS_PER_BYTE).saturating_add(1 << 16);
        let bytes = text.as_bytes();
        Line { text, bytes, findings: Vec::new(), reads_left, key_seen: 0..0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte at `index`, or NUL outside of the text.
    pub(crate) fn at(&self, index: usize) -> u8 {
        self.bytes.get(index).copied().unwrap_or(0)
    }

    /// The byte before `index`, or NUL at the start.
    pub(crate) fn before(&self, index: usize) -> u8 {
        index.checked_sub(1).map_or(0, |previous| self.at(previous))
    }

    /// The text of a range; empty where the range leaves the text or cuts a character.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or("")
    }

    /// The text from `start`, at most `length_max` bytes of it.
    pub(crate) fn slice_at_most(&self, start: usize, length_max: usize) -> &'a str {
        let mut end = self.len().min(start.saturating_add(length_max));
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.slice(start..end)
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// True when the text goes on with `expected` at `index`, ignoring ASCII case.
    pub(crate) fn has(&self, index: usize, expected: &str) -> bool {
        self.bytes
            .get(index..index.saturating_add(expected.len()))
            .is_some_and(|found| found.eq_ignore_ascii_case(expected.as_bytes()))
    }

    /// The end of the run of bytes from `start` that satisfy `accept`.
    pub(crate) fn run(&mut self, start: usize, accept: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let length = rest.iter().position(|&byte| !accept(byte)).unwrap_or(rest.len());
        self.charge(length);
        start + length
    }

    /// The end of the run, at most `length_max` bytes from `start`.
    pub(crate) fn run_at_most(
        &mut self,
        start: usize,
        length_max: usize,
        accept: impl Fn(u8) -> bool,
    ) -> usize {
        let end = self.len().min(start.saturating_add(length_max));
        let rest = self.bytes.get(start..end).unwrap_or(&[]);
        let length = rest.iter().position(|&byte| !accept(byte)).unwrap_or(rest.len());
        self.charge(length);
        start + length
    }

    /// The start of the run of bytes that ends before `end` and satisfies `accept`, at most `length_max` bytes back.
    pub(crate) fn run_back(
        &mut self,
        end: usize,
        length_max: usize,
        accept: impl Fn(u8) -> bool,
    ) -> usize {
        let floor = end.saturating_sub(length_max);
        let before = self.bytes.get(floor..end).unwrap_or(&[]);
        let length = before.iter().rev().position(|&byte| !accept(byte)).unwrap_or(before.len());
        self.charge(length);
        end - length
    }

    /// Up to [`CONTEXT_BYTES`] before `index`, cut at a character boundary.
    pub(crate) fn context_before(&mut self, index: usize) -> &'a str {
        self.context_at_most(index, CONTEXT_BYTES)
    }

    /// Up to `length_max` bytes before `index`, cut at a character boundary.
    pub(crate) fn context_at_most(&mut self, index: usize, length_max: usize) -> &'a str {
        let mut floor = index.saturating_sub(length_max);
        while !self.text.is_char_boundary(floor) {
            floor += 1;
        }
        self.charge(index - floor);
        self.slice(floor..index)
    }

    pub(crate) fn skip_spaces(&mut self, index: usize) -> usize {
        self.run_at_most(index, 16, |byte| byte == b' ' || byte == b'\t')
    }

    /// Counts work that was done outside of the `run` family.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.reads_left = self.reads_left.saturating_sub(bytes);
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.reads_left == 0
    }

    /// Notes a finding; a range that cuts a character is widened to hold it whole.
    pub(crate) fn found(&mut self, range: Range<usize>, kind: Kind) {
        let mut start = range.start.min(self.len());
        let mut end = range.end.min(self.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        if start < end {
            self.findings.push(Finding { range: start..end, kind });
        }
    }

    /// True when the key at `range` was not yet looked at; several anchors occur in one key.
    pub(crate) fn first_sight_of_key(&mut self, range: &Range<usize>) -> bool {
        let first = self.key_seen != *range;
        self.key_seen = range.clone();
        first
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// Part of a word: letters, digits, underscore and everything beyond ASCII.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Part of a token in base64url.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
