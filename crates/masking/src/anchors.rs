//! The words and prefixes worth a look, found in one pass over the text by one automaton.
//!
//! An anchor costs a detector call, so stems are as long as they can be: what is common in ordinary lines and rarely
//! near a secret has no place here.

use crate::{
    automaton::{Automaton, PREFIX_BYTES_MAX},
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
    automaton: Automaton,
    anchors: Vec<(&'static str, Anchor)>,
}

impl Anchors {
    /// `None` when they are too many for the automaton.
    pub(crate) fn compile() -> Option<Anchors> {
        let vendors = vendor::VENDORS.iter().enumerate();
        let anchors: Vec<(&str, Anchor)> = KEY_STEMS
            .iter()
            .map(|stem| (*stem, Anchor::Key))
            .chain(vendors.map(|(index, vendor)| (vendor.prefix, Anchor::Vendor(index))))
            .chain(OTHERS.iter().copied())
            .collect();
        let words: Vec<&str> = anchors.iter().map(|(word, _)| *word).collect();
        Some(Anchors { automaton: Automaton::compile(&words)?, anchors })
    }

    /// Runs the detector of each anchor that occurs in the text.
    pub(crate) fn visit(&self, line: &mut Line<'_>) {
        for (prefix_end, number) in self.automaton.find(line.bytes()) {
            if line.exhausted() {
                return;
            }
            let Some((word, anchor)) = self.anchors.get(number) else { continue };
            let start = prefix_end - word.len().min(PREFIX_BYTES_MAX);
            if word.len() > PREFIX_BYTES_MAX && !line.has(start, word) {
                continue;
            }
            let range = start..start + word.len();
            match anchor {
                Anchor::Key => detect::keyed::at(line, range),
                Anchor::Vendor(index) => vendor::at(line, range, *index),
                Anchor::Url => detect::url::at(line, range),
                Anchor::Jwt => detect::header::jwt(line, range),
                Anchor::Bearer => detect::header::bearer(line, range),
                Anchor::Basic => detect::header::basic(line, range),
                Anchor::PrivateKey => detect::header::private_key(line, range),
                Anchor::ShortFlag => detect::flag::short(line, range),
                Anchor::UserFlag => detect::flag::user(line, range),
                Anchor::Street => detect::place::street(line, range),
                Anchor::Title => detect::person::title(line, range),
            }
        }
    }
}
