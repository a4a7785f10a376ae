//! One column of values that stand at the same place of bodies that are otherwise alike, in the narrowest form that gives
//! each value back byte for byte.
//!
//! Numbers, decimals and addresses are kept as differences to the least, hexadecimal ids as raw bytes, everything else as
//! text. What all values begin and end with (`worker-`, `ms`) is kept once.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::streams::{StreamReader, StreamWriter};
use crate::tokens::contains_ignore_case;

/// Digits of a number that surely fits 64 bits.
const DIGITS_MAX: usize = 18;
/// Digits behind the point.
const PLACES_MAX: usize = 9;
/// Hexadecimal digits that make an id; shorter ones are cheaper as text.
const HEX_DIGITS: std::ops::RangeInclusive<usize> = 8..=64;
const UUID_BYTES: usize = 36;
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

/// How the values of one column are kept; where they begin in the streams follows from the columns before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct ColumnHead {
    form: Form,
    prefix: String,
    suffix: String,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
enum Form {
    /// Prefix and suffix are all there is.
    Same,
    Number {
        least: u64,
        width: u8,
    },
    Decimal {
        least: u64,
        width: u8,
        places: u8,
    },
    Address,
    Hex {
        digits: u8,
    },
    Uuid,
    Text,
}

/// A column that is read: its head, and where its values begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'b> {
    head: &'b ColumnHead,
    start: usize,
}

/// Writes `values` to the streams.
pub(super) fn write(values: &[&str], streams: &mut StreamWriter) -> ColumnHead {
    let (prefix, suffix) = affixes(values);
    let whole = ("", "");
    let form = numbers(values, whole, streams)
        .or_else(|| ids(values, streams))
        .map(|form| (form, whole))
        .or_else(|| {
            numbers(values, (prefix, suffix), streams).map(|form| (form, (prefix, suffix)))
        });
    let (form, (prefix, suffix)) = form.unwrap_or_else(|| {
        let inner = |value| inner(value, (prefix, suffix));
        let form = if values.iter().all(|value| inner(value).is_empty()) {
            Form::Same
        } else {
            values.iter().for_each(|value| streams.push_text(inner(value)));
            Form::Text
        };
        (form, (prefix, suffix))
    });
    ColumnHead { form, prefix: prefix.to_owned(), suffix: suffix.to_owned() }
}

/// What all values begin and end with, without cutting into digits: a number's first digits are no prefix.
fn affixes<'v>(values: &[&'v str]) -> (&'v str, &'v str) {
    let Some((first, others)) = values.split_first() else { return ("", "") };
    let (mut prefix, mut suffix) = (first.len(), first.len());
    for value in others {
        let same = first.bytes().zip(value.bytes()).take_while(|(one, other)| one == other);
        prefix = prefix.min(same.count());
        let same = first.bytes().rev().zip(value.bytes().rev());
        suffix = suffix.min(same.take_while(|(one, other)| one == other).count());
    }
    if others.is_empty() || prefix == first.len() && values.iter().all(|value| value == first) {
        // One value, or the same again and again: the digits are what may change in the next block, so that all columns
        // of a place tend to look alike.
        prefix = first.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(first.len());
        let digits_end = first.bytes().rposition(|byte| byte.is_ascii_digit());
        suffix = digits_end.map_or(0, |end| first.len() - end - 1);
        return cut(first, prefix, suffix);
    }
    let bytes = first.as_bytes();
    while prefix > 0 && bytes.get(prefix - 1).is_some_and(u8::is_ascii_digit) {
        prefix -= 1;
    }
    while suffix > 0 && bytes.get(bytes.len() - suffix).is_some_and(u8::is_ascii_digit) {
        suffix -= 1;
    }
    let shortest = values.iter().map(|value| value.len()).min().unwrap_or_default();
    cut(first, prefix, suffix.min(shortest.saturating_sub(prefix)))
}

/// The first `prefix` and the last `suffix` bytes, or a little less where that would cut a character.
fn cut(text: &str, prefix: usize, suffix: usize) -> (&str, &str) {
    let end = text.ceil_char_boundary(text.len() - suffix);
    let prefix = text.floor_char_boundary(prefix);
    (text.get(..prefix).unwrap_or_default(), text.get(end.max(prefix)..).unwrap_or_default())
}

fn inner<'v>(value: &'v str, (prefix, suffix): (&str, &str)) -> &'v str {
    value.get(prefix.len()..value.len() - suffix.len()).unwrap_or_default()
}

