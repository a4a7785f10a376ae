//! AsciiDoc: `=` titles, header attributes as metadata, delimited blocks that stay whole.
//!
//! Macros are not carried out. An `include::` is the line that it is.

use std::ops::Range;

use groundcrew_telemetry::{Attributes, Value};

use super::front_matter::Parts;
use super::lines::{Line, lines, rule};
use super::outline::{Outline, blocks, covers};
use super::parsed::{Heading, LEVEL_MAX, Parsed};
use super::rst::truth;

/// Takes AsciiDoc apart.
pub(super) fn parse(parts: Parts<'_>) -> Parsed<'_> {
    let lines = lines(parts.body);
    let mut outline = Outline { whole: whole(&lines), ..Outline::default() };
    for (at, line) in lines.iter().enumerate() {
        if covers(&outline.whole, line.start) || !may_head(&lines, at) {
            continue;
        }
        outline.headings.extend(heading(line.text).map(|heading| (at..at + 1, heading)));
    }
    let header = header(&lines);
    let blocks = blocks(parts.body, &lines, outline);
    let mut parsed = Parsed { blocks, ..Parsed::from(parts) };
    for (name, value) in header.0 {
        parsed.attributes.set(&name, value);
    }
    parsed
}

/// Titles stand after a blank line, or below an anchor or attributes of their own.
fn may_head(lines: &[Line<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| lines.get(before));
    before.is_none_or(|before| {
        before.is_blank() || is_block_attribute(before.text) || before.text.starts_with("//")
    })
}

fn heading(text: &str) -> Option<Heading> {
    let mark = text.chars().next().filter(|c| matches!(c, '=' | '#'))?;
    let rest = text.trim_start_matches(mark);
    let level = u8::try_from(text.len() - rest.len()).ok().filter(|level| *level <= LEVEL_MAX)?;
    let title = rest.strip_prefix(' ')?.trim();
    let title: String = title.replace('`', "");
    (!title.is_empty()).then_some(Heading { level, text: title })
}

/// The attributes of the document's header: everything up to the first blank line.
fn header(lines: &[Line<'_>]) -> Attributes {
    let mut attributes = Attributes::default();
    let head = lines.iter().skip_while(|line| line.is_blank());
    for line in head.take_while(|line| !line.is_blank()) {
        let entry = line.text.strip_prefix(':').and_then(|rest| rest.split_once(": "));
        if let Some((name, value)) = entry
            && !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        {
            attributes.set(name, truth(value));
        } else if let Some(date) = revision_date(line.text) {
            attributes.set("date", Value::from(date));
        }
    }
    // The format's own names of what we call otherwise.
    if let Some(date) = attributes.str("revdate").map(str::to_owned) {
        attributes.set("date", Value::from(date.as_str()));
    }
    attributes
}

/// The date of a revision line, `v1.2, 2026-03-14: remark`.
fn revision_date(text: &str) -> Option<&str> {
    let (version, rest) = text.split_once(", ")?;
    let number = version.strip_prefix('v').unwrap_or(version);
    let is_version = number.starts_with(|c: char| c.is_ascii_digit());
    let date = rest.split_once(':').map_or(rest, |(date, _)| date).trim();
    let is_date = date.len() == 10 && date.chars().all(|c| c.is_ascii_digit() || c == '-');
    (is_version && is_date).then_some(date)
}

/// What must not be cut: listings, literals, passthroughs, comments and tables, with the attributes above them.
fn whole(lines: &[Line<'_>]) -> Vec<Range<usize>> {
    let mut whole = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if !is_verbatim(line.text) {
            at += 1;
            continue;
        }
        let close = closing(line.text);
        let below = lines.get(at + 1..).unwrap_or_default();
        let count = below.iter().take_while(|line| line.text != close).count();
        let last = below.get(count).or(below.last()).unwrap_or(line);
        whole.push(start_with_attributes(lines, at)..last.end);
        at += count + 2;
    }
    whole
}

fn is_verbatim(text: &str) -> bool {
    let is_table =
        text.len() == 4 && text.ends_with("===") && text.starts_with(['|', ',', ':', '!']);
    let is_fence = text.starts_with("```");
    is_table || is_fence || matches!(rule(text, 4), Some('-' | '.' | '+' | '/'))
}

/// The line that ends what `open` began. A fence names its language where it begins.
fn closing(open: &str) -> &str {
    if open.starts_with("```") { "```" } else { open }
}

fn start_with_attributes(lines: &[Line<'_>], at: usize) -> usize {
    let above = lines.get(..at).unwrap_or_default().iter().rev();
    let attributes = above.take_while(|line| is_block_attribute(line.text));
    attributes.last().or(lines.get(at)).map_or(0, |line| line.start)
}

/// `[source,bash]`, `[[anchor]]` and `.Title` belong to the block below them.
fn is_block_attribute(text: &str) -> bool {
    let is_title = text
        .strip_prefix('.')
        .is_some_and(|rest| rest.starts_with(|c: char| !c.is_whitespace() && c != '.'));
    is_title || (text.starts_with('[') && text.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::super::front_matter::split;
    use super::*;

    fn read(text: &str) -> Parsed<'_> {
        parse(split(text))
    }

    const PAGE: &str = "\
= Pool `empty`
Ann Example <ann@shop.test>
v1.2, 2026-03-14: third try
:services: checkout, orders-db
:toc:

Intro.

[[fix]]
== Fix

.Look first
[source,bash]
----
== no title

kubectl get pods
----

* one
* two
+
more of two

|===
|a |b

|1 |2
|===

=== By hand

include::/etc/passwd[]
";

    #[test]
    fn titles_open_sections() {
        let parsed = read(PAGE);
        assert_eq!(parsed.headings(), [(1, "Pool empty"), (2, "Fix"), (3, "By hand")]);
        assert_eq!(parsed.texts().concat(), PAGE);
        assert!(
            PAGE.get(parsed.blocks.last().unwrap().range.clone()).unwrap().starts_with("include::")
        );
    }

    #[test]
    fn the_header_is_metadata() {
        let parsed = read(PAGE);
        assert_eq!(parsed.attributes.str("services"), Some("checkout, orders-db"));
        assert_eq!(parsed.attributes.str("date"), Some("2026-03-14"));
        assert_eq!(parsed.attributes.0.len(), 2);
        assert_eq!(read("= T\n:revdate: 2026-01-02\n").attributes.str("date"), Some("2026-01-02"));
        assert!(read("= T\n\n:late: entry\n").attributes.0.is_empty());
    }

    #[test]
    fn listings_and_tables_stay_whole_with_what_is_said_about_them() {
        let parsed = read(PAGE);
        let whole = parsed.whole();
        assert_eq!(
            whole,
            [
                ".Look first\n[source,bash]\n----\n== no title\n\nkubectl get pods\n----\n",
                "|===\n|a |b\n\n|1 |2\n|===\n"
            ]
        );
    }

    #[test]
    fn a_block_that_never_ends_reaches_to_the_end() {
        let parsed = read("= T\n\n----\ncode\n\n== still code\n");
        assert_eq!(parsed.blocks.len(), 2);
        assert_eq!(read("----").blocks.len(), 1);
    }
}
