//! Says in plain words what the jargon of a title means.
//!
//! A runbook is called `KubeDaemonSetNotScheduled`, and a person in a chat asks why there is no agent on some nodes: the
//! two share no word, and a small embedding model does not know the jargon either. The glossary gives the title the
//! words a person would use. They are searched beside the title and never shown.

use rustc_hash::FxHashMap;

use super::words::Terms;

/// Jargon and its meaning, a tab between them. Read once per index that is written.
const GLOSSARY: &str = include_str!("glossary.tsv");
/// Meanings of one title that count; one that reads like a list of jargon is about none of it.
const MEANINGS_MAX: usize = 6;

/// Jargon by its terms.
pub(super) struct Glossary {
    /// Entries by the first of their terms.
    entries: FxHashMap<String, Vec<Entry>>,
}

struct Entry {
    /// All terms of the jargon, in order.
    terms: Vec<String>,
    meaning: &'static str,
}

impl Glossary {
    /// Reads the glossary, cut into terms as `terms` cuts titles.
    pub(super) fn new(terms: &Terms) -> Self {
        let mut glossary = Self { entries: FxHashMap::default() };
        for (jargon, meaning) in GLOSSARY.lines().filter_map(|line| line.split_once('\t')) {
            glossary.add(terms_of(terms, jargon), meaning);
            // `daemon set` is also written `daemonset`.
            if jargon.contains(' ') {
                glossary.add(terms_of(terms, &jargon.replace(' ', "")), meaning);
            }
        }
        glossary
    }

    fn add(&mut self, terms: Vec<String>, meaning: &'static str) {
        if let Some(first) = terms.first() {
            self.entries.entry(first.clone()).or_default().push(Entry { terms, meaning });
        }
    }

    /// What the jargon in `title` means, in the order of the title, each meaning once.
    pub(super) fn meanings(&self, terms: &Terms, title: &str) -> Vec<&'static str> {
        let title = terms_of(terms, title);
        let mut meanings = Vec::new();
        for at in 0..title.len() {
            let rest = title.get(at..).unwrap_or_default();
            let entries = rest.first().and_then(|first| self.entries.get(first));
            for entry in entries.into_iter().flatten() {
                if rest.starts_with(&entry.terms) && !meanings.contains(&entry.meaning) {
                    meanings.push(entry.meaning);
                }
            }
        }
        meanings.truncate(MEANINGS_MAX);
        meanings
    }
}

fn terms_of(terms: &Terms, text: &str) -> Vec<String> {
    let mut all = Vec::new();
    terms.each(text, &mut |term| all.push(term.to_owned()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(title: &str) -> Vec<&'static str> {
        let terms = Terms::new();
        Glossary::new(&terms).meanings(&terms, title)
    }

    #[test]
    fn jargon_is_found_however_it_is_written() {
        for title in ["KubeDaemonSetNotScheduled", "A daemonset is stuck", "daemon-set rollout"] {
            assert_eq!(meanings(title), ["one pod on every node"], "{title}");
        }
        assert_eq!(meanings("Orders fail"), Vec::<&str>::new());
        assert_eq!(meanings(""), Vec::<&str>::new());
    }

    #[test]
    fn meanings_come_once_and_not_without_end() {
        assert_eq!(meanings("kubelet Kubelet kubelets").len(), 1);
        let all: Vec<&str> = GLOSSARY.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(meanings(&all.join(", ")).len(), MEANINGS_MAX);
    }

    #[test]
    fn the_glossary_is_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for line in GLOSSARY.lines() {
            let (jargon, meaning) = line.split_once('\t').expect(line);
            assert!(!jargon.is_empty() && meaning.split(' ').count() > 1, "{line}");
            assert!(seen.insert(jargon), "{jargon} stands there twice");
            assert!(!meaning.contains('\t') && line.trim() == line, "{line}");
        }
    }
}
