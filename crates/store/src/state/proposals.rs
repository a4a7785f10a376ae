//! Proposed actions and how far each came. Every step is one transaction with its entry in the audit trail, so what was
//! done is never without a record, and of many who take the same step one does.

use groundcrew_telemetry::Timestamp;
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use super::{AuditHead, StateDb, audit};
use crate::StoreError;

/// Proposals that are kept; the oldest make room. The audit trail keeps what was done.
const PROPOSALS_MAX: u32 = 10_000;
const COLUMNS: &str = "id, answer_id, at, expires_at, state, hash, plan, about, due, course";

/// A proposal as it is stored. What plan, `about` and `course` hold is their writer's business.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredProposal {
    /// Its name.
    pub id: String,
    /// The answer that it was made for by itself; an answer has one at most.
    pub answer_id: Option<String>,
    /// When it was made.
    pub at: Timestamp,
    /// From when on it may not be approved any more.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: String,
    /// Hash of the plan.
    pub hash: String,
    /// The plan, exactly.
    pub plan: String,
    /// What is told about it, JSON; it never changes.
    pub about: String,
    /// When something is to be done about it by itself.
    pub due: Option<Timestamp>,
    /// What became of it, JSON.
    pub course: String,
}

/// One step of a proposal, taken only from the state `from`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProposalStep<'a> {
    /// The state it must be in.
    pub from: &'a str,
    /// What must be due about it: a step that was taken meanwhile has changed that.
    pub was_due: Option<Timestamp>,
    /// The state it comes to.
    pub to: &'a str,
    /// The hash that its plan must have.
    pub hash: &'a str,
    /// When the step is taken.
    pub at: Timestamp,
    /// Whether it may be taken after the proposal has expired.
    pub also_when_expired: bool,
    /// When something is to be done about it by itself.
    pub due: Option<Timestamp>,
    /// What became of it so far, JSON.
    pub course: &'a str,
    /// The entry in the audit trail, JSON.
    pub entry: &'a str,
}

