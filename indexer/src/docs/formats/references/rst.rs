//! Links and anchors of reStructuredText, with the roles that Sphinx adds.

use super::super::front_matter::Parts;
use super::super::rst::parse;
use super::{Link, References, Target};

/// Directives whose argument is a file.
const FILES: &[&str] = &["image", "figure", "include", "literalinclude"];

pub(super) fn references(body: &str) -> References {
    let mut found = References::default();
    for (number, line) in (1..).zip(body.lines()) {
        if let Some(markup) = line.trim_start().strip_prefix(".. ") {
            explicit(markup, number, &mut found);
        }
        inline(line, number, &mut found);
    }
    // Every title is the name of a place.
    let parts = Parts { body, body_line: 1, ..Parts::default() };
    let headings = parse(parts).blocks.into_iter().filter_map(|block| block.heading);
    found.anchors.extend(headings.map(|heading| heading.text.to_lowercase()));
    found
}

/// `.. _label:`, `.. _name: address` and `.. image:: file`.
fn explicit(markup: &str, line: u32, found: &mut References) {
    if let Some((name, target)) = markup.strip_prefix('_').and_then(|rest| rest.split_once(':')) {
        if target.trim().is_empty() {
            found.anchors.push(name.trim_matches('`').to_lowercase());
        } else {
            found.address(line, target);
        }
    } else if let Some((name, file)) = markup.split_once(":: ")
        && FILES.contains(&name)
    {
        found.address(line, file);
    }
}

/// Everything between back quotes, with what stands around it.
fn inline(line: &str, number: u32, found: &mut References) {
    let mut parts = line.split('`');
    let mut before = parts.next().unwrap_or_default();
    while let Some((quoted, after)) = parts.next().zip(parts.next()) {
        let inner = quoted.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
        let word = inner.unwrap_or(quoted).trim();
        let role = before.rsplit([' ', '(']).next().unwrap_or_default();
        match role {
            ":ref:" => {
                let target = Target::Label(word.to_lowercase());
                found.links.push(Link { line: number, target });
            }
            ":doc:" | ":download:" => found.address(number, word),
            _ if after.starts_with('_') => {
                // A name that ends so is a reference to another name.
                if let Some(address) = inner.filter(|address| !address.ends_with('_')) {
                    found.address(number, address);
                }
            }
            _ => {}
        }
        before = after;
    }
}
