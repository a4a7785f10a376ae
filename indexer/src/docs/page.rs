//! A document as it was read: what it is about, and its chunks.

use groundcrew_masking::Masker;
use groundcrew_store::{DocumentChunk, DocumentKind};
use groundcrew_telemetry::{Attributes, Timestamp, Value};

use super::chunk::{Piece, join_across, pieces};
use super::formats::{Lines, Parsed, list_of};
use super::kind::{kind_of_headings, kind_of_path, kind_of_word};
use super::permalink;
use super::symptoms::{self, PageFacts};

/// Where a document came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'o> {
    /// Its stable id.
    pub(crate) document: &'o str,
    /// Where the file is.
    pub(crate) path: &'o str,
    /// A title known from elsewhere, for a document without front matter.
    pub(crate) title: Option<&'o str>,
    /// Where the file can be opened by others.
    pub(crate) address: Option<&'o str>,
}

/// The chunks of a document, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) chunks: Vec<DocumentChunk>,
    /// Line and reason.
    pub(crate) problems: Vec<(u32, String)>,
    /// Set when the document asks not to be indexed.
    pub(crate) left_out: Option<String>,
}

/// Cuts a document. No chunk ends inside something that `masker` finds, so that none of it escapes by being cut.
pub(crate) fn read_page(origin: Origin<'_>, parsed: &Parsed<'_>, masker: &Masker) -> Page {
    let mut page = Page::default();
    page.problems.extend(parsed.problems.iter().cloned());
    if parsed.attributes.get("index") == Some(&Value::Bool(false)) {
        page.left_out = Some("its front matter says `index: false`".to_owned());
        return page;
    }
    let mut about = About::new(origin, parsed, &mut page.problems);
    let body = parsed.body.as_ref();
    let facts =
        PageFacts { kind: about.kind, services: &about.services, alerts: &about.alerts, body };
    symptoms::add(&facts, masker, &mut about.front_matter);
    let secrets: Vec<_> = masker.find(body).into_iter().map(|finding| finding.range).collect();
    let mut line = 0;
    for piece in join_across(pieces(body, &parsed.blocks), &secrets) {
        let text = body.get(piece.range.clone()).unwrap_or_default();
        page.chunks.extend(about.chunk(origin, piece, text, (line, &parsed.lines)));
        line = line.saturating_add(newlines(text));
    }
    page
}

/// What all chunks of a document share.
struct About {
    title: String,
    kind: DocumentKind,
    services: Vec<String>,
    alerts: Vec<String>,
    date: Option<Timestamp>,
    front_matter: Attributes,
}

impl About {
    fn new(origin: Origin<'_>, parsed: &Parsed<'_>, problems: &mut Vec<(u32, String)>) -> Self {
        let headings = parsed.blocks.iter().filter_map(|block| block.heading.as_ref());
        let told = || kind_of_headings(headings.map(|heading| heading.text.as_str()));
        let mut about = Self {
            title: String::new(),
            kind: kind_of_path(origin.document).or_else(told).unwrap_or(DocumentKind::Doc),
            services: Vec::new(),
            alerts: Vec::new(),
            date: None,
            front_matter: Attributes::default(),
        };
        for (key, value) in parsed.attributes.iter() {
            about.take(key, value, problems);
        }
        if about.title.is_empty() {
            about.title = title_without_front_matter(origin, parsed);
        }
        about
    }

    /// Takes one line of front matter: what is known into its place, the rest as it is.
    fn take(&mut self, key: &str, value: &Value, problems: &mut Vec<(u32, String)>) {
        match key.to_ascii_lowercase().as_str() {
            "title" => self.title = value.text().trim().to_owned(),
            "services" | "service" => self.services.extend(list_of(value)),
            "alerts" | "alert" => self.alerts.extend(list_of(value)),
            "kind" => match kind_of_word(&value.text()) {
                Some(kind) => self.kind = kind,
                None => {
                    problems.push((1, format!("kind `{value}` is not runbook, incident or doc")))
                }
            },
            "date" => {
                self.date = Timestamp::parse(&value.text());
                if self.date.is_none() {
                    problems.push((1, format!("date `{value}` is not a date like 2026-03-14")));
                }
            }
            // Only where a file really lies makes a link.
            permalink::ATTRIBUTE => {}
            // What a page declares can be done is read from the file itself, and is nothing to quote.
            "actions" => {}
            _ => self.front_matter.set(key, value.clone()),
        }
    }

    /// `None` for a piece of white space alone. `line` is the body's line, from 0, that the piece begins on.
    fn chunk(
        &self,
        origin: Origin<'_>,
        piece: Piece,
        text: &str,
        (line, lines): (u32, &Lines),
    ) -> Option<DocumentChunk> {
        let trimmed_end = text.trim_end();
        let blank_lines = trimmed_end.len() - trimmed_end.trim_start().len();
        let blank_lines = newlines(trimmed_end.get(..blank_lines).unwrap_or_default());
        // Indentation of the first line is kept: it may be code.
        let trimmed = skip_lines(trimmed_end, blank_lines);
        if trimmed.is_empty() {
            return None;
        }
        let first = line.saturating_add(blank_lines);
        let (line_start, line_end) = lines.of(first, first.saturating_add(newlines(trimmed)));
        let is_title = |heading: &String| heading.trim() == self.title;
        let mut front_matter = self.front_matter.clone();
        if let Some(address) = origin.address {
            let address = permalink::address_of_lines(address, line_start, line_end);
            front_matter.set(permalink::ATTRIBUTE, Value::from(address.as_str()));
        }
        let heading_path = piece.heading_path.into_iter().skip_while(is_title).collect();
        Some(DocumentChunk {
            document: origin.document.to_owned(),
            kind: self.kind,
            title: self.title.clone(),
            heading_path,
            text: trimmed.to_owned(),
            line_start,
            line_end,
            path: origin.path.to_owned(),
            services: self.services.clone(),
            alerts: self.alerts.clone(),
            date: self.date,
            front_matter,
        })
    }
}

