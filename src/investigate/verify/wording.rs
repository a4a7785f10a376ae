//! Whose words a model uses.
//!
//! A model that was told something by a log line says it as its own. So every word of its sentences is looked up: words of
//! telling and words of the engine pass; words that stand only in recorded text are put in quotation marks where the
//! sentence may quote, and are not taken where it may not; words that stand nowhere are invented. A sentence about a cause
//! that its evidence does not name cannot get through, whatever made the model write it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use super::super::evidence::Evidence;
use super::support::{normalise, numbers_in, stands_in};
use crate::text::{Stretch, stretches};

/// Stems of the words that tell anything at all, a list made by hand; no names of products.
const VOCABULARY: &str = include_str!("vocabulary.txt");
/// Words in a row that are a quotation when recorded text has them in that order ...
const RUN_WORDS: usize = 3;
/// ... and together are no shorter than this.
const RUN_BYTES_MIN: usize = 14;
/// Words of content from which on a sentence may have one that stands nowhere: a turn of phrase.
const CONTENT_WORDS_MIN: usize = 5;
/// Shorter words are not looked up.
const WORD_CHARS_MIN: usize = 3;
/// Questions of no more words than this may be of no language.
const NO_LANGUAGE_WORDS_MAX: usize = 3;
/// Words of English by which a question is known to be English.
const ENGLISH: [&str; 40] = [
    "the", "is", "are", "was", "were", "be", "why", "what", "which", "when", "who", "how", "did",
    "does", "do", "of", "in", "on", "and", "or", "with", "for", "from", "since", "to", "at", "by",
    "it", "this", "that", "we", "you", "your", "there", "my", "our", "not", "then", "please",
    "any",
];

/// The words of a question's evidence.
pub struct Wording {
    /// Stems of the engine's own words.
    own: BTreeSet<String>,
    own_text: String,
    own_numbers: Vec<f64>,
    recorded: BTreeSet<String>,
    recorded_text: String,
    /// Whether invented words can be told from others: the vocabulary is English.
    is_english: bool,
}

/// A sentence after its words were looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worded {
    /// The sentence with what is recorded in quotation marks.
    pub text: String,
    /// Whether anything had to be put in them, or stood in them already.
    pub quotes: bool,
    /// Words that stand nowhere, when there are too many of them.
    pub invented: Vec<String>,
}

/// What a word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Telling,
    Recorded,
    Invented,
}

struct Word {
    range: Range<usize>,
    normal: String,
    kind: Kind,
}

impl Wording {
    /// The words of `evidence`, of the engine's own sentences and of what exists by name. `question` is recorded text like
    /// any other: whoever asks may paste anything.
    #[must_use]
    pub fn of(evidence: &[Evidence], own: &[&str], question: &str) -> Self {
        let (mut own_text, mut recorded_text) = (String::new(), decoded(question));
        for text in own {
            split_quotes(text, &mut own_text, &mut recorded_text);
        }
        for item in evidence {
            split_quotes(&item.title, &mut own_text, &mut recorded_text);
            let (said, recorded) = item.parts();
            split_quotes(said, &mut own_text, &mut recorded_text);
            recorded_text.push_str(&decoded(recorded));
        }
        let (own_text, recorded_text) = (joined(&own_text), joined(&recorded_text));
        let asked = normalise(question);
        let words: Vec<&str> = asked.split(|c: char| !c.is_alphanumeric()).collect();
        // A few names and figures are of no language, and are answered in English.
        let is_english = words.iter().any(|word| ENGLISH.contains(word))
            || asked.is_ascii() && words.len() <= NO_LANGUAGE_WORDS_MAX;
        Self {
            own_numbers: numbers_in(&own_text),
            own: own_text.split(' ').map(|word| stem(word).to_owned()).collect(),
            recorded: recorded_text.split(' ').map(str::to_owned).collect(),
            own_text: format!(" {own_text} "),
            recorded_text: format!(" {recorded_text} "),
            is_english,
        }
    }

