//! What a text looks like on its own: random enough for a secret, a placeholder, a word of a sentence.

/// Words that stand where a secret would, and say something about it instead.
const STATUS_WORDS: &[&str] = &[
    "absent",
    "accepted",
    "added",
    "and",
    "any",
    "bad",
    "blank",
    "bucket",
    "cache",
    "cannot",
    "changed",
    "check",
    "configured",
    "correct",
    "created",
    "default",
    "denied",
    "deleted",
    "disabled",
    "does",
    "empty",
    "enabled",
    "error",
    "expired",
    "failed",
    "failure",
    "false",
    "field",
    "filtered",
    "for",
    "format",
    "found",
    "from",
    "generated",
    "has",
    "header",
    "hidden",
    "in",
    "incorrect",
    "input",
    "invalid",
    "is",
    "issued",
    "length",
    "length:",
    "masked",
    "match",
    "mismatch",
    "missing",
    "must",
    "n/a",
    "na",
    "new",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "of",
    "off",
    "ok",
    "omitted",
    "on",
    "optional",
    "or",
    "password",
    "present",
    "prompt",
    "provided",
    "public",
    "redacted",
    "refresh",
    "refreshed",
    "rejected",
    "removed",
    "renewed",
    "required",
    "reset",
    "revoked",
    "rotated",
    "rotation",
    "scrubbed",
    "secret",
    "set",
    "string",
    "stripped",
    "succeeded",
    "success",
    "token",
    "too",
    "true",
    "type",
    "undefined",
    "unknown",
    "unset",
    "updated",
    "used",
    "user",
    "valid",
    "validated",
    "validation",
    "value",
    "verified",
    "was",
    "weak",
    "wrong",
    "yes",
    "hash",
    "object",
    "admin",
    "basic",
    "bearer",
    "jwt",
    "oauth",
    "oauth2",
    "ldap",
    "kerberos",
    "sha256",
    "md5",
    "bcrypt",
    "rsa",
    "ed25519",
    "plain",
    "external",
    "internal",
    "enforced",
    "allowed",
];

/// True for words that describe a secret's state rather than being one.
pub(crate) fn is_status_word(value: &str) -> bool {
    let trimmed = value.trim_matches(|c: char| c.is_ascii_punctuation());
    trimmed.len() <= 10 && STATUS_WORDS.iter().any(|word| word.eq_ignore_ascii_case(trimmed))
}

/// True for what is written in place of a value: `***`, `<token>`, `${VAR}`, `[email]`, `%s`, `null`.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return true };
    let bracketed =
        matches!((first, last), (b'[', b']') | (b'<', b'>') | (b'{', b'}') | (b'(', b')'));
    let variable = first == b'$'
        && matches!(bytes.get(1), Some(b'{' | b'(' | b'A'..=b'Z' | b'_' | b'a'..=b'z'))
        && !value
            .bytes()
            .any(|byte| byte.is_ascii_digit() && !value.contains('{') && !value.contains('_'));
    let template = value.starts_with("{{")
        || value.starts_with("%(")
        || value.starts_with("<%")
        || value.starts_with("#{");
    let environment = value.starts_with("env:")
        || value.starts_with("process.env")
        || value.starts_with("os.environ")
        || value.starts_with("vault:");
    let percent_variable = bytes.len() > 2 && first == b'%' && last == b'%';
    let letters = value
        .chars()
        .all(|c| matches!(c, '*' | '•' | '#' | '.' | '-' | '_' | '?' | '·' | '●' | ' '));
    let crossed =
        bytes.len() >= 3 && bytes.iter().all(|byte| matches!(byte, b'x' | b'X' | b'-' | b'*'));
    let starred = value.contains("***")
        || value.contains("…")
        || value.contains("[REDACTED")
        || value.contains("[FILTERED");
    let yours = bytes.get(..4).is_some_and(|lead| lead.eq_ignore_ascii_case(b"your"))
        && !value.bytes().any(|byte| byte.is_ascii_digit());
    let verb = bytes.len() <= 3
        && first == b'%'
        && value.bytes().skip(1).all(|byte| byte.is_ascii_alphabetic());
    (bracketed && !has_secret_core(value))
        || variable
        || template
        || environment
        || percent_variable
        || letters
        || crossed
        || starred
        || verb
        || yours
        || value.starts_with('[') && is_mask(value)
}

