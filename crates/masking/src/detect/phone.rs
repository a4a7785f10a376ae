//! Telephone numbers: international ones anywhere, national ones where their form or the words around them say so.

use crate::{
    detect::value::Value,
    finding::Kind,
    line::{Line, is_word},
};

/// Reads digits with the separators of a phone number; gives the end after the last digit and the count of digits.
fn read(line: &mut Line<'_>, start: usize, digits_max: usize) -> (usize, usize) {
    let mut at = start;
    let mut end = start;
    let mut digits = 0;
    while digits < digits_max {
        let byte = line.at(at);
        if byte.is_ascii_digit() {
            digits += 1;
            end = at + 1;
        } else if !is_separator(line, at) {
            break;
        }
        at += 1;
    }
    line.charge(at - start);
    (end, digits)
}

fn is_separator(line: &Line<'_>, at: usize) -> bool {
    let next = line.at(at + 1);
    match line.at(at) {
        b' ' | b'-' | b'.' | b'/' => {
            next.is_ascii_digit() || next == b'(' || next == b'-' && line.at(at) == b' '
        }
        b'(' => next.is_ascii_digit(),
        b')' => next.is_ascii_digit() || matches!(next, b' ' | b'-'),
        _ => false,
    }
}

/// `+44 20 7946 0125`, at its plus.
pub(crate) fn international(line: &mut Line<'_>, plus: usize, number: usize) {
    let (end, digits) = read(line, number, 15);
    let text = line.slice(plus..end);
    let country = line.at(number) != b'0';
    let decimal = text.split('.').count() == 2 && !text.contains([' ', '-']);
    let calendar = text.get(1..).is_some_and(|rest| rest.starts_with("20") && rest.contains('-'));
    if digits >= 9
        && country
        && !decimal
        && !calendar
        && !is_word(line.at(end))
        && line.at(end) != b':'
    {
        line.found(plus..end, Kind::Phone);
    }
}

/// Words whose number has the form of a phone number and is none.
const NUMBERED_THINGS: &[&str] = &[
    "part", "sku", "order", "ticket", "ref", "item", "serial", "model", "build", "case", "batch",
    "lot", "version", "rows", "pages", "range",
];

/// `(415) 555-0107`, `212-555-0117`, `1-800-555-0199`, at its area code.
pub(crate) fn north_american(line: &mut Line<'_>, area: usize) {
    let bracketed = line.before(area) == b'(';
    let exchange = match (bracketed, line.at(area + 3)) {
        (true, b')') => line.skip_spaces(area + 4),
        (false, b'-' | b'.' | b' ') => area + 4,
        _ => return,
    };
    let exchange = if bracketed && line.at(exchange) == b'-' { exchange + 1 } else { exchange };
    let leads = [area, exchange].iter().all(|&group| matches!(line.at(group), b'2'..=b'9'));
    let exchange_end = line.run_at_most(exchange, 4, |byte| byte.is_ascii_digit());
    let subscriber_end = line.run_at_most(exchange_end + 1, 5, |byte| byte.is_ascii_digit());
    let grouped = exchange_end - exchange == 3 && subscriber_end == exchange_end + 5;
    let separator = line.at(exchange_end);
    if !leads
        || !grouped
        || !matches!(separator, b'-' | b'.' | b' ')
        || is_word(line.at(subscriber_end))
        || line.at(subscriber_end) == b'-'
    {
        return;
    }
    let spaced = !bracketed && (line.at(area + 3) == b' ' || separator != line.at(area + 3));
    let start = match bracketed {
        true => area - 1,
        false => area,
    };
    let trunk = matches!(line.before(start), b'-' | b' ' | b'.')
        && line.before(start - 1) == b'1'
        && !is_word(line.before(start - 2));
    let before = line.before(start);
    let attached = !trunk && (is_word(before) || matches!(before, b'-' | b'.' | b'/' | b'+'));
    if attached
        || (spaced || separator == b'.') && !in_context(line, start)
        || after_other_word(line, start)
    {
        return;
    }
    line.found(if trunk { start - 2 } else { start }..subscriber_end, Kind::Phone);
}

/// `07700 900131`, `020 7946 0125`: a trunk zero, and groups that make ten or eleven digits.
pub(crate) fn national(line: &mut Line<'_>, start: usize) {
    if line.at(start) != b'0'
        || is_word(line.before(start))
        || matches!(line.before(start), b'.' | b'-' | b':' | b'+')
    {
        return;
    }
    let (end, digits) = read(line, start, 12);
    let text = line.slice(start..end);
    let only_spaces = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
    let groups: usize = text.split(' ').count();
    let form = matches!(digits, 10 | 11)
        && matches!(groups, 2 | 3 | 5)
        && text.split(' ').skip(1).all(|group| group.len() >= 2);
    let mobile = matches!(line.at(start + 1), b'1'..=b'9') && !is_word(line.at(end));
    if only_spaces && form && mobile && !after_other_word(line, start) {
        line.found(start..end, Kind::Phone);
    }
}

/// A number after `phone=`, `msisdn:`, `call me on`.
pub(crate) fn keyed(line: &mut Line<'_>, value: &Value) {
    let start = value.range.start;
    let plus = usize::from(line.at(start) == b'+');
    let number_start = start + plus;
    if !line.at(number_start).is_ascii_digit() && line.at(number_start) != b'(' {
        return;
    }
    let (end, digits) = read(line, number_start, 15);
    let text = line.slice(start..end);
    let address = text.split('.').count() == 4 || text.contains('/');
    let date = text.len() == 10 && digits == 8 && text.contains('-') && text.starts_with("20");
    if digits >= 7 && !address && !date && !is_word(line.at(end)) && line.at(end) != b':' {
        line.found(start..end, Kind::Phone);
    }
}

/// True when the text before speaks of calling somebody.
fn in_context(line: &mut Line<'_>, start: usize) -> bool {
    let context = line.context_before(start).to_ascii_lowercase();
    let near = context
        .char_indices()
        .rev()
        .nth(40)
        .map_or(context.as_str(), |(index, _)| context.get(index..).unwrap_or(""));
    [
        "phone",
        "mobile",
        "msisdn",
        "tel",
        "sms",
        "call",
        "dial",
        "fax",
        "whatsapp",
        "cell",
        "to=",
        "recipient",
        "contact",
        "text",
    ]
    .iter()
    .any(|word| near.contains(word))
}

fn after_other_word(line: &mut Line<'_>, start: usize) -> bool {
    let context = line.context_before(start).to_ascii_lowercase();
    let word = context.trim_end_matches([' ', '=', ':', '"', '\'', '#']);
    let last = word.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    NUMBERED_THINGS.contains(&last)
}