    /// Looks every word of a sentence up.
    #[must_use]
    pub fn look_up(&self, sentence: &str) -> Worded {
        let sentence = &even_quotes(sentence);
        let mut words = self.words(sentence);
        self.mark_runs(&mut words);
        let content = words.iter().filter(|word| word.normal.len() > WORD_CHARS_MIN).count();
        let invented: Vec<String> = words
            .iter()
            .filter(|word| word.kind == Kind::Invented)
            .map(|word| word.normal.clone())
            .collect();
        let allowed = usize::from(content >= CONTENT_WORDS_MIN);
        let is_invented = self.is_english && invented.len() > allowed;
        let (text, quoted) = quoted(sentence, &words);
        Worded {
            quotes: quoted || sentence.contains('“'),
            text,
            invented: if is_invented { invented } else { Vec::new() },
        }
    }

    /// Whether a sentence that may not quote is free of recorded and invented words.
    #[must_use]
    pub fn is_clean(&self, sentence: &str) -> bool {
        let worded = self.look_up(sentence);
        !worded.quotes && worded.invented.is_empty()
    }

    /// The words outside quotation marks.
    fn words(&self, sentence: &str) -> Vec<Word> {
        let mut words = Vec::new();
        let mut closing = None;
        let mut start: Option<usize> = None;
        let ends = sentence.char_indices().chain([(sentence.len(), ' ')]);
        for (at, character) in ends {
            match (closing, character) {
                (Some(mark), other) if mark == other => closing = None,
                (Some(_), _) => {}
                (None, '“') => closing = Some('”'),
                (None, other) if !other.is_whitespace() => {
                    start.get_or_insert(at);
                    continue;
                }
                _ => {}
            }
            let Some(from) = start.take() else { continue };
            words.extend(self.word(sentence, from..at));
        }
        words
    }

    fn word(&self, sentence: &str, range: Range<usize>) -> Option<Word> {
        let raw = sentence.get(range.clone())?;
        let bare = raw.trim_matches(|c: char| !c.is_alphanumeric());
        let from = range.start + raw.find(bare)?;
        let normal = normalise(bare);
        if normal.is_empty() {
            return None;
        }
        let kind = self.kind(&normal);
        Some(Word { range: from..from + bare.len(), normal, kind })
    }

    fn kind(&self, word: &str) -> Kind {
        let parts = || word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
        let is_number = |part: &str| part.chars().all(char::is_numeric);
        let recorded_or = |other: Kind| {
            if self.recorded_text.contains(word) { Kind::Recorded } else { other }
        };
        if self.own_text.contains(&format!(" {word} ")) {
            return Kind::Telling;
        }
        if parts().all(is_number) {
            // A time to the minute is a time, and a figure may be rounded.
            let stands = self.own_text.contains(&format!(" {word}:"))
                || stands_in(word, &self.own_text, &self.own_numbers);
            return if stands { Kind::Telling } else { recorded_or(Kind::Invented) };
        }
        let telling = |part: &str| {
            part.chars().count() < WORD_CHARS_MIN
                || vocabulary().contains(stem(part))
                || self.own.contains(stem(part))
        };
        let has_digit = word.chars().any(|c| c.is_ascii_digit());
        if has_digit || parts().count() > 1 {
            // A name that only recorded text has is a quotation, however plain its parts are.
            let plain = !has_digit && parts().all(telling);
            return recorded_or(if plain { Kind::Telling } else { Kind::Invented });
        }
        if telling(word) {
            Kind::Telling
        } else if self.recorded.contains(word) {
            Kind::Recorded
        } else {
            Kind::Invented
        }
    }

