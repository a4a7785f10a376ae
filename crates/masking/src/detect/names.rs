//! Word lists for names: common given names of many languages, and capitalised words of operations that are no names.
//!
//! Given names that are also products, places or words of log lines are left out on purpose.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

/// Common given names.
static GIVEN: LazyLock<FxHashSet<&[u8]>> =
    LazyLock::new(|| words(include_str!("words/given_names.txt")));

/// Capitalised words that are no names.
static OTHER_WORDS: LazyLock<FxHashSet<&[u8]>> =
    LazyLock::new(|| words(include_str!("words/other_words.txt")));

fn words(text: &'static str) -> FxHashSet<&'static [u8]> {
    text.split_whitespace().map(str::as_bytes).collect()
}

/// True for a common given name.
pub(crate) fn is_given(word: &str) -> bool {
    contains(&GIVEN, word)
}

/// True for a word that in a log line names a thing: `Gateway`, `Monday`, `Team`.
pub(crate) fn is_other_word(word: &str) -> bool {
    contains(&OTHER_WORDS, word)
}

/// Accents are ignored, as senders drop them half of the time.
fn contains(words: &FxHashSet<&[u8]>, word: &str) -> bool {
    let mut lower = [0u8; 24];
    let mut length = 0;
    for character in word.chars() {
        let Some(slot) = lower.get_mut(length) else { return false };
        *slot = unaccented(character);
        length += 1;
    }
    let lower = lower.get(..length).unwrap_or(&[]);
    let first_part = lower.split(|&byte| byte == b'-').next().unwrap_or(lower);
    words.contains(lower) || first_part.len() < lower.len() && words.contains(first_part)
}

fn unaccented(character: char) -> u8 {
    if let Some(ascii) = u8::try_from(character).ok().filter(u8::is_ascii) {
        return ascii.to_ascii_lowercase();
    }
    match character {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'Á' | 'À' | 'Â' | 'Ä' | 'Å' | 'ą' => b'a',
        'é' | 'è' | 'ê' | 'ë' | 'É' | 'È' | 'Ê' | 'ę' => b'e',
        'í' | 'ì' | 'î' | 'ï' | 'Í' => b'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' | 'Ó' | 'Ö' | 'Ø' => b'o',
        'ú' | 'ù' | 'û' | 'ü' | 'Ú' | 'Ü' => b'u',
        'ç' | 'č' | 'ć' | 'Ç' | 'Č' => b'c',
        'ñ' | 'ń' | 'Ñ' => b'n',
        'ł' | 'Ł' => b'l',
        'š' | 'ś' | 'Š' | 'Ś' => b's',
        'ž' | 'ż' | 'ź' | 'Ž' => b'z',
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::{GIVEN, OTHER_WORDS, is_given};

    #[test]
    fn no_name_is_another_word() {
        assert!(GIVEN.iter().all(|name| !OTHER_WORDS.contains(*name)));
    }

    #[test]
    fn accents_and_case_do_not_matter() {
        for name in ["Zoë", "ANDRÉ", "Łukasz", "Jean-Luc", "maría"] {
            assert!(is_given(name), "{name}");
        }
        assert!(!is_given("Gateway"));
    }
}
