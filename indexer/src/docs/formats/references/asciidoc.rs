//! Links and anchors of AsciiDoc.

use super::super::asciidoc::parse;
use super::super::front_matter::Parts;
use super::super::outline::covers;
use super::References;

/// Macros that name a file or address before their brackets.
const MACROS: &[&str] = &["link:", "xref:", "image::", "image:", "include::"];

pub(super) fn references(body: &str) -> References {
    let parts = Parts { body, body_line: 1, ..Parts::default() };
    let parsed = parse(parts);
    let mut whole: Vec<_> = parsed.blocks.iter().flat_map(|block| block.whole.clone()).collect();
    whole.sort_by_key(|range| range.start);
    let mut headings = parsed
        .blocks
        .iter()
        .filter_map(|block| Some((block.range.clone(), block.heading.as_ref()?)))
        .peekable();
    let images_elsewhere = parsed.attributes.get("imagesdir").is_some();
    let mut found = References::default();
    let mut at = 0;
    for (number, line) in (1..).zip(body.split_inclusive('\n')) {
        let is_code = covers(&whole, at);
        at += line.len();
        if is_code {
            continue;
        }
        found.anchors.extend(anchor(line.trim()));
        if let Some((_, heading)) = headings.next_if(|(range, _)| range.start < at) {
            // The title of the document itself is no place in it.
            found.anchors.extend((heading.level > 1).then(|| section_id(&heading.text)));
        }
        macros(line, number, images_elsewhere, &mut found);
        cross_references(line, number, &mut found);
    }
    found
}

/// `[[id]]` and `[#id]` on a line of their own.
fn anchor(line: &str) -> Option<String> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let double = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let id = double.or_else(|| inner.strip_prefix('#'))?;
    let end = id.find([',', '.', '%']).unwrap_or(id.len());
    id.get(..end).map(str::to_owned)
}

/// The id that a section gets by itself.
fn section_id(title: &str) -> String {
    let mut id = String::from("_");
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() || c == '_' {
            id.push(c);
        } else if matches!(c, ' ' | '-' | '.') && !id.ends_with('_') {
            id.push('_');
        }
    }
    id.trim_end_matches('_').to_owned()
}

fn macros(line: &str, number: u32, images_elsewhere: bool, found: &mut References) {
    let mut rest = line;
    while let Some((start, name)) = MACROS
        .iter()
        .filter_map(|name| Some((rest.find(name)?, *name)))
        .min_by_key(|(start, name)| (*start, usize::MAX - name.len()))
    {
        let after = rest.get(start + name.len()..).unwrap_or_default();
        let end = after.find(|c: char| c == '[' || c.is_whitespace()).unwrap_or(after.len());
        let is_macro = after.get(end..).is_some_and(|after| after.starts_with('['));
        if is_macro && !(images_elsewhere && name.starts_with("image")) {
            found.address(number, after.get(..end).unwrap_or_default());
        }
        rest = after;
    }
}

/// `<<id>>`, `<<id,text>>` and `<<file.adoc#id,text>>`.
fn cross_references(line: &str, number: u32, found: &mut References) {
    for part in line.split("<<").skip(1) {
        let Some((inner, _)) = part.split_once(">>") else { continue };
        let target = inner.split_once(',').map_or(inner, |(target, _)| target).trim();
        // A name with spaces is a title.
        if target.contains('#') || target.contains(".adoc") {
            found.address(number, target);
        } else if !target.contains(' ') {
            found.address(number, &format!("#{target}"));
        }
    }
}