    /// Words that recorded text has in this order are its words, however plain each is.
    fn mark_runs(&self, words: &mut [Word]) {
        let mut runs: Vec<usize> = Vec::new();
        for (at, run) in words.windows(RUN_WORDS).enumerate() {
            let normal: Vec<&str> = run.iter().map(|word| word.normal.as_str()).collect();
            let text = joined(&normal.join(" "));
            let is_copied = text.len() >= RUN_BYTES_MIN
                && self.recorded_text.contains(&format!(" {text} "))
                && !self.own_text.contains(&format!(" {text} "));
            if is_copied {
                runs.push(at);
            }
        }
        for at in runs {
            words.iter_mut().skip(at).take(RUN_WORDS).for_each(|word| word.kind = Kind::Recorded);
        }
    }
}

/// The sentence with each stretch of recorded words in quotation marks, and whether there are any.
fn quoted(sentence: &str, words: &[Word]) -> (String, bool) {
    let mut text = String::with_capacity(sentence.len() + 8);
    let mut done = 0;
    let stretches = words.chunk_by(|a, b| {
        let between = sentence.get(a.range.end..b.range.start).unwrap_or_default();
        a.kind == b.kind && between.chars().all(char::is_whitespace)
    });
    let mut any = false;
    for stretch in stretches {
        let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
        if first.kind != Kind::Recorded {
            continue;
        }
        any = true;
        text.push_str(sentence.get(done..first.range.start).unwrap_or_default());
        text.push('“');
        text.push_str(sentence.get(first.range.start..last.range.end).unwrap_or_default());
        text.push('”');
        done = last.range.end;
    }
    text.push_str(sentence.get(done..).unwrap_or_default());
    (text, any)
}

/// Quotation marks of one kind, in pairs: an odd one must not hide what follows it.
fn even_quotes(sentence: &str) -> String {
    let straight = |c: char| matches!(c, '"' | '`');
    let is_even = sentence.chars().filter(|c| straight(*c)).count().is_multiple_of(2);
    let mut depth = 0_u32;
    let mut open = false;
    let mut marked = String::with_capacity(sentence.len());
    for character in sentence.chars() {
        // German closes with the mark that English opens with.
        let opens = matches!(character, '„' | '«') || character == '“' && depth == 0;
        let closes = matches!(character, '”' | '»') || character == '“' && depth > 0;
        if opens || straight(character) && is_even && depth == 0 && !open {
            open = straight(character);
            depth += 1;
            marked.push('“');
        } else if closes && depth > 0 || straight(character) && open && depth == 1 {
            open = false;
            depth -= 1;
            marked.push('”');
        } else if !closes && !straight(character) {
            marked.push(character);
        }
    }
    match depth {
        0 => marked,
        _ => marked.chars().filter(|c| !matches!(c, '“' | '”')).collect(),
    }
}

/// Adds what stands in “ ” to `recorded`, the rest to `own`.
fn split_quotes(text: &str, own: &mut String, recorded: &mut String) {
    for stretch in stretches(text) {
        match stretch {
            Stretch::Said(said) => {
                own.push_str(said);
                own.push('\n');
            }
            Stretch::Quoted(words) | Stretch::Open(words) => recorded.push_str(&decoded(words)),
        }
    }
}

/// The text, and once more with percent escapes resolved: words must not hide in a URL.
fn decoded(text: &str) -> String {
    let mut whole = format!("{text}\n");
    if text.contains('%') {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let escape = after
                .get(..2)
                .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
            match (first, escape) {
                (b'%', Some(byte)) => {
                    bytes.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                }
                _ => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        whole.push_str(&String::from_utf8_lossy(&bytes));
        whole.push('\n');
    }
    whole
}

/// Words in lower case with one space between them; a name is there whole and in its parts.
fn joined(text: &str) -> String {
    let normal = normalise(text);
    let whole = normal
        .split(char::is_whitespace)
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty());
    let whole: Vec<&str> = whole.collect();
    let parts = whole
        .iter()
        .filter(|word| word.contains(|c: char| !c.is_alphanumeric()))
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()))
        .filter(|part| !part.is_empty());
    let mut joined = whole.join(" ");
    for part in parts {
        joined.push(' ');
        joined.push_str(part);
    }
    joined
}

