//! What stdout is: how wide, and whether links may be written to it.

use std::io::IsTerminal;

use unicode_width::UnicodeWidthChar;

use crate::config::Environment;
use crate::text::is_unsafe;

/// Narrower than this nothing is laid out.
const COLUMNS_MIN: usize = 30;
/// Columns when they are not known and a picture has to be some width.
const COLUMNS_USUAL: usize = 100;

/// Where the output goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Terminal {
    /// Columns that lines are broken at; `None` leaves them whole, as programs want them.
    columns: Option<usize>,
    /// Whether it makes links of OSC 8.
    links: bool,
    /// The server whose pages links open, `http://127.0.0.1:7717`; without one there are no links.
    pub server: Option<String>,
}

impl Terminal {
    /// Looks at stdout. `COLUMNS` says a width where it is none, or another one.
    pub(super) fn of_stdout(environment: &Environment) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let given = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        let measured = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let columns = given.or_else(|| measured().filter(|_| is_terminal));
        let is_dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let is_plain = environment.get("NO_COLOR").is_some();
        Self {
            columns: columns.filter(|columns| *columns >= COLUMNS_MIN),
            links: is_terminal && !is_dumb && !is_plain,
            server: None,
        }
    }

    /// The width for what is drawn.
    pub(super) fn columns(&self) -> usize {
        self.columns.unwrap_or(COLUMNS_USUAL)
    }

    /// A text that opens a path of the server, where that is possible. Both are ours; neither was recorded.
    pub(super) fn link(&self, text: &str, path: &str) -> String {
        match &self.server {
            Some(server) if self.links && !path.chars().any(is_unsafe) => {
                format!("\u{1b}]8;;{server}{path}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
            }
            _ => text.to_owned(),
        }
    }

    /// The page with lines that are too long broken at spaces; what follows is indented a little deeper.
    pub(super) fn fit(&self, page: &str) -> String {
        let Some(columns) = self.columns else { return page.to_owned() };
        let mut fitted = String::with_capacity(page.len() + page.len() / 16);
        for line in page.split_inclusive('\n') {
            fit_line(&mut fitted, line, columns);
        }
        fitted
    }
}

fn fit_line(fitted: &mut String, line: &str, columns: usize) {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let indent = (indent + 2).min(columns / 2);
    let mut column = 0;
    let mut is_first = true;
    for word in line.split_inclusive(' ') {
        let width = width(word.trim_end());
        if column + width > columns && !is_first && column > indent {
            fitted.truncate(fitted.trim_end_matches(' ').len());
            fitted.push('\n');
            fitted.push_str(&" ".repeat(indent));
            column = indent;
        }
        fitted.push_str(word);
        column += width + (word.len() - word.trim_end_matches(' ').len());
        is_first = false;
    }
}

/// Columns that a text takes, escape sequences aside.
pub(super) fn width(text: &str) -> usize {
    let (mut columns, mut rest) = (0, text);
    while let Some((before, sequence)) = rest.split_once('\u{1b}') {
        columns += columns_of(before);
        // Colours end with a letter, links with a string terminator.
        rest = if sequence.starts_with(']') {
            sequence.split_once("\u{1b}\\").map_or("", |(_, after)| after)
        } else {
            sequence.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, after)| after)
        };
    }
    columns + columns_of(rest)
}

fn columns_of(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// The text cut to so many columns, with `…` where something is missing.
pub(super) fn clipped(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(columns: usize) -> Terminal {
        Terminal { columns: Some(columns), links: true, server: Some("http://s".to_owned()) }
    }

    #[test]
    fn long_lines_are_broken_at_spaces_and_others_are_left() {
        let page = "short\n  one two three four five six seven eight\n";
        assert_eq!(wide(30).fit(page), "short\n  one two three four five six\n    seven eight\n");
        assert_eq!(Terminal::default().fit(page), page);
        let unbroken = "x".repeat(90);
        assert_eq!(wide(30).fit(&unbroken), unbroken);
        proptest::proptest!(|(page in "[ a-z\n]{0,200}")| {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            proptest::prop_assert_eq!(words(&wide(30).fit(&page)), words(&page));
        });
    }

    #[test]
    fn colours_and_links_take_no_room() {
        let link = wide(30).link("E1", "/e/ans_1/E1");
        assert_eq!(width(&link), 2);
        assert!(link.starts_with("\u{1b}]8;;http://s/e/ans_1/E1\u{1b}\\E1"));
        assert_eq!(width("\u{1b}[1;31mred\u{1b}[0m 界"), 6);
        assert_eq!(Terminal::default().link("E1", "/e"), "E1");
        assert_eq!(wide(30).link("E1", "/e\u{1b}\\x"), "E1");
        assert_eq!((clipped("a界b", 3).as_str(), clipped("abc", 3).as_str()), ("a…", "abc"));
    }
}
