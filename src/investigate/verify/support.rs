//! Whether a sentence is supported by the words of what it cites.
//!
//! The check is mechanical. Every number, time, identifier, quotation and known service of a sentence is looked up in
//! the cited items; a number may be a rounding of one that stands there.

use super::super::draft::Sentence;
use super::super::evidence::Evidence;
use crate::text::{Stretch, stretches};

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

/// Lower case, single spaces, thousands separators gone, a decimal comma as a point, typographic quotes plain.
pub(super) fn normalise(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut normal = String::with_capacity(text.len());
    for (position, character) in characters.iter().enumerate() {
        let is_digit = |index: usize| characters.get(index).is_some_and(char::is_ascii_digit);
        match character {
            ',' if position.checked_sub(1).is_some_and(is_digit) && is_digit(position + 1) => {
                let digits = (position + 1..).take_while(|index| is_digit(*index)).take(4).count();
                // `2,318` is a number of thousands, `38,2` one with a fraction.
                if digits != 3 {
                    normal.push('.');
                }
            }
            '“' | '”' | '„' | '«' | '»' => normal.push('"'),
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
                // A quotation that was cut says so.
                let part = part.trim().trim_end_matches('…').trim_end();
                if part.chars().count() >= 3 {
                    parts.push(part.to_owned());
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

/// The sentence without what stands in quotation marks.
pub(super) fn unquoted(text: &str) -> String {
    let said = |stretch| match stretch {
        Stretch::Said(said) => Some(said),
        Stretch::Quoted(_) | Stretch::Open(_) => None,
    };
    stretches(text).filter_map(said).collect()
}

/// Whether a hyphenated word is a name rather than English: a known service, or more than two parts.
fn is_known_like(word: &str, known: &[String]) -> bool {
    word.split('-').count() > 2 || known.iter().any(|service| service.to_lowercase().contains(word))
}

/// Every number of a text, with the digits it was written with.
pub(super) fn numbers_in(text: &str) -> Vec<f64> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .filter_map(|part| part.trim_matches('.').parse().ok())
        .collect()
}

pub(super) fn stands_in(part: &str, source: &str, numbers: &[f64]) -> bool {
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
    use crate::investigate::evidence::{Candidate, EvidenceKind, Own};

    fn item(number: usize, text: &str) -> Evidence {
        Candidate {
            kind: EvidenceKind::LogTemplate,
            title: "a title".to_owned(),
            service: Some("checkout".to_owned()),
            range: None,
            query: None,
            text: text.to_owned(),
            score: 0.5,
            own: Own::Nothing,
            measure: None,
            series: None,
            drawn: None,
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
        assert_eq!(check("checkout: 38,2 % der Anfragen scheitern", &["E1"]), Support::Verified);
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
