//! Secrets and personal data that stand after a name: `password=...`, `"token": "..."`, `Cookie: a=...; b=...`.

use std::ops::Range;

use crate::{
    detect::{
        header,
        key::{self, KeyClass},
        person, phone, place, shape,
        value::{self, Join, Value},
    },
    finding::Kind,
    line::{Line, is_word},
};

/// Looks at the name around the stem that occurs at `stem`, and at what follows it.
pub(crate) fn at(line: &mut Line<'_>, stem: Range<usize>) {
    let key = key_around(line, &stem);
    if !line.first_sight_of_key(&key) || is_own_mask(line, &key) {
        return;
    }
    let Some(class) = key::classify(line.slice(key.clone())) else { return };
    let Some(value) = value::after_key(line, &key) else { return };
    judge(line, class, &key, value);
}

/// The whole text is the value of a field named `key`.
pub(crate) fn whole(line: &mut Line<'_>, key: &str) {
    let Some(class) = key::classify(key) else { return };
    let value = Value { range: 0..line.len(), join: Join::Tight, quoted: true };
    judge(line, class, &(0..0), value);
}

fn key_around(line: &mut Line<'_>, stem: &Range<usize>) -> Range<usize> {
    let part = |byte: u8| is_word(byte) && byte < 0x80 || matches!(byte, b'-' | b'.');
    let start = line.run_back(stem.start, 64, part);
    let start = line.run_at_most(start, 64, |byte| matches!(byte, b'-' | b'.'));
    let stem_end = line.run_back(stem.end, 1, |byte| matches!(byte, b' ' | b'=' | b':'));
    let end = line.run_at_most(stem_end, 64, part);
    let end = line.run_back(end, 2, |byte| matches!(byte, b'-' | b'.'));
    let start = join_words_before(line, start);
    let end = join_words_after(line, end.max(stem_end));
    start.min(stem.start)..end
}

/// `social security number`, `first name`, `date of birth`, `api key`: names written as words.
fn join_words_after(line: &mut Line<'_>, end: usize) -> usize {
    let mut end = end;
    for _ in 0..2 {
        if line.at(end) != b' ' {
            break;
        }
        let word_end = line.run_at_most(end + 1, 10, |byte| byte.is_ascii_alphabetic());
        let word = line.slice(end + 1..word_end);
        let joins = ["security", "number", "name", "key", "code", "id"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word));
        let next = line.at(word_end);
        if !joins || is_word(next) || next == b' ' && line.at(word_end + 1).is_ascii_lowercase() {
            break;
        }
        end = word_end;
    }
    end
}

fn join_words_before(line: &mut Line<'_>, start: usize) -> usize {
    let before = line.before(start);
    if before != b' ' {
        return start;
    }
    let word_start = line.run_back(start - 1, 8, |byte| byte.is_ascii_alphabetic());
    let word = line.slice(word_start..start - 1);
    let joins = ["api", "access", "secret", "private", "first", "social", "phone", "date"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(word));
    if joins && !is_word(line.before(word_start)) { word_start } else { start }
}

/// True for a mask of ours, `[password]`, unless it is a form field (`user[password]=`).
fn is_own_mask(line: &Line<'_>, key: &Range<usize>) -> bool {
    let bracketed = line.before(key.start) == b'[' && line.at(key.end) == b']';
    let name = line.slice(key.clone());
    bracketed
        && !is_word(line.before(key.start.wrapping_sub(1)))
        && Kind::ALL.iter().any(|kind| kind.name() == name)
}

/// Decides by the class of the name and the look of the value, and notes the finding.
fn judge(line: &mut Line<'_>, class: KeyClass, key: &Range<usize>, value: Value) {
    let text = line.slice(value.range.clone());
    match class {
        KeyClass::Cookies => return cookies(line, &value),
        KeyClass::Authorization => return authorization(line, &value),
        KeyClass::Phone => return phone::keyed(line, &value),
        KeyClass::NamePart | KeyClass::FullName => {
            return person::keyed(line, class == KeyClass::NamePart, &value);
        }
        KeyClass::StreetAddress => return place::keyed(line, &value),
        KeyClass::BirthDate => return place::birth_date(line, &value),
        _ => {}
    }
    if shape::is_placeholder(text) || text.len() > 1 << 14 && class != KeyClass::Password {
        return;
    }
    let in_url = line.before(key.start) == b'&' || line.before(key.start) == b'?';
    if let Some(kind) = kind_of(class, text, &value, in_url) {
        let range = without_scheme(line, value.range);
        line.found(range, kind);
    }
}

