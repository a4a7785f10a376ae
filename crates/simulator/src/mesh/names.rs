//! Made-up names: six letters that mean nothing, so that no name gives a cause away and none begins another.

use std::collections::BTreeSet;

use crate::random::Random;

const CONSONANTS: &[&str] = &["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u"];

/// Gives out names, each once.
#[derive(Debug)]
pub(super) struct Names {
    random: Random,
    given: BTreeSet<String>,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed, 20), given: BTreeSet::new() }
    }

    /// A word that was not given out before.
    pub(super) fn word(&mut self) -> String {
        loop {
            let mut word = String::new();
            for _ in 0..3 {
                word.push_str(self.random.pick(CONSONANTS).copied().unwrap_or("b"));
                word.push_str(self.random.pick(VOWELS).copied().unwrap_or("a"));
            }
            if self.given.insert(word.clone()) {
                return word;
            }
        }
    }
}

/// Letters and digits as Kubernetes gives them to pods.
pub(super) fn suffix(random: &mut Random, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..length).filter_map(|_| random.pick(LETTERS).map(|letter| char::from(*letter))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_none_begins_another() {
        let mut names = Names::new(5);
        let words: BTreeSet<String> = (0..2_000).map(|_| names.word()).collect();
        assert_eq!(words.len(), 2_000);
        assert!(words.iter().all(|word| word.len() == 6));
    }
}
