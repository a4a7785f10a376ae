//! What the name of a field says about its value: `db_password`, `X-Api-Key`, `customerEmail`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What a field's name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyClass {
    /// A password under its full name.
    Password,
    /// `pass`, which also counts passed tests.
    WeakPassword,
    /// A secret under a compound name, such as `client_secret`.
    Secret,
    /// `secret` alone, which also names Kubernetes objects.
    WeakSecret,
    /// A token; the word also has other uses.
    Token,
    /// A key whose name may mean something else (`routing_key`), so that only a random value counts.
    RandomOnly,
    /// Session identifiers.
    Session,
    /// `Cookie` and `Set-Cookie` headers.
    Cookies,
    /// `Authorization` headers.
    Authorization,
    /// `auth`: credentials in base64 or a random token.
    Auth,
    AwsKeyId,
    AwsSecretKey,
    AwsSessionToken,
    AzureKey,
    Signature,
    Cvv,
    Otp,
    Ssn,
    NationalId,
    BirthDate,
    Phone,
    /// First or last name alone.
    NamePart,
    /// A whole name, in any script.
    FullName,
    StreetAddress,
}

/// The longest name that is looked at; of longer ones the end counts.
const KEY_BYTES_MAX: usize = 96;

/// A field's name in lower-case words joined by `_`, without allocation.
pub(crate) struct Words {
    buffer: [u8; 2 * KEY_BYTES_MAX],
    length: usize,
}

impl Words {
    /// Splits `accessTokenID`, `X-Api-Key` and `db.password` alike.
    pub(crate) fn of(key: &str) -> Words {
        let mut words = Words { buffer: [0; 2 * KEY_BYTES_MAX], length: 0 };
        let bytes = key.as_bytes();
        let bytes = bytes.get(bytes.len().saturating_sub(KEY_BYTES_MAX)..).unwrap_or(bytes);
        let mut previous = b'_';
        for (index, &byte) in bytes.iter().enumerate() {
            let next_lower = bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = byte.is_ascii_uppercase()
                && (previous.is_ascii_lowercase()
                    || previous.is_ascii_digit()
                    || previous.is_ascii_uppercase() && next_lower);
            if !byte.is_ascii_alphanumeric() && byte < 0x80 {
                words.push(b'_');
            } else {
                if hump {
                    words.push(b'_');
                }
                words.push(byte.to_ascii_lowercase());
            }
            previous = byte;
        }
        words
    }

    fn push(&mut self, byte: u8) {
        let doubled =
            byte == b'_' && (self.length == 0 || self.buffer.get(self.length - 1) == Some(&b'_'));
        if doubled {
            return;
        }
        if let Some(slot) = self.buffer.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let written = self.buffer.get(..self.length).unwrap_or(&[]);
        std::str::from_utf8(written).unwrap_or("").trim_matches('_')
    }
}

/// Words at the end of a name that leave its meaning as it is.
const NEUTRAL_ENDINGS: &[&str] = &[
    "value",
    "val",
    "plain",
    "plaintext",
    "raw",
    "b64",
    "base64",
    "encoded",
    "encrypted",
    "enc",
    "old",
    "new",
    "current",
    "header",
    "1",
    "2",
    "prod",
    "dev",
    "live",
    "test",
    "default",
    "primary",
    "secondary",
    "confirm",
    "confirmation",
    "again",
    "in",
    "out",
    "str",
    "text",
];

/// What stands before `token` when it is no credential.
const OTHER_TOKENS: &[&str] = &[
    "page",
    "next",
    "continuation",
    "cursor",
    "sync",
    "resume",
    "fencing",
    "cancel",
    "cancellation",
    "idempotency",
    "unexpected",
    "stop",
    "start",
    "end",
    "eos",
    "bos",
    "pad",
    "unk",
    "special",
    "prompt",
    "completion",
    "per",
    "max",
    "total",
    "prev",
    "previous",
    "position",
    "lexer",
    "parser",
    "current",
    "no",
    "empty",
    "input",
    "output",
    "first",
    "last",
    "resume",
    "watch",
    "scroll",
    "checkpoint",
];

/// What stands before `key` when it is a credential.
const SECRET_KEYS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "signing",
    "master",
    "license",
    "auth",
    "ssh",
    "hmac",
    "storage",
    "subscription",
    "app",
    "application",
    "integration",
    "service",
    "deploy",
    "webhook",
    "admin",
    "signature",
    "cipher",
    "aes",
    "rsa",
    "jwt",
    "crypto",
    "stripe",
    "sendgrid",
    "openai",
    "anthropic",
    "datadog",
    "dd",
    "newrelic",
    "mailgun",
    "twilio",
    "account",
    "ingest",
    "write",
    "session",
    "client",
    "consumer",
    "server",
    "bot",
    "token",
    "pgp",
    "gpg",
    "vault",
    "unseal",
    "root",
    "data",
];

