//! The two ways into memory: a person's opinion on an answer, and striking a record.

use groundcrew_analysis::FaultKind;
use groundcrew_masking::Masker;
use groundcrew_store::{StateDb, StoreError};
use groundcrew_telemetry::Timestamp;
use thiserror::Error;

use super::find::{Found, find};
use crate::investigate::answer::{Answer, HypothesisStatus};
use crate::investigate::evidence::shorten;
use crate::investigate::remembered::{
    CODE_CHARS, Cause, EvidenceLink, Feedback, IncidentRecord, Opinion, RECORD_VERSION, Struck,
    incident_code,
};

/// Longest text that a person writes, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Longest name of a service, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// Opinions kept of one incident; the oldest make room.
const FEEDBACK_MAX: usize = 50;

/// A memory that could not be read or written.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// Nothing has that name.
    #[error(
        "there is no incident or answer `{0}`\nhint: `groundcrew incident list` shows incidents; an answer shows its code beside the headline"
    )]
    NotFound(String),
    /// Several answers have that name.
    #[error("`{name}` may be any of {}\nhint: write more of the code", codes.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Codes in full.
        codes: Vec<String>,
    },
    /// The stored text is of a newer version or damaged.
    #[error(
        "`{0}` was written by a newer version or is damaged\nhint: use the version that wrote it"
    )]
    Unreadable(String),
    /// The answer suspects nobody, so it can be neither right nor wrong.
    #[error("this answer names no cause\nhint: say what it was with --cause SERVICE")]
    NoSuspect,
    /// The kind of fault is unknown.
    #[error("`{given}` is no kind of fault\nhint: one of {}", FaultKind::ALL.map(FaultKind::name).join(", "))]
    BadKind {
        /// What was given.
        given: String,
    },
    /// The masker could not vouch for a text.
    #[error("the text could not be masked, so it is not stored; rephrase it")]
    Withheld,
    /// The state database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a person says about an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statement {
    /// Whether the answer's cause is not it.
    pub is_wrong: bool,
    /// The service, node or dependency that it was; without it the suspected one is meant.
    pub service: Option<String>,
    /// The kind of fault, a word of [`FaultKind`].
    pub fault_kind: Option<String>,
    /// The cause in their words.
    pub cause_words: Option<String>,
    /// What fixed it.
    pub fix: Option<String>,
    /// How long it took.
    pub duration_secs: Option<u64>,
    /// Anything else.
    pub text: String,
}

/// Writes down what a person says about an answer or an incident.
///
/// # Errors
/// When there is no such answer, it names no cause, or a text cannot be masked or stored.
pub fn state_opinion(
    state: &StateDb,
    masker: &Masker,
    now: Timestamp,
    name: &str,
    statement: &Statement,
) -> Result<IncidentRecord, MemoryError> {
    let mut record = match find(state, name)? {
        Found::Record(record) => *record,
        Found::Answer(answer) => new_record(state, &answer, now)?,
    };
    let (opinion, cause) = opinion(&record, statement)?;
    if opinion != Opinion::Wrong {
        if let Some(kind) = cause.kind() {
            record.fingerprint.set_fault(&cause.service, kind);
        }
        record.cause = Some(cause.clone());
    } else if record.cause.as_ref() == Some(&cause) {
        record.cause = None;
    }
    let given =
        |text: &Option<String>| text.as_deref().map(|text| shorten(text.trim(), TEXT_BYTES_MAX));
    record.cause_words = given(&statement.cause_words).or(record.cause_words);
    record.fix = given(&statement.fix).or(record.fix);
    record.duration_secs = statement.duration_secs.or(record.duration_secs);
    let text = shorten(statement.text.trim(), TEXT_BYTES_MAX);
    record.feedback.push(Feedback { at: now, opinion, cause, text });
    let surplus = record.feedback.len().saturating_sub(FEEDBACK_MAX);
    record.feedback.drain(..surplus);
    put(state, masker, record)
}

/// Marks a record as no longer used. It is kept, with the reason.
///
/// # Errors
/// When there is no such record, or the reason cannot be masked or stored.
pub fn strike(
    state: &StateDb,
    masker: &Masker,
    now: Timestamp,
    name: &str,
    why: &str,
) -> Result<IncidentRecord, MemoryError> {
    let Found::Record(mut record) = find(state, name)? else {
        return Err(MemoryError::NotFound(name.to_owned()));
    };
    record.struck = Some(Struck { at: now, why: shorten(why.trim(), TEXT_BYTES_MAX) });
    put(state, masker, *record)
}