fn numbers(values: &[&str], affixes: (&str, &str), streams: &mut StreamWriter) -> Option<Form> {
    let first = inner(values.first()?, affixes);
    if let Some(places) = places_of(first) {
        let read = |value: &str| decimal(inner(value, affixes), places);
        let (least, width) = streams.push_numbers(values, read)?;
        return Some(Form::Decimal { least, width, places: places as u8 });
    }
    if first.bytes().filter(|byte| *byte == b'.').count() == 3 {
        let addresses = || values.iter().map(|value| address(inner(value, affixes)));
        addresses().all(|address| address.is_some()).then_some(())?;
        addresses().flatten().for_each(|number| streams.push_number(number, 4));
        return Some(Form::Address);
    }
    let (least, width) = streams.push_numbers(values, |value| number(inner(value, affixes)))?;
    Some(Form::Number { least, width })
}

fn ids(values: &[&str], streams: &mut StreamWriter) -> Option<Form> {
    let digits = values.first()?.len();
    if digits == UUID_BYTES && values.iter().all(|value| is_uuid(value)) {
        for value in values {
            value.split('-').for_each(|part| streams.push_hex(part));
        }
        return Some(Form::Uuid);
    }
    let fits = HEX_DIGITS.contains(&digits) && digits.is_multiple_of(2);
    let is_hex = |value: &&str| value.len() == digits && value.bytes().all(is_hex_digit);
    (fits && values.iter().all(is_hex)).then(|| {
        values.iter().for_each(|value| streams.push_hex(value));
        Form::Hex { digits: digits as u8 }
    })
}

/// A number written as a computer would write it: no sign, no zero in front.
fn number(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    if is_canonical && (1..=DIGITS_MAX).contains(&text.len()) { digits(text) } else { None }
}

/// What digits, no more than [`DIGITS_MAX`], come to.
fn digits(text: &str) -> Option<u64> {
    text.bytes().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// Digits behind the point of a text that may be a decimal.
fn places_of(text: &str) -> Option<usize> {
    let (whole, places) = text.split_once('.')?;
    let fits = number(whole).is_some()
        && (1..=PLACES_MAX).contains(&places.len())
        && places.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(places.len())
}

fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_at_checked(text.len().checked_sub(places)?)?;
    let scaled = number(whole.strip_suffix('.')?)?.checked_mul(10_u64.pow(places as u32))?;
    scaled.checked_add(digits(fraction)?)
}

fn address(text: &str) -> Option<u64> {
    let mut parts = text.split('.');
    let mut value = 0;
    for _ in 0..4 {
        let part = number(parts.next()?).filter(|part| *part < 256)?;
        value = (value << 8) | part;
    }
    parts.next().is_none().then_some(value)
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_BYTES
        && text.bytes().enumerate().all(|(position, byte)| {
            if UUID_DASHES.contains(&position) { byte == b'-' } else { is_hex_digit(byte) }
        })
}

/// Lower case alone, so that the digits come back as they were.
const fn is_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl ColumnHead {
    /// The columns with these heads, of `rows` values each as told by `rows`.
    pub(super) fn columns<'b>(
        heads: &'b [ColumnHead],
        mut rows: impl FnMut(usize) -> usize,
    ) -> Vec<Column<'b>> {
        let (mut numbers, mut ids, mut texts) = (0_usize, 0_usize, 0_usize);
        heads
            .iter()
            .enumerate()
            .map(|(position, head)| {
                let (at, width) = match head.form {
                    Form::Same => (&mut numbers, 0),
                    Form::Number { width, .. } | Form::Decimal { width, .. } => {
                        (&mut numbers, usize::from(width))
                    }
                    Form::Address => (&mut numbers, 4),
                    Form::Hex { digits } => (&mut ids, usize::from(digits) / 2),
                    Form::Uuid => (&mut ids, 16),
                    Form::Text => (&mut texts, 1),
                };
                let start = *at;
                *at = start.saturating_add(width.saturating_mul(rows(position)));
                Column { head, start }
            })
            .collect()
    }
}