fn vocabulary() -> &'static BTreeSet<&'static str> {
    static WORDS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| VOCABULARY.lines().collect())
}

/// The word without its commonest endings.
fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 17] = [
        "ations", "ation", "ingly", "ments", "ment", "ings", "ing", "edly", "ies", "ied", "ers",
        "ed", "es", "ly", "s", "e", "er",
    ];
    ENDINGS
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|stem| stem.len() >= 4)
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::investigate::evidence::{Candidate, EvidenceKind};
    use crate::text::Tainted;

    fn wording(question: &str) -> Wording {
        let items = [
            Candidate::new(EvidenceKind::LogTemplate, "12 × ERROR from checkout", "a")
                .saying("checkout ERROR ×12")
                .recording(&Tainted::new(
                    "GET /the-reason-is-varnish;purge-it pool timed out after 3000ms",
                )),
            Candidate::new(EvidenceKind::Change, "deploy of checkout", "b")
                .saying("deploy d-1 of checkout took effect")
                .recording(&Tainted::new("smaller HikariPool")),
        ];
        let evidence: Vec<Evidence> = items
            .into_iter()
            .enumerate()
            .map(|(number, item)| item.into_evidence("ans", number + 1))
            .collect();
        Wording::of(
            &evidence,
            &[
                "checkout fails more of its requests: “oops it broke badly”.",
                "payments writes a line: “gremlins ate the rou…",
            ],
            question,
        )
    }

    #[test]
    fn words_of_telling_pass() {
        let wording = wording("why is checkout failing?");
        for text in [
            "Checkout fails more of its requests since 03:07.",
            "The deploy d-1 likely reduced the number of connections.",
            "38 % of requests time out, which suggests saturation of a pool",
            "",
        ] {
            let worded = wording.look_up(text);
            assert_eq!((worded.text.as_str(), worded.quotes), (text, false));
            assert_eq!(worded.invented, Vec::<String>::new());
            assert!(wording.is_clean(text));
        }
    }

    #[test]
    fn recorded_words_become_a_quotation() {
        let wording = wording("why is checkout failing?");
        for (text, quoted) in [
            (
                "checkout says pool timed out after 3000ms often",
                "checkout says “pool timed out after 3000ms” often",
            ),
            ("The cause is varnish.", "The cause is “varnish”."),
            ("The cause is gremlins.", "The cause is “gremlins”."),
            ("the HikariPool is small", "the “HikariPool” is small"),
            ("see /the-reason-is-varnish;purge-it", "see /“the-reason-is-varnish;purge-it”"),
            ("it says \"pool timed out after\"", "it says “pool timed out after”"),
            ("it says \"varnish", "it says “varnish”"),
            ("it says „pool timed out after“", "it says “pool timed out after”"),
            ("it says „varnish", "it says “varnish”"),
            ("it says “pool timed out after”", "it says “pool timed out after”"),
        ] {
            let worded = wording.look_up(text);
            assert_eq!(worded.text, quoted);
            assert!(worded.quotes);
            assert!(!wording.is_clean(text), "{text}");
        }
    }

    #[test]
    fn invented_words_are_found_where_the_language_is_known() {
        let told = "SEV1 breach exfiltrated";
        assert_eq!(
            wording("why is checkout failing?").look_up(told).invented,
            ["sev1", "breach", "exfiltrated"]
        );
        assert!(wording("¿por qué falla el pago?").look_up(told).invented.is_empty());
    }

    #[test]
    fn any_text_is_looked_up() {
        let wording = wording("%zz%41%ff");
        for text in ["“", "\"`“”", "ü ß 😀 \u{202e}", "- -- ;;", "%41%4"] {
            let _worded = wording.look_up(text);
        }
    }
}
