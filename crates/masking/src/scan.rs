//! One pass over the bytes for what no fixed word announces: numbers, at-signs, capitalised word pairs.

use crate::{
    detect::{email, network, number, person, phone, url},
    line::{Line, is_word},
};

/// Visits each place worth a look and calls its detector.
pub(crate) fn visit(line: &mut Line<'_>) {
    let bytes = line.bytes();
    let mut at = 0;
    while let Some(offset) =
        bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| is_place(byte)))
    {
        let place = at + offset;
        if line.exhausted() {
            return;
        }
        at = match line.at(place) {
            b'0'..=b'9' => digits(line, place),
            b' ' | b'+' => gap(line, place),
            b'@' => {
                at_sign(line, place, place + 1);
                place + 1
            }
            b'%' => {
                percent(line, place);
                place + 1
            }
            _ => place + 1,
        };
    }
}

fn is_place(byte: u8) -> bool {
    PLACES.get(usize::from(byte)).copied().unwrap_or(false)
}

static PLACES: [bool; 256] = {
    let mut places = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(
            clippy::indexing_slicing,
            reason = "the loop bound is the length, and iterators are not const"
        )]
        {
            places[byte] = matches!(byte as u8, b'0'..=b'9' | b'@' | b' ' | b'+' | b'%');
        }
        byte += 1;
    }
    places
};

fn at_sign(line: &mut Line<'_>, place: usize, after: usize) {
    url::bare_source_name(line, place);
    email::at(line, place, after);
}

fn percent(line: &mut Line<'_>, place: usize) {
    if line.has(place, "%40") {
        at_sign(line, place, place + 3);
    } else if line.has(place, "%2b") {
        phone::international(line, place, place + 3);
    } else if line.has(place, "%20") {
        person::pair(line, place, place + 3);
    }
}

/// A space or plus: the gap between a first and a last name, or the start of a phone number.
fn gap(line: &mut Line<'_>, place: usize) -> usize {
    let next = line.at(place + 1);
    if line.at(place) == b'+' && next.is_ascii_digit() {
        if !is_word(line.before(place)) {
            phone::international(line, place, place + 1);
        }
    } else if next.is_ascii_uppercase() || next >= 0xc3 {
        person::pair(line, place, place + 1);
    }
    place + 1
}

/// A run of digits: by its length and neighbours a card, an account, an address or a phone number may start here.
fn digits(line: &mut Line<'_>, start: usize) -> usize {
    let end = line.run_at_most(start, 64, |byte| byte.is_ascii_digit());
    let before = line.before(start);
    let next = line.at(end);
    match end - start {
        1..=3 if next == b'.' => network::ipv4(line, start),
        _ => {}
    }
    match end - start {
        2 if before.is_ascii_alphabetic() => number::iban(line, start),
        2.. if before.is_ascii_alphabetic() => number::iban(line, start),
        1..=4 if next == b':' || next.is_ascii_hexdigit() => network::ipv6(line, start),
        3 if before == b'(' || matches!(next, b'-' | b' ' | b'.' | b')') => {
            three_digits(line, start)
        }
        4 if matches!(next, b' ' | b'-') => number::grouped_card(line, start),
        4 | 5 if matches!(line.at(start), b'0') && next == b' ' => phone::national(line, start),
        9 if next != b'.' => number::plain_ssn(line, start..end),
        12..=19 => number::plain_card(line, start..end),
        _ => {}
    }
    if end - start == 4 && line.at(start) == b'0' && next == b' ' {
        phone::national(line, start);
    }
    if end - start <= 4 && matches!(line.at(start), b'2' | b'3') && next == b':' {
        network::ipv6(line, start);
    }
    end
}

fn three_digits(line: &mut Line<'_>, start: usize) {
    number::dashed_ssn(line, start);
    phone::north_american(line, start);
    phone::national(line, start);
}
