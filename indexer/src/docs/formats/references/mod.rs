//! What a text points to, and what in it can be pointed to: for checking links, never for following them.

mod asciidoc;
mod html;
mod markdown;
mod rst;

use super::{Format, front_matter};

/// Pointers from and into a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct References {
    pub(crate) links: Vec<Link>,
    /// Names of places in the text.
    pub(crate) anchors: Vec<String>,
}

/// A pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    /// The line it stands in, from 1.
    pub(crate) line: u32,
    pub(crate) target: Target,
}

/// What is pointed to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Target {
    /// An address as it is written: absolute or relative, with or without an anchor.
    Address(String),
    /// A label that may be in any page.
    Label(String),
}

impl References {
    fn address(&mut self, line: u32, address: &str) {
        let address = address.trim();
        // What is filled in later leads nowhere yet.
        if !address.is_empty() && !address.contains(['{', '<', '$', '\n']) {
            self.links.push(Link { line, target: Target::Address(address.to_owned()) });
        }
    }
}

/// The pointers of a text. Formats without any have none.
pub(crate) fn references(format: Format, text: &str) -> References {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parts = front_matter::split(text);
    let mut found = match format {
        Format::Markdown => markdown::references(parts.body),
        Format::Rst => rst::references(parts.body),
        Format::AsciiDoc => asciidoc::references(parts.body),
        Format::Html => html::references(parts.body),
        Format::Plain | Format::Pdf | Format::Json | Format::Catalog => References::default(),
    };
    for link in &mut found.links {
        link.line = link.line.saturating_add(parts.body_line).saturating_sub(1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(found: &References) -> Vec<(u32, &str)> {
        let links = found.links.iter();
        links
            .filter_map(|link| match &link.target {
                Target::Address(address) => Some((link.line, address.as_str())),
                Target::Label(_) => None,
            })
            .collect()
    }

    #[test]
    fn markdown_points_with_links_and_images() {
        let text = "---\na: 1\n---\n# The `pool`, again!\n\n[a](b.md#x) ![i](pic.png)\n<https://auto.test>\n\n[r]\n\n[r]: r.md\n\n\
            ## Same\n\n## Same\n\n```\n[no](no.md)\n```\n\n<a id=\"own\"></a>\n\n## Named {#given}\n";
        let found = references(Format::Markdown, text);
        assert_eq!(addresses(&found), [(6, "b.md#x"), (6, "pic.png"), (9, "r.md")]);
        assert_eq!(found.anchors, ["the-pool-again", "same", "same-1", "given", "own"]);
    }

    #[test]
    fn rst_points_with_roles_and_directives() {
        let text = ".. _pool:\n\nPool\n====\n\nSee `other <other.rst>`_, :ref:`fix <fix-it>`, :doc:`guide`.\n\n\
            .. image:: pic.png\n.. include:: more.rst\n\n.. _site: https://x.test\n";
        let found = references(Format::Rst, text);
        assert_eq!(
            addresses(&found),
            [
                (6, "other.rst"),
                (6, "guide"),
                (8, "pic.png"),
                (9, "more.rst"),
                (11, "https://x.test")
            ]
        );
        let label = Target::Label("fix-it".to_owned());
        assert!(found.links.contains(&Link { line: 6, target: label }));
        assert_eq!(found.anchors, ["pool", "pool"]);
    }

    #[test]
    fn asciidoc_points_with_macros() {
        let text = "= Pool\n\n[[own]]\n== Fix it\n\nxref:b.adoc#x[b] link:c.html[c] <<own,here>> <<d.adoc#>>\n\n\
            image::pic.png[]\ninclude::{dir}/x.adoc[]\n\n----\nlink:no[no]\n----\n[#third]\n=== More\n";
        let found = references(Format::AsciiDoc, text);
        let expected =
            [(6, "b.adoc#x"), (6, "c.html"), (6, "#own"), (6, "d.adoc#"), (8, "pic.png")];
        assert_eq!(addresses(&found), expected);
        assert_eq!(found.anchors, ["own", "_fix_it", "third", "_more"]);
    }

    #[test]
    fn html_points_with_attributes() {
        let text =
            "<h1 id=top>x</h1>\n<a href=\"b.html#y\">b</a><img src='pic.png'>\n<a name=old>z</a>";
        let found = references(Format::Html, text);
        assert_eq!(addresses(&found), [(2, "b.html#y"), (2, "pic.png")]);
        assert_eq!(found.anchors, ["top", "old"]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_text_is_looked_through(text in "([\\[\\]()<>`_:.#=a-z \n]|link:|xref:|:ref:|image::|\\.\\. ){0,60}") {
            for format in [Format::Markdown, Format::Rst, Format::AsciiDoc, Format::Html, Format::Plain] {
                let lines = u32::try_from(text.lines().count()).unwrap() + 1;
                for link in references(format, &text).links {
                    proptest::prop_assert!((1..=lines).contains(&link.line));
                }
            }
        }
    }
}
