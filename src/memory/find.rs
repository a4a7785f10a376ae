//! Finding records and answers by the names that people use for them.

use groundcrew_analysis::fingerprint::{Likeness, Rarity, compare};
use groundcrew_store::StateDb;

use super::MemoryError;
use crate::investigate::answer::Answer;
use crate::investigate::remembered::{CODE_CHARS, IncidentRecord, incident_code};

/// Answers whose code is looked at, the newest.
const ANSWERS_MAX: usize = 10_000;
/// Records read at most.
const RECORDS_MAX: usize = 5_000;

/// What a name stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Found {
    /// An incident that people spoke about.
    Record(Box<IncidentRecord>),
    /// An answer nobody has said anything about yet.
    Answer(Box<Answer>),
}

/// All records, newest first; those that are struck too.
///
/// # Errors
/// When the state cannot be read.
pub fn incidents(state: &StateDb) -> Result<Vec<IncidentRecord>, MemoryError> {
    let stored = state.incidents(RECORDS_MAX)?;
    Ok(stored.iter().filter_map(|json| IncidentRecord::read(json)).collect())
}

/// What `name` stands for: a record's code, an answer's id, or the beginning of an answer's code.
///
/// # Errors
/// When there is none or more than one, or the state cannot be read.
pub fn find(state: &StateDb, name: &str) -> Result<Found, MemoryError> {
    let name = name.trim();
    let code = name.to_uppercase();
    if let Some(json) = state.incident(&code)? {
        let record = IncidentRecord::read(&json).ok_or(MemoryError::Unreadable(code))?;
        return Ok(Found::Record(Box::new(record)));
    }
    if let Some(found) = by_answer_id(state, name)? {
        return Ok(found);
    }
    if code.len() < CODE_CHARS {
        return Err(MemoryError::NotFound(name.to_owned()));
    }
    let ids: Vec<String> = state
        .answer_ids(None, ANSWERS_MAX)?
        .into_iter()
        .filter(|id| incident_code(id).starts_with(&code))
        .collect();
    match ids.as_slice() {
        [] => Err(MemoryError::NotFound(name.to_owned())),
        [id] => by_answer_id(state, id)?.ok_or_else(|| MemoryError::NotFound(name.to_owned())),
        several => Err(MemoryError::Ambiguous {
            name: name.to_owned(),
            codes: several.iter().take(5).map(|id| incident_code(id)).collect(),
        }),
    }
}

fn by_answer_id(state: &StateDb, id: &str) -> Result<Option<Found>, MemoryError> {
    if let Some(code) = state.incident_of_answer(id)?
        && let Some(json) = state.incident(&code)?
    {
        let record = IncidentRecord::read(&json).ok_or(MemoryError::Unreadable(code))?;
        return Ok(Some(Found::Record(Box::new(record))));
    }
    let Some(json) = state.answer(id)? else { return Ok(None) };
    let answer = serde_json::from_str(&json).map_err(|_| MemoryError::Unreadable(id.to_owned()))?;
    Ok(Some(Found::Answer(Box::new(answer))))
}

/// Records that are like `record`, the most alike first, without it and without those that are struck.
///
/// # Errors
/// When the state cannot be read.
pub fn similar(
    state: &StateDb,
    record: &IncidentRecord,
) -> Result<Vec<(IncidentRecord, Likeness)>, MemoryError> {
    let mut others = incidents(state)?;
    others.retain(|other| other.struck.is_none() && other.code != record.code);
    let rarity = Rarity::of(others.iter().map(|other| &other.fingerprint));
    let mut compared: Vec<(IncidentRecord, Likeness)> = others
        .into_iter()
        .map(|other| {
            let likeness = compare(&record.fingerprint, &other.fingerprint, &rarity);
            (other, likeness)
        })
        .collect();
    compared.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    Ok(compared)
}
