//! Lines of a text with their places, for formats in which a line is the unit.

use std::ops::Range;

/// A line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line<'t> {
    /// Where it begins.
    pub(super) start: usize,
    /// Where the next begins.
    pub(super) end: usize,
    /// Without white space at its end.
    pub(super) text: &'t str,
}

impl Line<'_> {
    pub(super) fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    /// Columns of white space before the first letter.
    pub(super) fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |whole: &'_ str| {
        let range = start..start + whole.len();
        start = range.end;
        range
    };
    let ranges: Vec<Range<usize>> = text.split_inclusive('\n').map(line).collect();
    let text_of = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default().trim_end();
    ranges
        .into_iter()
        .map(|range| Line { start: range.start, end: range.end, text: text_of(&range) })
        .collect()
}

/// The character that a line consists of, when it is one alone and no letter, at least `at_least` times.
pub(super) fn rule(text: &str, at_least: usize) -> Option<char> {
    let first = text.chars().next().filter(char::is_ascii_punctuation)?;
    (text.len() >= at_least && text.chars().all(|c| c == first)).then_some(first)
}

/// Whether a text begins like an item of a list: `- `, `* `, `3. `, `#) ` and the like.
pub(super) fn is_item(text: &str) -> bool {
    let Some((mark, rest)) = text.split_once(' ') else { return false };
    if rest.trim().is_empty() {
        return false;
    }
    let is_bullet = matches!(mark, "-" | "*" | "+" | "•" | "**" | "***" | "." | ".." | "...");
    let number = mark.strip_prefix('(').unwrap_or(mark).strip_suffix(['.', ')']);
    let is_number = number.is_some_and(|number| {
        let is_digits = number.len() <= 3 && number.chars().all(|c| c.is_ascii_digit());
        !number.is_empty() && (is_digits || number == "#" || number.len() == 1)
    });
    is_bullet || is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_places_and_no_ends() {
        let all = lines("a\r\n  b \n\nc");
        let texts: Vec<&str> = all.iter().map(|line| line.text).collect();
        assert_eq!(texts, ["a", "  b", "", "c"]);
        assert_eq!((all[1].range(), all[1].indent(), all[3].end), (3..8, 2, 10));
        assert!(lines("").is_empty());
    }

    #[test]
    fn rules_and_items() {
        assert_eq!(rule("=====", 3), Some('='));
        assert_eq!(
            (rule("==", 3), rule("=-=", 3), rule("aaaa", 3), rule("", 0)),
            (None, None, None, None)
        );
        for item in ["- a", "* b", "12. c", "#. d", "(a) e", "1) f", ". g"] {
            assert!(is_item(item), "{item}");
        }
        for other in ["-a", "and so on", "1234. x", "-", "e.g. this", "—"] {
            assert!(!is_item(other), "{other}");
        }
    }
}
