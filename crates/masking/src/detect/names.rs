//! Word lists for names: common given names of many languages, and capitalised words of operations that are no names.
//!
//! Given names that are also products, places or words of log lines are left out on purpose.

use std::sync::LazyLock;

/// Common given names.
static GIVEN: LazyLock<Vec<&str>> = LazyLock::new(|| sorted(include_str!("words/given_names.txt")));

/// Capitalised words that are no names.
static OTHER_WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| sorted(include_str!("words/other_words.txt")));

fn sorted(text: &'static str) -> Vec<&'static str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
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
fn contains(sorted: &[&str], word: &str) -> bool {
    let mut lower = [0u8; 24];
    let mut length = 0;
    for character in word.chars() {
        let Some(slot) = lower.get_mut(length) else { return false };
        *slot = unaccented(character);
        length += 1;
    }
    let lower = lower.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("");
    let first_part = lower.split('-').next().unwrap_or(lower);
    sorted.binary_search(&lower).is_ok()
        || first_part != lower && sorted.binary_search(&first_part).is_ok()
}

fn unaccented(character: char) -> u8 {
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
        ascii if ascii.is_ascii() => ascii.to_ascii_lowercase() as u8,
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::{GIVEN, OTHER_WORDS, is_given};

    #[test]
    fn no_name_is_another_word() {
        assert!(GIVEN.iter().all(|name| OTHER_WORDS.binary_search(name).is_err()));
    }

    #[test]
    fn accents_and_case_do_not_matter() {
        for name in ["Zoë", "ANDRÉ", "Łukasz", "Jean-Luc", "maría"] {
            assert!(is_given(name), "{name}");
        }
        assert!(!is_given("Gateway"));
    }
}
