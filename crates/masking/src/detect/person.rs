//! Person names: capitalised words that a key, a trigger word or a common given name marks as a person's.

use std::ops::Range;

use crate::{
    detect::{
        key::Words,
        names,
        value::{Join, Value},
    },
    finding::Kind,
    line::{Line, is_word},
};

/// Particles inside surnames.
const PARTICLES: &[&str] = &[
    "van", "von", "de", "der", "den", "da", "dos", "do", "di", "la", "le", "del", "el", "al",
    "bin", "ibn", "ben", "af", "av", "ter", "zu",
];

/// Words before a name that say that a person follows.
const TRIGGERS: &[&str] = &[
    "holder",
    "cardholder",
    "customer",
    "patient",
    "employee",
    "member",
    "subscriber",
    "passenger",
    "guest",
    "beneficiary",
    "payee",
    "applicant",
    "borrower",
    "student",
    "nurse",
    "doctor",
    "caller",
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "dear",
    "attn",
    "tenant",
    "insured",
    "policyholder",
    "driver",
    "candidate",
    "named",
    "payer",
    "buyer",
    "seller",
    "contact",
    "user",
    "by",
    "signed",
    "requester",
];

/// Triggers that begin headings as well, where they are capitalised.
const WEAK_TRIGGERS: &[&str] = &[
    "user", "by", "contact", "driver", "tenant", "member", "guest", "signed", "customer", "named",
    "holder",
];

/// Last words of field names whose value is a person.
const PERSON_KEYS: &[&str] = &[
    "user_name",
    "username",
    "user",
    "customer",
    "customer_name",
    "full_name",
    "fullname",
    "patient",
    "patient_name",
    "holder",
    "cardholder",
    "account_holder",
    "card_holder",
    "holder_name",
    "cardholder_name",
    "employee",
    "employee_name",
    "contact",
    "contact_name",
    "recipient",
    "recipient_name",
    "sender",
    "sender_name",
    "author",
    "assignee",
    "reporter",
    "requester",
    "beneficiary",
    "beneficiary_name",
    "payee",
    "payer",
    "member",
    "member_name",
    "passenger",
    "passenger_name",
    "guest",
    "guest_name",
    "display_name",
    "real_name",
    "person",
    "person_name",
    "client_name",
    "driver_name",
    "driver",
    "student",
    "student_name",
    "owner_name",
    "owner",
    "agent",
    "agent_name",
    "attn",
    "buyer",
    "seller",
    "tenant_name",
    "doctor",
    "physician",
    "provider_name",
    "subscriber",
    "subscriber_name",
    "applicant",
    "applicant_name",
    "name_on_card",
    "nameoncard",
    "signer",
    "approver",
    "approved_by",
    "created_by",
    "updated_by",
    "requested_by",
    "assigned_to",
    "author_name",
    "committer",
    "shipping_name",
    "billing_name",
    "legal_name",
    "debtor",
    "creditor",
    "insured",
    "insured_name",
    "candidate",
    "manager",
    "emergency_contact",
    "next_of_kin",
    "caller_name",
    "caller_id_name",
    "from_name",
    "to_name",
    "cn",
    "given_name",
    "gecos",
    "ship_to",
    "bill_to",
    "responder",
    "oncall",
    "on_call",
    "participant",
    "attendee",
    "speaker",
    "host_name_on_file",
    "subject_name",
    "signatory",
    "profile_name",
];

/// A gap between two words, at `gap..next`: is it one between the first and the last name of somebody?
pub(crate) fn pair(line: &mut Line<'_>, gap: usize, next: usize) {
    let first_start = line.run_back(gap, 40, |byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b'-') || byte >= 0x80
    });
    let first_start = line.run_at_most(first_start, 8, |byte| matches!(byte, b'\'' | b'-'));
    let first = line.slice(first_start..gap);
    if PARTICLES.contains(&first) && line.before(first_start) == b' ' {
        return pair(line, first_start - 1, first_start);
    }
    if !is_name_word(first)
        || is_word(line.before(first_start))
        || !has_reason(line, first_start, first)
    {
        return;
    }
    let Some(end) = last_name_end(line, next) else { return };
    let last_start =
        line.run_back(end, (end - next).min(40), |byte| !matches!(byte, b' ' | b'+' | b'0'));
    let last = line.slice(last_start.max(next)..end);
    if names::is_other_word(first)
        || names::is_other_word(last)
        || is_word(line.before(first_start))
    {
        return;
    }
    if is_person(line, first_start, first, end) {
        line.found(first_start..end, Kind::Person);
    }
}

/// A cheap look before the costly one: a given name, a key or a quote before, or a word that may be a trigger.
fn has_reason(line: &mut Line<'_>, start: usize, first: &str) -> bool {
    let opened = matches!(line.before(start), b'"' | b'\'' | b'=' | b':' | b'>' | b'`');
    if opened || names::is_given(first) {
        return true;
    }
    let word_start = line.run_back(start.saturating_sub(1), 16, |byte| byte.is_ascii_alphabetic());
    let word = line.slice(word_start..start.saturating_sub(1));
    word.is_empty() || TRIGGERS.iter().any(|trigger| trigger.eq_ignore_ascii_case(word))
}

