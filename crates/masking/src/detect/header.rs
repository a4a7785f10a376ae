//! Tokens that announce themselves: JSON web tokens, authorization schemes, private key blocks.

use std::ops::Range;

use crate::{
    detect::shape,
    finding::Kind,
    line::{Line, is_token, is_word},
};

/// `header.payload.signature`, at its `eyJ`.
pub(crate) fn jwt(line: &mut Line<'_>, start: Range<usize>) {
    let boundary =
        !is_word(line.before(start.start)) || matches!(line.before(start.start), b'_' | b'n');
    if line.slice(start.clone()) != "eyJ" || !boundary {
        return;
    }
    let end = line.run(start.start, |byte| is_token(byte) || matches!(byte, b'.' | b'=' | b'%'));
    let token = line.slice(start.start..end).trim_end_matches('.');
    let mut parts = token.split('.');
    let header = parts.next().unwrap_or("");
    let payload = parts.next().unwrap_or("");
    let signed = parts.next().is_some_and(|signature| signature.len() >= 4);
    if header.len() >= 10 && payload.len() >= 8 && (signed || payload.starts_with("eyJ")) {
        line.found(start.start..start.start + token.len(), Kind::Jwt);
    }
}

fn is_bearer_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'|' | b':' | b'!')
}

/// The token after the word `bearer`.
pub(crate) fn bearer(line: &mut Line<'_>, word: Range<usize>) {
    if is_word(line.before(word.start)) {
        return;
    }
    let Some(start) = after_scheme(line, word.end) else { return };
    let end = token_end(line, start);
    let token = line.slice(start..end);
    let parameter =
        token.ends_with('=') && matches!(line.at(end), b'"' | b'\\') || token.contains("=\"");
    let word_like = token
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b':' | b'.' | b'_'))
        && !shape::is_random(token, 20);
    let random = shape::is_random(token, 8) || shape::is_password_like(token) || token.len() >= 20;
    if !parameter && !word_like && random && !shape::is_placeholder(token) {
        line.found(start..end, Kind::BearerToken);
    }
}

/// `user:password` in base64 after the word `basic`.
pub(crate) fn basic(line: &mut Line<'_>, word: Range<usize>) {
    if is_word(line.before(word.start)) {
        return;
    }
    let start = line.skip_spaces(word.end);
    let end = token_end(line, start);
    let token = line.slice(start..end);
    if decodes_to_credentials(token) || shape::is_random(token, 24) {
        line.found(start..end, Kind::BasicAuth);
    }
}

/// Where the credentials start after `Bearer`, `Basic` and the like: spaces, or what stands for them in URLs.
fn after_scheme(line: &mut Line<'_>, end: usize) -> Option<usize> {
    let start = if line.has(end, "%20") {
        end + 3
    } else if matches!(line.at(end), b'+' | b':' | b'=') {
        line.skip_spaces(end + 1)
    } else {
        line.skip_spaces(end)
    };
    let start = line.run_at_most(start, 3, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    (start > end).then_some(start)
}

fn token_end(line: &mut Line<'_>, start: usize) -> usize {
    let end = line.run(start, is_bearer_byte);
    line.run_back(end, 2, |byte| matches!(byte, b'.' | b':' | b'!'))
}

/// True for base64 of printable text with a colon inside.
pub(crate) fn decodes_to_credentials(token: &str) -> bool {
    let token = token.trim_end_matches('=');
    if token.len() < 7 || token.len() > 512 {
        return false;
    }
    let mut bits = 0u32;
    let mut held = 0u32;
    let mut colon = false;
    for byte in token.bytes() {
        let Some(sextet) = sextet(byte) else { return false };
        bits = (bits << 6 | sextet) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = bits >> held & 0xff;
            colon |= decoded == u32::from(b':');
            if !(0x20..0x7f).contains(&decoded) && decoded != 10 {
                return false;
            }
        }
    }
    colon
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The longest private key block; of a longer one only what looks like key material is masked.
const KEY_BLOCK_BYTES_MAX: usize = 1 << 16;

/// `-----BEGIN ... PRIVATE KEY-----` to its end line, or to the end of the text where that is cut off.
pub(crate) fn private_key(line: &mut Line<'_>, words: Range<usize>) {
    let dashes = line.run_back(words.start, 48, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'-')
    });
    let head = line.slice(dashes..words.start);
    let Some(begin) = head.rfind("BEGIN ") else { return };
    let start = dashes + head.get(..begin).map_or(0, |lead| lead.trim_end_matches('-').len());
    if start == dashes + begin || line.slice(words.clone()) != "PRIVATE KEY" {
        return;
    }
    let rest = line.slice_at_most(words.end, KEY_BLOCK_BYTES_MAX);
    line.charge(rest.len().min(1 << 10));
    let end = match rest.find("-----END ") {
        Some(offset) => {
            let end_line = words.end + offset + "-----END ".len();
            let word_end =
                line.run_at_most(end_line, 64, |byte| byte.is_ascii_uppercase() || byte == b' ');
            line.run_at_most(word_end, 5, |byte| byte == b'-')
        }
        None => cut_off_key_end(line, words.end),
    };
    if end > words.end + 8 {
        line.found(start..end, Kind::PrivateKey);
    }
}

/// The end of key material without an end line: everything that base64, headers and escaped newlines are written with.
fn cut_off_key_end(line: &mut Line<'_>, start: usize) -> usize {
    let mut end = start;
    loop {
        let word_end = line
            .run(end, |byte| is_bearer_byte(byte) || matches!(byte, b'\\' | b'\n' | b'\r' | b','));
        let next = line.skip_spaces(word_end);
        let next_end = line.run_at_most(next, 64, is_bearer_byte);
        if word_end == end || next == word_end || next_end - next < 40 {
            return word_end;
        }
        end = next;
    }
}
