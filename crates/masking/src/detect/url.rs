//! Passwords in the user part of URLs and data source names.

use std::ops::Range;

use crate::{
    detect::shape,
    finding::Kind,
    line::{Line, is_word},
};

/// Bytes that may stand in a URL as logs write them.
#[inline]
pub(crate) fn is_url_byte(byte: u8) -> bool {
    byte > b' '
        && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'|' | b'{' | b'}')
        && byte != 0x7f
}

/// `scheme://user:password@host`, at the `://`.
pub(crate) fn at(line: &mut Line<'_>, colon_slashes: Range<usize>) {
    if !line.before(colon_slashes.start).is_ascii_alphanumeric() {
        return;
    }
    let start = colon_slashes.end;
    let authority_end = line
        .run_at_most(start, 2048, |byte| is_url_byte(byte) && !matches!(byte, b'/' | b'?' | b'#'));
    let mut user_end = last_at_sign(line, start..authority_end);
    if user_end.is_none() {
        user_end = user_with_unescaped_password(line, start..authority_end);
    }
    let Some(user_end) = user_end else { return };
    let user_part = line.slice(start..user_end);
    let (password_start, user_only) = match user_part.find(':') {
        Some(colon) => (start + colon + 1, false),
        None => (start, true),
    };
    let password = line.slice(password_start..user_end);
    let is_secret =
        if user_only { shape::is_random(password, 16) } else { !shape::is_placeholder(password) };
    if is_secret {
        line.found(password_start..user_end, Kind::DbPassword);
    }
}

fn last_at_sign(line: &mut Line<'_>, range: Range<usize>) -> Option<usize> {
    line.charge(range.len());
    line.slice(range.clone()).rfind('@').map(|offset| range.start + offset)
}

/// Passwords are often pasted unescaped: `://app:p/w#d@host` has its at-sign after what looks like the path.
fn user_with_unescaped_password(line: &mut Line<'_>, authority: Range<usize>) -> Option<usize> {
    let text = line.slice(authority.clone());
    let (host, port) = text.split_once(':')?;
    let looks_like_port = port.bytes().all(|byte| byte.is_ascii_digit());
    if host.contains(['[', ',']) || host.contains('.') || looks_like_port {
        return None;
    }
    let end = line.run_at_most(authority.end, 128, is_url_byte);
    last_at_sign(line, authority.end..end)
}

/// True when the at-sign at `at_sign` ends the user part of a URL, so that what surrounds it is no e-mail address.
pub(crate) fn in_user_part(line: &mut Line<'_>, at_sign: usize) -> bool {
    let start = line.run_back(at_sign, 512, |byte| is_url_byte(byte) && byte != b'?');
    let text = line.slice(start..at_sign);
    match text.rfind("://") {
        Some(scheme_end) => {
            let user = text.get(scheme_end + 3..).unwrap_or("");
            !user.contains('/')
                || user.split_once(':').is_some_and(|(name, rest)| {
                    !name.contains(['/', '.']) && !rest.starts_with(|c: char| c.is_ascii_digit())
                })
        }
        None => false,
    }
}

/// `user:password@tcp(host)` and `user/password@//host`, at the at-sign.
pub(crate) fn bare_source_name(line: &mut Line<'_>, at_sign: usize) {
    let after = at_sign + 1;
    let go_style = line.at(after) == b'('
        || ["tcp(", "tcp6(", "unix(", "udp("].iter().any(|network| line.has(after, network));
    if !go_style && !line.before(at_sign).is_ascii_alphanumeric() && !line.has(after, "//") {
        return;
    }
    let start = line.run_back(at_sign, 256, |byte| {
        byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'=' | b',' | b'<' | b'>')
    });
    let text = line.slice(start..at_sign);
    let separator = if go_style { text.find(':') } else { text.rfind('/') };
    let Some(separator) = separator else { return };
    if !go_style
        && !line.has(after, "//")
        && !line.has(after, "(description")
        && !oracle_before(line, at_sign)
    {
        return;
    }
    if in_user_part(line, at_sign) {
        return;
    }
    let password = text.get(separator + 1..).unwrap_or("");
    let user_is_word = text.get(..separator).unwrap_or("").bytes().last().is_some_and(is_word);
    if user_is_word && !shape::is_placeholder(password) {
        line.found(start + separator + 1..at_sign, Kind::DbPassword);
    }
}

fn oracle_before(line: &mut Line<'_>, at_sign: usize) -> bool {
    let context = line.context_before(at_sign);
    ["oracle:", "sqlplus ", "impdp ", "expdp ", "sqlldr "].iter().any(|word| context.contains(word))
}