/// The end of the last name that starts at `start`, after particles and middle names.
fn last_name_end(line: &mut Line<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    let mut end = None;
    for _ in 0..4 {
        let word_end = word_end(line, at);
        let word = line.slice(at..word_end);
        let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
        let particle = PARTICLES.contains(&word.to_lowercase().as_str());
        if is_name_word(word) && !(end.is_some() && names::is_other_word(word)) {
            end = Some(word_end);
        } else if !particle && !initial {
            break;
        }
        let dot = usize::from(initial && line.at(word_end) == b'.');
        let gap = line.at(word_end + dot);
        if !matches!(gap, b' ' | b'+') {
            break;
        }
        at = word_end + dot + 1;
    }
    end
}

fn word_end(line: &mut Line<'_>, start: usize) -> usize {
    let end = line.run_at_most(start, 40, |byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b'-') || byte >= 0x80
    });
    line.run_back(end, 2.min(end - start), |byte| matches!(byte, b'\'' | b'-'))
}

/// `Anna`, `O'Connor`, `Jean-Luc`, `McArthur`: one capital, then mostly small letters.
fn is_name_word(word: &str) -> bool {
    let mut characters = word.chars();
    let Some(first) = characters.next() else { return false };
    let capitals = word.chars().filter(|c| c.is_uppercase()).count();
    let small = word.chars().filter(|c| c.is_lowercase()).count();
    let lettered = word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '’'));
    let hump = capitals > 1
        && !word.contains(['\'', '-', '’'])
        && !word.starts_with("Mc")
        && !word.starts_with("Mac")
        && !word.starts_with("De");
    first.is_uppercase() && lettered && small >= 1 && capitals <= 3 && !hump
}

fn is_person(line: &mut Line<'_>, start: usize, first: &str, end: usize) -> bool {
    let given = names::is_given(first);
    let context = line.context_before(start);
    let bare = context.trim_end_matches(['"', '\'', '\\', '`', '(', ' ', '+', ':', '=', '>', '[']);
    let joined = context.get(bare.len()..).unwrap_or("");
    if joined.contains([':', '=']) {
        let key = bare
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .next()
            .unwrap_or("");
        return keyed_person(key) && (given || !ends_in_noun(line, end))
            || given && has_name_key(key);
    }
    if given {
        return !ends_in_noun(line, end);
    }
    let word = bare.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or("").to_ascii_lowercase();
    let address_end = line.run_at_most(end, 96, |byte| byte != b'>');
    let addressed = line.has(end, " <") && line.slice(end..address_end).contains('@');
    let lower = bare.ends_with(word.as_str()) || !WEAK_TRIGGERS.contains(&word.as_str());
    let triggered = lower && TRIGGERS.contains(&word.as_str()) && joined.contains([' ', '"', '\'']);
    (triggered || addressed) && !ends_in_noun(line, end)
}

/// True where the capitalised words go on, as they do in titles (`Grace Period Exceeded`) and rarely after names.
fn ends_in_noun(line: &mut Line<'_>, end: usize) -> bool {
    let gap = line.at(end);
    let next_end = word_end(line, end + 1);
    gap == b' '
        && line.at(end + 1).is_ascii_uppercase()
        && names::is_other_word(line.slice(end + 1..next_end))
}

fn keyed_person(key: &str) -> bool {
    let words = Words::of(key);
    let name = words.as_str();
    PERSON_KEYS.iter().any(|known| {
        name == *known || name.strip_suffix(known).is_some_and(|rest| rest.ends_with('_'))
    })
}

/// `name=` alone names anything; with a common given name in it, a person.
fn has_name_key(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    !lower.contains("service") && !lower.contains("app") && !lower.contains("host")
}

/// The value of `first_name=`, or of `full_name=` in any script.
pub(crate) fn keyed(line: &mut Line<'_>, part_only: bool, value: &Value) {
    let text = line.slice(value.range.clone());
    let letters = |word: &str| {
        word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '’' | '.' | ','))
            && word.chars().any(char::is_alphabetic)
    };
    let words = text.split(' ').count();
    let capitalised = text.chars().next().is_some_and(|c| c.is_uppercase() || c as u32 > 0x2e7f);
    let named = text.split(' ').any(|word| names::is_given(word.trim_matches(',')));
    let plausible = text.len() <= 80
        && !text.is_empty()
        && text.split(' ').all(letters)
        && words <= 5
        && value.join != Join::Space;
    let other = text.split(' ').any(|word| names::is_other_word(word.trim_matches(',')));
    let whole = named || words > 1 && capitalised || text.chars().all(|c| c as u32 > 0x2e7f);
    let part = text.len() > 1
        && (capitalised || value.join == Join::Tight)
        && !crate::detect::shape::is_status_word(text);
    if plausible
        && !other
        && (value.quoted || words == 1)
        && (part_only && part || !part_only && whole)
    {
        line.found(value.range.clone(), Kind::Person);
    }
}

/// A capitalised word after `Mr.`, `Dear` and the like.
pub(crate) fn title(line: &mut Line<'_>, word: Range<usize>) {
    let abbreviated =
        line.at(word.start).is_ascii_uppercase() && line.at(word.start + 1).is_ascii_lowercase();
    if is_word(line.before(word.start)) || !abbreviated {
        return;
    }
    let start = word.end;
    let end = last_name_end(line, start).unwrap_or(start);
    let name = line.slice(start..end);
    let known = !name.split(' ').any(names::is_other_word);
    let dear = line.has(word.start, "dear");
    if end > start
        && known
        && (!dear || names::is_given(name.split(' ').next().unwrap_or("")) || name.contains(' '))
    {
        line.found(start..end, Kind::Person);
    }
}
