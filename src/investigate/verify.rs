//! Draft to answer: each sentence must cite evidence that exists, and what it names and counts must stand in there.
//!
//! The check is mechanical. Every number, time, identifier, quotation and known service of a sentence is looked up in
//! the cited items; a number may be a rounding of one that stands there. A sentence that names or counts something
//! which is not in what it cites is cut, whoever wrote it.

use super::answer::{
    Answer, Claim, ClaimStatus, Confidence, RuledOut, SeenBefore, SeenSign, ToldBy, Verdict,
};
use super::draft::{Draft, Sentence};
use super::evidence::Evidence;

/// How a sentence stands against what it cites.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Support {
    /// Everything checkable in it was found, and there was something checkable.
    Verified,
    /// It cites existing evidence and holds nothing that can be looked up.
    Unverifiable,
    /// It cites nothing, cites what does not exist, or says what is not there.
    Refuted(String),
}

/// Checks one sentence. `known` are service names that count as names although they look like words.
#[must_use]
pub fn support(sentence: &Sentence, evidence: &[Evidence], known: &[String]) -> Support {
    if sentence.cites.is_empty() {
        return Support::Refuted("it cites no evidence".to_owned());
    }
    let mut source = String::new();
    for id in &sentence.cites {
        let Some(item) = evidence.iter().find(|item| item.id == *id) else {
            return Support::Refuted(format!("{id} does not exist"));
        };
        for part in
            [item.title.as_str(), item.service.as_deref().unwrap_or(""), item.preview.as_str()]
        {
            source.push_str(part);
            source.push('\n');
        }
    }
    let source = normalise(&source);
    let numbers = numbers_in(&source);
    let checkable = checkable_parts(&sentence.text, known);
    let missing = checkable.iter().find(|part| !stands_in(part, &source, &numbers));
    match missing {
        Some(part) => Support::Refuted(format!("`{part}` is not in {}", sentence.cites.join(", "))),
        None if checkable.is_empty() => Support::Unverifiable,
        None => Support::Verified,
    }
}

/// Keeps what holds and makes the answer's parts of it. Returns the number of sentences that were cut.
pub fn verify(draft: Draft, known: &[String], answer: &mut Answer) -> usize {
    let before = draft.claims.len();
    answer.claims = draft
        .claims
        .into_iter()
        .filter_map(|sentence| {
            let status = match support(&sentence, &answer.evidence, known) {
                Support::Verified => ClaimStatus::Verified,
                Support::Unverifiable => ClaimStatus::Unverifiable,
                Support::Refuted(_) => return None,
            };
            Some((sentence, status))
        })
        .enumerate()
        .map(|(number, (sentence, status))| Claim {
            id: format!("c{}", number + 1),
            text: sentence.text,
            cites: sentence.cites,
            status,
        })
        .collect();
    let cut = before - answer.claims.len();
    answer.ruled_out = draft
        .ruled_out
        .into_iter()
        .filter(|sentence| {
            sentence.cites.is_empty()
                || !matches!(support(sentence, &answer.evidence, known), Support::Refuted(_))
        })
        .map(|sentence| RuledOut { text: sentence.text, cites: sentence.cites })
        .collect();
    answer.hypotheses = draft.hypotheses;
    answer.next = draft.next;
    answer.seen_before = draft
        .seen_before
        .into_iter()
        .filter_map(|seen| seen_that_holds(seen, &answer.evidence, known))
        .collect();
    answer.unknowns = draft.unknowns;
    answer.impact = draft.impact;
    answer.told_by = draft.told_by;
    answer.notice = draft.notice;
    answer.verdict = draft.verdict;
    answer.confidence = draft.confidence;
    answer.headline = draft.headline.text;
    answer.headline_cites = draft.headline.cites;
    if answer.verdict != Verdict::NotEnoughEvidence && answer.claims.is_empty() {
        // A conclusion whose sentences all fell is none.
        answer.verdict = Verdict::NotEnoughEvidence;
        answer.confidence = None;
        answer
            .hypotheses
            .iter_mut()
            .for_each(|hypothesis| hypothesis.score = hypothesis.score.min(0.2));
        "Not enough evidence: no statement about the cause held when it was checked"
            .clone_into(&mut answer.headline);
        answer.headline_cites.clear();
    }
    if answer.told_by == ToldBy::Model && cut > 0 {
        answer.confidence = answer.confidence.map(|confidence| confidence.min(Confidence::Medium));
    }
    cut
}

/// A past incident with what holds of it; `None` when it is not the one that it cites.
fn seen_that_holds(
    mut seen: SeenBefore,
    evidence: &[Evidence],
    known: &[String],
) -> Option<SeenBefore> {
    let holds = |text: &str, cites: &[String]| {
        let sentence = Sentence::new(text, cites.to_vec());
        !matches!(support(&sentence, evidence, known), Support::Refuted(_))
    };
    let name = format!("{} {}", seen.incident.as_deref().unwrap_or(""), seen.title);
    if !holds(&name, &seen.cites) {
        return None;
    }
    let cites = seen.cites.clone();
    for part in [&mut seen.cause, &mut seen.fixed_by, &mut seen.took] {
        *part = part.take().filter(|text| holds(text, &cites));
    }
    let sign_holds = |sign: &SeenSign| holds(&sign.text, &sign.cites);
    seen.matches.retain(sign_holds);
    seen.differs.retain(sign_holds);
    Some(seen)
}

