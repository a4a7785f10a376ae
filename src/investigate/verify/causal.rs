//! Words of cause need more than one witness: a sentence that says what caused what, and cites one kind of signal only,
//! is told as a supposition.

use super::super::evidence::Evidence;

/// Words that state a cause, and the same as a supposition. Longer ones come before those that they contain.
const CAUSAL: [(&str, &str); 26] = [
    ("is not caused by", "is not caused by"),
    ("was not caused by", "was not caused by"),
    ("is caused by", "may be caused by"),
    ("was caused by", "may have been caused by"),
    ("were caused by", "may have been caused by"),
    ("are caused by", "may be caused by"),
    ("caused by", "possibly caused by"),
    ("is the root cause", "may be the root cause"),
    ("root cause is", "root cause may be"),
    ("is the cause", "may be the cause"),
    ("caused", "may have caused"),
    ("causes", "may cause"),
    ("causing", "possibly causing"),
    ("because", "possibly because"),
    ("due to", "possibly due to"),
    ("led to", "may have led to"),
    ("leads to", "may lead to"),
    ("leading to", "possibly leading to"),
    ("was triggered by", "may have been triggered by"),
    ("triggered by", "possibly triggered by"),
    ("triggered", "may have triggered"),
    ("resulted in", "may have resulted in"),
    ("results in", "may result in"),
    ("is responsible for", "may be responsible for"),
    ("is to blame", "may be to blame"),
    ("broke", "may have broken"),
];
/// Words that tell a supposition already.
const HEDGES: [&str; 12] = [
    "may", "might", "could", "can", "likely", "unlikely", "possibly", "probably", "perhaps",
    "suggests", "suggest", "cannot",
];

/// The sentence, with its words of cause softened when what it cites is of fewer than two independent signals.
pub(super) fn soften(text: &str, cites: &[String], evidence: &[Evidence]) -> String {
    if independent_signals(cites, evidence) >= 2 || is_hedged(text) {
        return text.to_owned();
    }
    let mut soft = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut before: Option<char> = None;
    let mut closing: Option<char> = None;
    while let Some(character) = rest.chars().next() {
        let starts_word = before.is_none_or(|before| !before.is_alphanumeric());
        let found = CAUSAL
            .iter()
            .filter(|_| starts_word && closing.is_none())
            .find(|(hard, _)| begins_with_words(rest, hard));
        if let Some((hard, words)) = found {
            soft.push_str(&like(words, character));
            rest = rest.get(hard.len()..).unwrap_or_default();
            before = hard.chars().last();
            continue;
        }
        // What is quoted is quoted as it stands.
        closing = match (closing, character) {
            (Some(mark), other) if mark == other => None,
            (None, '“') => Some('”'),
            (None, mark @ ('"' | '`')) => Some(mark),
            (open, _) => open,
        };
        soft.push(character);
        before = Some(character);
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    soft
}

/// Kinds of telemetry that the cited items come from. Documents tell of other days, alerts repeat a symptom, and a list of
/// what else differs is no witness of its own.
pub(super) fn independent_signals(cites: &[String], evidence: &[Evidence]) -> usize {
    let mut signals: Vec<&str> = evidence
        .iter()
        .filter(|item| cites.contains(&item.id))
        .map(|item| item.kind.signal())
        .filter(|signal| !matches!(*signal, "documents" | "alerts" | "signs"))
        .collect();
    signals.sort_unstable();
    signals.dedup();
    signals.len()
}

fn is_hedged(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).any(|word| HEDGES.contains(&word))
}

/// Whether `text` begins with `words`, in any case, and goes on with something else than the rest of a word.
fn begins_with_words(text: &str, words: &str) -> bool {
    text.get(..words.len()).is_some_and(|head| head.eq_ignore_ascii_case(words))
        && text
            .get(words.len()..)
            .and_then(|rest| rest.chars().next())
            .is_none_or(|next| !next.is_alphanumeric())
}

/// `words` with a capital where the sentence had one.
fn like(words: &str, first: char) -> String {
    let mut characters = words.chars();
    match characters.next() {
        Some(start) if first.is_uppercase() => start.to_uppercase().chain(characters).collect(),
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::investigate::evidence::{Candidate, EvidenceKind};

    fn evidence() -> Vec<Evidence> {
        [EvidenceKind::LogTemplate, EvidenceKind::Log, EvidenceKind::Change, EvidenceKind::Runbook]
            .into_iter()
            .enumerate()
            .map(|(number, kind)| Candidate::new(kind, "t", "k").into_evidence("a", number + 1))
            .collect()
    }

    fn softened(text: &str, cites: &[&str]) -> String {
        let cites: Vec<String> = cites.iter().map(|id| (*id).to_owned()).collect();
        soften(text, &cites, &evidence())
    }

    #[test]
    fn one_kind_of_signal_makes_a_supposition() {
        for (hard, soft) in [
            ("The deploy caused the errors", "The deploy may have caused the errors"),
            ("Caused by a full disk", "Possibly caused by a full disk"),
            (
                "It is slow because the pool is empty",
                "It is slow possibly because the pool is empty",
            ),
            (
                "Errors are due to v2; v2 broke it",
                "Errors are possibly due to v2; v2 may have broken it",
            ),
        ] {
            assert_eq!(softened(hard, &["E1"]), soft);
            assert_eq!(
                softened(hard, &["E1", "E2"]),
                soft,
                "two items of one signal are one witness"
            );
            assert_eq!(softened(hard, &["E1", "E4"]), soft, "a runbook has seen nothing");
            assert_eq!(softened(hard, &["E1", "E3"]), hard);
        }
    }

    #[test]
    fn other_words_and_quotations_stay() {
        for text in [
            "The deploy likely caused the errors",
            "It logs “caused by: timeout” often",
            "`due to` stands in the line",
            "becausewise and brokered are other words",
            "",
            "ü“`\"",
        ] {
            assert_eq!(softened(text, &["E1"]), text);
        }
    }
}
