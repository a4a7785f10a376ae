//! Links that lead nowhere, inside of the documents. Addresses on a network are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::formats::Target;
use super::pages::{Collected, Page};
use super::{Finding, FindingKind, true_path};

/// Endings that sites leave off, or put in the place of that of the source.
const ENDINGS: &[&str] =
    &["md", "rst", "adoc", "html", "mdx", "markdown", "asciidoc", "htm", "txt"];
/// Pages that stand for their folder.
const INDEXES: &[&str] = &["index.md", "README.md", "index.rst", "index.html", "index.adoc"];

/// Where the pages of a collection link to.
pub(super) fn dead(collected: &Collected) -> Vec<Finding> {
    let by_path: BTreeMap<&Path, &Page> =
        collected.pages.iter().map(|page| (page.true_path.as_path(), page)).collect();
    let labels: BTreeSet<&str> = collected
        .pages
        .iter()
        .flat_map(|page| page.references.anchors.iter().map(String::as_str))
        .collect();
    let mut findings = Vec::new();
    for page in &collected.pages {
        for link in &page.references.links {
            let found = match &link.target {
                Target::Label(label) if labels.contains(label.as_str()) => None,
                Target::Label(label) => {
                    Some((FindingKind::DeadAnchor, format!("no page has the label `{label}`")))
                }
                Target::Address(address) => check_address(page, address, &by_path),
            };
            findings.extend(found.map(|(kind, what)| Finding {
                kind,
                path: page.path.clone(),
                line: link.line,
                what,
            }));
        }
    }
    findings
}

fn check_address(
    page: &Page,
    address: &str,
    by_path: &BTreeMap<&Path, &Page>,
) -> Option<(FindingKind, String)> {
    let (path, anchor) = local_parts(address)?;
    let target = if path.is_empty() {
        page.true_path.clone()
    } else {
        match resolve(page, &path) {
            Some(target) => target,
            None => return Some((FindingKind::DeadLink, format!("{address} is not there"))),
        }
    };
    let anchor = anchor.filter(|anchor| !is_always_there(anchor))?;
    let target = by_path.get(target.as_path())?;
    let is_there = target
        .references
        .anchors
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&anchor) || *known == anchor.to_lowercase());
    (!is_there).then(|| {
        let at = if path.is_empty() { "this page".to_owned() } else { path };
        (FindingKind::DeadAnchor, format!("{at} has no place `#{anchor}`"))
    })
}

/// Path and anchor of an address in the same place; `None` for one on a network.
fn local_parts(address: &str) -> Option<(String, Option<String>)> {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme);
    let is_remote = scheme.is_some_and(|scheme| {
        !scheme.contains(['/', '#', '?']) && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
    });
    if is_remote || address.starts_with("//") {
        return None;
    }
    let (path, anchor) = match address.split_once('#') {
        Some((path, anchor)) => (path, Some(unescaped(anchor))),
        None => (address, None),
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some((unescaped(path), anchor.filter(|anchor| !anchor.is_empty())))
}

/// Where pages are shown, every page has these: its top, and its lines.
fn is_always_there(anchor: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    anchor == "top"
        || anchor
            .strip_prefix('L')
            .is_some_and(|rest| digits(rest.split_once('-').map_or(rest, |(first, _)| first)))
        || anchor.strip_prefix("page=").is_some_and(digits)
}

/// The file or folder that a path on `page` leads to.
pub(super) fn resolve(page: &Page, path: &str) -> Option<PathBuf> {
    let folder = page.path.parent().unwrap_or(Path::new("."));
    let bases: Vec<PathBuf> = match path.strip_prefix('/') {
        None => vec![folder.to_owned()],
        // From the top: of the directory, or of the checkout it lies in.
        Some(_) => {
            let root = true_path(&page.root);
            let checkout = root.ancestors().find(|above| above.join(".git").exists());
            [Some(root.clone()), checkout.map(Path::to_owned)].into_iter().flatten().collect()
        }
    };
    let inside = path.trim_start_matches('/');
    bases.into_iter().find_map(|base| existing(&base.join(inside)))
}

fn existing(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        let index = INDEXES.iter().map(|name| path.join(name)).find(|index| index.is_file());
        return Some(true_path(&index.unwrap_or_else(|| path.to_owned())));
    }
    if path.exists() {
        return Some(true_path(path));
    }
    let name = path.file_name()?.to_str()?;
    let added = ENDINGS.iter().map(|ending| path.with_file_name(format!("{name}.{ending}")));
    let is_page = path
        .extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| ENDINGS.contains(&ending));
    let replaced = ENDINGS.iter().filter(|_| is_page).map(|ending| path.with_extension(ending));
    added.chain(replaced).find(|other| other.is_file()).map(|other| true_path(&other))
}

/// Resolves `%20` and the like.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let code = (byte == b'%').then(|| ahead.next().zip(ahead.next())).flatten();
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match code.and_then(|(high, low)| Some(digit(high)? * 16 + digit(low)?)) {
            Some(code) => {
                bytes.push(code);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_a_network_are_left_alone() {
        for address in
            ["https://x.test/a.md", "mailto:a@x.test", "//x.test/a", "file:///etc/passwd"]
        {
            assert_eq!(local_parts(address), None, "{address}");
        }
        let parts = |address| local_parts(address).unwrap();
        assert_eq!(parts("a%20b.md#x%C3%A4"), ("a b.md".to_owned(), Some("xä".to_owned())));
        assert_eq!(parts("./a:b.md"), ("./a:b.md".to_owned(), None));
        assert_eq!(parts("#x"), (String::new(), Some("x".to_owned())));
        assert_eq!(parts("a.md?plain=1#"), ("a.md".to_owned(), None));
        assert_eq!(parts("100%.md"), ("100%.md".to_owned(), None));
    }

    #[test]
    fn some_places_are_on_every_page() {
        for anchor in ["top", "L3", "L3-L9", "page=2"] {
            assert!(is_always_there(anchor), "{anchor}");
        }
        for anchor in ["Lost", "L", "page=x", "fix"] {
            assert!(!is_always_there(anchor), "{anchor}");
        }
    }
}
