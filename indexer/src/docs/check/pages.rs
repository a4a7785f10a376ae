//! Collects pages, alerts and services from the files of all sources.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use groundcrew_masking::Masker;
use groundcrew_store::DocumentKind;

use super::super::formats::{References, references};
use super::super::page::{Origin, read_page};
use super::super::read::{bytes_of, content_of, document_id, text_of};
use super::super::source::DocumentSource;
use super::super::walk::{FoundFile, find};
use super::{Finding, FindingKind, KnownNames, rules, true_path};

/// Keys under which a page says when it is to be looked through again.
const REVIEW_KEYS: &[&str] =
    &["review", "review_by", "review_date", "review_on", "next_review", "valid_until", "expires"];

/// A page, as far as checks need it.
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) true_path: PathBuf,
    /// The directory it was found in.
    pub(super) root: PathBuf,
    pub(super) title: String,
    pub(super) kind: DocumentKind,
    pub(super) services: Vec<String>,
    pub(super) alerts: Vec<String>,
    pub(super) given_id: Option<String>,
    pub(super) review: Option<String>,
    pub(super) references: References,
}

impl Page {
    /// The name of its file without ending.
    pub(super) fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }
}

/// An alert, and where it is defined.
pub(super) struct KnownAlert {
    pub(super) path: PathBuf,
    pub(super) line: u32,
    pub(super) runbook: Option<String>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) pages: Vec<Page>,
    pub(super) alerts: BTreeMap<String, KnownAlert>,
    pub(super) services: BTreeSet<String>,
    /// Addresses in service catalogs.
    pub(super) catalog_links: Vec<String>,
    pub(super) unreadable: Vec<Finding>,
}

impl Collected {
    pub(super) fn add(&mut self, source: DocumentSource<'_>) -> io::Result<()> {
        let found = find(source.path)?;
        for (path, reason) in found.skipped {
            self.complain(&path, 0, reason);
        }
        for file in &found.files {
            self.add_file(source, file);
        }
        for path in found.yaml {
            for rule in rules::alerts_of(&path) {
                self.services.extend(rule.service);
                let alert =
                    KnownAlert { path: path.clone(), line: rule.line, runbook: rule.runbook };
                self.alerts.entry(rule.name).or_insert(alert);
            }
        }
        Ok(())
    }

    pub(super) fn add_known(&mut self, known: &KnownNames) {
        for (name, runbook) in &known.alerts {
            let alert = KnownAlert { path: PathBuf::new(), line: 0, runbook: runbook.clone() };
            self.alerts.entry(name.clone()).or_insert(alert);
        }
        self.services.extend(known.services.iter().cloned());
    }

    fn add_file(&mut self, source: DocumentSource<'_>, file: &FoundFile) {
        let text = match bytes_of(file).and_then(|bytes| text_of(&source, file, bytes)) {
            Ok(text) => text,
            Err(reason) => return self.complain(&file.path, 0, reason),
        };
        let Some(content) = content_of(file.format, &text) else { return };
        for (line, reason) in content.problems {
            self.complain(&file.path, line, reason);
        }
        for entity in content.entities {
            self.services.insert(entity.name);
            self.catalog_links.extend(entity.links.into_iter().map(|(_, url)| url));
        }
        let masker = Masker::new();
        for (inside, parsed) in content.documents {
            let id = document_id(file, inside.as_deref());
            let path = file.path.to_string_lossy();
            let origin = Origin { document: &id, path: &path, title: None, address: None };
            let read = read_page(origin, &parsed, &masker);
            for (line, reason) in read.problems {
                self.complain(&file.path, line, reason);
            }
            // What lies inside of a file has no address of its own, and nobody writes links in it.
            let Some(first) = read.chunks.into_iter().next().filter(|_| inside.is_none()) else {
                continue;
            };
            let text_at =
                |key: &str| first.front_matter.get(key).map(|value| value.text().into_owned());
            self.pages.push(Page {
                path: file.path.clone(),
                true_path: true_path(&file.path),
                root: source.path.to_owned(),
                title: first.title.clone(),
                kind: first.kind,
                services: first.services.clone(),
                alerts: first.alerts.clone(),
                given_id: text_at("id"),
                review: REVIEW_KEYS.iter().find_map(|key| text_at(key)),
                references: references(file.format, &text),
            });
        }
    }

    fn complain(&mut self, path: &Path, line: u32, what: String) {
        let path = path.to_owned();
        self.unreadable.push(Finding { kind: FindingKind::Unreadable, path, line, what });
    }
}
