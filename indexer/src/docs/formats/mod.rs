//! One file per format: each takes a text apart into the same [`Parsed`].
//!
//! Nothing that a text names is opened: `include` directives of reStructuredText and AsciiDoc, images, style sheets and
//! entities stay the words they are. So no document can pull in another file, and no circle of includes can be walked.

mod asciidoc;
mod front_matter;
mod html;
mod lines;
mod markdown;
mod outline;
mod parsed;
mod plain;
mod references;
mod rst;
mod titles;

pub(crate) use front_matter::{list_of, split as split_front_matter, value_of};
pub(crate) use parsed::{Block, Heading, Lines, Parsed};
pub(crate) use references::{References, Target, references};

use std::path::Path;

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Markdown,
    Rst,
    AsciiDoc,
    Html,
    Plain,
    Pdf,
    /// An export of incidents, if it turns out to be one.
    Json,
    /// A catalog of services.
    Catalog,
}

/// Endings of names, without their dot, and what they mean.
const EXTENSIONS: &[(&str, Format)] = &[
    ("md", Format::Markdown),
    ("markdown", Format::Markdown),
    ("mdx", Format::Markdown),
    ("rst", Format::Rst),
    ("rest", Format::Rst),
    ("adoc", Format::AsciiDoc),
    ("asciidoc", Format::AsciiDoc),
    ("html", Format::Html),
    ("htm", Format::Html),
    ("xhtml", Format::Html),
    ("txt", Format::Plain),
    ("text", Format::Plain),
    ("pdf", Format::Pdf),
    ("json", Format::Json),
];
/// Names of text files that are read by programs, not people.
const NOT_FOR_PEOPLE: &[&str] = &["cmakelists.txt", "robots.txt", "requirements.txt"];

impl Format {
    /// The format that a file's name tells; `None` for what is no document.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        if matches!(name.as_str(), "catalog-info.yaml" | "catalog-info.yml") {
            return Some(Self::Catalog);
        }
        if NOT_FOR_PEOPLE.contains(&name.as_str()) {
            return None;
        }
        let (_, extension) = name.rsplit_once('.')?;
        EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, format)| *format)
    }
}

/// Takes a text apart. Formats that are no text, or that hold several documents, have readers of their own and are read
/// as plain text here.
pub(crate) fn parse(format: Format, text: &str) -> Parsed<'_> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parts = front_matter::split(text);
    match format {
        Format::Markdown => markdown::parse(parts),
        Format::Rst => rst::parse(parts),
        Format::AsciiDoc => asciidoc::parse(parts),
        Format::Html => html::parse(parts),
        Format::Plain | Format::Pdf | Format::Json | Format::Catalog => plain::parse(parts),
    }
}

/// Markdown of our own making, without front matter.
pub(crate) fn parse_markdown(body: String) -> Parsed<'static> {
    let blocks = markdown::blocks(&body);
    Parsed { body: body.into(), blocks, ..Parsed::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        let of = |name: &str| Format::of_path(Path::new(name));
        assert_eq!(of("a/b.MD"), Some(Format::Markdown));
        assert_eq!(of("a/b.rst"), Some(Format::Rst));
        assert_eq!(of("a/b.v2.adoc"), Some(Format::AsciiDoc));
        assert_eq!(of("catalog-info.yaml"), Some(Format::Catalog));
        assert_eq!(of("values.yaml"), None);
        assert_eq!(of("requirements.txt"), None);
        assert_eq!(of("rst"), None);
    }
}
