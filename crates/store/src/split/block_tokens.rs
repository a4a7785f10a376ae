//! Collects the distinct tokens of one block: words as they are, ids as hashes.

use rustc_hash::FxHashSet;

use super::id_index::{is_id, token_hash};
use crate::tokens::Tokenizer;

/// Hashes that are remembered to leave repeats out.
const RECENT: usize = 4096;

/// The tokens of a block. A word has no white space in it, so that white space can stand between them.
#[derive(Debug, Default)]
pub(super) struct BlockTokens {
    words: FxHashSet<Box<str>>,
    pub(super) ids: IdHashes,
    tokenizer: Tokenizer,
}

/// Hashes of ids, some repeats included.
#[derive(Debug)]
pub(super) struct IdHashes {
    hashes: Vec<u32>,
    /// The last hash of each remainder: most repeats are of small numbers, which come again soon.
    recent: Vec<u32>,
}

impl Default for IdHashes {
    fn default() -> Self {
        Self { hashes: Vec::new(), recent: vec![0; RECENT] }
    }
}

impl IdHashes {
    pub(super) fn push(&mut self, hash: u32) {
        let Some(recent) = self.recent.get_mut(hash as usize % RECENT) else { return };
        // 0 stands for nothing remembered.
        if *recent != hash || hash == 0 {
            *recent = hash;
            self.hashes.push(hash);
        }
    }

    /// Takes the hashes; there are none afterwards.
    pub(super) fn take(&mut self) -> std::vec::Drain<'_, u32> {
        self.recent.fill(0);
        self.hashes.drain(..)
    }
}

impl BlockTokens {
    pub(super) fn add_text(&mut self, text: &str) {
        let Self { words, ids, tokenizer } = self;
        tokenizer.tokens(text, &mut |token| {
            add(token, words, ids);
            true
        });
    }

    /// Adds the tokens of a text in ASCII that is one word.
    pub(super) fn add_word(&mut self, word: &str) {
        let Self { words, ids, tokenizer } = self;
        tokenizer.word_tokens(word, &mut |token| add(token, words, ids));
    }

    /// Adds the hexadecimal form of an id, which is the token that a search for it has.
    pub(super) fn add_hex<const N: usize>(&mut self, id: Option<[u8; N]>) {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let Some(id) = id else { return };
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
        let hex = id.map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        if let Ok(token) = std::str::from_utf8(hex.as_flattened()) {
            self.add_token(token);
        }
    }

    pub(super) fn add_token(&mut self, token: &str) {
        add(token, &mut self.words, &mut self.ids);
    }

    /// The words with spaces between; there are none afterwards.
    pub(super) fn take_words(&mut self) -> String {
        let length = self.words.iter().map(|token| token.len() + 1).sum();
        let mut joined = String::with_capacity(length);
        for token in self.words.drain() {
            joined.push_str(&token);
            joined.push(' ');
        }
        joined
    }
}

fn add(token: &str, words: &mut FxHashSet<Box<str>>, ids: &mut IdHashes) {
    if is_id(token) {
        ids.push(token_hash(token));
    } else if !words.contains(token) {
        words.insert(Box::from(token));
    }
}
