//! Session cookies inside `Cookie` and `Set-Cookie` headers; the others are left to be read.

use std::ops::Range;

use crate::{
    detect::{
        key::{self, KeyClass},
        plausible, shape,
        value::{Join, Value},
    },
    finding::Kind,
    line::{Line, is_word},
};

/// Attributes of a cookie that are no cookie.
const COOKIE_ATTRIBUTES: &[&str] = &[
    "path", "domain", "expires", "max-age", "samesite", "priority", "version", "_ga", "_gid",
    "_gat", "_fbp",
];

/// Masks the values of session cookies in a `Cookie` or `Set-Cookie` header.
pub(crate) fn cookies(line: &mut Line<'_>, value: &Value) {
    if value.join == Join::Space {
        return;
    }
    let mut at = value.range.start;
    let end = if value.quoted {
        value.range.end
    } else {
        line.run_at_most(at, 1 << 16, |byte| byte != b'\n' && byte != b'"')
    };
    for _ in 0..128 {
        at = line.run_at_most(at, 8, |byte| matches!(byte, b' ' | b';' | b',' | b'\''));
        let name_end =
            line.run_at_most(at, 128, |byte| is_word(byte) || matches!(byte, b'-' | b'.' | b'$'));
        if at >= end || name_end == at {
            return;
        }
        let name = line.slice(at..name_end);
        let value_start = name_end + 1;
        if line.at(name_end) != b'=' {
            at = line.run(name_end, |byte| byte != b';' && byte != b'\n').max(name_end + 1);
            continue;
        }
        let value_end = line
            .run(value_start, |byte| {
                byte > b' ' && !matches!(byte, b';' | b',' | b'"' | b'\'' | b'\\')
            })
            .min(end);
        cookie(line, name, value_start..value_end);
        at = line.run(value_end, |byte| byte != b';' && byte != b'\n').max(value_end + 1);
    }
}

fn cookie(line: &mut Line<'_>, name: &str, range: Range<usize>) {
    let text = line.slice(range.clone());
    let attribute = COOKIE_ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known));
    if attribute || shape::is_placeholder(text) || shape::is_status_word(text) {
        return;
    }
    let secret_name = matches!(
        key::classify(name),
        Some(
            KeyClass::Session
                | KeyClass::Token
                | KeyClass::Auth
                | KeyClass::Secret
                | KeyClass::Password
                | KeyClass::AwsSessionToken
        )
    );
    let long = text.len() >= 16 && text.bytes().any(|byte| byte.is_ascii_digit());
    if shape::is_random(text, 14)
        || secret_name && (long || text.len() >= 8 && !plausible::is_plain_word(text))
    {
        line.found(range, Kind::SessionCookie);
    }
}