/// True when the text inside brackets is itself random, as in `<x9Kf...>`.
fn has_secret_core(value: &str) -> bool {
    let core =
        value.trim_matches(|c: char| matches!(c, '[' | ']' | '<' | '>' | '{' | '}' | '(' | ')'));
    is_random(core, 16)
}

/// True for text that begins with a mask of ours, like `[email]`.
fn is_mask(value: &str) -> bool {
    let Some(inner) = value.strip_prefix('[').and_then(|rest| rest.split(']').next()) else {
        return false;
    };
    crate::Kind::ALL.iter().any(|kind| kind.name() == inner)
}

/// Character counts of a text.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) digits: usize,
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) other: usize,
    pub(crate) hex: usize,
    pub(crate) turns: usize,
}

impl Counts {
    pub(crate) fn of(value: &str) -> Counts {
        let mut counts = Counts::default();
        let mut previous = 0u8;
        for byte in value.bytes() {
            let class = match byte {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 3,
                _ => 4,
            };
            match class {
                1 => counts.digits += 1,
                2 => counts.lower += 1,
                3 => counts.upper += 1,
                _ => counts.other += 1,
            }
            counts.hex += usize::from(byte.is_ascii_hexdigit());
            counts.turns += usize::from(previous != 0 && previous != class);
            previous = class;
        }
        counts
    }

    pub(crate) fn letters(&self) -> usize {
        self.lower + self.upper
    }
}

/// True for `8-4-4-4-12` hexadecimal digits.
pub(crate) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// True for what a random generator writes and a person or a naming scheme does not.
pub(crate) fn is_random(value: &str, length_min: usize) -> bool {
    if value.len() < length_min || value.starts_with("0x") || value.contains("://") {
        return false;
    }
    if is_uuid(value) {
        return true;
    }
    if value.bytes().any(|byte| {
        byte >= 0x80 || byte <= b' ' || matches!(byte, b'(' | b')' | b'<' | b'>' | b'{' | b'}')
    }) {
        return false;
    }
    let dotted = value.contains('.') && value.split('.').map(str::len).max().unwrap_or(0) < 16;
    let path = value.starts_with('/') && value.len() < 32
        || value.matches('/').count() > 1 + value.len() / 16;
    if dotted || path {
        return false;
    }
    let counts = Counts::of(value);
    let length = value.len();
    if counts.hex == length && length >= 16 {
        return counts.digits > 0 && counts.letters() > 0;
    }
    let wordy = counts.other > 0 && value.contains(['-', '_']);
    let mixed = counts.digits >= 2 && counts.lower > 0 && counts.upper > 0 && counts.turns >= 4;
    let undigited = counts.digits < 2
        && counts.lower >= 3
        && counts.upper >= 3
        && counts.turns >= 8
        && length >= 20;
    let one_case =
        counts.digits >= 3 && counts.letters() >= 3 && length >= 20 && counts.turns >= 4 && !wordy;
    let long_token = counts.digits >= 4 && length >= 32 && counts.turns >= 10;
    mixed || undigited || one_case || long_token
}

/// True for what people choose as passwords and do not write in a sentence: letters with digits or signs between.
pub(crate) fn is_password_like(value: &str) -> bool {
    if value.len() < 6 || value.len() > 128 || value.contains("://") || value.contains('(') {
        return false;
    }
    if value.bytes().any(|byte| byte <= b' ' || byte == b'=' || byte == b'@' && value.contains('.'))
    {
        return false;
    }
    let counts = Counts::of(value);
    let path = value.starts_with('/') || value.starts_with("./") || value.contains("::");
    let version = value.starts_with('v') && counts.digits > 0 && value.contains('.');
    if path || version || counts.letters() == 0 {
        return false;
    }
    let symbols = value
        .bytes()
        .filter(|&byte| {
            matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'*' | b'^' | b'~' | b'+')
        })
        .count();
    let joined_words = counts.lower > 3
        && counts.upper > 2
        && value.contains('-')
        && counts.turns <= 6
        && counts.digits == 0
        && value.split('-').any(|part| part.bytes().all(|byte| byte.is_ascii_lowercase()))
        && value
            .split('-')
            .any(|part| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_uppercase()));
    (symbols > 0
        && counts.letters() + counts.digits >= 4
        && counts.letters() > 0
        && (counts.digits > 0 || counts.upper > 0))
        || (counts.digits > 0 && counts.upper > 0 && counts.lower > 0 && !value.ends_with(':'))
        || (counts.digits >= 2 && counts.lower >= 4 && counts.other == 0 && value.len() >= 7)
        || joined_words
}
