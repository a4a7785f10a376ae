//! Blocks of a text in which lines count: paragraphs are parted by blank lines, headings and whole parts are known.

use std::ops::Range;

use super::lines::{Line, is_item};
use super::parsed::{Block, Heading, join_up};

/// What a format's reader knows about the lines of a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Outline {
    /// Headings in order, each with the positions of its lines.
    pub(super) headings: Vec<(Range<usize>, Heading)>,
    /// Bytes that must stay whole, in order, each from the start of a line to the end of one.
    pub(super) whole: Vec<Range<usize>>,
    /// Whether a paragraph that is indented belongs to the block before.
    pub(super) indented_continues: bool,
}

/// The blocks of `body`, whose lines are `lines`.
pub(super) fn blocks(body: &str, lines: &[Line<'_>], outline: Outline) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut headings = outline.headings.into_iter().peekable();
    let mut after_gap = true;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if let Some((range, heading)) = headings.next_if(|(range, _)| range.start <= at) {
            let end = range.end.max(at + 1);
            let heading = Some(heading);
            blocks.push(Block { heading, ..Block::plain(line.range()) });
            after_gap = true;
            at = end;
            continue;
        }
        let is_inside = is_inside(&outline.whole, line.start);
        let opens = after_gap && !line.is_blank() && !is_inside;
        let continues = outline.indented_continues && line.indent() > 0;
        let after_heading = blocks.last().is_none_or(|block| block.heading.is_some());
        match blocks.last_mut() {
            Some(block) if !after_heading && (continues || !opens) => {
                let is_cut = opens || (is_item(line.text.trim_start()) && !is_inside);
                block.cuts.extend(is_cut.then_some(line.start));
            }
            _ if opens => blocks.push(Block::plain(line.range())),
            _ => {}
        }
        after_gap = line.is_blank();
        at += 1;
    }
    share_out(outline.whole, &mut blocks);
    join_up(body, blocks)
}

/// Whether `at` lies inside one of `ranges` and not at its start.
fn is_inside(ranges: &[Range<usize>], at: usize) -> bool {
    let reaching = ranges.partition_point(|range| range.end <= at);
    ranges.get(reaching).is_some_and(|range| range.start < at)
}

/// Whether `at` lies in one of `ranges`.
pub(super) fn covers(ranges: &[Range<usize>], at: usize) -> bool {
    let reaching = ranges.partition_point(|range| range.end <= at);
    ranges.get(reaching).is_some_and(|range| range.start <= at)
}

/// Gives each block the whole ranges that begin in it.
fn share_out(whole: Vec<Range<usize>>, blocks: &mut [Block]) {
    for range in whole {
        let after = blocks.partition_point(|block| block.range.start <= range.start);
        if let Some(block) = blocks.get_mut(after.saturating_sub(1)) {
            block.whole.push(range);
        }
    }
}
