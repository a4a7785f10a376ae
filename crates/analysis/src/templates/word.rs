//! What one word of a message is: constant, or a variable with a constant part.

/// What to write for a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// The word as it is.
    Constant,
    /// A variable.
    Variable,
    /// The word's first bytes as they are, then a variable.
    Prefixed(usize),
    /// A variable, then the word's last bytes as they are: a unit.
    Unit(usize),
    /// Segments between slashes, each on its own.
    Path,
}

/// Letters that a prefix needs to be worth keeping: `node7` and `node8` are nodes, `Z1234` and `T1235` are just ids.
const PREFIX_LETTERS_MIN: usize = 3;
/// Hex digits that make a word without a decimal digit an id, as in `deadbeefcafe`.
pub(super) const HEX_LETTERS_MIN: usize = 12;
/// Longest number that has a unit.
const NUMBER_BYTES_MAX: usize = 12;

/// Classifies a word, a run of letters, digits and inner punctuation.
pub(super) fn shape(word: &[u8]) -> Shape {
    // Most words are plain, which is told at a glance.
    if !word.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@') {
        let is_id = word.len() >= HEX_LETTERS_MIN && word.iter().all(u8::is_ascii_hexdigit);
        return if is_id { Shape::Variable } else { Shape::Constant };
    }
    let mut digits = 0_usize;
    let mut letters = 0_usize;
    let mut hex = 0_usize;
    let mut slashes = 0_usize;
    let mut at_signs = 0_usize;
    for byte in word {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' | b'A'..=b'F' => {
                letters += 1;
                hex += 1;
            }
            b'/' | b'\\' => slashes += 1,
            b'@' => at_signs += 1,
            b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => letters += 1,
            _ => {}
        }
    }
    if at_signs == 1 && letters > 0 && is_mail(word) {
        return Shape::Variable;
    }
    if digits == 0 {
        return Shape::Constant;
    }
    if slashes > 0 {
        return Shape::Path;
    }
    if let Some(unit) = unit_length(word) {
        return Shape::Unit(unit);
    }
    if letters == 0 || hex == letters && digits + letters >= 8 {
        return Shape::Variable;
    }
    mixed(word)
}

/// Words with both letters and digits, without slashes.
fn mixed(word: &[u8]) -> Shape {
    let first_digit = word.iter().position(u8::is_ascii_digit).unwrap_or(0);
    let (head, tail) = word.split_at(first_digit);
    let digits_run = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = tail.get(digits_run..).unwrap_or_default();
    let plain_rest = !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_alphabetic());
    let head_letters = head.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let name = head_letters == head.len() && head_letters > 0;
    // A name with a digit inside, as in `Travel2Controller` or `log4j`, is a name.
    if name && digits_run <= 1 && plain_rest && head_letters + rest.len() >= 4 {
        return Shape::Constant;
    }
    if head_letters < PREFIX_LETTERS_MIN {
        return Shape::Variable;
    }
    // The letters end at a separator (`blk_123`, `req-a1b2`), or a run of digits ends the word (`node7`).
    let boundary = head
        .iter()
        .rposition(|byte| matches!(byte, b'_' | b'-' | b'.' | b':' | b'#' | b'$' | b'@'));
    match boundary.map(|position| before_hex(head, position)) {
        Some(position) if position >= PREFIX_LETTERS_MIN => {
            Shape::Prefixed(trim_separators(head, position))
        }
        _ if name && !plain_rest => Shape::Prefixed(first_digit),
        _ => Shape::Variable,
    }
}

/// The boundary before the letters with which an id in hexadecimal begins: `order:edaa-` ends at its colon.
fn before_hex(head: &[u8], boundary: usize) -> usize {
    let before = head.get(..boundary).unwrap_or_default();
    let strong = before.iter().rposition(|byte| matches!(byte, b':' | b'#' | b'@'));
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    match strong {
        Some(position) if before.iter().skip(position + 1).all(is_hex) => position,
        _ => boundary,
    }
}

/// `blk_-` and `blk_` are the same prefix: one separator is kept.
fn trim_separators(head: &[u8], position: usize) -> usize {
    let mut end = position + 1;
    while end >= 2
        && head.get(end - 2).is_some_and(|byte| matches!(byte, b'_' | b'-' | b'.' | b':' | b'#'))
    {
        end -= 1;
    }
    end
}

/// The length of a unit after a number: `12ms`, `3.5GB`, `40%`.
fn unit_length(word: &[u8]) -> Option<usize> {
    let number =
        word.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')).count();
    let unit = word.get(number..)?;
    let is_unit = matches!(
        unit,
        b"ns"
            | b"us"
            | b"ms"
            | b"s"
            | b"m"
            | b"h"
            | b"d"
            | b"sec"
            | b"secs"
            | b"min"
            | b"b"
            | b"B"
            | b"kB"
            | b"KB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
            | b"k"
            | b"K"
            | b"M"
            | b"G"
            | b"bytes"
            | b"%"
    );
    // A longer number is an id in hexadecimal that happens to end in a letter.
    ((1..=NUMBER_BYTES_MAX).contains(&number) && is_unit).then_some(unit.len())
}

fn is_mail(word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|byte| *byte == b'@') else { return false };
    let (user, rest) = word.split_at(at);
    let host = rest.get(1..).unwrap_or_default();
    let dotted = host
        .iter()
        .rposition(|byte| *byte == b'.')
        .is_some_and(|dot| dot > 0 && dot + 2 < host.len());
    !user.is_empty() && dotted && !user.iter().chain(host).any(|byte| matches!(byte, b'/' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_shapes() {
        let check = |word: &str, expected| assert_eq!(shape(word.as_bytes()), expected, "{word}");
        check("Travel2Controller", Shape::Constant);
        check("connection", Shape::Constant);
        check("added", Shape::Constant);
        check("1234", Shape::Variable);
        check("10.1.2.3:8080", Shape::Variable);
        check("0x7ffe12ab", Shape::Variable);
        check("3f9a1b2c-12ab-4c3d-9e8f-001122334455", Shape::Variable);
        check("blk_-1608999687919862906", Shape::Prefixed(4));
        check("blk_1608999687919862906", Shape::Prefixed(4));
        check("node7", Shape::Prefixed(4));
        check("Z1234", Shape::Variable);
        check("order:edaaeabf-12ab-4c3d", Shape::Prefixed(6));
        check("1234567890123456d", Shape::Variable);
        check("12ms", Shape::Unit(2));
        check("40%", Shape::Unit(1));
        check("/api/v1/orders/77", Shape::Path);
        check("jane@example.com", Shape::Variable);
        check("FastLeaderElection@774", Shape::Prefixed(19));
    }
}
