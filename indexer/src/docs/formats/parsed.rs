//! A text as its format's reader took it apart: what it is about, and where it may be cut.

use std::borrow::Cow;
use std::ops::Range;

use groundcrew_telemetry::Attributes;

/// A text that was taken apart.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Parsed<'t> {
    /// Front matter, and what the format has in its place, in the order written.
    pub(crate) attributes: Attributes,
    /// A title that is no heading.
    pub(crate) title: Option<String>,
    /// What is indexed.
    pub(crate) body: Cow<'t, str>,
    /// Its outermost blocks. They cover `body` in order.
    pub(crate) blocks: Vec<Block>,
    /// Where the lines of `body` stand in the file.
    pub(crate) lines: Lines,
    /// What is wrong: line in the file and reason.
    pub(crate) problems: Vec<(u32, String)>,
}

#[cfg(test)]
impl Parsed<'_> {
    /// Levels and texts of the headings.
    pub(crate) fn headings(&self) -> Vec<(u8, &str)> {
        let headings = self.blocks.iter().filter_map(|block| block.heading.as_ref());
        headings.map(|heading| (heading.level, heading.text.as_str())).collect()
    }

    /// What must stay whole.
    pub(crate) fn whole(&self) -> Vec<&str> {
        let ranges = self.blocks.iter().flat_map(|block| &block.whole);
        ranges.map(|range| self.body.get(range.clone()).unwrap()).collect()
    }

    /// The blocks as text.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.blocks.iter().map(|block| self.body.get(block.range.clone()).unwrap()).collect()
    }
}

/// Where the lines of a body stand in its file, counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Lines {
    /// One after another, from this one on.
    From(u32),
    /// Each of its own.
    Each(Vec<u32>),
    /// All somewhere in this range, both ends included.
    Within(u32, u32),
}

impl Default for Lines {
    fn default() -> Self {
        Self::From(1)
    }
}

impl Lines {
    /// The lines in the file of the body's lines `first` to `last`, which count from 0.
    pub(crate) fn of(&self, first: u32, last: u32) -> (u32, u32) {
        match self {
            Self::From(start) => (start.saturating_add(first), start.saturating_add(last)),
            Self::Each(lines) => {
                let at = |line: u32| lines.get(line as usize).or(lines.last()).copied();
                let (start, end) = (at(first).unwrap_or(1), at(last).unwrap_or(1));
                (start, end.max(start))
            }
            Self::Within(start, end) => (*start, *end),
        }
    }
}

/// An outermost block of a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Block {
    /// Its bytes, up to the start of the next block.
    pub(crate) range: Range<usize>,
    /// Set when the block is a heading.
    pub(crate) heading: Option<Heading>,
    /// Where it may be cut for good reasons: at list items and at paragraphs inside.
    pub(crate) cuts: Vec<usize>,
    /// Ranges inside that must stay whole, in order and apart: code, tables, raw HTML.
    pub(crate) whole: Vec<Range<usize>>,
}

impl Block {
    /// A block without structure.
    pub(crate) fn plain(range: Range<usize>) -> Self {
        Self { range, ..Self::default() }
    }
}

/// A heading's level and plain text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Heading {
    /// 1 to [`LEVEL_MAX`].
    pub(crate) level: u8,
    /// Its text without markup.
    pub(crate) text: String,
}

/// The deepest level of a heading.
pub(crate) const LEVEL_MAX: u8 = 6;

/// Stretches each block from the start of its first line to the start of the next block's, and drops cuts that would
/// part what must stay whole. What stands before the first block belongs to it.
pub(super) fn join_up(body: &str, mut blocks: Vec<Block>) -> Vec<Block> {
    if body.is_empty() {
        return Vec::new();
    }
    // What has no block of its own (blank lines, link definitions) belongs to the block before, or to the first.
    let mut starts: Vec<usize> =
        blocks.iter().map(|block| line_start(body, block.range.start)).collect();
    if blocks.is_empty() {
        blocks.push(Block::plain(0..body.len()));
        starts.push(0);
    }
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let mut ends: Vec<usize> = starts.iter().skip(1).copied().collect();
    ends.push(body.len());
    for ((block, start), end) in blocks.iter_mut().zip(starts).zip(ends) {
        block.range = start..end.max(start);
        keep_free_cuts(body, block);
    }
    blocks.retain(|block| !block.range.is_empty());
    blocks
}

fn keep_free_cuts(body: &str, block: &mut Block) {
    block.whole = disjoint(std::mem::take(&mut block.whole));
    let inside = block.range.clone();
    let whole = &block.whole;
    let is_free = |cut: &usize| {
        let before = whole.partition_point(|whole| line_start(body, whole.start) < *cut);
        let last = before.checked_sub(1).and_then(|last| whole.get(last));
        last.is_none_or(|last| last.end <= *cut)
    };
    block.cuts = block.cuts.iter().map(|cut| line_start(body, *cut)).filter(is_free).collect();
    block.cuts.retain(|cut| inside.start < *cut && *cut < inside.end);
    block.cuts.sort_unstable();
    block.cuts.dedup();
}

/// Ranges in order, those that overlap as one.
fn disjoint(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut disjoint: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match disjoint.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => disjoint.push(range),
        }
    }
    disjoint
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_the_file() {
        assert_eq!(Lines::From(5).of(0, 2), (5, 7));
        assert_eq!(Lines::Each(vec![3, 9, 7]).of(1, 2), (9, 9));
        assert_eq!(Lines::Each(vec![3, 9]).of(1, 50), (9, 9));
        assert_eq!(Lines::Within(2, 4).of(90, 91), (2, 4));
        assert_eq!(Lines::Each(Vec::new()).of(0, 0), (1, 1));
    }
}
