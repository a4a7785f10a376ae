//! Collects the distinct tokens of one block.

use std::fmt::{Display, Write as _};

use rustc_hash::FxHashSet;

use crate::tokens::Tokenizer;

/// Distinct tokens. A token has no white space in it, so that white space can stand between them.
#[derive(Debug, Default)]
pub(super) struct BlockTokens {
    seen: FxHashSet<Box<str>>,
    tokenizer: Tokenizer,
    id: String,
}

impl BlockTokens {
    pub(super) fn add_text(&mut self, text: &str) {
        let seen = &mut self.seen;
        self.tokenizer.tokens(text, &mut |token| {
            if !seen.contains(token) {
                seen.insert(Box::from(token));
            }
            true
        });
    }

    /// Adds the hexadecimal form of an id.
    pub(super) fn add_id(&mut self, id: Option<impl Display>) {
        let Some(id) = id else { return };
        self.id.clear();
        // Writing to a string cannot fail.
        if write!(self.id, "{id}").is_ok() && !self.seen.contains(self.id.as_str()) {
            self.seen.insert(Box::from(self.id.as_str()));
        }
    }

    pub(super) fn add_token(&mut self, token: &str) {
        if !self.seen.contains(token) {
            self.seen.insert(Box::from(token));
        }
    }

    /// The tokens with spaces between; the collection is empty afterwards.
    pub(super) fn take_joined(&mut self) -> String {
        let mut joined = String::with_capacity(self.seen.iter().map(|token| token.len() + 1).sum());
        for token in self.seen.drain() {
            joined.push_str(&token);
            joined.push(' ');
        }
        joined
    }
}
