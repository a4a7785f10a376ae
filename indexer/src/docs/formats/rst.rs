//! reStructuredText: underlined titles, field lists as metadata, directives and literal blocks that stay whole.
//!
//! Directives are not carried out. An `include` is the line that it is.

use std::ops::Range;

use groundcrew_telemetry::{Attributes, Value};

use super::front_matter::Parts;
use super::lines::{Line, lines, rule};
use super::outline::{Outline, blocks, covers};
use super::parsed::Parsed;
use super::titles::Titles;

/// Directives whose content is code or a table.
const WHOLE: &[&str] = &[
    "code",
    "code-block",
    "csv-table",
    "list-table",
    "literalinclude",
    "math",
    "parsed-literal",
    "prompt",
    "raw",
    "sourcecode",
    "table",
];

/// A simple table that is longer is read as paragraphs.
const TABLE_LINES_MAX: usize = 10_000;

/// Takes reStructuredText apart.
pub(super) fn parse(parts: Parts<'_>) -> Parsed<'_> {
    let lines = lines(parts.body);
    let whole = whole(&lines);
    let mut titles = Titles::default();
    let mut outline = Outline { whole, indented_continues: true, ..Outline::default() };
    let mut fields = Attributes::default();
    let mut is_head = true;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let is_covered = covers(&outline.whole, line.start);
        let heading = if is_covered { None } else { titles.heading_at(&lines, at) };
        if let Some((heading, count)) = heading {
            outline.headings.push((at..at + count, heading));
            at += count;
            continue;
        }
        // Metadata stands before the first paragraph; later, the same is a list for readers.
        match field(line.text).filter(|_| is_head) {
            Some((name, value)) => fields.set(name, value),
            None => is_head &= line.is_blank() || line.indent() > 0 || line.text.starts_with(".. "),
        }
        at += 1;
    }
    let blocks = blocks(parts.body, &lines, outline);
    let mut parsed = Parsed { blocks, ..Parsed::from(parts) };
    for (name, value) in fields.0 {
        parsed.attributes.set(&name, value);
    }
    for heading in parsed.blocks.iter_mut().filter_map(|block| block.heading.as_mut()) {
        heading.text = without_roles(&heading.text);
    }
    parsed
}

/// What must not be cut: literal blocks, code directives, tables.
fn whole(lines: &[Line<'_>]) -> Vec<Range<usize>> {
    let mut whole = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let found = if is_code_directive(line.text) {
            Some(at..indented_after(lines, at).end.max(at + 1))
        } else if line.text.ends_with("::") && !line.text.trim_start().starts_with(".. ") {
            Some(indented_after(lines, at))
        } else {
            table(lines, at)
        };
        at = match found.and_then(|found| Some((bytes(lines, &found)?, found.end))) {
            Some((range, end)) => {
                whole.push(range);
                end
            }
            None => at + 1,
        };
    }
    whole
}

fn is_code_directive(text: &str) -> bool {
    let name = text.trim_start().strip_prefix(".. ").and_then(|rest| rest.split_once("::"));
    name.is_some_and(|(name, _)| WHOLE.contains(&name.trim()))
}

/// The lines below line `at` that are indented deeper, without blank ones at their ends; empty when there are none.
fn indented_after(lines: &[Line<'_>], at: usize) -> Range<usize> {
    let outer = lines.get(at).map_or(0, Line::indent);
    let below = lines.get(at + 1..).unwrap_or_default();
    let blanks = below.iter().take_while(|line| line.is_blank()).count();
    let inner = below.get(blanks).map_or(0, Line::indent);
    let start = at + 1 + blanks;
    if inner <= outer {
        return start..start;
    }
    let is_in = |line: &&Line<'_>| line.is_blank() || line.indent() >= inner;
    let count = below.iter().skip(blanks).take_while(is_in).count();
    let content = below.get(blanks..blanks + count).unwrap_or_default();
    let blank_end = content.iter().rev().take_while(|line| line.is_blank()).count();
    start..start + count - blank_end
}

/// The lines of the table that begins at line `at`.
fn table(lines: &[Line<'_>], at: usize) -> Option<Range<usize>> {
    let line = lines.get(at)?;
    let below = lines.get(at..).unwrap_or_default();
    let first = line.text.trim_start();
    if first.starts_with("+-") && first.ends_with('+') {
        let count = below.iter().take_while(|line| !line.is_blank()).count();
        return Some(at..at + count);
    }
    let is_border = |text: &str| {
        let columns: Vec<&str> = text.split_whitespace().collect();
        columns.len() > 1 && columns.iter().all(|column| rule(column, 1) == Some('='))
    };
    if !is_border(line.text) {
        return None;
    }
    // A simple table may hold blank lines; it ends with the border that a blank line follows.
    let ends = |position: &usize| {
        let next = below.get(position + 1);
        below.get(*position).is_some_and(|line| is_border(line.text))
            && next.is_none_or(Line::is_blank)
    };
    let end = (1..below.len().min(TABLE_LINES_MAX)).find(ends)?;
    Some(at..at + end + 1)
}

/// The bytes of whole lines; `None` for no lines.
fn bytes(lines: &[Line<'_>], range: &Range<usize>) -> Option<Range<usize>> {
    let lines = lines.get(range.clone())?;
    Some(lines.first()?.start..lines.last()?.end)
}

/// A field of a field list, `:name: value`.
fn field(text: &str) -> Option<(&str, Value)> {
    let (name, value) = text.strip_prefix(':')?.split_once(": ")?;
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c));
    is_name.then(|| (name, truth(value)))
}

/// `true` and `false` as such, everything else as text.
pub(super) fn truth(value: &str) -> Value {
    match value.trim() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => Value::from(text),
    }
}