fn kind_of(class: KeyClass, text: &str, value: &Value, in_url: bool) -> Option<Kind> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let assigned = value.join != Join::Space;
    match class {
        KeyClass::Password => password_holds(text, value).then_some(if in_url {
            Kind::DbPassword
        } else {
            Kind::Password
        }),
        KeyClass::WeakPassword => (assigned && weak_password_holds(text)
            || shape::is_random(text, 10))
        .then_some(Kind::Password),
        KeyClass::Secret => secret_holds(text, value).then_some(Kind::GenericSecret),
        KeyClass::WeakSecret => (weak_secret_holds(text)
            && (assigned || shape::is_random(text, 16) && !is_object_name(text)))
        .then_some(Kind::GenericSecret),
        KeyClass::Token => token_holds(text, value).then_some(Kind::GenericSecret),
        KeyClass::RandomOnly => random_only_holds(text).then_some(Kind::GenericSecret),
        KeyClass::Session => session_holds(text, value).then_some(Kind::SessionCookie),
        KeyClass::Auth => auth_kind(text, value),
        KeyClass::AwsKeyId => (assigned && text.len() >= 16 && shape::Counts::of(text).upper >= 10)
            .then_some(Kind::AwsAccessKeyId),
        KeyClass::AwsSecretKey => secret_holds(text, value).then_some(Kind::AwsSecretKey),
        KeyClass::AwsSessionToken => {
            (text.len() >= 16 && token_holds(text, value)).then_some(Kind::AwsSessionToken)
        }
        KeyClass::AzureKey => shape::is_random(text, 20).then_some(Kind::AzureStorageKey),
        KeyClass::Signature => (assigned && text.len() >= 20 && shape::is_random(text, 20))
            .then_some(Kind::AzureSasSig),
        KeyClass::Cvv => (matches!(text.len(), 3 | 4) && digits == text.len()).then_some(Kind::Cvv),
        KeyClass::Otp => {
            (assigned && (4..=8).contains(&text.len()) && digits == text.len()).then_some(Kind::Otp)
        }
        KeyClass::Ssn => (digits == 9 && text.len() <= 11).then_some(Kind::UsSsn),
        KeyClass::NationalId => {
            (digits >= 5 && text.len() <= 24 && !shape::is_uuid(text)).then_some(Kind::NationalId)
        }
        _ => None,
    }
}

fn password_holds(text: &str, value: &Value) -> bool {
    if shape::is_status_word(text) || text.len() > 4096 {
        return false;
    }
    match value.join {
        Join::Tight => !is_file(text) && !is_sentence(text),
        Join::Loose if value.quoted => !is_file(text) && !is_sentence(text),
        Join::Loose => {
            !is_file(text)
                && (text.bytes().any(|byte| !byte.is_ascii_alphabetic())
                    || shape::is_random(text, 12))
        }
        Join::Space if value.quoted => {
            !is_sentence(text) && !text.contains(' ') && text.len() >= 4 && !text.ends_with(':')
        }
        Join::Space => shape::is_password_like(text) || shape::is_random(text, 12),
    }
}

/// A random value, or credentials as `user:password`.
fn random_only_holds(text: &str) -> bool {
    let pair = text.split_once(':').is_some_and(|(user, password)| {
        user.bytes().all(is_word) && shape::is_password_like(password)
    });
    shape::is_random(text, 16) || pair
}

/// `pass=` also counts tests: words with digits count, durations and plain numbers do not.
fn weak_password_holds(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    shape::is_password_like(text)
        || text.len() >= 6 && counts.letters() >= 3 && counts.digits > 0 && !is_object_name(text)
}

fn secret_holds(text: &str, value: &Value) -> bool {
    if text.len() < 4 || shape::is_status_word(text) || is_file(text) || is_sentence(text) {
        return false;
    }
    let written_as_secret = text.len() >= 8
        && text.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    match value.join {
        Join::Tight => true,
        Join::Loose => value.quoted || written_as_secret || text.len() >= 16,
        Join::Space => shape::is_random(text, 12),
    }
}

fn weak_secret_holds(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    let mingled =
        counts.digits >= 3 && counts.letters() >= 3 && counts.turns >= 3 && text.len() >= 8;
    shape::is_random(text, 10)
        || (shape::is_password_like(text) || mingled) && !text.contains(['-', '.', '/'])
}

fn token_holds(text: &str, value: &Value) -> bool {
    if text.len() < 6 || shape::is_status_word(text) || is_file(text) || text.contains(' ') {
        return false;
    }
    match value.join {
        Join::Tight => {
            shape::is_random(text, 8)
                || shape::is_password_like(text)
                || text.len() >= 12 && !is_plain_word(text)
        }
        Join::Loose => {
            shape::is_random(text, 10) || value.quoted && text.len() >= 12 && !is_plain_word(text)
        }
        Join::Space => shape::is_random(text, 12) && !is_object_name(text),
    }
}

