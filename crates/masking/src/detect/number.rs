//! Numbers that prove themselves: payment cards (Luhn), bank accounts (mod 97), social security numbers.

use std::ops::Range;

use crate::{
    finding::Kind,
    line::{Line, is_word},
};

/// Words whose number is a count, a position or an id even where it passes a card's checksum.
const COUNTED_THINGS: &[&str] = &[
    "id",
    "ids",
    "trace",
    "span",
    "traceid",
    "spanid",
    "offset",
    "lag",
    "seq",
    "sequence",
    "timestamp",
    "ts",
    "time",
    "uptime",
    "counter",
    "bytes",
    "memory",
    "position",
    "pos",
    "lsn",
    "epoch",
    "nonce",
    "version",
    "build",
    "hash",
    "isbn",
    "imei",
    "serial",
    "tweet",
    "snowflake",
    "gtid",
    "xid",
    "txid",
    "xmin",
    "xmax",
    "pid",
    "block",
    "height",
    "dur",
    "duration",
    "ns",
    "us",
    "ms",
    "size",
    "count",
    "total",
    "tracking",
    "sku",
    "ean",
    "upc",
    "arn",
    "generation",
    "revision",
    "index",
    "zxid",
    "message",
    "checksum",
    "crc",
    "inode",
    "term",
    "watermark",
    "mark",
];

const CARD_WORDS: &[&str] =
    &["card", "cards", "pan", "visa", "amex", "mastercard", "cardnumber", "creditcard"];

/// Lengths of the groups in which cards are printed.
const CARD_GROUPS: &[&[usize]] = &[&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// A card number in one run of digits.
pub(crate) fn plain_card(line: &mut Line<'_>, range: Range<usize>) {
    if !stands_alone(line, &range) || !is_card(line.slice(range.clone())) {
        return;
    }
    let rare_length = range.len() > 16 || matches!(line.before(range.start), b'/' | b'@');
    if rare_length && !speaks_of_cards(&line.context_before(range.start).to_ascii_lowercase()) {
        return;
    }
    if !is_counted(line, range.start) && !is_unit(line, range.end) {
        line.found(range, Kind::CreditCard);
    }
}

/// A card number in groups of digits, of which the first starts at `start`.
pub(crate) fn grouped_card(line: &mut Line<'_>, start: usize) {
    if is_word(line.before(start)) || matches!(line.before(start), b'.' | b'-') {
        return;
    }
    let separator = line.at(start + 4);
    for groups in CARD_GROUPS {
        let Some(end) = grouped_end(line, start, groups, separator) else { continue };
        let digits: String = line.slice(start..end).chars().filter(char::is_ascii_digit).collect();
        if is_card(&digits)
            && !is_word(line.at(end))
            && !(line.at(end) == separator && separator == b'-')
        {
            line.found(start..end, Kind::CreditCard);
            return;
        }
    }
}

fn grouped_end(
    line: &mut Line<'_>,
    start: usize,
    groups: &[usize],
    separator: u8,
) -> Option<usize> {
    let mut at = start;
    for (index, &length) in groups.iter().enumerate() {
        if index > 0 {
            if line.at(at) != separator {
                return None;
            }
            at += 1;
        }
        let end = line.run_at_most(at, length + 1, |byte| byte.is_ascii_digit());
        if end - at != length {
            return None;
        }
        at = end;
    }
    Some(at)
}

fn stands_alone(line: &Line<'_>, range: &Range<usize>) -> bool {
    let before = line.before(range.start);
    let track = before == b'B' && line.before(range.start - 1) == b'%';
    let decimals =
        before == b'.' || line.at(range.end) == b'.' && line.at(range.end + 1).is_ascii_digit();
    let joined = before == b'-' || line.at(range.end) == b'-' && is_word(line.at(range.end + 1));
    (track || !is_word(before))
        && !is_word(line.at(range.end))
        && !decimals
        && !joined
        && !matches!(before, b'+' | b'#')
}

fn speaks_of_cards(lower: &str) -> bool {
    lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| CARD_WORDS.contains(&word))
}

/// True when the word before says that the number counts or identifies something else.
fn is_counted(line: &mut Line<'_>, start: usize) -> bool {
    let context = line.context_before(start).to_ascii_lowercase();
    if speaks_of_cards(&context) {
        return false;
    }
    let word = context.trim_end_matches([' ', '=', ':', '"', '\'', '(', '[', '\\']);
    let last = word.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    COUNTED_THINGS.contains(&last) || last.ends_with("id") && last.len() > 4
}

fn is_unit(line: &mut Line<'_>, end: usize) -> bool {
    let at = line.skip_spaces(end);
    let unit_end = line.run_at_most(at, 12, |byte| byte.is_ascii_alphabetic());
    matches!(
        line.slice(at..unit_end),
        "ns" | "us"
            | "ms"
            | "s"
            | "bytes"
            | "B"
            | "nanoseconds"
            | "microseconds"
            | "records"
            | "rows"
    )
}