/// A title's text without its markup: ``` ``code`` ``` and ``:role:`text` ``.
fn without_roles(title: &str) -> String {
    let mut plain = String::with_capacity(title.len());
    let mut rest = title;
    while let Some((before, quoted)) = rest.split_once('`') {
        let is_role = |word: &str| word.len() > 2 && word.starts_with(':') && word.ends_with(':');
        let role = before.rfind([' ', '(']).map_or(0, |space| space + 1);
        let word = before.get(role..).unwrap_or_default();
        plain.push_str(if is_role(word) { before.get(..role).unwrap_or_default() } else { before });
        rest = quoted;
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::super::front_matter::split;
    use super::*;

    fn read(text: &str) -> Parsed<'_> {
        parse(split(text))
    }

    const PAGE: &str = "\
===============
Pool ``empty``
===============
:services: checkout, orders-db
:date: 2026-03-14

Intro, see :ref:`other`.

Fix
===

Run this::

    kubectl get pods

    kubectl logs

then wait.

.. code-block:: sh
   :linenos:

   ls

   ls -l

By hand
-------

- one
- two::

    code

  more of two

===== =====
a     b
===== =====
1     2

3     4
===== =====

Last
====

.. include:: /etc/passwd
";

    #[test]
    fn titles_open_sections_of_the_rank_in_which_they_come() {
        let parsed = read(PAGE);
        assert_eq!(parsed.headings(), [(1, "Pool empty"), (2, "Fix"), (3, "By hand"), (2, "Last")]);
        assert_eq!(parsed.texts().concat(), PAGE);
    }

    #[test]
    fn code_and_tables_stay_whole() {
        let parsed = read(PAGE);
        let whole = parsed.whole();
        assert_eq!(
            whole,
            [
                "    kubectl get pods\n\n    kubectl logs\n",
                ".. code-block:: sh\n   :linenos:\n\n   ls\n\n   ls -l\n",
                "    code\n",
                "===== =====\na     b\n===== =====\n1     2\n\n3     4\n===== =====\n"
            ]
        );
        let list = parsed.texts().into_iter().find(|text| text.starts_with("- one")).unwrap();
        assert!(list.ends_with("more of two\n\n"), "{list}");
    }

    #[test]
    fn fields_at_the_top_are_metadata() {
        let parsed = read(PAGE);
        assert_eq!(parsed.attributes.str("services"), Some("checkout, orders-db"));
        assert_eq!(parsed.attributes.str("date"), Some("2026-03-14"));
        assert_eq!(parsed.attributes.0.len(), 2);
        assert!(read("text\n\n:services: x\n").attributes.0.is_empty());
        assert_eq!(read(":index: false\n").attributes.get("index"), Some(&Value::Bool(false)));
    }

    #[test]
    fn includes_are_words() {
        let parsed = read(PAGE);
        assert!(parsed.texts().last().unwrap().contains(".. include:: /etc/passwd"));
    }

    #[test]
    fn what_looks_like_a_title_and_is_none() {
        for text in
            ["a line\nof text\n------\nmore", "------\n\ntext", "::\n\n   In code\n   -------\n"]
        {
            assert!(read(text).blocks.iter().all(|block| block.heading.is_none()), "{text}");
        }
    }
}
