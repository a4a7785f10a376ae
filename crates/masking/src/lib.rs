//! Finds and masks personal data and secrets in log lines, attribute values and documents.
//!
//! [`Masker::find`] says where they are, [`Masker::mask_text`] replaces each by the name of its kind (`[email]`), and
//! [`Masker::mask`] does so for every text inside a value and hands it back as [`Masked`], the only form in which other
//! rooms take data that is to be stored or sent. Masking fails closed: a detector that panics or exceeds its limits
//! gives [`Withheld`], and the value is gone.
//!
//! How a text is read: one automaton finds the words and prefixes worth a look (`anchors`, `automaton`), one byte scan
//! finds numbers, at-signs and capitalised word pairs (`scan`), and only there a detector (`detect`) reads the
//! surroundings. An ordinary line meets few anchors and is left after these two passes.

mod anchors;
mod automaton;
mod clean;
mod detect;
mod finding;
mod line;
mod masked;
mod masker;
mod scan;
#[cfg(test)]
mod tests;

pub use clean::CleanTexts;
pub use finding::{Finding, Kind};
pub use masked::{Masked, Withheld};
pub use masker::Masker;
