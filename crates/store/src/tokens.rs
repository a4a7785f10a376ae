//! Cuts text into the tokens that are indexed and searched; both sides use this one definition.
//!
//! A word is a run of letters, digits, `_`, `-` and `.`, without such marks at its ends. It is a token as a whole, and
//! so is every run of letters and digits inside it: `order-17.eu` gives `order-17.eu`, `order`, `17` and `eu`. Tokens are
//! in lower case and no longer than [`TOKEN_BYTES_MAX`]; what is longer is cut, in text and query alike.

use memchr::memchr2_iter;

/// Longest token. Longer words are cut: their tails rarely tell them apart, and blobs would fill the index.
const TOKEN_BYTES_MAX: usize = 64;
/// Parts of one word that become tokens of their own.
const PARTS_MAX: usize = 32;

/// Cuts texts, reusing one buffer.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer {
    lower: String,
}

impl Tokenizer {
    /// Calls `visit` with every token of `text`, repeats included, until it says `false`.
    pub(crate) fn tokens(&mut self, text: &str, visit: &mut dyn FnMut(&str) -> bool) {
        if text.is_ascii() {
            self.ascii_tokens(text, visit);
        } else {
            self.unicode_tokens(text, visit);
        }
    }

    /// What nearly every log line takes: lowered once, and cut by bytes.
    fn ascii_tokens(&mut self, text: &str, visit: &mut dyn FnMut(&str) -> bool) {
        let mut rest = self.lower_ascii(text);
        while let Some((word, is_joined, after)) = next_ascii_word(rest) {
            rest = after;
            let parts_max = if is_joined { PARTS_MAX } else { 0 };
            let mut parts = word_parts(word).take(parts_max);
            let is_wanted = visit(cut(word)) && parts.all(|part| visit(cut(part)));
            if !is_wanted {
                return;
            }
        }
    }

    /// Calls `visit` with the tokens of a text in ASCII that is one word: itself, then its parts.
    pub(crate) fn word_tokens(&mut self, word: &str, visit: &mut dyn FnMut(&str)) {
        // Most are numbers and ids, which need no copy.
        let has_capitals = word.bytes().any(|byte| byte.is_ascii_uppercase());
        let word = if has_capitals { self.lower_ascii(word) } else { word };
        visit(cut(word));
        if word.bytes().any(is_joiner) {
            word_parts(word).take(PARTS_MAX).for_each(|part| visit(cut(part)));
        }
    }

    fn lower_ascii(&mut self, text: &str) -> &str {
        self.lower.clear();
        self.lower.push_str(text);
        self.lower.make_ascii_lowercase();
        &self.lower
    }

    fn unicode_tokens(&mut self, text: &str, visit: &mut dyn FnMut(&str) -> bool) {
        for word in words(text) {
            let whole_wanted = visit(lowered(&mut self.lower, word));
            if !whole_wanted {
                return;
            }
            if !word.bytes().any(is_joiner) {
                continue;
            }
            let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            for part in parts.take(PARTS_MAX) {
                if !visit(lowered(&mut self.lower, part)) {
                    return;
                }
            }
        }
    }

    /// Whether a token of `text` begins with `prefix` (in lower case).
    pub(crate) fn has_prefix(&mut self, text: &str, prefix: &str) -> bool {
        if text.is_ascii() && !contains_ignore_case(text, prefix) {
            return false;
        }
        let mut found = false;
        self.tokens(text, &mut |candidate| {
            found = candidate.starts_with(prefix);
            !found
        });
        found
    }

    /// Whether `token` (in lower case) is one of the tokens of `text`.
    pub(crate) fn has_token(&mut self, text: &str, token: &str) -> bool {
        // Text outside ASCII may spell the token with other bytes, so that only the slow way can tell.
        if text.is_ascii() && !contains_ignore_case(text, token) {
            return false;
        }
        let mut found = false;
        self.tokens(text, &mut |candidate| {
            found = candidate == token;
            !found
        });
        found
    }
}

/// The runs of letters and digits of a text as tokens: what it and every text around it has.
pub(crate) fn token_parts(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(|part| lowered(&mut String::new(), part).to_owned())
        .collect()
}

/// The words of a search term as tokens, whole: a row that has the whole has its parts as well.
pub(crate) fn query_tokens(term: &str) -> Vec<String> {
    words(term).map(|word| lowered(&mut String::new(), word).to_owned()).collect()
}