/// Joined names that no hump or hyphen divides.
const JOINED: &[(&str, KeyClass)] = &[
    ("password", KeyClass::Password),
    ("passwd", KeyClass::Password),
    ("passphrase", KeyClass::Password),
    ("passcode", KeyClass::Password),
    ("passwort", KeyClass::Password),
    ("apikey", KeyClass::Secret),
    ("secretkey", KeyClass::Secret),
    ("privatekey", KeyClass::Secret),
    ("accesskey", KeyClass::Secret),
    ("authkey", KeyClass::Secret),
    ("clientsecret", KeyClass::Secret),
    ("appsecret", KeyClass::Secret),
    ("authtoken", KeyClass::Token),
    ("accesstoken", KeyClass::Token),
    ("refreshtoken", KeyClass::Token),
    ("idtoken", KeyClass::Token),
    ("csrftoken", KeyClass::Session),
    ("xsrftoken", KeyClass::Session),
    ("sessionid", KeyClass::Session),
    ("sessid", KeyClass::Session),
    ("sessiontoken", KeyClass::AwsSessionToken),
    ("pwd", KeyClass::Password),
];

/// Says what a field's name promises; `None` for names that promise nothing to hide.
pub(crate) fn classify(key: &str) -> Option<KeyClass> {
    let words = Words::of(key);
    let mut name = words.as_str();
    loop {
        let (rest, last) = name.rsplit_once('_').unwrap_or(("", name));
        if let Some(class) = classify_ending(name, rest, last) {
            return Some(class);
        }
        if rest.is_empty() || !NEUTRAL_ENDINGS.contains(&last) {
            return None;
        }
        name = rest;
    }
}

fn classify_ending(name: &str, rest: &str, last: &str) -> Option<KeyClass> {
    let previous = rest.rsplit('_').next().unwrap_or("");
    match last {
        "password" | "passwd" | "passphrase" | "passwort" | "pwd" | "pw" | "passwords" => {
            Some(KeyClass::Password)
        }
        "pass"
            if rest.is_empty()
                || matches!(previous, "test" | "tests" | "first" | "second" | "by") =>
        {
            Some(KeyClass::WeakPassword)
        }
        "pass" => Some(KeyClass::Password),
        "by" if previous == "identified" => Some(KeyClass::Password),
        "secret"
            if rest.is_empty()
                || matches!(previous, "tls" | "pull" | "image" | "k8s" | "kubernetes" | "kube") =>
        {
            Some(KeyClass::WeakSecret)
        }
        "secret" => Some(KeyClass::Secret),
        "token" => token_class(previous),
        "tok" | "jwt" | "pat" | "bearer" | "sas" => Some(KeyClass::Token),
        "key" => key_class(name, previous),
        "id" => id_class(rest, previous),
        "credential" | "credentials" | "creds" | "cred" => Some(KeyClass::RandomOnly),
        "session" | "sid" | "sess" => Some(KeyClass::Session),
        "cookie" | "cookies" => Some(KeyClass::Cookies),
        "authorization" | "authorisation" => Some(KeyClass::Authorization),
        "auth" => Some(KeyClass::Auth),
        "community" => Some(KeyClass::RandomOnly),
        "signature" | "sig" => Some(KeyClass::Signature),
        "dsn" => None,
        _ => classify_personal(name, previous, last).or_else(|| classify_joined(last)),
    }
}

fn token_class(previous: &str) -> Option<KeyClass> {
    match previous {
        "session" | "security" => Some(KeyClass::AwsSessionToken),
        "csrf" | "xsrf" | "remember" => Some(KeyClass::Session),
        other if OTHER_TOKENS.contains(&other) => None,
        _ => Some(KeyClass::Token),
    }
}

fn key_class(name: &str, previous: &str) -> Option<KeyClass> {
    match previous {
        "access" if name.ends_with("secret_access_key") => Some(KeyClass::AwsSecretKey),
        "account" | "shared" => Some(KeyClass::AzureKey),
        "access" if name.ends_with("shared_access_key") => Some(KeyClass::AzureKey),
        "routing" | "data" | "session" | "client" | "token" | "service" | "write" | "root"
        | "server" => Some(KeyClass::RandomOnly),
        other if SECRET_KEYS.contains(&other) => Some(KeyClass::Secret),
        _ => None,
    }
}

