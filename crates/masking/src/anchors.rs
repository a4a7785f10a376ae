//! The words and prefixes worth a look, found in one pass over the text by one automaton.
//!
//! An anchor costs a detector call, so stems are as long as they can be: what is common in ordinary lines and rarely
//! near a secret has no place here.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use crate::{
    detect::{self, vendor},
    line::Line,
};

/// Stems of the names under which secrets and personal data are given (`db_password=`, `"apiKey":`, `phone: `).
const KEY_STEMS: &[&str] = &[
    "address",
    "addr_line",
    "auth",
    "birth",
    "born",
    "call",
    "cell",
    "cookie",
    "community",
    "contact",
    "cred",
    "csc",
    "csrf",
    "customer",
    "cvc",
    "cvv",
    "dial",
    "dob",
    "driver",
    "family",
    "fax",
    "first",
    "full",
    "given",
    "holder",
    "identified by",
    "iban",
    "key",
    "last",
    "licen",
    "maiden",
    "member",
    "middle",
    "mobile",
    "msisdn",
    "mysql_pwd",
    "nino",
    "otp",
    "pass",
    "patient",
    "phone",
    "pin",
    "pwd",
    "recipient",
    "secret",
    "security",
    "sess",
    "sid",
    "sig",
    "sms",
    "snmp",
    "social",
    "ssn",
    "surname",
    "tel:",
    "tel=",
    "tel ",
    "telephone",
    "token",
    "whatsapp",
    "xsrf",
    "nonce_secret",
    "pat=",
];

/// What an anchor starts.
#[derive(Clone, Copy)]
enum Anchor {
    Key,
    Vendor(usize),
    Url,
    Jwt,
    Bearer,
    Basic,
    PrivateKey,
    ShortFlag,
    UserFlag,
    Street,
    Title,
}

const OTHERS: &[(&str, Anchor)] = &[
    ("://", Anchor::Url),
    ("eyj", Anchor::Jwt),
    ("bearer", Anchor::Bearer),
    ("basic ", Anchor::Basic),
    ("basic%20", Anchor::Basic),
    ("private key", Anchor::PrivateKey),
    (" -p", Anchor::ShortFlag),
    (" -a ", Anchor::ShortFlag),
    (" -w ", Anchor::ShortFlag),
    (" -u", Anchor::UserFlag),
    (" --user", Anchor::UserFlag),
    (" street", Anchor::Street),
    (" avenue", Anchor::Street),
    (" ave", Anchor::Street),
    (" road", Anchor::Street),
    (" lane", Anchor::Street),
    (" boulevard", Anchor::Street),
    (" drive", Anchor::Street),
    ("mr. ", Anchor::Title),
    ("mrs. ", Anchor::Title),
    ("ms. ", Anchor::Title),
    ("mr ", Anchor::Title),
    ("mrs ", Anchor::Title),
    ("dr. ", Anchor::Title),
    ("dear ", Anchor::Title),
];

/// The compiled automaton over all anchors.
pub(crate) struct Anchors {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
}

impl Anchors {
    pub(crate) fn compile() -> Result<Anchors, BuildError> {
        let mut patterns: Vec<&str> = Vec::new();
        let mut anchors = Vec::new();
        for stem in KEY_STEMS {
            patterns.push(stem);
            anchors.push(Anchor::Key);
        }
        for (index, vendor) in vendor::VENDORS.iter().enumerate() {
            patterns.push(vendor.prefix);
            anchors.push(Anchor::Vendor(index));
        }
        for (pattern, anchor) in OTHERS {
            patterns.push(pattern);
            anchors.push(*anchor);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)?;
        Ok(Anchors { automaton, anchors })
    }

    /// Runs the detector of each anchor that occurs in the text.
    pub(crate) fn visit(&self, line: &mut Line<'_>) {
        for found in self.automaton.find_overlapping_iter(line.bytes()) {
            if line.exhausted() {
                return;
            }
            let range = found.start()..found.end();
            match self.anchors.get(found.pattern().as_usize()) {
                Some(Anchor::Key) => detect::keyed::at(line, range),
                Some(Anchor::Vendor(index)) => vendor::at(line, range, *index),
                Some(Anchor::Url) => detect::url::at(line, range),
                Some(Anchor::Jwt) => detect::header::jwt(line, range),
                Some(Anchor::Bearer) => detect::header::bearer(line, range),
                Some(Anchor::Basic) => detect::header::basic(line, range),
                Some(Anchor::PrivateKey) => detect::header::private_key(line, range),
                Some(Anchor::ShortFlag) => detect::flag::short(line, range),
                Some(Anchor::UserFlag) => detect::flag::user(line, range),
                Some(Anchor::Street) => detect::place::street(line, range),
                Some(Anchor::Title) => detect::person::title(line, range),
                None => {}
            }
        }
    }
}
