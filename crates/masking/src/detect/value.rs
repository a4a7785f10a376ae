//! Where the value of a named field starts and ends, in all the ways that logs write `name = value`.

use std::ops::Range;

use crate::line::{Line, is_word};

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// `name=value`, `"name":"value"`, `<name>value</name>`.
    Tight,
    /// `name: value`, `name = value`.
    Loose,
    /// `name value`.
    Space,
}

/// A value and how it was written.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) range: Range<usize>,
    pub(crate) join: Join,
    pub(crate) quoted: bool,
}

/// The longest quoted value; a quote that is not closed by then was none.
const QUOTED_BYTES_MAX: usize = 1 << 16;

/// Reads the value after the name that occupies `key`.
pub(crate) fn after_key(line: &mut Line<'_>, key: &Range<usize>) -> Option<Value> {
    let closers = line
        .run_at_most(key.end, 6, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b']' | b')'));
    if is_opening_tag(line, key) && line.at(key.end) == b'>' {
        let end = line.run_at_most(key.end + 1, QUOTED_BYTES_MAX, |byte| byte != b'<');
        return line.has(end, "</").then_some(Value {
            range: key.end + 1..end,
            join: Join::Tight,
            quoted: true,
        });
    }
    let mut at = line.skip_spaces(closers);
    let mut join = if at > closers { Join::Space } else { Join::Tight };
    if let Some(separator_end) = separator(line, at) {
        let start = line.skip_spaces(separator_end);
        join = if start > separator_end || at > closers { Join::Loose } else { Join::Tight };
        at = start;
    } else if let Some(described) = named_value(line, closers) {
        return Some(described);
    } else if at == closers {
        return None;
    } else {
        if is_long_flag(line, key) {
            join = Join::Loose;
        } else {
            at = skip_small_words(line, at);
        }
    }
    at = skip_openers(line, at);
    read(line, at, join)
}

fn is_opening_tag(line: &Line<'_>, key: &Range<usize>) -> bool {
    matches!(line.before(key.start), b'<' | b':')
}

/// `--password hunter2`: what follows is the argument, unless it is the next flag.
fn is_long_flag(line: &Line<'_>, key: &Range<usize>) -> bool {
    let dashes = line.before(key.start) == b'-'
        && key.start.checked_sub(1).is_some_and(|dash| line.before(dash) == b'-');
    dashes && line.at(line.len().min(key.end + 1)) != b'-'
}

/// The end of `=`, `:`, `=>`, `:=`, `->`, `%3D`; a doubled colon belongs to a path in code.
fn separator(line: &Line<'_>, at: usize) -> Option<usize> {
    match line.at(at) {
        b'=' if line.at(at + 1) == b'>' || line.at(at + 1) == b'=' => Some(at + 2),
        b'=' => Some(at + 1),
        b':' if line.at(at + 1) == b':' => None,
        b':' if line.at(at + 1) == b'=' => Some(at + 2),
        b':' => Some(at + 1),
        b'-' if line.at(at + 1) == b'>' => Some(at + 2),
        b'%' if line.has(at, "%3d") || line.has(at, "%3a") => Some(at + 3),
        _ => None,
    }
}

/// `{"name":"DB_PASSWORD","value":"..."}`: the name is itself a value, its own value follows.
fn named_value(line: &mut Line<'_>, at: usize) -> Option<Value> {
    let start = line.run_at_most(at, 12, |byte| {
        matches!(byte, b',' | b';' | b' ' | b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'\t')
    });
    if start == at || !line.has(start, "value") {
        return None;
    }
    let closers =
        line.run_at_most(start + "value".len(), 3, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let separator_end = separator(line, closers)?;
    let value_at = line.skip_spaces(separator_end);
    read(line, value_at, Join::Tight)
}

/// `password is ...`, `call me on ...`.
fn skip_small_words(line: &mut Line<'_>, start: usize) -> usize {
    let mut at = start;
    for _ in 0..3 {
        let end = line.run_at_most(at, 8, |byte| byte.is_ascii_alphabetic());
        let small = [
            "is",
            "was",
            "me",
            "on",
            "at",
            "to",
            "from",
            "number",
            "no",
            "us",
            "back",
            "of",
            "value",
            "with",
            "using",
            "requested",
            "plain",
            "login",
            "sent",
        ]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(line.slice(at..end)));
        let next = line.run_at_most(end, 4, |byte| matches!(byte, b' ' | b':' | b'.'));
        if !small || next == end {
            break;
        }
        at = next;
    }
    at
}

