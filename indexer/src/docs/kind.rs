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

/// The kind that a front matter `kind:` names.
pub(crate) fn kind_of_word(word: &str) -> Option<DocumentKind> {
    let plain: String =
        word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    WORDS.iter().find(|(name, _)| *name == plain).map(|(_, kind)| *kind)
}

/// The kind that a path suggests; the last name that suggests one decides. [`DocumentKind::Doc`] when none does.
pub(crate) fn kind_of_path(path: &str) -> DocumentKind {
    // "post-mortem" is one word in two parts.
    let path = path
        .to_lowercase()
        .replace("post-mortem", "postmortem")
        .replace("post_mortem", "postmortem");
    let words = path.split(|c: char| !c.is_alphanumeric());
    words.rev().find_map(kind_of_word).unwrap_or(DocumentKind::Doc)
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
        assert_eq!(kind_of_path("runbooks/checkout-slow.md"), DocumentKind::Runbook);
        assert_eq!(kind_of_path("runbooks/incidents/2026-03-14-pool.md"), DocumentKind::Incident);
        assert_eq!(kind_of_path("team/post_mortems/x.md"), DocumentKind::Incident);
        assert_eq!(kind_of_path("runbooks/README.md"), DocumentKind::Doc);
        assert_eq!(kind_of_path("notes.md"), DocumentKind::Doc);
    }
}
