//! Remembers short texts in which nothing was found, so that what senders repeat in every record is examined once.
//!
//! What the masker says depends on a field's name and its text alone, so the same two were examined and found clean: no
//! guess is made about texts that only look alike. Parts of texts are never remembered.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

/// Texts that are remembered, each in the slot of its hash; another one with the same slot takes its place.
const SLOTS: usize = 1024;
/// Longest text that is remembered.
const TEXT_BYTES_MAX: usize = 128;
/// Longest name of a field.
const KEY_BYTES_MAX: usize = 64;

/// Texts that were found clean. Holds about half a megabyte at most; one per worker.
#[derive(Debug, Default)]
pub struct CleanTexts {
    slots: Vec<Option<(Box<str>, Box<str>)>>,
}

impl CleanTexts {
    /// The slot of a text that is worth remembering. A text without a field's name is a message: with a digit in it, it
    /// hardly ever comes again.
    pub(crate) fn slot(key: &str, text: &str) -> Option<usize> {
        let fits = text.len() <= TEXT_BYTES_MAX && key.len() <= KEY_BYTES_MAX;
        if !fits || key.is_empty() && text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut hasher = FxHasher::default();
        (key, text).hash(&mut hasher);
        usize::try_from(hasher.finish() % SLOTS as u64).ok()
    }

    /// Whether this very text under this very name was found clean.
    pub(crate) fn contains(&self, slot: Option<usize>, key: &str, text: &str) -> bool {
        let known = slot.and_then(|slot| self.slots.get(slot)?.as_ref());
        known.is_some_and(|(known_key, known_text)| **known_key == *key && **known_text == *text)
    }

    pub(crate) fn insert(&mut self, slot: Option<usize>, key: &str, text: &str) {
        let Some(slot) = slot else { return };
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some((key.into(), text.into()));
        }
    }
}