/// A title known from elsewhere, else one that is no heading, else the first heading of the highest rank, else the
/// file's name.
fn title_without_front_matter(origin: Origin<'_>, parsed: &Parsed<'_>) -> String {
    let is_some = |title: &&str| !title.trim().is_empty();
    let given = origin.title.filter(is_some).or(parsed.title.as_deref().filter(is_some));
    if let Some(title) = given {
        return title.trim().to_owned();
    }
    let headings = parsed.blocks.iter().filter_map(|block| block.heading.as_ref());
    let first =
        headings.filter(|heading| !heading.text.is_empty()).min_by_key(|heading| heading.level);
    first.map(|heading| heading.text.clone()).unwrap_or_else(|| {
        let name = origin.document.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        stem.replace(['-', '_'], " ")
    })
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

fn skip_lines(text: &str, lines: u32) -> &str {
    let mut rest = text;
    for _ in 0..lines {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::super::formats::{Format, parse};
    use super::*;

    fn read(text: &str) -> Page {
        let origin = Origin {
            document: "runbooks/pool-is_empty.md",
            path: "/x/pool-is_empty.md",
            title: None,
            address: None,
        };
        read_page(origin, &parse(Format::Markdown, text), &Masker::new())
    }

    #[test]
    fn front_matter_goes_into_every_chunk() {
        let text = "---\ntitle: No connections\nkind: incident\nservices: [checkout, orders-db]\nalert: OrdersFailing\n\
            date: 2026-03-14\nseverity: SEV1\n---\n# No connections\n\nText.\n";
        let page = read(text);
        let chunk = &page.chunks[0];
        assert_eq!((chunk.title.as_str(), chunk.kind), ("No connections", DocumentKind::Incident));
        assert_eq!(chunk.services, ["checkout", "orders-db"]);
        assert_eq!(chunk.alerts, ["OrdersFailing"]);
        assert_eq!(chunk.date, Timestamp::parse("2026-03-14T00:00:00Z"));
        assert_eq!(chunk.front_matter.str("severity"), Some("SEV1"));
        assert_eq!(chunk.heading_path, Vec::<String>::new());
        assert_eq!((chunk.line_start, chunk.line_end), (9, 11));
        assert!(page.problems.is_empty(), "{:?}", page.problems);
    }

    #[test]
    fn an_incident_keeps_its_symptoms_and_nobody_else_does() {
        let body = "At noon `could not get a connection within 3000 ms, pool is empty` came for bob@example.com.\n";
        let forged = "groundcrew.symptoms: '{\"signs\": []}'\n";
        let page = read(&format!("---\nkind: incident\n{forged}---\n{body}"));
        let print = symptoms::symptoms_of(&page.chunks[0]).unwrap();
        assert!(print.told && print.signs.iter().any(|sign| sign.text.contains("connection")));
        let runbook = read(&format!("---\nkind: runbook\n{forged}---\n{body}"));
        assert_eq!(symptoms::symptoms_of(&runbook.chunks[0]), None);
        assert!(!format!("{:?}", page.chunks[0].front_matter).contains("bob@"));
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let paragraph = format!("{}\n{}\n", "word ".repeat(100), "word ".repeat(100));
        let text = format!(
            "\u{feff}---\na: 1\n---\n\n\n# T\n\n{paragraph}\n\n    indented code\n\n{paragraph}\n## S\r\n\r\n{paragraph}"
        );
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').split('\n').collect();
        let page = read(&text);
        assert!(page.chunks.len() >= 3);
        for chunk in &page.chunks {
            let shown = lines[chunk.line_start as usize - 1..chunk.line_end as usize].join("\n");
            assert_eq!(shown.trim_end(), chunk.text);
        }
    }

    #[test]
    fn a_title_is_found_without_front_matter() {
        assert_eq!(
            read("intro\n\n## Sub\n\n# The `real` title\n\ntext").chunks[0].title,
            "The real title"
        );
        assert_eq!(read("just text").chunks[0].title, "pool is empty");
        assert_eq!(read("just text").chunks[0].kind, DocumentKind::Runbook);
    }

    #[test]
    fn bad_front_matter_costs_a_warning_and_no_text() {
        let page = read("---\ntitle: [x\n---\nbody");
        assert_eq!(page.chunks[0].text, "body");
        assert_eq!(page.problems.len(), 1);
        let page = read("---\nkind: poem\ndate: someday\n---\nbody");
        assert_eq!(page.problems.len(), 2);
        assert_eq!(page.chunks[0].kind, DocumentKind::Runbook);
    }

    #[test]
    fn a_page_can_stay_out() {
        let page = read("---\nindex: false\n---\nbody");
        assert!(page.left_out.is_some() && page.chunks.is_empty());
        assert!(read("").chunks.is_empty());
        assert!(read(" \n\n").chunks.is_empty());
    }
}
