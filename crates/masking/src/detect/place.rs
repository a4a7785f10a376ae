//! Street addresses and dates of birth, where the text says that they are such.

use std::ops::Range;

use crate::{
    detect::{shape, value::Value},
    finding::Kind,
    line::{Line, is_word},
};

/// `221 Example Street, Springfield`, at the word for street.
pub(crate) fn street(line: &mut Line<'_>, word: Range<usize>) {
    if is_word(line.at(word.end)) || !line.at(word.start + 1).is_ascii_uppercase() {
        return;
    }
    let lead = line.context_before(word.start);
    let mut start = word.start;
    for part in lead.rsplit(' ').take(4) {
        start = start.saturating_sub(part.len());
        let number = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if !number.is_empty()
            && number.len() <= 5
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            let end = town_end(line, word.end);
            return line.found(start..end, Kind::StreetAddress);
        }
        if !part.chars().next().is_some_and(char::is_uppercase) {
            return;
        }
        start = start.saturating_sub(1);
    }
}

/// The end of `, Town` after a street, or of the street.
fn town_end(line: &mut Line<'_>, street_end: usize) -> usize {
    if line.at(street_end) != b','
        || line.at(street_end + 1) != b' '
        || !line.at(street_end + 2).is_ascii_uppercase()
    {
        return street_end;
    }
    line.run_at_most(street_end + 2, 40, |byte| byte.is_ascii_alphabetic() || byte >= 0x80)
}

/// The value of `shipping_address=` and the like.
pub(crate) fn keyed(line: &mut Line<'_>, value: &Value) {
    let text = line.slice(value.range.clone());
    let has_number = text.bytes().any(|byte| byte.is_ascii_digit());
    let has_words = text
        .split(' ')
        .filter(|part| part.chars().all(|c| c.is_alphabetic() || c == '.') && part.len() > 1)
        .count()
        >= 1;
    if value.quoted
        && has_number
        && has_words
        && text.contains(' ')
        && text.len() <= 256
        && !text.contains("://")
    {
        line.found(value.range.clone(), Kind::StreetAddress);
    }
}

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The date after `dob=` or `born`.
pub(crate) fn birth_date(line: &mut Line<'_>, value: &Value) {
    let start = value.range.start;
    let end = line.run_at_most(start, 24, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'.' | b' ')
    });
    let text = line.slice(start..end);
    let numeric = text.split([' ', 'T']).next().unwrap_or("");
    let parts = numeric
        .split(['-', '/', '.'])
        .filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    if parts == 3 && numeric.len() >= 8
        || numeric.len() == 8 && shape::Counts::of(numeric).digits == 8
    {
        return line.found(start..start + numeric.len(), Kind::DateOfBirth);
    }
    let mut length = 0;
    let mut month = false;
    let mut digits = 0;
    for part in text.split(' ').take(3) {
        let lower = part.to_ascii_lowercase();
        month |= MONTHS.iter().any(|name| lower.starts_with(name));
        digits += usize::from(part.bytes().any(|byte| byte.is_ascii_digit()));
        length += part.len() + 1;
    }
    if month && digits == 2 {
        line.found(start..start + length - 1, Kind::DateOfBirth);
    }
}
