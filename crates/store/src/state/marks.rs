//! Small facts that are true for a while and that several processes must agree on: who took an event, which thread is
//! whose. A mark has a name, a value and an end; one past its end is gone.

use groundcrew_telemetry::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::StateDb;
use crate::StoreError;

impl StateDb {
    /// Sets the marks `keys` if none of them is set, all or none. Says whether they are now the caller's: of several
    /// processes that claim the same, one gets it.
    pub fn claim_marks(
        &self,
        keys: &[String],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            forget_old(&transaction, now)?;
            for key in keys {
                let taken = transaction
                    .prepare_cached(
                        "INSERT OR IGNORE INTO mark (key, value, until) VALUES (?1, '', ?2)",
                    )?
                    .execute(params![key, until.nanos()])?;
                if taken == 0 {
                    // Dropping the transaction takes back what was set before.
                    return Ok(false);
                }
            }
            transaction.commit()?;
            Ok(true)
        })
    }

    /// Sets a mark, replacing an earlier one of the same name.
    pub fn put_mark(
        &self,
        key: &str,
        value: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            forget_old(connection, now)?;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO mark (key, value, until) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![key, value, until.nanos()])
                .map(drop)
        })
    }

    /// The value of a mark, if it is set.
    pub fn mark(&self, key: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM mark WHERE key = ?1 AND until >= ?2")?
                .query_row(params![key, now.nanos()], |row| row.get(0))
                .optional()
        })
        .map(Option::flatten)
    }

    /// Names and values of the marks whose names begin with `start`, in order of name.
    pub fn marks(&self, start: &str, now: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT key, value FROM mark WHERE substr(key, 1, length(?1)) = ?1 AND until >= ?2 ORDER BY key",
                )?
                .query_map(params![start, now.nanos()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// Removes a mark.
    pub fn remove_mark(&self, key: &str) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.prepare_cached("DELETE FROM mark WHERE key = ?1")?.execute([key]).map(drop)
        })
    }
}

fn forget_old(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM mark WHERE until < ?1")?.execute([now.nanos()]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Access;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn of_many_who_claim_the_same_one_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = Arc::new(dir.path().join("state.db"));
        let claimers: Vec<_> = (0..4)
            .map(|_| {
                let path = Arc::clone(&path);
                std::thread::spawn(move || {
                    // A connection of its own, as another process has.
                    let state = StateDb::open(&path, Access::ReadWrite).unwrap();
                    (0..20)
                        .filter(|turn| {
                            state.claim_marks(&keys(&[&format!("e{turn}")]), at(1), at(9)).unwrap()
                        })
                        .count()
                })
            })
            .collect();
        let won: usize = claimers.into_iter().map(|claimer| claimer.join().unwrap()).sum();
        assert_eq!(won, 20);
    }

    #[test]
    fn a_claim_is_whole_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.db"), Access::ReadWrite).unwrap();
        assert!(state.claim_marks(&keys(&["event", "message"]), at(1), at(9)).unwrap());
        assert!(!state.claim_marks(&keys(&["another event", "message"]), at(2), at(9)).unwrap());
        assert_eq!(state.mark("another event", at(2)).unwrap(), None, "all or none");
        assert!(state.claim_marks(&keys(&["event"]), at(10), at(20)).unwrap(), "it had ended");
    }

    #[test]
    fn marks_are_set_replaced_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.db"), Access::ReadWrite).unwrap();
        state.put_mark("open:2", "b", (at(1), at(9))).unwrap();
        state.put_mark("open:1", "a", (at(1), at(9))).unwrap();
        state.put_mark("open:1", "c", (at(1), at(9))).unwrap();
        state.put_mark("other", "d", (at(1), at(9))).unwrap();
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            state.marks("open:", at(2)).unwrap(),
            [named("open:1", "c"), named("open:2", "b")]
        );
        state.remove_mark("open:2").unwrap();
        assert_eq!(state.marks("open:", at(2)).unwrap(), [named("open:1", "c")]);
        assert_eq!(state.mark("other", at(10)).unwrap(), None, "past its end");
    }
}