/// Masks every text of a record and stores it.
fn put(
    state: &StateDb,
    masker: &Masker,
    record: IncidentRecord,
) -> Result<IncidentRecord, MemoryError> {
    let (code, answer_id, at) = (record.code.clone(), record.answer_id.clone(), record.recorded_at);
    let masked = masker
        .mask(record, |record, visit| record.for_each_text_mut(visit))
        .map_err(|_| MemoryError::Withheld)?;
    state.put_incident(&code, &answer_id, at, &masked)?;
    Ok(masked.into_inner())
}

/// The opinion and the cause it speaks of.
fn opinion(
    record: &IncidentRecord,
    statement: &Statement,
) -> Result<(Opinion, Cause), MemoryError> {
    let kind = match &statement.fault_kind {
        Some(given) => Some(
            FaultKind::from_name(given.trim())
                .ok_or_else(|| MemoryError::BadKind { given: given.clone() })?,
        ),
        None => None,
    };
    let suspected = record.suspected.as_ref();
    let named = statement.service.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let other = named.filter(|name| suspected.is_none_or(|cause| cause.service != *name));
    if let Some(service) = other {
        let fault_kind = kind.map(FaultKind::name).unwrap_or_default().to_owned();
        let service = shorten(service, NAME_BYTES_MAX);
        return Ok((Opinion::OtherCause, Cause { service, subject: String::new(), fault_kind }));
    }
    let mut cause = suspected.cloned().ok_or(MemoryError::NoSuspect)?;
    // "Wrong" with the same service named, or a kind, says that the service is right and the kind is not.
    let is_right = !statement.is_wrong || named.is_some() || kind.is_some();
    if let Some(kind) = kind {
        kind.name().clone_into(&mut cause.fault_kind);
    }
    Ok((if is_right { Opinion::Right } else { Opinion::Wrong }, cause))
}

/// A record of what an answer found, without anybody's opinion yet.
fn new_record(
    state: &StateDb,
    answer: &Answer,
    now: Timestamp,
) -> Result<IncidentRecord, MemoryError> {
    let ruled_out = answer.ruled_out.iter().map(|ruled| ruled.text.clone());
    let refuted = answer
        .hypotheses
        .iter()
        .filter(|one| one.status == HypothesisStatus::Refuted)
        .map(|one| format!("{}: {}", one.title, one.why));
    let imprint = &answer.imprint;
    Ok(IncidentRecord {
        version: RECORD_VERSION,
        code: free_code(state, &answer.answer_id)?,
        title: answer.headline.clone(),
        since: answer.impact.since,
        recorded_at: now,
        fingerprint: imprint.fingerprint.clone(),
        services: answer.impact.services.clone(),
        suspected: imprint.suspects.first().cloned(),
        cause: None,
        cause_words: None,
        change: imprint.change.clone(),
        fix: None,
        ruled_out: ruled_out.chain(refuted).take(12).collect(),
        duration_secs: None,
        feedback: Vec::new(),
        answer_id: answer.answer_id.clone(),
        evidence: cited(answer),
        struck: None,
    })
}

/// The shortest beginning of the answer's code that no other record has.
fn free_code(state: &StateDb, answer_id: &str) -> Result<String, MemoryError> {
    let whole = incident_code(answer_id);
    for length in CODE_CHARS..whole.len() {
        let code: String = whole.chars().take(length).collect();
        if state.incident(&code)?.is_none() {
            return Ok(code);
        }
    }
    Ok(whole)
}

/// Links to the items that the answer's sentences stand on.
fn cited(answer: &Answer) -> Vec<EvidenceLink> {
    let claims = answer.claims.iter().flat_map(|claim| &claim.cites);
    let ruled_out = answer.ruled_out.iter().flat_map(|ruled| &ruled.cites);
    let ids: std::collections::BTreeSet<&String> =
        claims.chain(&answer.headline_cites).chain(ruled_out).collect();
    answer
        .evidence
        .iter()
        .filter(|item| ids.contains(&item.id))
        .map(|item| EvidenceLink {
            id: item.id.clone(),
            kind: item.kind,
            title: item.title.clone(),
            hash: item.hash.clone(),
            permalink: item.permalink.clone(),
        })
        .collect()
}
