//! Whether a value is what its field's name promises: each class of names asks for another strength of evidence.

use crate::{
    detect::{
        header, shape,
        value::{Join, Value},
    },
    finding::Kind,
    line::is_word,
};

pub(crate) fn password_holds(text: &str, value: &Value) -> bool {
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
            !is_file(text)
                && !is_sentence(text)
                && !text.contains(' ')
                && text.len() >= 4
                && !text.ends_with(':')
        }
        Join::Space => shape::is_password_like(text) || shape::is_random(text, 12),
    }
}

/// A random value, or credentials as `user:password`.
pub(crate) fn random_only_holds(text: &str) -> bool {
    let pair = text.split_once(':').is_some_and(|(user, password)| {
        user.bytes().all(is_word) && shape::is_password_like(password)
    });
    shape::is_random(text, 16) || pair
}

/// `pass=` also counts tests: words with digits count, durations and plain numbers do not.
pub(crate) fn weak_password_holds(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    shape::is_password_like(text)
        || text.len() >= 6 && counts.letters() >= 3 && counts.digits > 0 && !is_object_name(text)
}

pub(crate) fn secret_holds(text: &str, value: &Value) -> bool {
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

pub(crate) fn weak_secret_holds(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    let mingled =
        counts.digits >= 3 && counts.letters() >= 3 && counts.turns >= 3 && text.len() >= 8;
    shape::is_random(text, 10)
        || (shape::is_password_like(text) || mingled) && !text.contains(['-', '.', '/'])
}

pub(crate) fn token_holds(text: &str, value: &Value) -> bool {
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

pub(crate) fn session_holds(text: &str, value: &Value) -> bool {
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

pub(crate) fn auth_kind(text: &str, value: &Value) -> Option<Kind> {
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

const FILE_ENDINGS: &[&str] = &[
    "pem", "key", "crt", "cer", "json", "yml", "yaml", "txt", "p12", "jks", "rb", "py", "go",
    "java", "env", "conf", "toml", "xml", "md", "sh",
];

/// A path where a password would be: `pwd=/srv/app`, `password: /run/secrets/db`.
fn is_file(text: &str) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes().get(2) == Some(&b'\\');
    let path = text.starts_with('/')
        || text.starts_with("./")
        || text.starts_with("~/")
        || text.starts_with("file:");
    let named_file = text.rsplit_once('.').is_some_and(|(stem, ending)| {
        FILE_ENDINGS.contains(&ending)
            && stem.bytes().all(|byte| {
                byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'/' | b':')
            })
    });
    let plain = text
        .bytes()
        .all(|byte| is_word(byte) || matches!(byte, b'/' | b'.' | b'-' | b':' | b'~' | b'$'));
    drive
        || named_file
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
pub(crate) fn is_object_name(text: &str) -> bool {
    text.contains(['-', '.', '/', ':'])
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'-' | b'.' | b'/' | b':' | b'_')
        })
}

pub(crate) fn is_plain_word(text: &str) -> bool {
    let counts = shape::Counts::of(text);
    counts.digits == 0 && (counts.other == 0 || counts.upper == 0)
        || text.contains("()")
        || is_object_name(text) && counts.digits < 2
}
