//! Counts what a text costs a model, in tokens of the `o200k_base` vocabulary.
//!
//! Names of special tokens inside a text are plain text: a log line that says `<|endoftext|>` has no power over the
//! count. The time is linear in the text whatever the text is: it is counted in chunks that end where the vocabulary's
//! own pre-tokeniser would split anyway, and only a run without any such place is cut by force.

use std::sync::OnceLock;
use tiktoken_rs::CoreBPE;

/// Size from which on a chunk ends at the next natural boundary.
const CHUNK_BYTES: usize = 4 * 1024;

/// Size at which a chunk without a natural boundary is cut. The pre-tokeniser fails on white space of about 1 MB.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Counts the tokens of `text`.
///
/// Exact, except for runs of more than 60 KiB without a space or line break between words: each forced cut inside one may add
/// a few tokens or hide one.
pub fn count_tokens(text: &str) -> usize {
    chunks(text).map(|chunk| vocabulary().count_ordinary(chunk)).sum()
}

/// The longest head of `text` that is sure to have at most `max` tokens.
///
/// Cuts between characters, never inside one, and at the end of a token where it can.
pub fn truncate_to_tokens(text: &str, max: usize) -> &str {
    let mut bytes = 0;
    let mut left = max;
    for chunk in chunks(text) {
        let tokens = vocabulary().encode_ordinary(chunk);
        if tokens.len() > left {
            bytes += head_bytes(chunk, tokens.get(..left).unwrap_or_default());
            break;
        }
        left -= tokens.len();
        bytes += chunk.len();
    }
    let mut head = text.get(..bytes).unwrap_or(text);
    // A head can be split differently from the same characters inside the whole: at the end of white space, and where a
    // character is made of several tokens. Shortening until it fits settles it after a step or two.
    while count_tokens(head) > max {
        let shorter = head.floor_char_boundary(head.len().saturating_sub(1));
        head = head.get(..shorter).unwrap_or_default();
    }
    head
}

fn vocabulary() -> &'static CoreBPE {
    static VOCABULARY: OnceLock<CoreBPE> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        tiktoken_rs::o200k_base().expect("the vocabulary is compiled in and parses")
    })
}

/// Bytes of `chunk` that `tokens`, its first tokens, stand for, rounded down to a whole character.
fn head_bytes(chunk: &str, tokens: &[u32]) -> usize {
    let bytes = vocabulary().decode_bytes(tokens).map_or(0, |bytes| bytes.len());
    chunk.floor_char_boundary(bytes)
}

/// Splits `text` into chunks whose token counts add up to the whole's, but for forced cuts.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (chunk, remainder) = rest.split_at(chunk_end(rest));
        rest = remainder;
        Some(chunk)
    })
}

/// Where the first chunk of `text` ends: at least one character in.
fn chunk_end(text: &str) -> usize {
    if text.len() <= CHUNK_BYTES {
        return text.len();
    }
    let from = text.floor_char_boundary(CHUNK_BYTES);
    let to = text.floor_char_boundary(CHUNK_BYTES_MAX);
    let window = text.get(from..to).unwrap_or_default();
    let mut before = None;
    for (offset, character) in window.char_indices() {
        if before.is_some_and(|before| splits_between(before, character)) {
            return from + offset;
        }
        before = Some(character);
    }
    to
}

/// Whether the vocabulary's pre-tokeniser splits between these two characters wherever they meet.
fn splits_between(before: char, after: char) -> bool {
    // A word or a number never takes a space at its end; the space always opens the next piece.
    let space_after_word = after == ' ' && before.is_ascii_alphanumeric();
    // Line breaks close a piece, unless more white space or a slash follows.
    let word_after_line = before == '\n' && after.is_ascii_alphanumeric();
    space_after_word || word_after_line
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES_MAX, chunks, count_tokens, truncate_to_tokens, vocabulary};
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    fn exact(text: &str) -> usize {
        vocabulary().count_ordinary(text)
    }

    #[test]
    fn counts_are_the_published_ones() {
        // Figures of the vocabulary's reference implementation.
        assert_eq!(count_tokens(""), 0);
        assert_eq!(count_tokens("hello world"), 2);
        assert_eq!(count_tokens("antidisestablishmentarianism"), 6);
        assert_eq!(count_tokens("2 + 2 = 4"), 7);
        assert_eq!(count_tokens("お誕生日おめでとう"), 8);
    }

    #[test]
    fn names_of_special_tokens_are_plain_text() {
        assert!(count_tokens("<|endoftext|>") > 1);
    }

    #[test]
    fn a_long_ordinary_text_is_counted_exactly() {
        let lines: String = (0..2_000)
            .map(|line| {
                format!(
                    "2026-11-25T10:00:{:02}Z WARN  retry {line} of /v1/cart: it's slow\n\n",
                    line % 60
                )
            })
            .collect();
        assert!(chunks(&lines).count() > 10);
        assert_eq!(count_tokens(&lines), exact(&lines));
    }

    #[test]
    fn runs_without_a_boundary_neither_panic_nor_count_too_little() {
        for unit in [
            "a", "A", " ", "\n", "\t ", "中", "é", "e\u{301}", "!", "/", "0", "aB", "🦀", "\u{0}",
            "=-",
        ] {
            let text = unit.repeat(100_000 / unit.len());
            assert!(
                count_tokens(&text) >= exact(text.get(..4_096 / unit.len() * unit.len()).unwrap()),
                "{unit:?}"
            );
            let head = truncate_to_tokens(&text, 100);
            assert!(count_tokens(head) <= 100 && text.starts_with(head), "{unit:?}");
            assert!(!head.is_empty(), "{unit:?}");
        }
        let million = " ".repeat(2_000_000);
        assert!(count_tokens(&million) > 0);
    }

    #[test]
    fn truncation_keeps_what_fits() {
        let text = "one two three four";
        assert_eq!(truncate_to_tokens(text, 0), "");
        assert_eq!(truncate_to_tokens(text, 2), "one two");
        assert_eq!(truncate_to_tokens(text, 4), text);
        assert_eq!(truncate_to_tokens(text, usize::MAX), text);
        let long = "word ".repeat(5_000);
        assert_eq!(count_tokens(truncate_to_tokens(&long, 3_000)), 3_000);
    }

    fn texts() -> impl Strategy<Value = String> {
        prop::collection::vec(
            (
                prop::sample::select(vec![
                    "a", "Zz", " ", "  ", "\n", "\r\n", "/", "'s", "12", "日本", "é", "{\"k\":",
                    "\u{301}", "…",
                ]),
                1_usize..900,
            ),
            0..30,
        )
        .prop_map(|parts| parts.into_iter().map(|(part, times)| part.repeat(times)).collect())
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]

        #[test]
        fn chunks_are_the_text_and_count_as_much(text in texts()) {
            prop_assert_eq!(chunks(&text).collect::<String>(), text.clone());
            let forced_cuts = text.len() / CHUNK_BYTES_MAX;
            prop_assert!(count_tokens(&text).abs_diff(exact(&text)) <= 16 * forced_cuts);
        }

        #[test]
        fn truncation_is_a_head_within_the_limit(text in any::<String>(), max in 0_usize..40) {
            let head = truncate_to_tokens(&text, max);
            prop_assert!(text.starts_with(head));
            prop_assert!(count_tokens(head) <= max);
        }
    }
}
