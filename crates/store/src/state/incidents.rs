//! Past incidents in the state database. What an incident holds is its writer's business; here it is JSON with a name.

use groundcrew_masking::Masked;
use groundcrew_telemetry::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::StateDb;
use crate::StoreError;

/// Incidents that are read at most; nobody compares with more.
const INCIDENTS_MAX: u32 = 5_000;

impl StateDb {
    /// Keeps an incident, replacing an earlier one of the same code. Nothing removes one.
    ///
    /// `answer_id` is the answer it rests on, which is kept for as long as the incident.
    pub fn put_incident(
        &self,
        code: &str,
        answer_id: &str,
        at: Timestamp,
        incident: &Masked<impl Serialize>,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(&**incident)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO incident (code, answer_id, at, json) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (code) DO UPDATE SET answer_id = ?2, at = ?3, json = ?4",
                )?
                .execute(params![code, answer_id, at.nanos(), json])
                .map(drop)
        })
    }

    /// The incident of that code.
    pub fn incident(&self, code: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT json FROM incident WHERE code = ?1")?
                .query_row([code], |row| row.get(0))
                .optional()
        })
        .map(Option::flatten)
    }

    /// The code of the incident that rests on an answer.
    pub fn incident_of_answer(&self, answer_id: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT code FROM incident WHERE answer_id = ?1")?
                .query_row([answer_id], |row| row.get(0))
                .optional()
        })
        .map(Option::flatten)
    }

    /// The newest incidents, newest first.
    pub fn incidents(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        let limit = u32::try_from(limit).unwrap_or(INCIDENTS_MAX).min(INCIDENTS_MAX);
        self.read(|connection| {
            connection
                .prepare_cached("SELECT json FROM incident ORDER BY at DESC, rowid DESC LIMIT ?1")?
                .query_map([limit], |row| row.get(0))?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_masking::Masker;

    use super::*;
    use crate::{Access, StoreError};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn masked(text: &str) -> Masked<String> {
        Masker::new().mask_text(text).unwrap()
    }

    #[test]
    fn incidents_survive_reopening_and_keep_their_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.sqlite");
        let state = StateDb::open(&path, Access::ReadWrite).unwrap();
        state.put_incident("7Q2", "ans_1", at(5), &masked("first")).unwrap();
        state.put_incident("5KD", "ans_2", at(9), &masked("second")).unwrap();
        state.put_incident("7Q2", "ans_1", at(5), &masked("first again")).unwrap();
        drop(state);
        let state = StateDb::open(&path, Access::ReadOnly).unwrap();
        assert_eq!(state.incidents(10).unwrap(), ["\"second\"", "\"first again\""]);
        assert_eq!(state.incident("7Q2").unwrap().as_deref(), Some("\"first again\""));
        assert_eq!(state.incident("AAA").unwrap(), None);
        assert_eq!(state.incident_of_answer("ans_2").unwrap().as_deref(), Some("5KD"));
        let refused = state.put_incident("AAA", "ans_3", at(1), &masked("x"));
        assert!(matches!(refused, Err(StoreError::ReadOnly)));
    }

    #[test]
    fn an_answer_that_an_incident_rests_on_outlives_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.sqlite"), Access::ReadWrite).unwrap();
        state.put_answer("kept", "c", at(-2), "{}").unwrap();
        state.put_answer("lost", "c", at(-1), "{}").unwrap();
        state.put_incident("7Q2", "kept", at(0), &masked("x")).unwrap();
        state
            .write(|connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                     INSERT INTO answer SELECT 'x' || i, 'c', i, 'j' FROM n",
                    [super::super::database::ANSWERS_MAX],
                )
            })
            .unwrap();
        state.put_answer("new", "c", at(100_000), "{}").unwrap();
        assert_eq!(state.answer("lost").unwrap(), None);
        assert!(state.answer("kept").unwrap().is_some());
        assert_eq!(state.answer_ids(None, 2).unwrap().first().map(String::as_str), Some("new"));
    }

    #[test]
    fn a_database_of_the_version_before_is_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.sqlite");
        let state = StateDb::open(&path, Access::ReadWrite).unwrap();
        state.put_answer("a1", "talk", at(1), "one").unwrap();
        state
            .write(|connection| {
                connection
                    .execute_batch("DROP TABLE audit; DROP TABLE proposal; DROP TABLE opened_alert; DROP TABLE opened; DROP TABLE mark; DROP TABLE charge; DROP TABLE charge_subject; DROP TABLE charge_file; DROP TABLE incident; PRAGMA user_version = 1")
            })
            .unwrap();
        drop(state);
        let state = StateDb::open(&path, Access::ReadWrite).unwrap();
        assert_eq!(state.answer("a1").unwrap().as_deref(), Some("one"));
        state.put_incident("7Q2", "a1", at(5), &masked("x")).unwrap();
        assert_eq!(state.incidents(10).unwrap().len(), 1);
    }
}