/// Whether `text` contains `needle`, ASCII letters compared in any case.
pub(crate) fn contains_ignore_case(text: impl AsRef<[u8]>, needle: &str) -> bool {
    let Some(first) = needle.bytes().next() else { return true };
    let (text, needle) = (text.as_ref(), needle.as_bytes());
    memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).any(|at| {
        text.get(at..at + needle.len()).is_some_and(|window| window.eq_ignore_ascii_case(needle))
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word_char(c))
        .map(|run| run.trim_matches(['_', '-', '.']))
        .filter(|word| !word.is_empty())
}

fn is_word_char(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || is_joiner(c as u8) } else { c.is_alphanumeric() }
}

const fn is_joiner(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.')
}

/// The runs of letters and digits of a word in ASCII.
fn word_parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(['_', '-', '.']).filter(|part| !part.is_empty())
}

/// The first word of an ASCII text, whether it has parts, and the text after it.
fn next_ascii_word(text: &str) -> Option<(&str, bool, &str)> {
    let start = text.bytes().position(|byte| byte.is_ascii_alphanumeric())?;
    let run = text.get(start..)?;
    let mut end = 0;
    let mut is_joined = false;
    let mut after = run.len();
    for (at, byte) in run.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() {
            is_joined |= end < at;
            end = at + 1;
        } else if !is_joiner(byte) {
            after = at;
            break;
        }
    }
    Some((run.get(..end)?, is_joined, run.get(after..)?))
}

/// The head of an ASCII token that is kept.
fn cut(token: &str) -> &str {
    token.get(..TOKEN_BYTES_MAX).unwrap_or(token)
}

fn lowered<'b>(buffer: &'b mut String, word: &str) -> &'b str {
    buffer.clear();
    if word.is_ascii() {
        buffer.push_str(cut(word));
        buffer.make_ascii_lowercase();
        return buffer;
    }
    for lower in word.chars().flat_map(char::to_lowercase) {
        if buffer.len() + lower.len_utf8() > TOKEN_BYTES_MAX {
            break;
        }
        buffer.push(lower);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        Tokenizer::default().tokens(text, &mut |token| {
            all.push(token.to_owned());
            true
        });
        all
    }

    #[test]
    fn words_are_tokens_whole_and_by_parts() {
        assert_eq!(
            tokens("GET /api/Order-17.eu?x=--a_ 10.0.0.1:80"),
            [
                "get",
                "api",
                "order-17.eu",
                "order",
                "17",
                "eu",
                "x",
                "a",
                "10.0.0.1",
                "10",
                "0",
                "0",
                "1",
                "80"
            ]
        );
        assert_eq!(tokens("--- ... ___ !!"), Vec::<String>::new());
        assert_eq!(tokens("Größe ÄÖÜ"), ["größe", "äöü"]);
    }

    #[test]
    fn long_words_are_cut_in_text_and_query_alike() {
        let long = "A".repeat(500);
        assert_eq!(tokens(&long), query_tokens(&long));
        assert!(Tokenizer::default().has_token(&long, &query_tokens(&long)[0]));
    }

    #[test]
    fn a_token_is_not_a_piece_of_a_longer_one() {
        let mut tokenizer = Tokenizer::default();
        assert!(tokenizer.has_token("the TimeOut came", "timeout"));
        assert!(!tokenizer.has_token("the timeouts came", "timeout"));
        assert!(tokenizer.has_token("the timeouts came, one timeout", "timeout"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_token_of_a_text_is_found_in_it(text in any::<String>()) {
            let mut tokenizer = Tokenizer::default();
            for token in tokens(&text) {
                assert!(token.len() <= TOKEN_BYTES_MAX);
                assert!(!token.contains(char::is_whitespace));
                assert!(tokenizer.has_token(&text, &token), "{token:?} in {text:?}");
            }
        }

        #[test]
        fn both_ways_of_cutting_agree(text in "[ -~]{0,200}") {
            let mut slow = Vec::new();
            Tokenizer::default().unicode_tokens(&text, &mut |token| {
                slow.push(token.to_owned());
                true
            });
            assert_eq!(tokens(&text), slow);
        }

        #[test]
        fn a_word_by_itself_has_the_tokens_it_has_in_a_text(word in "[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,200}[a-zA-Z0-9])?") {
            let mut alone = Vec::new();
            Tokenizer::default().word_tokens(&word, &mut |token| alone.push(token.to_owned()));
            assert_eq!(alone, tokens(&word));
        }

        #[test]
        fn searching_for_a_text_finds_it(text in "[a-zA-Z0-9 _.:/-]{0,80}") {
            let mut tokenizer = Tokenizer::default();
            for token in query_tokens(&text) {
                assert!(tokenizer.has_token(&text, &token), "{token:?} in {text:?}");
            }
        }
    }
}