fn session_holds(text: &str, value: &Value) -> bool {
    let named_otherwise = text.starts_with("S-1-") || is_object_name(text) && !shape::is_uuid(text);
    let twilio_sid = text.len() == 34
        && text.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && shape::Counts::of(text).hex >= 32;
    match value.join {
        Join::Space => shape::is_random(text, 24) && !shape::is_uuid(text) && !named_otherwise,
        _ => {
            !named_otherwise
                && !twilio_sid
                && (shape::is_random(text, 10) || text.contains('%') && text.len() >= 24)
        }
    }
}

fn auth_kind(text: &str, value: &Value) -> Option<Kind> {
    if text.split_once(':').is_some_and(|(user, password)| {
        user.bytes().all(is_word) && shape::is_password_like(password)
    }) {
        return Some(Kind::Password);
    }
    if header::decodes_to_credentials(text) {
        return Some(Kind::BasicAuth);
    }
    let secret = shape::is_random(text, 16)
        || value.join == Join::Space && value.quoted && shape::is_password_like(text);
    secret.then_some(Kind::GenericSecret)
}

/// A path where a password would be: `pwd=/srv/app`, `password: /run/secrets/db`.
fn is_file(text: &str) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes().get(2) == Some(&b'\\');
    let path = text.starts_with('/')
        || text.starts_with("./")
        || text.starts_with("~/")
        || text.starts_with("file:");
    let plain = text
        .bytes()
        .all(|byte| is_word(byte) || matches!(byte, b'/' | b'.' | b'-' | b':' | b'~' | b'$'));
    drive
        || path && plain && (text.len() < 40 || text.matches('/').count() > 2)
        || text.starts_with("arn:aws:")
}

/// Prose where a value would be: `"password": "must have 8 characters"`.
fn is_sentence(text: &str) -> bool {
    const PROSE: &[&str] = &[
        "is", "must", "should", "too", "required", "at", "least", "not", "cannot", "can't", "be",
        "the", "has", "was", "contain", "for", "does",
    ];
    text.split(' ')
        .filter(|word| PROSE.contains(&word.to_ascii_lowercase().as_str()))
        .take(2)
        .count()
        >= if text.split(' ').count() > 2 { 1 } else { 2 }
}

/// Names in the style of Kubernetes objects and hosts: lower case with hyphens, dots or slashes.
fn is_object_name(text: &str) -> bool {
    text.contains(['-', '.', '/', ':'])
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'-' | b'.' | b'/' | b':' | b'_')
        })
}

fn is_plain_word(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    counts.digits == 0 && (counts.other == 0 || counts.upper == 0)
        || text.contains("()")
        || is_object_name(text) && counts.digits < 2
}

/// `Bearer x` after `token=`: the scheme is no secret.
fn without_scheme(line: &mut Line<'_>, range: Range<usize>) -> Range<usize> {
    for scheme in [
        "bearer ",
        "basic ",
        "token ",
        "apikey ",
        "splunk ",
        "digest ",
        "negotiate ",
        "bot ",
        "bearer%20",
    ] {
        if line.has(range.start, scheme) {
            return line.skip_spaces(range.start + scheme.len()).min(range.end)..range.end;
        }
    }
    range
}

fn authorization(line: &mut Line<'_>, value: &Value) {
    let bare = without_scheme(line, value.range.clone());
    let scheme_named = bare.start > value.range.start;
    let first_word = line.slice(value.range.clone());
    let known_scheme =
        ["bearer", "basic", "token", "apikey", "splunk", "digest", "negotiate", "bot"]
            .iter()
            .any(|scheme| scheme.eq_ignore_ascii_case(first_word));
    let range = if known_scheme && !scheme_named {
        let start = line.skip_spaces(value.range.end);
        match value::read(line, start, Join::Tight) {
            Some(next) if start > value.range.end => next.range,
            _ => return,
        }
    } else {
        bare
    };
    if line.slice(range.clone()).contains("Signature=")
        || line.slice(range.clone()).starts_with("AWS4-")
    {
        return;
    }
    let text = line.slice(range.clone());
    let spaced = text.contains(' ');
    let assigned = value.join != Join::Space;
    let digits = text.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let kind =
        if header::decodes_to_credentials(text) { Kind::BasicAuth } else { Kind::BearerToken };
    let holds = assigned
        && !spaced
        && (text.len() >= 12 || text.len() >= 6 && digits || scheme_named && text.len() >= 6);
    if holds && !shape::is_placeholder(text) && !shape::is_status_word(text) && !text.ends_with('=')
        || kind == Kind::BasicAuth
    {
        line.found(range, kind);
    }
}

/// Attributes of a cookie that are no cookie.
const COOKIE_ATTRIBUTES: &[&str] = &[
    "path", "domain", "expires", "max-age", "samesite", "priority", "version", "_ga", "_gid",
    "_gat", "_fbp",
];

fn cookies(line: &mut Line<'_>, value: &Value) {
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
        || secret_name && (long || text.len() >= 8 && !is_plain_word(text))
    {
        line.found(range, Kind::SessionCookie);
    }
}
