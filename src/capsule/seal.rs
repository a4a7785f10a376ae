//! Masks a capsule on its way out. Everything in it was masked when it was stored; a file that travels is masked once
//! more, and what cannot be masked is left out.

use ciborium::Value;
use groundcrew_masking::Masker;

/// Stands where a text was left out.
const WITHHELD: &str = "[withheld]";
/// Fields that hold hashes and ids of our own making, which have no letter of anybody else's.
const OURS: [&str; 6] = ["hash", "prompt_hash", "answer_id", "run_id", "template", "permalink"];

/// Masks and counts what it cannot.
pub(super) struct Seal<'a> {
    masker: &'a Masker,
    withheld: u64,
}

impl<'a> Seal<'a> {
    pub(super) const fn new(masker: &'a Masker) -> Self {
        Self { masker, withheld: 0 }
    }

    /// Texts and rows that were left out.
    pub(super) const fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Masks the texts of one row. Says whether it may be kept.
    pub(super) fn each<T>(
        &mut self,
        row: &mut T,
        walk: impl FnOnce(&mut T, &mut dyn FnMut(&str, &mut String)),
    ) -> bool {
        let is_masked = self.masker.mask(row, |row, visit| walk(row, visit)).is_ok();
        self.withheld += u64::from(!is_masked);
        is_masked
    }

    /// Masks every text of a value, whatever its type holds: a field that is added later is masked, too.
    pub(super) fn value(&mut self, value: &mut Value) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Map(fields) => {
                for (name, value) in fields {
                    if !name.as_text().is_some_and(|name| OURS.contains(&name)) {
                        self.value(value);
                    }
                }
            }
            Value::Tag(_, value) => self.value(value),
            _ => {}
        }
    }

    fn text(&mut self, text: &mut String) {
        match self.masker.mask_text(text) {
            Ok(masked) if *masked == *text => {}
            Ok(masked) => *text = masked.into_inner(),
            Err(_) => {
                self.withheld += 1;
                WITHHELD.clone_into(text);
            }
        }
    }
}