/// `Some("...")`, `b'...'`, `["..."]`, `("...")`.
fn skip_openers(line: &mut Line<'_>, at: usize) -> usize {
    for opener in ["Some(", "String(", "SecretString(", "b", "u", "r", "[", "(", "&", "@"] {
        let after = at + opener.len();
        if line.has(at, opener) && matches!(line.at(after), b'"' | b'\'') {
            return after;
        }
    }
    at
}

/// Reads the value that starts at `start`, quoted or not.
pub(crate) fn read(line: &mut Line<'_>, start: usize, join: Join) -> Option<Value> {
    let slashes_end = line.run_at_most(start, 4, |byte| byte == b'\\');
    let quote = line.at(slashes_end);
    if matches!(quote, b'"' | b'\'' | b'`') {
        let escapes = slashes_end - start;
        if let Some(end) = closing_quote(line, slashes_end + 1, quote, escapes) {
            return Some(Value { range: slashes_end + 1..end, join, quoted: true });
        }
        return unquoted(line, slashes_end + 1, join);
    }
    unquoted(line, start, join)
}

/// The position before the quote that closes one escaped by `escapes` backslashes.
fn closing_quote(line: &mut Line<'_>, start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let end = line.run_at_most(at, QUOTED_BYTES_MAX, |byte| byte != quote && byte != b'\n');
        if line.at(end) != quote || end - start > QUOTED_BYTES_MAX || line.exhausted() {
            return None;
        }
        let slashes = end - line.run_back(end, 8.min(end - start), |byte| byte == b'\\');
        if slashes <= escapes {
            return Some(end - slashes);
        }
        at = end + 1;
    }
}

fn unquoted(line: &mut Line<'_>, start: usize, join: Join) -> Option<Value> {
    let mut end = start;
    let mut open = 0usize;
    loop {
        end = line.run(end, is_plain);
        let byte = line.at(end);
        let goes_on = match byte {
            b'(' | b'{' | b'[' => {
                open += 1;
                true
            }
            b')' | b'}' | b']' if open > 0 => {
                open -= 1;
                true
            }
            b',' | b'&' | b';' => !ends_pair(line, end + 1),
            b'<' | b'>' => end == start || byte == b'>' && line.at(start) == b'<',
            _ => false,
        };
        if !goes_on || end >= line.len() {
            break;
        }
        end += 1;
    }
    let end = trim_sentence_end(line, start, end);
    (end > start).then_some(Value { range: start..end, join, quoted: false })
}

fn is_plain(byte: u8) -> bool {
    byte > b' '
        && byte != 0x7f
        && !matches!(
            byte,
            b'"' | b'\''
                | b'`'
                | b','
                | b'&'
                | b';'
                | b'('
                | b')'
                | b'{'
                | b'}'
                | b'['
                | b']'
                | b'<'
                | b'>'
                | b'\\'
                | b'|'
        )
}

/// True when what follows a comma, ampersand or semicolon is the end, a gap or the next `name=`.
fn ends_pair(line: &mut Line<'_>, at: usize) -> bool {
    let next = line.at(at);
    if next <= b' ' || matches!(next, b'"' | b'\'' | b'\\' | b'&' | b';' | b'}' | b')') {
        return true;
    }
    let word_end =
        line.run_at_most(at, 64, |byte| is_word(byte) || matches!(byte, b'-' | b'.' | b'[' | b']'));
    word_end > at
        && (matches!(line.at(word_end), b'=' | b':')
            || line.at(word_end) == b' ' && line.at(word_end + 1) == b'=')
        || (line.at(word_end) == b' ' || line.at(word_end) == b';')
            && word_end > at
            && next.is_ascii_uppercase()
            && line.has(word_end, " id=")
}

fn trim_sentence_end(line: &mut Line<'_>, start: usize, end: usize) -> usize {
    let floor = end - start;
    let trimmed = line.run_back(end, floor.min(2), |byte| matches!(byte, b',' | b';' | b':'));
    if line.before(trimmed) == b'.' && trimmed > start + 1 && line.at(trimmed) <= b' ' {
        trimmed - 1
    } else {
        trimmed
    }
}
