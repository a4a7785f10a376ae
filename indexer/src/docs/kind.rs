//! Tells what a document is for from a word or a path.

use groundcrew_store::DocumentKind;

/// Words that name a kind, in front matter and in file or folder names alike.
const WORDS: &[(&str, DocumentKind)] = &[
    ("incident", DocumentKind::Incident),
    ("incidents", DocumentKind::Incident),
    ("outage", DocumentKind::Incident),
    ("outages", DocumentKind::Incident),
    ("postmortem", DocumentKind::Incident),
    ("postmortems", DocumentKind::Incident),
    ("retrospective", DocumentKind::Incident),
    ("retrospectives", DocumentKind::Incident),
    ("runbook", DocumentKind::Runbook),
    ("runbooks", DocumentKind::Runbook),
    ("playbook", DocumentKind::Runbook),
    ("playbooks", DocumentKind::Runbook),
    ("troubleshooting", DocumentKind::Runbook),
    ("alert", DocumentKind::Runbook),
    ("alerts", DocumentKind::Runbook),
    ("doc", DocumentKind::Doc),
    ("docs", DocumentKind::Doc),
    ("document", DocumentKind::Doc),
    ("guide", DocumentKind::Doc),
    ("readme", DocumentKind::Doc),
];

/// Beginnings of headings that stand in accounts of incidents and hardly anywhere else.
const TOLD: &[&str] = &[
    "timeline",
    "time line",
    "root cause",
    "lessons",
    "action item",
    "what happened",
    "what went",
    "where we got lucky",
    "contributing factor",
    "postmortem",
    "post-mortem",
    "aftermath",
];
/// Those that stand in runbooks as well.
const ALSO_TOLD: &[&str] =
    &["impact", "resolution", "detection", "follow", "summary", "prevention"];

/// The kind that a front matter `kind:` names.
pub(crate) fn kind_of_word(word: &str) -> Option<DocumentKind> {
    let plain: String =
        word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    WORDS.iter().find(|(name, _)| *name == plain).map(|(_, kind)| *kind)
}

/// The kind that a path suggests; the last name that suggests one decides.
pub(crate) fn kind_of_path(path: &str) -> Option<DocumentKind> {
    // "post-mortem" is one word in two parts.
    let path = path
        .to_lowercase()
        .replace("post-mortem", "postmortem")
        .replace("post_mortem", "postmortem");
    let words = path.split(|c: char| !c.is_alphanumeric());
    words.rev().find_map(kind_of_word)
}

/// The kind that a page's headings suggest: an account of an incident has a timeline, a root cause, lessons.
pub(crate) fn kind_of_headings<'h>(
    headings: impl Iterator<Item = &'h str>,
) -> Option<DocumentKind> {
    let (mut told, mut also) = ([false; TOLD.len()], [false; ALSO_TOLD.len()]);
    for heading in headings {
        let heading = heading.trim_start_matches(|c: char| !c.is_alphabetic()).to_lowercase();
        let begins = |word: &&str| heading.starts_with(*word);
        told.iter_mut().zip(TOLD).for_each(|(told, word)| *told |= begins(word));
        also.iter_mut().zip(ALSO_TOLD).for_each(|(also, word)| *also |= begins(word));
    }
    let count = |found: &[bool]| found.iter().filter(|found| **found).count();
    let is_told = count(&told) > 0 && count(&told) + count(&also) > 1;
    is_told.then_some(DocumentKind::Incident)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_words_and_their_spellings() {
        assert_eq!(kind_of_word("Post-Mortem"), Some(DocumentKind::Incident));
        assert_eq!(kind_of_word(" runbook "), Some(DocumentKind::Runbook));
        assert_eq!(kind_of_word("poem"), None);
    }

    #[test]
    fn the_last_telling_name_of_a_path_decides() {
        assert_eq!(kind_of_path("runbooks/checkout-slow.md"), Some(DocumentKind::Runbook));
        let pool = kind_of_path("runbooks/incidents/2026-03-14-pool.md");
        assert_eq!(pool, Some(DocumentKind::Incident));
        assert_eq!(kind_of_path("team/post_mortems/x.md"), Some(DocumentKind::Incident));
        assert_eq!(kind_of_path("runbooks/README.md"), Some(DocumentKind::Doc));
        assert_eq!(kind_of_path("notes.md"), None);
    }

    #[test]
    fn accounts_of_incidents_are_known_by_their_headings() {
        let kind = |headings: &[&str]| kind_of_headings(headings.iter().copied());
        let incident = Some(DocumentKind::Incident);
        assert_eq!(kind(&["Orders down", "Summary", "Timeline (UTC)"]), incident);
        assert_eq!(kind(&["3. Root causes", "What went well"]), incident);
        assert_eq!(kind(&["Meaning", "Impact", "Diagnosis", "Resolution"]), None);
        assert_eq!(kind(&["Timeline", "Timeline of releases"]), None);
        assert_eq!(kind(&[]), None);
    }
}
