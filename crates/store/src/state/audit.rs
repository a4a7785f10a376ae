//! The audit trail: rows that are only ever added, each with a hash over itself and the hash before it.
//!
//! Whoever may write the database file may also write a whole new chain, so the chain alone proves nothing. It is held
//! against heads that were written down elsewhere: a head names a row and its hash, and no other history leads to it.

use std::fmt;
use std::str::FromStr;

use groundcrew_telemetry::Timestamp;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::StateDb;
use crate::StoreError;

/// Sets these hashes apart from all others.
const CONTEXT: &str = "groundcrew audit trail v1";
/// First word of a head as it is written down.
const HEAD_WORD: &str = "groundcrew-audit-v1";
/// Rows read at a time.
const PAGE: u32 = 1_000;

/// One row of the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// Its number, from 1 without a gap.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened, JSON.
    pub entry: String,
    /// BLAKE3 over the hash before it, its number, its time and its entry; hex.
    pub hash: String,
}

/// Up to where the trail went at some time. Written down elsewhere, it is what the trail is held against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditHead {
    /// Number of the last row; 0 before there was one.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// What came of holding the trail against itself and against known heads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditVerdict {
    /// Where the trail ends.
    pub head: AuditHead,
    /// Known heads that were found in it as they were.
    pub matched: usize,
    /// What does not hold, in words, the first first; empty when all does.
    pub broken: Vec<String>,
}

impl AuditHead {
    fn none() -> Self {
        Self { seq: 0, hash: hex(&[0; 32]) }
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD_WORD} {} {}", self.seq, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (word, seq, hash) = (words.next(), words.next(), words.next());
        let seq = seq.and_then(|seq| seq.parse().ok());
        let hash =
            hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
        match (word, seq, hash) {
            (Some(HEAD_WORD), Some(seq), Some(hash)) => Ok(Self { seq, hash: hash.to_lowercase() }),
            _ => Err(format!("`{}` is no head of an audit trail", line.trim())),
        }
    }
}

impl StateDb {
    /// Adds a row by itself; what changes a proposal adds its own.
    pub fn append_audit(&self, at: Timestamp, entry: &str) -> Result<AuditHead, StoreError> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let head = append(&transaction, at, entry)?;
            transaction.commit()?;
            Ok(head)
        })
    }

    /// Rows after number `after`, at most `limit`.
    pub fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT seq, at, entry, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?
                .query_map(params![after, limit], |row| {
                    Ok(AuditRow {
                        seq: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
                        at: Timestamp::from_nanos(row.get(1)?),
                        entry: row.get(2)?,
                        hash: row.get(3)?,
                    })
                })?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// Where the trail ends.
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        let head = self.read(|connection| {
            connection
                .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
                .optional()
        })?;
        Ok(head.flatten().map_or_else(AuditHead::none, |(seq, hash)| AuditHead {
            seq: u64::try_from(seq).unwrap_or_default(),
            hash,
        }))
    }

    /// Reckons every hash anew, and looks for each of the `known` heads.
    pub fn verify_audit(&self, known: &[AuditHead]) -> Result<AuditVerdict, StoreError> {
        let mut head = AuditHead::none();
        let mut broken = Vec::new();
        let mut matched = known.iter().filter(|known| **known == head).count();
        loop {
            let rows = self.audit(head.seq, PAGE)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.seq != head.seq + 1 && broken.is_empty() {
                    broken.push(format!("after row {} comes row {}", head.seq, row.seq));
                }
                if row.hash != hash_of(&head.hash, &row) && broken.is_empty() {
                    broken.push(format!("row {} is not as it was written", row.seq));
                }
                head = AuditHead { seq: row.seq, hash: row.hash };
                let here = known.iter().filter(|one| one.seq == head.seq);
                let (as_known, otherwise): (Vec<_>, Vec<_>) =
                    here.partition(|one| one.hash == head.hash);
                matched += as_known.len();
                broken.extend(
                    otherwise
                        .into_iter()
                        .map(|one| format!("row {} is not the one that was written down", one.seq)),
                );
            }
        }
        let count = self.read(|connection| {
            connection.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0))
        })?;
        if broken.is_empty() && count.unwrap_or_default() != i64::try_from(head.seq).unwrap_or(-1) {
            broken.push("there are rows beside the numbered ones".to_owned());
        }
        if let Some(longest) = known.iter().map(|one| one.seq).max().filter(|seq| *seq > head.seq) {
            broken.push(format!("it ends at row {}, and there was a row {longest}", head.seq));
        }
        Ok(AuditVerdict { head, matched, broken })
    }
}

/// Adds a row inside a transaction that holds the write lock.
pub(super) fn append(
    transaction: &Transaction<'_>,
    at: Timestamp,
    entry: &str,
) -> rusqlite::Result<AuditHead> {
    let last: Option<(i64, String)> = transaction
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, before) = last.unwrap_or_else(|| (0, AuditHead::none().hash));
    let seq = u64::try_from(last).unwrap_or_default() + 1;
    let row = AuditRow { seq, at, entry: entry.to_owned(), hash: String::new() };
    let hash = hash_of(&before, &row);
    transaction
        .prepare_cached("INSERT INTO audit (seq, at, entry, hash) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![i64::try_from(seq).unwrap_or(i64::MAX), at.nanos(), entry, hash])?;
    Ok(AuditHead { seq, hash })
}

fn hash_of(before: &str, row: &AuditRow) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(before.as_bytes());
    hasher.update(&row.seq.to_le_bytes());
    hasher.update(&row.at.nanos().to_le_bytes());
    hasher.update(row.entry.as_bytes());
    hex(hasher.finalize().as_bytes())
}

fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Access;

    fn trail(rows: u32) -> (tempfile::TempDir, StateDb) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.db"), Access::ReadWrite).unwrap();
        for row in 0..rows {
            state.append_audit(Timestamp::from_secs(row.into()), &format!("entry {row}")).unwrap();
        }
        (dir, state)
    }

    /// As one does who may write the file: the triggers are no obstacle to them.
    fn tampered(state: &StateDb, statements: &str) {
        let all = format!(
            "DROP TRIGGER IF EXISTS audit_is_not_edited; DROP TRIGGER IF EXISTS audit_is_not_shortened; {statements}"
        );
        state.write(|connection| connection.execute_batch(&all)).unwrap();
    }

    #[test]
    fn an_untouched_trail_holds_against_every_head() {
        let (_dir, state) = trail(0);
        let mut heads = vec![state.audit_head().unwrap()];
        for row in 0..2_100 {
            heads.push(state.append_audit(Timestamp::from_secs(row), "x").unwrap());
        }
        let verdict = state.verify_audit(&heads).unwrap();
        assert_eq!((verdict.broken.len(), verdict.matched), (0, heads.len()));
        assert_eq!(verdict.head.seq, 2_100);
        let line = verdict.head.to_string();
        assert_eq!(line.parse::<AuditHead>().unwrap(), verdict.head);
        assert!("groundcrew-audit-v1 7 abc".parse::<AuditHead>().is_err());
    }

    #[test]
    fn rows_cannot_be_changed_by_a_statement() {
        let (_dir, state) = trail(2);
        for statement in ["UPDATE audit SET entry = 'x'", "DELETE FROM audit"] {
            assert!(state.write(|connection| connection.execute(statement, [])).is_err());
        }
    }

    /// A small generator of numbers, so that the same thousand attacks are tried each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % sides
        }
    }

    /// One way to change history, in SQL. Some of them reckon the hashes of what follows anew, as a careful hand would.
    fn attack(state: &StateDb, dice: &mut Dice, rows: u64) -> (String, bool) {
        let (one, other) = (1 + dice.roll(rows), 1 + dice.roll(rows));
        let salt = dice.roll(1 << 40);
        let sql = match dice.roll(6) {
            0 => format!("UPDATE audit SET entry = entry || '{salt}' WHERE seq = {one}"),
            1 => format!("UPDATE audit SET at = at + 1 + {salt} WHERE seq = {one}"),
            2 => format!("DELETE FROM audit WHERE seq = {one}"),
            3 => format!("DELETE FROM audit WHERE seq >= {one}"),
            4 => format!(
                "UPDATE audit SET seq = -1 WHERE seq = {one}; UPDATE audit SET seq = {one} WHERE seq = {}; \
                 UPDATE audit SET seq = {} WHERE seq = -1",
                one % rows + 1,
                one % rows + 1
            ),
            _ => format!(
                "UPDATE audit SET seq = -seq - 1 WHERE seq >= {other}; UPDATE audit SET seq = -seq WHERE seq < 0; \
                 INSERT INTO audit VALUES ({other}, 1, '{salt}', 'h')"
            ),
        };
        state.write(|connection| connection.execute_batch(&sql)).unwrap();
        let is_careful = dice.roll(2) == 0;
        if is_careful {
            let kept = state.audit(0, PAGE).unwrap();
            let renumbered = kept.iter().zip(1..).map(|(row, seq)| AuditRow { seq, ..row.clone() });
            let renumbered: Vec<AuditRow> = renumbered.collect();
            state.write(|connection| connection.execute("DELETE FROM audit", [])).unwrap();
            let mut before = AuditHead::none().hash;
            for row in renumbered {
                before = hash_of(&before, &row);
                let put = params![row.seq as i64, row.at.nanos(), row.entry, before];
                state
                    .write(|connection| {
                        connection.execute("INSERT INTO audit VALUES (?1, ?2, ?3, ?4)", put)
                    })
                    .unwrap();
            }
        }
        (sql, is_careful)
    }

    #[test]
    fn a_thousand_attacks_are_noticed_by_the_last_head() {
        let rows = 40;
        let (_dir, state) = trail(rows);
        let head = state.audit_head().unwrap();
        tampered(&state, "");
        let mut dice = Dice(20_261_129);
        for _ in 0..1_000 {
            state.write(|connection| connection.execute_batch("BEGIN")).unwrap();
            let attack = attack(&state, &mut dice, rows.into());
            let verdict = state.verify_audit(std::slice::from_ref(&head)).unwrap();
            assert!(!verdict.broken.is_empty(), "{attack:?}");
            state.write(|connection| connection.execute_batch("ROLLBACK")).unwrap();
        }
        assert!(state.verify_audit(&[head]).unwrap().broken.is_empty(), "and it is as it was");
    }

    #[test]
    fn a_trail_that_was_written_anew_does_not_lead_to_the_head() {
        let (_dir, state) = trail(9);
        let head = state.audit_head().unwrap();
        tampered(&state, "DELETE FROM audit");
        for row in 0..9 {
            state.append_audit(Timestamp::from_secs(row), "another story").unwrap();
        }
        assert!(state.verify_audit(&[]).unwrap().broken.is_empty(), "it holds in itself");
        let broken = state.verify_audit(&[head]).unwrap().broken;
        assert_eq!(broken, ["row 9 is not the one that was written down"]);
    }

    #[test]
    fn a_shortened_trail_is_noticed() {
        let (_dir, state) = trail(9);
        let head = state.audit_head().unwrap();
        tampered(&state, "DELETE FROM audit WHERE seq > 6");
        let broken = state.verify_audit(&[head]).unwrap().broken;
        assert_eq!(broken, ["it ends at row 6, and there was a row 9"]);
    }
}
