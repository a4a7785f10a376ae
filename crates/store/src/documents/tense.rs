//! Tells from its tense whether a question is about what is happening or about what happened.
//!
//! Who looks for help says what a system does (“launches time out”, “what can I delete”); who remembers an incident tells
//! a story (“launches timed out after we upgraded the proxy”). The first is better served by a runbook, the second by the
//! account of the incident. English alone is read; in other languages there is no leaning.

/// Forms of the past that do not end in `ed`.
const PAST: &[&str] = &[
    "was", "were", "wasn't", "weren't", "had", "hadn't", "did", "didn't", "could", "couldn't",
    "went", "took", "got", "lost", "came", "made", "ran", "broke", "fell", "began", "became",
    "left", "sent", "held", "kept", "brought", "found", "saw", "told", "ate", "grew", "wrote",
    "shut",
];
/// Forms of the present, and words of a question.
const PRESENT: &[&str] = &[
    "is", "are", "isn't", "aren't", "am", "has", "have", "hasn't", "haven't", "do", "does",
    "don't", "doesn't", "can", "can't", "cannot", "will", "won't", "what", "how", "why", "which",
    "where", "should", "keeps", "keep", "gets", "get", "says", "shows", "it's", "that's",
    "there's", "what's",
];
/// Bytes that are read: a pasted log is not prose.
const BYTES_MAX: usize = 2_000;

/// From -1, all in the present, to 1, all in the past; 0 when nothing tells.
pub(super) fn leaning(question: &str) -> f32 {
    let read = question.get(..question.floor_char_boundary(BYTES_MAX)).unwrap_or(question);
    let (mut past, mut present) = (0.0_f32, 0.0_f32);
    for word in read.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’') {
        let word = word.to_lowercase().replace('’', "'");
        let is_participle = word.len() > 4 && word.ends_with("ed");
        if is_participle || PAST.contains(&word.as_str()) {
            past += 1.0;
        } else if PRESENT.contains(&word.as_str()) {
            present += 1.0;
        }
    }
    (past - present) / (past + present).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_and_troubles_are_told_apart() {
        assert_eq!(leaning("the proxy was upgraded and requests timed out"), 1.0);
        assert_eq!(leaning("what can I delete, the disk is full"), -1.0);
        assert_eq!(leaning("KubePodCrashLooping"), 0.0);
        assert_eq!(leaning(""), 0.0);
        assert!(leaning("why didn’t the pod start after it moved").abs() < 0.5);
    }
}
