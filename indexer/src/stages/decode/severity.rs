//! Reads how bad a log line says it is from the line itself, where its sender did not say.

use groundcrew_telemetry::Severity;

/// A level word further in than this is part of the message, not its label.
const HEAD_BYTES: usize = 160;
/// A level key (`level=`, `"level":`) is looked for this far; structured lines put it anywhere among their fields.
const KEY_SEARCH_BYTES: usize = 1024;
/// Words of the head that are looked at.
const HEAD_WORDS_MAX: usize = 12;

/// The severity that `body` states about itself; [`Severity::UNSPECIFIED`] when it states none.
///
/// In order: a level key (`level=warn`, `"severity":"ERROR"`), klog's leading letter, a syslog priority, an upper-case
/// level word or a bracketed or colon-ended one near the head, and the openings of crash reports.
#[must_use]
pub fn infer_severity(body: &str) -> Severity {
    let body = body.trim_start();
    level_key(body)
        .or_else(|| klog_letter(body))
        .or_else(|| level_word(body))
        .or_else(|| crash_opening(body))
        .unwrap_or(Severity::UNSPECIFIED)
}

/// Reads a level as loggers write it into a field: a word, or a number of syslog (0 to 7) or of the bunyan family (10 to 60).
#[must_use]
pub(crate) fn severity_of_field(value: &str) -> Option<Severity> {
    let value = value.trim();
    if let Ok(number) = value.parse::<i64>() {
        return severity_of_number(number);
    }
    let word = value.trim_matches(|c: char| !c.is_ascii_alphabetic());
    match word.len() {
        1 => severity_of_letter(word.as_bytes().first().copied()?),
        _ => Severity::from_text(word),
    }
}

/// Reads a numeric level of syslog (0 to 7) or of the bunyan family (10 to 60).
pub(crate) fn severity_of_number(number: i64) -> Option<Severity> {
    match number {
        0..=2 => Some(Severity::FATAL),
        3 => Some(Severity::ERROR),
        4 => Some(Severity::WARN),
        5 | 6 => Some(Severity::INFO),
        7 => Some(Severity::DEBUG),
        10..=19 => Some(Severity::TRACE),
        20..=29 => Some(Severity::DEBUG),
        30..=39 => Some(Severity::INFO),
        40..=49 => Some(Severity::WARN),
        50..=59 => Some(Severity::ERROR),
        60..=69 => Some(Severity::FATAL),
        _ => None,
    }
}

fn severity_of_letter(letter: u8) -> Option<Severity> {
    match letter.to_ascii_uppercase() {
        b'T' | b'V' => Some(Severity::TRACE),
        b'D' => Some(Severity::DEBUG),
        b'I' => Some(Severity::INFO),
        b'W' => Some(Severity::WARN),
        b'E' => Some(Severity::ERROR),
        b'F' | b'C' => Some(Severity::FATAL),
        _ => None,
    }
}

fn level_key(body: &str) -> Option<Severity> {
    const KEYS: [&str; 4] = ["level", "severity", "lvl", "loglevel"];
    let end = body.len().min(KEY_SEARCH_BYTES);
    let bytes = body.as_bytes().get(..end)?;
    // Cheap test first: most lines have neither sign, and only a key ends in one.
    if !bytes.iter().any(|byte| matches!(byte, b'=' | b':')) {
        return None;
    }
    for found in memchr::memchr_iter(b'l', bytes).chain(memchr::memchr_iter(b's', bytes)) {
        let starts_word =
            found == 0 || bytes.get(found - 1).is_some_and(|byte| !byte.is_ascii_alphanumeric());
        let rest = bytes.get(found..)?;
        let key = KEYS.iter().find(|key| starts_word && rest.starts_with(key.as_bytes()));
        if let Some(severity) = key.and_then(|key| field_value(rest.get(key.len()..)?)) {
            return Some(severity);
        }
    }
    None
}

/// The level in `="warn"`, `: warn`, `":"warn"`.
fn field_value(after_key: &[u8]) -> Option<Severity> {
    let after_quote = after_key.strip_prefix(b"\\\"").or_else(|| after_key.strip_prefix(b"\""));
    let after_key = after_quote.unwrap_or(after_key).trim_ascii_start();
    let value = after_key.strip_prefix(b"=").or_else(|| after_key.strip_prefix(b":"))?;
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\\\"").or_else(|| value.strip_prefix(b"\"")).unwrap_or(value);
    let length = value.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    severity_of_field(std::str::from_utf8(value.get(..length)?).ok()?)
}

