//! Messages with a structure of their own: JSON, key=value lines, and stack traces over several lines.

use std::borrow::Cow;

use groundcrew_telemetry::CallSite;

use super::header::strip_header;
use super::mask::Masking;
use super::site;

/// Fields that hold the message, best first.
const MESSAGE_KEYS: [&str; 6] = ["message", "msg", "log", "event", "error", "err"];
/// Fields whose text tells templates with the same message apart.
const ERROR_KEYS: [&str; 4] = ["error", "err", "exception", "error.type"];
/// Bytes of a structured body that are looked at.
const STRUCTURED_BYTES_MAX: usize = 8_192;
/// Lines after the first in which an exception's class is looked for.
const TRACE_LINES_MAX: usize = 64;

/// Masks a whole message into `out`; says where in the code it was written, if it tells.
pub(super) fn mask_message(message: &str, out: &mut Masking) -> Option<CallSite> {
    let body = message.trim_start();
    if body.starts_with('{')
        && let Some(site) = mask_json(body, out)
    {
        return site;
    }
    if let Some(site) = mask_logfmt(body, out) {
        return site;
    }
    let first = first_line(body);
    let text = strip_header(first.as_bytes());
    out.line(text);
    if first.len() < body.len()
        && let Some(class) = exception_class(first, body)
    {
        out.constant(" | ");
        out.constant(class);
    }
    site::of_line(first.as_bytes(), text)
}

fn first_line(text: &str) -> &str {
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return if text.trim().is_empty() { "" } else { text };
    }
    text.split(['\n', '\r']).find(|line| !line.trim().is_empty()).unwrap_or("")
}

/// The class of the exception that a stack trace is about: the last cause when the trace names causes.
fn exception_class<'a>(first: &str, body: &'a str) -> Option<&'a str> {
    let mut found = None;
    for line in body.lines().skip(1).take(TRACE_LINES_MAX) {
        let text = line.trim_start();
        let text = text.strip_prefix("Caused by: ").unwrap_or(text);
        let class = text.split([':', ' ', '(']).next().unwrap_or("");
        let is_class =
            ["Exception", "Error", "Panic", "Fault"].iter().any(|ending| class.ends_with(ending));
        let is_name = class
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
        if is_class && is_name && class.len() < 160 {
            found = Some(class);
        }
    }
    found.filter(|class| !first.contains(class))
}

/// Masks a JSON object by its message field; without one, by its keys. `None` when it is not an object.
fn mask_json(body: &str, out: &mut Masking) -> Option<Option<CallSite>> {
    let fields = top_level_fields(body)?;
    let text_of = |key: &str| {
        fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
    };
    let message = MESSAGE_KEYS.iter().find_map(|key| text_of(key).map(|value| (*key, value)));
    let Some((message_key, message)) = message else {
        let mut keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        out.constant("{");
        for (position, key) in keys.iter().take(24).enumerate() {
            if position > 0 {
                out.constant(", ");
            }
            out.line(key.as_bytes());
        }
        out.constant("}");
        return Some(None);
    };
    out.line(strip_header(first_line(message).as_bytes()));
    let error = ERROR_KEYS.iter().filter(|key| **key != message_key).find_map(|key| text_of(key));
    if let Some(error) = error.filter(|error| !error.is_empty()) {
        out.constant(" | ");
        out.line(first_line(error).as_bytes());
    }
    Some(site::of_fields(|key| text_of(key).map(Cow::Borrowed)))
}

/// Key and raw text of each field of the outermost object. Strings come without quotes and end at the first escaped
/// line break; `None` when the text is not an object.
fn top_level_fields(body: &str) -> Option<Vec<(&str, &str)>> {
    let bytes = body.as_bytes().get(..body.len().min(STRUCTURED_BYTES_MAX))?;
    let mut fields = Vec::new();
    let mut at = 1;
    loop {
        at = skip_spaces(bytes, at);
        match bytes.get(at) {
            Some(b'}') | None => break,
            Some(b',') => at += 1,
            Some(b'"') => {
                let key_end = string_end(bytes, at)?;
                let key = body.get(at + 1..key_end)?;
                at = skip_spaces(bytes, key_end + 1);
                if bytes.get(at) != Some(&b':') {
                    return None;
                }
                at = skip_spaces(bytes, at + 1);
                let Some((value, next)) = json_value(body, bytes, at) else { break };
                fields.push((key, value));
                at = next;
            }
            Some(_) => return None,
        }
    }
    (!fields.is_empty()).then_some(fields)
}

fn json_value<'a>(body: &'a str, bytes: &[u8], at: usize) -> Option<(&'a str, usize)> {
    if bytes.get(at) == Some(&b'"') {
        let end = string_end(bytes, at)?;
        let text = body.get(at + 1..end)?;
        let line = text.split("\\n").next().unwrap_or(text);
        return Some((line, end + 1));
    }
    let mut depth = 0_u32;
    let mut position = at;
    loop {
        match bytes.get(position)? {
            b'"' => position = string_end(bytes, position)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b'}' if depth == 0 => return Some((body.get(at..position)?.trim(), position)),
            _ => {}
        }
        position += 1;
    }
}

fn skip_spaces(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Where the string that opens at `at` closes.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut position = at + 1;
    loop {
        match bytes.get(position)? {
            b'"' => return Some(position),
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
}

/// Masks a key=value line by its `msg`; `false` when it is not one.
fn mask_logfmt(body: &str, out: &mut Masking) -> Option<Option<CallSite>> {
    let key_end =
        body.bytes().take(24).position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'));
    if !key_end.is_some_and(|end| end > 0 && body.as_bytes().get(end) == Some(&b'=')) {
        return None;
    }
    let line = first_line(body);
    let message = logfmt_value(line, "msg=").or_else(|| logfmt_value(line, "message="))?;
    out.line(strip_header(message.as_bytes()));
    if let Some(error) = logfmt_value(line, "err=").or_else(|| logfmt_value(line, "error=")) {
        out.constant(" | ");
        out.line(error.as_bytes());
    }
    let places = ["caller=", "source=", "file="];
    Some(places.iter().find_map(|key| site::of_place(logfmt_value(line, key)?)))
}

fn logfmt_value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let at = line.find(key).filter(|at| *at == 0 || line.as_bytes().get(at - 1) == Some(&b' '))?;
    let start = at + key.len();
    let value = line.get(start..)?;
    if value.starts_with('"') {
        let end = string_end(line.as_bytes(), start)?;
        return line.get(start + 1..end);
    }
    value.split(' ').next()
}
