//! PDF: the text of its pages, read by a process of its own.
//!
//! A PDF is a program for a machine that others have defined: a file may ask for any amount of memory, time or stack.
//! So it is read by this program started once more, under limits that the system keeps ([`read_pdf`]): whatever happens
//! there, one file is lost.

mod fonts;
mod matrix;
mod parent;
mod text;

use std::io::{Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::formats::{Block, Heading, Lines, Parsed};
pub(super) use parent::text_of;

/// Larger files are not read.
pub(super) const FILE_BYTES_MAX: u64 = 64 << 20;
/// Text that one file yields at most; what comes after is left out.
const TEXT_BYTES_MAX: usize = 8 << 20;
/// Address space of the process that reads.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Seconds of processor time it has.
const CPU_SECS_MAX: u64 = 20;
/// Between pages.
const PAGE_END: char = '\u{c}';

/// Reads a PDF from `input` and writes the text of its pages to `output`, parted by form feeds; the first page is the
/// title. To be called by a process that does nothing else: it limits its own memory and time.
///
/// # Errors
/// What is wrong with the file, for people.
pub fn read_pdf(mut input: impl Read, mut output: impl Write) -> Result<(), String> {
    let limit = |resource, most: u64| {
        let limits = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limits).map_err(|error| format!("cannot be read safely: {error}"))
    };
    limit(Resource::As, MEMORY_BYTES_MAX)?;
    limit(Resource::Cpu, CPU_SECS_MAX)?;
    limit(Resource::Core, 0)?;
    let mut bytes = Vec::new();
    input
        .by_ref()
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let mut room = TEXT_BYTES_MAX;
    text::pages(&bytes, &mut |page: &str| {
        let page = page.get(..page.floor_char_boundary(room)).unwrap_or_default();
        room -= page.len();
        let is_written = write!(output, "{page}{PAGE_END}").and_then(|()| output.flush());
        is_written.is_ok() && room > 0
    })
}

/// Takes what [`read_pdf`] wrote apart: each page is a section.
pub(super) fn parse(text: &str) -> Parsed<'static> {
    let mut pages = text.split(PAGE_END);
    let title = pages.next().unwrap_or_default().trim();
    let mut body = String::with_capacity(text.len());
    let mut blocks: Vec<Block> = Vec::new();
    for (number, page) in (1..).zip(pages) {
        let mut heading = Some(Heading { level: 1, text: format!("page {number}") });
        for paragraph in page.split("\n\n").map(str::trim_end) {
            if paragraph.trim().is_empty() {
                continue;
            }
            let start = body.len();
            body.push_str(paragraph);
            body.push_str("\n\n");
            blocks.push(Block { heading: heading.take(), ..Block::plain(start..body.len()) });
        }
    }
    let first_line = body.lines().next().unwrap_or_default().trim();
    let title = if title.is_empty() { first_line } else { title };
    let title = title.get(..title.floor_char_boundary(TITLE_BYTES_MAX)).unwrap_or_default();
    Parsed {
        title: Some(title.to_owned()),
        blocks,
        lines: Lines::From(1),
        body: body.into(),
        ..Parsed::default()
    }
}

/// A longer title is cut.
const TITLE_BYTES_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_sections() {
        let parsed = parse("The pool\u{c}One.\n\nTwo\nlines.\n\u{c}\u{c}Third page.\u{c}");
        assert_eq!(parsed.title.as_deref(), Some("The pool"));
        assert_eq!(parsed.body, "One.\n\nTwo\nlines.\n\nThird page.\n\n");
        let headings: Vec<_> = parsed
            .blocks
            .iter()
            .filter_map(|block| Some((block.range.start, block.heading.as_ref()?.text.as_str())))
            .collect();
        assert_eq!(headings, [(0, "page 1"), (18, "page 3")]);
        assert_eq!(parse("\u{c}First line\nmore\u{c}").title.as_deref(), Some("First line"));
        assert_eq!(parse("").body, "");
    }
}