impl StateDb {
    /// Keeps a new proposal with its entry in the audit trail. `None` when its answer has one already.
    pub fn put_proposal(
        &self,
        proposal: &StoredProposal,
        entry: &str,
    ) -> Result<Option<AuditHead>, StoreError> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = format!(
                "INSERT INTO proposal ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (answer_id) DO NOTHING"
            );
            let added = transaction.prepare_cached(&sql)?.execute(params![
                proposal.id,
                proposal.answer_id,
                proposal.at.nanos(),
                proposal.expires_at.nanos(),
                proposal.state,
                proposal.hash,
                proposal.plan,
                proposal.about,
                proposal.due.map(Timestamp::nanos),
                proposal.course,
            ])?;
            if added == 0 {
                return Ok(None);
            }
            let head = audit::append(&transaction, proposal.at, entry)?;
            transaction.execute(
                "DELETE FROM proposal WHERE due IS NULL AND rowid IN
                 (SELECT rowid FROM proposal ORDER BY at DESC LIMIT -1 OFFSET ?1)",
                [PROPOSALS_MAX],
            )?;
            transaction.commit()?;
            Ok(Some(head))
        })
    }

    /// Takes a step, with its entry in the audit trail. `None`, and nothing is changed, when the proposal is in another
    /// state, has another plan or has expired: of any number who take the same step, one gets a head.
    pub fn step_proposal(
        &self,
        id: &str,
        step: &ProposalStep<'_>,
    ) -> Result<Option<AuditHead>, StoreError> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let taken = transaction
                .prepare_cached(
                    "UPDATE proposal SET state = ?3, due = ?4, course = ?5
                     WHERE id = ?1 AND state = ?2 AND hash = ?6 AND (?7 OR expires_at > ?8)
                     AND due IS ?9",
                )?
                .execute(params![
                    id,
                    step.from,
                    step.to,
                    step.due.map(Timestamp::nanos),
                    step.course,
                    step.hash,
                    step.also_when_expired,
                    step.at.nanos(),
                    step.was_due.map(Timestamp::nanos),
                ])?;
            if taken == 0 {
                return Ok(None);
            }
            let head = audit::append(&transaction, step.at, step.entry)?;
            transaction.commit()?;
            Ok(Some(head))
        })
    }

    /// The proposal of that name.
    pub fn proposal(&self, id: &str) -> Result<Option<StoredProposal>, StoreError> {
        self.one_proposal("id", id)
    }

    /// The proposal that was made for an answer by itself.
    pub fn proposal_of_answer(
        &self,
        answer_id: &str,
    ) -> Result<Option<StoredProposal>, StoreError> {
        self.one_proposal("answer_id", answer_id)
    }

    fn one_proposal(
        &self,
        column: &'static str,
        name: &str,
    ) -> Result<Option<StoredProposal>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM proposal WHERE {column} = ?1");
        self.read(|connection| {
            connection.prepare_cached(&sql)?.query_row([name], read_proposal).optional()
        })
        .map(Option::flatten)
    }

    /// The newest proposals, newest first.
    pub fn proposals(&self, limit: u32) -> Result<Vec<StoredProposal>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM proposal ORDER BY at DESC, rowid DESC LIMIT ?1");
        self.read(|connection| {
            connection.prepare_cached(&sql)?.query_map([limit], read_proposal)?.collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// Proposals about which something is to be done by `now`, the longest due first.
    pub fn due_proposals(&self, now: Timestamp) -> Result<Vec<StoredProposal>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM proposal WHERE due <= ?1 ORDER BY due LIMIT 100");
        self.read(|connection| {
            connection.prepare_cached(&sql)?.query_map([now.nanos()], read_proposal)?.collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// Answers given after that time, newest first, at most `limit`: conversation and JSON of each.
    pub fn answers_after(
        &self,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT conversation, json FROM answer WHERE at > ?1
                     ORDER BY at DESC, rowid DESC LIMIT ?2",
                )?
                .query_map(params![after.nanos(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// The conversation in which an answer was given, and when.
    pub fn place_of_answer(
        &self,
        answer_id: &str,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT conversation, at FROM answer WHERE answer_id = ?1")?
                .query_row([answer_id], |row| Ok((row.get(0)?, Timestamp::from_nanos(row.get(1)?))))
                .optional()
        })
        .map(Option::flatten)
    }
}

fn read_proposal(row: &Row<'_>) -> rusqlite::Result<StoredProposal> {
    Ok(StoredProposal {
        id: row.get(0)?,
        answer_id: row.get(1)?,
        at: Timestamp::from_nanos(row.get(2)?),
        expires_at: Timestamp::from_nanos(row.get(3)?),
        state: row.get(4)?,
        hash: row.get(5)?,
        plan: row.get(6)?,
        about: row.get(7)?,
        due: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_nanos),
        course: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Access;

    fn state() -> (tempfile::TempDir, StateDb) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.db"), Access::ReadWrite).unwrap();
        (dir, state)
    }

    fn proposal(id: &str, answer_id: Option<&str>) -> StoredProposal {
        StoredProposal {
            id: id.to_owned(),
            answer_id: answer_id.map(str::to_owned),
            at: Timestamp::from_secs(10),
            expires_at: Timestamp::from_secs(100),
            state: "open".to_owned(),
            hash: "h".to_owned(),
            ..StoredProposal::default()
        }
    }

    const APPROVE: ProposalStep<'_> = ProposalStep {
        from: "open",
        was_due: None,
        to: "acting",
        hash: "h",
        at: Timestamp::from_secs(20),
        also_when_expired: false,
        due: None,
        course: "{}",
        entry: "{}",
    };

    #[test]
    fn an_answer_has_one_proposal_and_a_person_any_number() {
        let (_dir, state) = state();
        assert!(state.put_proposal(&proposal("a", Some("ans")), "{}").unwrap().is_some());
        assert!(state.put_proposal(&proposal("b", Some("ans")), "{}").unwrap().is_none());
        for id in ["c", "d"] {
            assert!(state.put_proposal(&proposal(id, None), "{}").unwrap().is_some());
        }
        assert_eq!(state.proposal_of_answer("ans").unwrap().unwrap().id, "a");
        assert_eq!(state.proposals(9).unwrap().len(), 3);
        assert_eq!(state.audit_head().unwrap().seq, 3, "what was not kept is not in the trail");
    }

    #[test]
    fn one_of_many_takes_a_step() {
        let (dir, state) = state();
        state.put_proposal(&proposal("a", None), "{}").unwrap();
        let path = Arc::new(dir.path().join("state.db"));
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let path = Arc::clone(&path);
                std::thread::spawn(move || {
                    // Each with a connection of its own, as processes have.
                    let state = StateDb::open(&path, Access::ReadWrite).unwrap();
                    (0..20)
                        .filter(|_| state.step_proposal("a", &APPROVE).unwrap().is_some())
                        .count()
                })
            })
            .collect();
        let taken: usize = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
        assert_eq!(taken, 1);
        assert_eq!(state.audit_head().unwrap().seq, 2);
    }

    #[test]
    fn another_plan_another_state_and_a_proposal_past_its_time_stay_as_they_are() {
        let (_dir, state) = state();
        state.put_proposal(&proposal("a", None), "{}").unwrap();
        for step in [
            ProposalStep { hash: "other", ..APPROVE },
            ProposalStep { from: "done", ..APPROVE },
            ProposalStep { was_due: Some(Timestamp::from_secs(5)), ..APPROVE },
            ProposalStep { at: Timestamp::from_secs(100), ..APPROVE },
        ] {
            assert_eq!(state.step_proposal("a", &step).unwrap(), None);
        }
        assert_eq!(state.proposal("a").unwrap().unwrap(), proposal("a", None));
        let due = Some(Timestamp::from_secs(30));
        assert!(state.step_proposal("a", &ProposalStep { due, ..APPROVE }).unwrap().is_some());
        assert_eq!(state.due_proposals(Timestamp::from_secs(29)).unwrap().len(), 0);
        assert_eq!(state.due_proposals(Timestamp::from_secs(30)).unwrap().len(), 1);
    }
}