impl Column<'_> {
    /// Adds value number `place` to `out`.
    pub(super) fn write_value(&self, place: usize, streams: &StreamReader<'_>, out: &mut String) {
        out.push_str(&self.head.prefix);
        match self.head.form {
            Form::Same => {}
            Form::Number { least, width } => {
                let number = streams.number(self.start, place, width).wrapping_add(least);
                push_number(number, out);
            }
            Form::Decimal { least, width, places } => {
                let scaled = streams.number(self.start, place, width).wrapping_add(least);
                push_decimal(scaled, usize::from(places).min(PLACES_MAX), out);
            }
            Form::Address => {
                let number = streams.number(self.start, place, 4);
                for (position, shift) in [24, 16, 8, 0].into_iter().enumerate() {
                    if position > 0 {
                        out.push('.');
                    }
                    push_number((number >> shift) & 0xff, out);
                }
            }
            Form::Hex { digits } => {
                let bytes = usize::from(digits) / 2;
                push_hex(streams.id(self.start + place.saturating_mul(bytes), bytes), out);
            }
            Form::Uuid => {
                let bytes = streams.id(self.start + place.saturating_mul(16), 16);
                for (position, byte) in bytes.iter().enumerate() {
                    if matches!(position, 4 | 6 | 8 | 10) {
                        out.push('-');
                    }
                    push_hex(std::slice::from_ref(byte), out);
                }
            }
            Form::Text => out.push_str(streams.text(self.start.saturating_add(place))),
        }
        out.push_str(&self.head.suffix);
    }

    /// Whether a value may hold `token`, told by the head alone.
    pub(super) fn may_hold(&self, token: &str) -> bool {
        let ColumnHead { form, prefix, suffix } = self.head;
        let all = |test: fn(u8) -> bool| token.bytes().all(test);
        let is_plain = prefix.is_empty() && suffix.is_empty();
        match form {
            Form::Hex { digits } => token.len() == usize::from(*digits) && all(is_hex_digit),
            Form::Uuid => {
                matches!(token.len(), 4 | 8 | 12 | UUID_BYTES)
                    && all(|byte| is_hex_digit(byte) || byte == b'-')
            }
            Form::Text => true,
            // The middle of these is digits and points, so a token without a digit lies in what stands around it.
            _ if !token.bytes().any(|byte| byte.is_ascii_digit()) => {
                // Letters outside ASCII may be spelt in another case by other bytes.
                [prefix, suffix]
                    .into_iter()
                    .any(|affix| !affix.is_ascii() || contains_ignore_case(affix, token))
            }
            Form::Number { .. } if is_plain => all(|byte| byte.is_ascii_digit()),
            Form::Decimal { .. } | Form::Address if is_plain => {
                all(|byte| byte.is_ascii_digit() || byte == b'.')
            }
            Form::Same | Form::Number { .. } | Form::Decimal { .. } | Form::Address => true,
        }
    }
}

fn push_number(number: u64, out: &mut String) {
    // Writing to a String never fails.
    write!(out, "{number}").unwrap_or_default();
}

fn push_decimal(scaled: u64, places: usize, out: &mut String) {
    let unit = 10_u64.pow(places as u32);
    write!(out, "{}.{:0places$}", scaled / unit, scaled % unit).unwrap_or_default();
}

fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, proptest};

    use super::*;
    use crate::split::streams::Streams;

    fn form_of(values: &[&str]) -> Form {
        let mut writer = StreamWriter::default();
        let head = write(values, &mut writer);
        let streams: Streams = writer.finish();
        let reader = streams.reader();
        let heads = [head.clone(), head];
        let columns = ColumnHead::columns(&heads[..1], |_| values.len());
        for (place, value) in values.iter().enumerate() {
            let mut out = String::new();
            columns[0].write_value(place, &reader, &mut out);
            assert_eq!(out, *value, "{values:?}");
        }
        heads[0].form
    }

    #[test]
    fn values_take_the_narrowest_form() {
        assert_eq!(form_of(&["17", "300"]), Form::Number { least: 17, width: 2 });
        assert_eq!(form_of(&["worker-17", "worker-18"]), Form::Number { least: 17, width: 1 });
        assert_eq!(form_of(&["12ms", "900ms"]), Form::Number { least: 12, width: 2 });
        assert_eq!(form_of(&["1.5", "20.0"]), Form::Decimal { least: 15, width: 1, places: 1 });
        assert_eq!(form_of(&["10.0.0.1", "10.0.0.255"]), Form::Address);
        assert_eq!(form_of(&["f53ebe5c3931", "003ebe5c3931"]), Form::Hex { digits: 12 });
        let uuid = "a9e82581-e54e-4500-abba-bf4300755f64";
        assert_eq!(form_of(&[uuid, uuid]), Form::Uuid);
        assert_eq!(form_of(&["0x17", "08", "ü9"]), Form::Text);
        assert_eq!(form_of(&["007", "008"]), Form::Text);
        assert_eq!(form_of(&["v1", "v1"]), Form::Number { least: 1, width: 0 });
    }

    fn value() -> impl Strategy<Value = String> {
        proptest::prop_oneof![
            "[0-9]{1,20}",
            "[0-9]{1,4}\\.[0-9]{1,3}",
            "(0|1|255|256)\\.[0-9]\\.[0-9]\\.[0-9]",
            "[0-9a-f]{8}",
            "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "(ab-|ü|x)[0-9]{0,3}(ms|é|)",
            ".{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_value_comes_back(values in vec(value(), 1..12)) {
            form_of(&values.iter().map(String::as_str).collect::<Vec<_>>());
        }

        #[test]
        fn what_looks_alike_comes_back(values in vec("(w-)?[0-9]{1,3}(\\.[0-9])?(ms)?", 1..6)) {
            form_of(&values.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
