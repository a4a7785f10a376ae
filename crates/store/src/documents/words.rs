//! Cuts documents and questions into the terms that are indexed and looked up.
//!
//! Both sides use this one definition. A word is a run of letters and digits, or several joined by one of `_ - . / : @`:
//! an identifier. Identifiers are cut where they are joined and where their case changes, since a question rarely
//! spells them out: `KubePodCrashLooping` gives `kube`, `pod`, `crash`, `loop` and, as an exact name that outweighs
//! them all, `kubepodcrashlooping`. Plain words are stemmed (Porter 2), names are not. In scripts that are written
//! without spaces each character is a term.

use frostem::{Algorithm, Stemmer};

/// Longer terms are cut: they are blobs rather than words.
const TERM_BYTES_MAX: usize = 64;
/// Parts of one identifier that become terms; a base64 blob changes its case a thousand times.
const PARTS_MAX: usize = 32;

/// Cuts texts into terms.
pub(super) struct Terms {
    stemmer: Stemmer,
}

impl Terms {
    pub(super) fn new() -> Self {
        Self { stemmer: Stemmer::new(Algorithm::English) }
    }

    /// Calls `visit` with every term of `text`, repeats included.
    pub(super) fn each(&self, text: &str, visit: &mut dyn FnMut(&str)) {
        let mut rest = text;
        while let Some(start) = rest.find(char::is_alphanumeric) {
            let from_start = rest.get(start..).unwrap_or_default();
            let length = word_length(from_start);
            let (word, after) = from_start.split_at(length);
            self.each_of_word(word, visit);
            rest = after;
        }
    }

    fn each_of_word(&self, word: &str, visit: &mut dyn FnMut(&str)) {
        let mut parts_left = PARTS_MAX;
        let mut is_joined = false;
        for (position, segment) in word.split(is_joiner).enumerate() {
            is_joined |= position > 0;
            let mut parts = 0;
            for part in parts_of(segment).take(parts_left) {
                parts += 1;
                visit(&self.stemmed(&lowered(part)));
            }
            if parts > 1 {
                visit(&lowered(segment));
            }
            parts_left -= parts;
        }
        if is_joined {
            visit(&lowered(word));
        }
    }

    fn stemmed<'t>(&self, term: &'t str) -> std::borrow::Cow<'t, str> {
        if term.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.stemmer.stem(term)
        } else {
            term.into()
        }
    }
}

/// The length of the word that `text` begins with: joiners belong to it between letters or digits only.
fn word_length(text: &str) -> usize {
    let mut end = 0;
    let mut after_joiner = false;
    for (at, c) in text.char_indices() {
        if c.is_alphanumeric() {
            end = at + c.len_utf8();
            after_joiner = false;
        } else if is_joiner(c) && !after_joiner {
            after_joiner = true;
        } else {
            break;
        }
    }
    end
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | '/' | ':' | '@')
}

/// Cuts letters and digits where the case changes: `HTTPServer2xx` into `HTTP` and `Server2xx`.
fn parts_of(segment: &str) -> impl Iterator<Item = &str> {
    let mut rest = segment;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(part_length(rest));
        rest = after;
        Some(part)
    })
}

fn part_length(segment: &str) -> usize {
    let mut chars = segment.char_indices().peekable();
    let mut before = None;
    while let Some((at, c)) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let is_cut = before.is_some_and(|before: char| {
            is_unspaced(c)
                || is_unspaced(before)
                || (c.is_uppercase()
                    && (!before.is_uppercase() && before.is_alphanumeric()
                        || before.is_uppercase() && next_is_lower))
        });
        if is_cut {
            return at;
        }
        before = Some(c);
    }
    segment.len()
}

/// Whether `c` belongs to a script without spaces between words: Chinese, Japanese, Thai and their neighbours.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

fn lowered(word: &str) -> String {
    let cut = word.get(..word.floor_char_boundary(TERM_BYTES_MAX)).unwrap_or(word);
    cut.to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        Terms::new().each(text, &mut |term| all.push(term.to_owned()));
        all
    }

    #[test]
    fn identifiers_give_their_parts_and_themselves() {
        assert_eq!(
            terms("KubePodCrashLooping"),
            ["kube", "pod", "crash", "loop", "kubepodcrashlooping"]
        );
        assert_eq!(terms("ETIMEDOUT"), ["etimedout"]);
        assert_eq!(terms("order-service"), ["order", "servic", "order-service"]);
        assert_eq!(
            terms("http_requests_total"),
            ["http", "request", "total", "http_requests_total"]
        );
        assert_eq!(terms("E1234"), ["e1234"]);
        assert_eq!(terms("HTTPServer2xx"), ["http", "server2xx", "httpserver2xx"]);
        assert_eq!(terms("/var/lib/pg.conf"), ["var", "lib", "pg", "conf", "var/lib/pg.conf"]);
        assert_eq!(
            terms("java.net.ConnectException: x"),
            [
                "java",
                "net",
                "connect",
                "except",
                "connectexception",
                "java.net.connectexception",
                "x"
            ]
        );
    }

    #[test]
    fn plain_words_are_stemmed_and_names_are_not() {
        assert_eq!(terms("Pods were restarting."), ["pod", "were", "restart"]);
        assert_eq!(terms("größere"), ["größere"]);
        assert_eq!(terms("a--b ...- _ @"), ["a", "b"]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_at_each_character() {
        assert_eq!(terms("磁盘满"), ["磁", "盘", "满", "磁盘满"]);
        assert_eq!(terms("Привет мир"), ["привет", "мир"]);
    }

    #[test]
    fn blobs_are_cut_short() {
        let blob = "aB".repeat(10_000);
        let all = terms(&blob);
        assert!(all.len() <= PARTS_MAX + 1, "{}", all.len());
        assert!(terms(&"x.".repeat(10_000)).len() <= 10_001);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_cut_into_short_terms(text in any::<String>()) {
            for term in terms(&text) {
                assert!(!term.is_empty() && term.len() <= 3 * TERM_BYTES_MAX);
                assert!(!term.contains(char::is_whitespace));
            }
        }

        #[test]
        fn case_and_surroundings_do_not_matter_to_plain_words(first in "[a-z]", rest in "[a-z]{0,11}") {
            let capitalised = format!("  ({}{rest}), ", first.to_uppercase());
            assert_eq!(terms(&format!("{first}{rest}")), terms(&capitalised));
        }
    }
}
