//! Plain text: underlined and capital titles, paragraphs, and indented parts that stay whole.

use std::ops::Range;

use super::front_matter::Parts;
use super::lines::{Line, is_item, lines};
use super::outline::{Outline, blocks, covers};
use super::parsed::{Heading, Parsed};
use super::titles::Titles;

/// A line that is longer is no title.
const TITLE_BYTES_MAX: usize = 80;
/// Columns from which a paragraph is code or a table.
const CODE_INDENT: usize = 4;

/// Takes plain text apart.
pub(super) fn parse(parts: Parts<'_>) -> Parsed<'_> {
    let lines = lines(parts.body);
    let mut outline = Outline { whole: indented(&lines), ..Outline::default() };
    let mut titles = Titles::default();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let found = if covers(&outline.whole, line.start) {
            None
        } else {
            titles.heading_at(&lines, at).or_else(|| Some((lone_title(&lines, at)?, 1)))
        };
        let count = found.as_ref().map_or(1, |(_, count)| *count);
        outline.headings.extend(found.map(|(heading, count)| (at..at + count, heading)));
        at += count;
    }
    Parsed { blocks: blocks(parts.body, &lines, outline), ..Parsed::from(parts) }
}

/// A title on a line of its own: the first line of all, or one in capital letters.
fn lone_title(lines: &[Line<'_>], at: usize) -> Option<Heading> {
    let line = lines.get(at).filter(|line| !line.is_blank() && line.indent() == 0)?;
    let is_free = |line: Option<&Line<'_>>| line.is_none_or(Line::is_blank);
    let stands_alone =
        is_free(lines.get(at + 1)) && is_free(at.checked_sub(1).and_then(|at| lines.get(at)));
    let is_first = lines.iter().take(at).all(Line::is_blank) && lines.len() > at + 1;
    let text = line.text.trim_end_matches(':');
    let is_capital = text.chars().filter(|c| c.is_alphabetic()).count() > 2
        && !text.chars().any(char::is_lowercase);
    let is_title = stands_alone
        && (is_first || is_capital)
        && text.len() <= TITLE_BYTES_MAX
        && !text.ends_with(['.', '!', '?', ',', ';'])
        && !is_item(text)
        && text.contains(char::is_alphabetic);
    is_title.then(|| Heading { level: if is_first { 1 } else { 2 }, text: text.to_owned() })
}

/// Paragraphs that are indented all through.
fn indented(lines: &[Line<'_>]) -> Vec<Range<usize>> {
    let mut whole: Vec<Range<usize>> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let mut after_gap = true;
    for line in lines {
        let is_code = !line.is_blank() && line.indent() >= CODE_INDENT;
        match &mut open {
            Some(range) if is_code => range.end = line.end,
            Some(_) => whole.extend(open.take()),
            None if is_code && after_gap => open = Some(line.range()),
            None => {}
        }
        after_gap = line.is_blank();
    }
    whole.extend(open);
    whole
}

#[cfg(test)]
mod tests {
    use super::super::front_matter::split;
    use super::*;

    fn headings(text: &str) -> Vec<(u8, String)> {
        let parsed = parse(split(text));
        parsed
            .blocks
            .into_iter()
            .filter_map(|block| block.heading)
            .map(|heading| (heading.level, heading.text))
            .collect()
    }

    #[test]
    fn titles_of_plain_text() {
        let text = "Pool empty\n\nIntro.\n\nSYMPTOMS:\n\n- ERROR\n\nNo connection.\n\nCause\n=====\n\ntext\n";
        let expected = [(1, "Pool empty"), (2, "SYMPTOMS"), (1, "Cause")];
        assert_eq!(headings(text), expected.map(|(level, text)| (level, text.to_owned())));
        for none in ["just a sentence.\n\nmore\n", "one line", "two\nlines\n\nmore", "", "\n\n"] {
            assert_eq!(headings(none), [], "{none}");
        }
    }

    #[test]
    fn indented_parts_stay_whole() {
        let text = "Do this\n\n    kubectl get pods\n    kubectl logs\n\nthen that\n";
        let parsed = parse(split(text));
        let whole = parsed.whole();
        assert_eq!(whole, ["    kubectl get pods\n    kubectl logs\n"]);
        assert_eq!(parsed.texts().concat(), text);
    }
}