/// klog and glog: `E0102 03:04:05.678`.
fn klog_letter(body: &str) -> Option<Severity> {
    let [letter, digits @ ..] = body.as_bytes() else { return None };
    let digits = digits.get(..5)?;
    let (date, space) = digits.split_at_checked(4)?;
    let is_header = date.iter().all(u8::is_ascii_digit) && space == b" ";
    if is_header && matches!(letter, b'I' | b'W' | b'E' | b'F') {
        return severity_of_letter(*letter);
    }
    None
}

fn level_word(body: &str) -> Option<Severity> {
    let bytes = body.as_bytes();
    let head = bytes.get(..bytes.len().min(HEAD_BYTES))?;
    let mut at = 0;
    for _ in 0..HEAD_WORDS_MAX {
        at += head.get(at..)?.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
        let rest = head.get(at..)?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = rest.get(..length)?;
        if word.is_empty() {
            return None;
        }
        let before = at.checked_sub(1).and_then(|index| head.get(index)).copied();
        let after = rest.get(length).copied();
        if let Some(severity) = labelled_word(word, before, after) {
            return Some(severity);
        }
        at += length;
    }
    None
}

/// Whether a word stands where a level stands: alone in upper case, in brackets, between bars, or before a colon.
fn labelled_word(word: &[u8], before: Option<u8>, after: Option<u8>) -> Option<Severity> {
    if !(3..=13).contains(&word.len()) || !word.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let joined = |byte: Option<u8>| {
        matches!(byte, Some(b'.' | b'-' | b'_' | b'/' | b'\'' | b'@' | b'$' | b'='))
    };
    if joined(before) || joined(after) {
        return None;
    }
    let upper = word.iter().all(u8::is_ascii_uppercase);
    let bracketed = matches!(before, Some(b'[' | b'<' | b'(' | b'|'))
        && matches!(after, Some(b']' | b'>' | b')' | b'|' | b':'));
    let labelled = after == Some(b':');
    if !(upper || bracketed || labelled) {
        return None;
    }
    Severity::from_text(std::str::from_utf8(word).ok()?)
}

fn crash_opening(body: &str) -> Option<Severity> {
    const ERRORS: [&str; 3] =
        ["Traceback (most recent call last)", "Exception in thread", "Unhandled exception"];
    const FATALS: [&str; 2] = ["panic:", "fatal error:"];
    if ERRORS.iter().any(|opening| body.starts_with(opening)) {
        return Some(Severity::ERROR);
    }
    let thread_panicked = body.starts_with("thread '") && body.contains("' panicked at");
    let fatal = thread_panicked || FATALS.iter().any(|opening| body.starts_with(opening));
    fatal.then_some(Severity::FATAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_levels_where_loggers_put_them() {
        let cases = [
            ("2026-01-02 03:04:05,123 WARN  [main] c.e.Pool: slow", Severity::WARN),
            ("16:42:09.486 INFO  t.c.Controller#115 query", Severity::INFO),
            ("[error] 12#12: *1 connect() failed", Severity::ERROR),
            ("time=2026 level=warn msg=\"slow\"", Severity::WARN),
            (r#"{"ts":1,"level":"error","msg":"x"}"#, Severity::ERROR),
            (r#"{"ts":1,"severity": "CRITICAL","msg":"x"}"#, Severity::FATAL),
            (r#"{"level":30,"msg":"x"}"#, Severity::INFO),
            ("E0102 03:04:05.678901       1 leaderelection.go:330] lost", Severity::ERROR),
            ("error: could not connect", Severity::ERROR),
            ("Traceback (most recent call last):", Severity::ERROR),
            ("panic: runtime error: index out of range", Severity::FATAL),
            ("thread 'main' panicked at src/main.rs:1:2", Severity::FATAL),
            ("2026-01-02T03:04:05Z | DEBUG | app | started", Severity::DEBUG),
            ("INFO:root:started", Severity::INFO),
        ];
        for (line, expected) in cases {
            assert_eq!(infer_severity(line), expected, "{line}");
        }
    }

    #[test]
    fn leaves_ordinary_words_alone() {
        let lines = [
            "user reported an error in the form",
            "GET /error/warn HTTP/1.1 200",
            "alert manager started",
            "water level is fine",
            "no-error-here",
            "",
            "é",
        ];
        for line in lines {
            assert_eq!(infer_severity(line), Severity::UNSPECIFIED, "{line}");
        }
    }
}
