//! Where in the code a line was written, as far as the line says so: `OrderService#88`, `handler.go:42`, `"lineno": 17`.

use std::borrow::Cow;
use std::num::NonZeroU8;

use groundcrew_telemetry::CallSite;

use super::hash::hash64;

/// Fields and attributes that name a place by themselves.
const PLACE_KEYS: [&str; 4] = ["caller", "source", "file", "location"];
/// Fields and attributes that hold the number of a line, and those that name its file.
const LINE_KEYS: [&str; 4] = ["lineno", "line", "code.line.number", "code.lineno"];
const FILE_KEYS: [&str; 6] =
    ["filename", "pathname", "file", "logger", "code.file.path", "code.filepath"];
/// Endings of source files.
const CODE_ENDINGS: [&[u8]; 22] = [
    b"c", b"cc", b"clj", b"cpp", b"cs", b"cxx", b"erl", b"ex", b"go", b"groovy", b"h", b"java",
    b"js", b"kt", b"mjs", b"php", b"py", b"rb", b"rs", b"scala", b"swift", b"ts",
];
/// Longest number of a line.
const DIGITS_MAX: usize = 6;

/// Words after what was taken for the header that may still be of it.
const WORDS_AFTER: usize = 2;

/// What the header of `line` names, or one of the first words of `text`, which is the line without its header.
pub(super) fn of_line(line: &[u8], text: &[u8]) -> Option<CallSite> {
    let header = line.len().checked_sub(text.len())?;
    let mut spaces = memchr::memchr_iter(b' ', text);
    let words = spaces.nth(WORDS_AFTER - 1).unwrap_or(text.len());
    let part = line.get(..header + words)?;
    memchr::memchr2_iter(b'#', b':', part).find_map(|at| {
        // Every time of day has a colon: most are sorted out by what stands beside it.
        let (before, after) = part.split_at(at);
        let likely = before.last().is_some_and(u8::is_ascii_alphabetic)
            && after.get(1).is_some_and(u8::is_ascii_digit);
        likely.then(|| {
            let start = before.iter().rposition(ends_word).map_or(0, |end| end + 1);
            let length = after.iter().position(ends_word).unwrap_or(after.len());
            of_word(part.get(start..at + length)?)
        })?
    })
}

fn ends_word(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'|' | b'[' | b']' | b'(' | b')')
}

/// What the fields of a structured record name.
pub(super) fn of_fields<'a>(field: impl Fn(&str) -> Option<Cow<'a, str>>) -> Option<CallSite> {
    let line = LINE_KEYS.iter().find_map(|key| field(key)).filter(|line| is_number(line));
    if let Some(line) = line {
        let file = FILE_KEYS.iter().find_map(|key| field(key)).unwrap_or_default();
        return Some(mark(format!("{file}:{line}").as_bytes()));
    }
    PLACE_KEYS.iter().find_map(|key| of_place(&field(key)?))
}

/// What a field that holds a place names: `api/handler.go:42`, or an object with a line of its own.
pub(super) fn of_place(text: &str) -> Option<CallSite> {
    let is_object = text.starts_with('{') && text.contains("\"line\"");
    if is_object { Some(mark(text.as_bytes())) } else { of_word(text.as_bytes()) }
}

/// The place that a word is the name of.
fn of_word(word: &[u8]) -> Option<CallSite> {
    let word = word.trim_ascii_end();
    let word = word.strip_suffix(b":").unwrap_or(word);
    let at = word.iter().rposition(|byte| matches!(byte, b'#' | b':'))?;
    let (name, number) = word.split_at(at);
    let number = number.get(1..)?;
    let is_number =
        (1..=DIGITS_MAX).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    let numbered = word.get(at) == Some(&b'#') && name.iter().any(u8::is_ascii_alphabetic);
    (is_number && (numbered || is_code(name))).then(|| mark(word))
}

/// Whether it names a source file or a class: a host with its port looks much the same.
fn is_code(name: &[u8]) -> bool {
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    let ending = name.get(dot + 1..).unwrap_or_default();
    let is_class = ending.first().is_some_and(u8::is_ascii_uppercase)
        && ending.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
    CODE_ENDINGS.contains(&ending) || is_class
}

fn is_number(text: &str) -> bool {
    (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn mark(place: &[u8]) -> CallSite {
    let marks = u64::from(u8::MAX);
    let number = u8::try_from(1 + hash64(place) % marks).unwrap_or(u8::MAX);
    CallSite(NonZeroU8::new(number).unwrap_or(NonZeroU8::MIN))
}