/// Right length and issuer range, and Luhn's checksum.
fn is_card(digits: &str) -> bool {
    let leading =
        |count: usize| digits.get(..count).and_then(|lead| lead.parse::<u32>().ok()).unwrap_or(0);
    let length = digits.len();
    let issued = match (leading(1), leading(2), leading(3), leading(4)) {
        (4, ..) => matches!(length, 13 | 16 | 19),
        (_, 51..=55, ..) => length == 16,
        (_, _, _, 2221..=2720) => length == 16,
        (_, 34 | 37, ..) => length == 15,
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => length == 14,
        (_, 35 | 62 | 65, ..) | (_, _, 644..=649, _) | (.., 6011) => (16..=19).contains(&length),
        (_, 50 | 56..=59 | 60 | 61 | 63 | 66..=69, ..) => length == 16,
        _ => false,
    };
    issued && luhn(digits) && digits.bytes().any(|byte| Some(byte) != digits.bytes().last())
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            let doubled = if index % 2 == 1 { digit * 2 } else { digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Lengths of account numbers by country.
const IBAN_LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NL", 18),
    ("NO", 15),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("SA", 24),
    ("SC", 31),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
];

/// An account number whose check digits start at `digits`.
pub(crate) fn iban(line: &mut Line<'_>, digits: usize) {
    let Some(start) = digits.checked_sub(2) else { return };
    if is_word(line.before(start)) && !matches!(line.before(start), b'_') {
        return;
    }
    if !line.at(digits + 1).is_ascii_digit()
        || !line.before(digits).is_ascii_alphabetic()
        || !line.at(start).is_ascii_alphabetic()
    {
        return;
    }
    let country = line.slice(start..digits);
    let Some(&(_, length)) =
        IBAN_LENGTHS.iter().find(|(code, _)| code.eq_ignore_ascii_case(country))
    else {
        return;
    };
    let spaced = matches!(line.at(digits + 2), b' ' | b'-' | b'.');
    let mut compact = String::with_capacity(length);
    let mut at = start;
    while compact.len() < length {
        let byte = line.at(at);
        if byte.is_ascii_alphanumeric() {
            compact.push(char::from(byte.to_ascii_uppercase()));
        } else if !(spaced && byte == line.at(digits + 2)) {
            return;
        }
        at += 1;
    }
    line.charge(at - start);
    if !is_word(line.at(at)) && mod_97(&compact) {
        line.found(start..at, Kind::Iban);
    }
}

fn mod_97(compact: &str) -> bool {
    let (head, tail) = compact.split_at_checked(4).unwrap_or((compact, ""));
    let remainder = tail.chars().chain(head.chars()).fold(0u32, |remainder, character| {
        let value = character.to_digit(36).unwrap_or(0);
        (if value > 9 { remainder * 100 } else { remainder * 10 } + value) % 97
    });
    remainder == 1
}

/// Words whose number has the form of a social security number and is none.
const NUMBERED_THINGS: &[&str] = &[
    "part", "sku", "order", "ticket", "ref", "item", "serial", "model", "build", "case", "batch",
    "lot", "no", "number", "num", "version", "id",
];

/// `AAA-GG-SSSS` that starts at `start`.
pub(crate) fn dashed_ssn(line: &mut Line<'_>, start: usize) {
    let separator = line.at(start + 3);
    let before = line.before(start);
    if !matches!(separator, b'-' | b' ')
        || is_word(before)
        || matches!(before, b'-' | b'.' | b'/' | b'+' | b'#')
    {
        return;
    }
    let Some(end) = grouped_end(line, start, &[3, 2, 4], separator) else { return };
    if is_word(line.at(end)) || matches!(line.at(end), b'-' | b'/') {
        return;
    }
    let context = line.context_before(start).to_ascii_lowercase();
    let named = in_ssn_context(&context);
    let area = line.slice(start..start + 3);
    let issued = !matches!(area, "000" | "666")
        && !area.starts_with('9')
        && !line.slice(start..end).contains("-00-");
    let word = context.trim_end_matches([' ', '=', ':', '"', '\'', '#', '(']);
    let other = word
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .is_some_and(|last| NUMBERED_THINGS.contains(&last));
    if named || separator == b'-' && issued && !other {
        line.found(start..end, Kind::UsSsn);
    }
}

/// Nine digits in a row, where the text before speaks of social security.
pub(crate) fn plain_ssn(line: &mut Line<'_>, range: Range<usize>) {
    if is_word(line.before(range.start)) || is_word(line.at(range.end)) {
        return;
    }
    let context = line.context_before(range.start).to_ascii_lowercase();
    let near = context.get(context.len().saturating_sub(24)..).unwrap_or(&context);
    if in_ssn_context(near) {
        line.found(range, Kind::UsSsn);
    }
}

fn in_ssn_context(lower: &str) -> bool {
    ["ssn", "social security", "social_security", "socialsecurity", "social-security"]
        .iter()
        .any(|word| lower.contains(word))
}