fn id_class(rest: &str, previous: &str) -> Option<KeyClass> {
    match previous {
        "key" if rest.ends_with("access_key") => Some(KeyClass::AwsKeyId),
        "session" | "sess" => Some(KeyClass::Session),
        "national" | "tax" | "taxpayer" | "passport" | "citizen" => Some(KeyClass::NationalId),
        _ => None,
    }
}

/// Names of personal fields: last word, the word before it (none given: any), and what they mean.
const PERSONAL: &[(&[&str], &[&str], KeyClass)] = &[
    (&["cvv", "cvc", "cvv2", "cvc2", "csc"], &[], KeyClass::Cvv),
    (&["code"], &["security", "card"], KeyClass::Cvv),
    (
        &["code"],
        &["verification", "otp", "2fa", "mfa", "auth", "sms", "login", "pin", "recovery", "backup"],
        KeyClass::Otp,
    ),
    (&["otp", "totp", "pin", "pincode"], &[], KeyClass::Otp),
    (&["ssn", "socialsecuritynumber", "socialsecurity"], &[], KeyClass::Ssn),
    (&["security"], &["social"], KeyClass::Ssn),
    (&["number", "no", "num"], &["ssn"], KeyClass::Ssn),
    (&["passport", "nino"], &[], KeyClass::NationalId),
    (&["licence", "license"], &["driver", "drivers", "driving"], KeyClass::NationalId),
    (
        &["number", "no", "num"],
        &["passport", "licence", "license", "nhs", "insurance", "nino"],
        KeyClass::NationalId,
    ),
    (&["dob", "birthdate", "birthday", "dateofbirth", "birth", "born"], &[], KeyClass::BirthDate),
    (&["date"], &["birth"], KeyClass::BirthDate),
    (
        &[
            "phone",
            "mobile",
            "msisdn",
            "cell",
            "cellphone",
            "telephone",
            "tel",
            "fax",
            "whatsapp",
            "phonenumber",
        ],
        &[],
        KeyClass::Phone,
    ),
    (&["sms", "call", "dial", "contact"], &[], KeyClass::Phone),
    (&["number", "no", "num", "nr"], PHONES, KeyClass::Phone),
    (
        &["firstname", "lastname", "surname", "givenname", "familyname", "middlename"],
        &[],
        KeyClass::NamePart,
    ),
    (
        &["name"],
        &["first", "last", "given", "family", "middle", "maiden", "sur"],
        KeyClass::NamePart,
    ),
    (
        &["fullname", "cardholder", "accountholder", "patient", "customer", "holder"],
        &[],
        KeyClass::FullName,
    ),
    (
        &["name"],
        &[
            "full",
            "customer",
            "patient",
            "holder",
            "cardholder",
            "recipient",
            "contact",
            "member",
            "driver",
        ],
        KeyClass::FullName,
    ),
    (
        &["address"],
        &["street", "home", "postal", "shipping", "billing", "delivery", "residential", "mailing"],
        KeyClass::StreetAddress,
    ),
    (&["address1", "line1", "line"], &["address", "addr", "street"], KeyClass::StreetAddress),
];

/// What stands before `number` when one can call it.
const PHONES: &[&str] =
    &["phone", "mobile", "cell", "contact", "telephone", "tel", "fax", "whatsapp", "caller"];

fn classify_personal(name: &str, previous: &str, last: &str) -> Option<KeyClass> {
    if matches!(last, "number" | "no" | "num") && name.contains("social_security") {
        return Some(KeyClass::Ssn);
    }
    let of_last = BY_LAST_WORD.get(last)?;
    let matching =
        |(before, _): &&(&[&str], KeyClass)| before.is_empty() || before.contains(&previous);
    of_last.iter().find(matching).map(|&(_, class)| class)
}

/// The words of which one stands before (none given: any), and what the name means then.
type Meaning = (&'static [&'static str], KeyClass);

/// [`PERSONAL`] by the last word: most names end in none of them.
static BY_LAST_WORD: LazyLock<FxHashMap<&str, Vec<Meaning>>> = LazyLock::new(|| {
    let mut by_last: FxHashMap<&str, Vec<Meaning>> = FxHashMap::default();
    for &(lasts, before, class) in PERSONAL {
        lasts.iter().for_each(|last| by_last.entry(*last).or_default().push((before, class)));
    }
    by_last
});

fn classify_joined(last: &str) -> Option<KeyClass> {
    let digits_off = last.trim_end_matches(|c: char| c.is_ascii_digit());
    JOINED.iter().find(|(ending, _)| digits_off.ends_with(ending)).map(|&(_, class)| class)
}
