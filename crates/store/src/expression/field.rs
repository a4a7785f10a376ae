//! What is asked of an attribute's value.

use groundcrew_telemetry::Value;
use regex::Regex;

use crate::log_filter::any_text;
use crate::tokens::{contains_ignore_case, query_tokens};

/// What is asked of an attribute's value.
#[derive(Clone, Debug)]
pub(crate) enum FieldTest {
    /// It is there.
    Exists,
    /// It reads so, in any case.
    Is(String),
    /// It begins so, in any case.
    Begins(String),
    /// It has this piece, in any case.
    Has(String),
    /// It matches.
    Matches(Regex),
    /// It is a number between two bounds.
    Between(Bound, Bound),
}

/// One end of a range of numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Bound {
    /// The number; infinite for none.
    pub(crate) at: f64,
    /// Whether the number itself belongs to the range.
    pub(crate) inclusive: bool,
}

impl Bound {
    pub(crate) const LOWEST: Self = Self { at: f64::NEG_INFINITY, inclusive: true };
    pub(crate) const HIGHEST: Self = Self { at: f64::INFINITY, inclusive: true };
}

impl FieldTest {
    /// Whether the value passes.
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (_, Value::Str(text)) => self.admits_text(text),
            (Self::Between(from, to), _) => {
                value.as_f64().is_some_and(|number| is_between(number, *from, *to))
            }
            (_, Value::List(_) | Value::Map(_)) => {
                any_text(value, &mut |text| self.admits_text(text))
            }
            (_, Value::Int(_) | Value::Double(_) | Value::Bool(_) | Value::Bytes(_)) => {
                self.admits_text(&value.text())
            }
        }
    }

    /// Whether the value passes that is this text.
    pub(crate) fn admits_text(&self, text: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::Is(wanted) => text.eq_ignore_ascii_case(wanted),
            Self::Begins(prefix) => text
                .as_bytes()
                .get(..prefix.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes())),
            Self::Has(piece) => contains_ignore_case(text, piece),
            Self::Matches(pattern) => pattern.is_match(text),
            Self::Between(from, to) => {
                text.trim().parse().is_ok_and(|number| is_between(number, *from, *to))
            }
        }
    }

    /// Whether a record may pass whose texts are among these bytes, all in ASCII.
    pub(crate) fn may_be_in(&self, record: &[u8]) -> bool {
        match self {
            Self::Is(wanted) if is_text(wanted) => contains_ignore_case(record, wanted),
            _ => true,
        }
    }

    /// Tokens that every text that passes has. Numbers and flags are not in the index, so what may be one says nothing.
    pub(crate) fn tokens(&self) -> Vec<String> {
        match self {
            Self::Is(wanted) if is_text(wanted) => query_tokens(wanted),
            _ => Vec::new(),
        }
    }
}

/// Whether it is neither a number nor a flag.
fn is_text(wanted: &str) -> bool {
    wanted.parse::<f64>().is_err() && wanted.parse::<bool>().is_err()
}

fn is_between(number: f64, from: Bound, to: Bound) -> bool {
    let above = if from.inclusive { number >= from.at } else { number > from.at };
    let below = if to.inclusive { number <= to.at } else { number < to.at };
    above && below
}