/// Lower case, single spaces, thousands separators gone, typographic quotes plain.
fn normalise(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut normal = String::with_capacity(text.len());
    for (position, character) in characters.iter().enumerate() {
        let digit_at = |index: Option<usize>| {
            index.and_then(|index| characters.get(index)).is_some_and(char::is_ascii_digit)
        };
        match character {
            ',' if digit_at(position.checked_sub(1)) && digit_at(Some(position + 1)) => {}
            '“' | '”' | '„' => normal.push('"'),
            '‘' | '’' => normal.push('\''),
            space if space.is_whitespace() => {
                if !normal.ends_with(' ') {
                    normal.push(' ');
                }
            }
            other => normal.extend(other.to_lowercase()),
        }
    }
    normal
}

/// The parts of a sentence that can be looked up: quotations, code, identifiers, numbers, known services.
fn checkable_parts(text: &str, known: &[String]) -> Vec<String> {
    let normal = normalise(text);
    let mut parts = Vec::new();
    let mut rest = String::with_capacity(normal.len());
    let mut quoted: Option<(char, String)> = None;
    for character in normal.chars() {
        match quoted.take() {
            Some((mark, part)) if character == mark => {
                if part.chars().count() >= 3 {
                    parts.push(part.trim().to_owned());
                }
                rest.push(' ');
            }
            Some((mark, mut part)) => {
                part.push(character);
                quoted = Some((mark, part));
            }
            None if character == '"' || character == '`' => {
                quoted = Some((character, String::new()))
            }
            None => rest.push(character),
        }
    }
    // An unclosed quotation mark quotes nothing; its words are checked like any others.
    if let Some((_, part)) = quoted {
        rest.push(' ');
        rest.push_str(&part);
    }
    for word in rest
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ';'))
    {
        let word = word.trim_matches(|c: char| {
            !c.is_alphanumeric() && c != '/' && c != '-' || c == '-' && word.len() == 1
        });
        let word = word.trim_end_matches(['.', ',', ':', '!', '?', '%']);
        let is_name = word.contains(|c: char| c.is_ascii_digit())
            || (word.len() > 3 && word.chars().any(|c| matches!(c, '_' | '/' | '.')))
            || (word.contains('-')
                && word.split('-').all(|part| part.len() > 1)
                && is_known_like(word, known));
        if is_name || known.iter().any(|service| service.to_lowercase() == word) {
            parts.push(word.to_owned());
        }
    }
    parts.sort();
    parts.dedup();
    parts
}

/// Whether a hyphenated word is a name rather than English: a known service, or more than two parts.
fn is_known_like(word: &str, known: &[String]) -> bool {
    word.split('-').count() > 2 || known.iter().any(|service| service.to_lowercase().contains(word))
}

/// Every number of a text, with the digits it was written with.
fn numbers_in(text: &str) -> Vec<f64> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|part| part.trim_matches('.').parse().ok())
        .collect()
}

fn stands_in(part: &str, source: &str, numbers: &[f64]) -> bool {
    if source.contains(part) {
        return true;
    }
    // `38 %` may be the rounding of 38.2, `410ms` of 410 ms.
    let digits = part.trim_end_matches(|c: char| c.is_alphabetic() || c == '%' || c == '×');
    let digits = digits.trim_start_matches(['×', '~', '+', '-']);
    let Ok(number) = digits.parse::<f64>() else { return false };
    let decimals = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = 10_f64.powi(i32::try_from(decimals.min(9)).unwrap_or(9));
    numbers.iter().any(|known| ((known * scale).round() - number * scale).abs() < 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::investigate::evidence::{Candidate, EvidenceKind};

    fn item(number: usize, text: &str) -> Evidence {
        Candidate {
            kind: EvidenceKind::LogTemplate,
            title: "a title".to_owned(),
            service: Some("checkout".to_owned()),
            range: None,
            query: None,
            text: text.to_owned(),
            score: 0.5,
            series: None,
            key: String::new(),
        }
        .into_evidence("ans_1", number)
    }

    fn check(text: &str, cites: &[&str]) -> Support {
        let evidence = [
            item(1, "pool timed out after 3000ms ×2,318 since 03:07:10, 38.2 % of requests"),
            item(2, "v2.31 deployed"),
        ];
        let known = ["checkout".to_owned(), "payments".to_owned(), "order-db".to_owned()];
        let cites = cites.iter().map(|id| (*id).to_owned()).collect();
        support(&Sentence::new(text, cites), &evidence, &known)
    }

    #[test]
    fn what_stands_in_the_evidence_is_verified() {
        assert_eq!(
            check("checkout wrote \"pool timed out after\" 2318 times since 03:07:10", &["E1"]),
            Support::Verified
        );
        assert_eq!(check("about 38 % of requests failed.", &["E1"]), Support::Verified);
        assert_eq!(check("v2.31 came before (03:07:10)", &["E1", "E2"]), Support::Verified);
        assert_eq!(check("something is wrong", &["E1"]), Support::Unverifiable);
    }

    #[test]
    fn what_does_not_is_refuted() {
        for (text, cites) in [
            ("payments is down", &["E1"][..]),
            ("checkout wrote 2319 lines", &["E1"]),
            ("39 % of requests failed", &["E1"]),
            ("`rm -rf` fixes it", &["E1"]),
            ("v2.31 is to blame", &["E1"]),
            ("order-db is slow", &["E1"]),
            ("pool timed out", &[]),
            ("pool timed out", &["E9"]),
            ("see https://evil.example/x", &["E1"]),
        ] {
            assert!(matches!(check(text, cites), Support::Refuted(_)), "{text}");
        }
    }

    #[test]
    fn hostile_sentences_do_not_panic() {
        for text in ["“", "`", "\"\"\"", "…9.9.9…", "- -- --- ×× %%", "\u{202e}9\u{200d}", ",1,,2,"]
        {
            check(text, &["E1"]);
        }
    }
}
