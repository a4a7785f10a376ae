//! Secrets and personal data that stand after a name: `password=...`, `"token": "..."`, `Cookie: a=...; b=...`.

use std::ops::Range;

use crate::{
    detect::{
        cookie, header,
        key::{self, KeyClass},
        person, phone, place, plausible, shape,
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
    if value.join == Join::Space && names_no_value(line, &key, &value) {
        return;
    }
    judge(line, class, &key, value);
}

/// The whole text is the value of a field named `key`.
pub(crate) fn whole(line: &mut Line<'_>, key: &str) {
    let Some(class) = key::classify(key) else { return };
    let value = Value { range: 0..line.len(), join: Join::Tight, quoted: true };
    judge(line, class, &(0..0), value);
}

/// `TOKEN=secure-token NEXT=1`: the word is itself a value, and what follows is the next assignment.
fn names_no_value(line: &Line<'_>, key: &Range<usize>, value: &Value) -> bool {
    let assigned_itself = line.before(key.start) == b'=';
    let text = line.slice(value.range.clone()).trim_end_matches('=');
    assigned_itself || !value.quoted && text.contains('=')
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
        KeyClass::Cookies => return cookie::cookies(line, &value),
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
        KeyClass::Password => plausible::password_holds(text, value).then_some(if in_url {
            Kind::DbPassword
        } else {
            Kind::Password
        }),
        KeyClass::WeakPassword => (assigned && plausible::weak_password_holds(text)
            || shape::is_random(text, 10))
        .then_some(Kind::Password),
        KeyClass::Secret => plausible::secret_holds(text, value).then_some(Kind::GenericSecret),
        KeyClass::WeakSecret => (plausible::weak_secret_holds(text)
            && (assigned || shape::is_random(text, 16) && !plausible::is_object_name(text)))
        .then_some(Kind::GenericSecret),
        KeyClass::Token => plausible::token_holds(text, value).then_some(Kind::GenericSecret),
        KeyClass::RandomOnly => plausible::random_only_holds(text).then_some(Kind::GenericSecret),
        KeyClass::Session => plausible::session_holds(text, value).then_some(Kind::SessionCookie),
        KeyClass::Auth => plausible::auth_kind(text, value),
        KeyClass::AwsKeyId => (assigned && text.len() >= 16 && shape::Counts::of(text).upper >= 10)
            .then_some(Kind::AwsAccessKeyId),
        KeyClass::AwsSecretKey => {
            plausible::secret_holds(text, value).then_some(Kind::AwsSecretKey)
        }
        KeyClass::AwsSessionToken => (text.len() >= 16 && plausible::token_holds(text, value))
            .then_some(Kind::AwsSessionToken),
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
    let code = !digits && !scheme_named;
    let holds = !code
        && assigned
        && !spaced
        && (text.len() >= 12 || text.len() >= 6 && digits || scheme_named && text.len() >= 6);
    if holds && !shape::is_placeholder(text) && !shape::is_status_word(text) && !text.ends_with('=')
        || kind == Kind::BasicAuth
    {
        line.found(range, kind);
    }
}
