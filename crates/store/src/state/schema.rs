//! The tables of the state database and the steps that bring an older one up to date.
//!
//! A step is never edited once released; a change is a new step at the end. The number of steps taken is kept in
//! SQLite's `user_version`, so a database from a newer program is recognised and refused.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

const STEPS: &[&str] = &[
    "
    CREATE TABLE answer (
        answer_id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL,
        at INTEGER NOT NULL,
        json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX answer_by_conversation ON answer (conversation, at);
    CREATE INDEX answer_by_time ON answer (at);
    CREATE TABLE ingested_file (
        hash TEXT PRIMARY KEY,
        path TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE incident (
        code TEXT PRIMARY KEY,
        answer_id TEXT NOT NULL UNIQUE,
        at INTEGER NOT NULL,
        json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incident_by_time ON incident (at);
",
    "
    CREATE TABLE opened (
        code TEXT PRIMARY KEY,
        answer_id TEXT NOT NULL,
        conversation TEXT NOT NULL,
        title TEXT NOT NULL,
        grouping TEXT NOT NULL,
        services TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        since INTEGER NOT NULL,
        heard_at INTEGER NOT NULL,
        over_at INTEGER
    ) STRICT;
    CREATE INDEX opened_by_time ON opened (opened_at);
    CREATE TABLE opened_alert (
        code TEXT NOT NULL REFERENCES opened (code) ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        name TEXT NOT NULL,
        service TEXT NOT NULL,
        severity TEXT NOT NULL,
        since INTEGER NOT NULL,
        until INTEGER,
        PRIMARY KEY (code, fingerprint)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE mark (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX mark_by_time ON mark (until);
",
    "
    CREATE TABLE charge_file (
        id INTEGER PRIMARY KEY,
        hash TEXT NOT NULL,
        content TEXT NOT NULL,
        at INTEGER NOT NULL,
        published INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX charge_file_by_hash ON charge_file (hash);
    CREATE TABLE charge_subject (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        json TEXT NOT NULL
    ) STRICT;
    CREATE TABLE charge (
        file INTEGER NOT NULL REFERENCES charge_file (id) ON DELETE CASCADE,
        account INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        subject INTEGER NOT NULL,
        billed TEXT NOT NULL,
        effective TEXT NOT NULL
    ) STRICT;
    CREATE INDEX charge_by_period ON charge (starts, ends, account);
    CREATE INDEX charge_by_file ON charge (file);
",
    "
    CREATE TABLE proposal (
        id TEXT PRIMARY KEY,
        answer_id TEXT UNIQUE,
        at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        state TEXT NOT NULL,
        hash TEXT NOT NULL,
        plan TEXT NOT NULL,
        about TEXT NOT NULL,
        due INTEGER,
        course TEXT NOT NULL
    ) STRICT;
    CREATE INDEX proposal_by_time ON proposal (at);
    CREATE INDEX proposal_by_state ON proposal (state, due);
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        entry TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
    CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
",
];

/// The version of a database that has taken all steps.
const NEWEST: u32 = STEPS.len() as u32;

/// The number of steps that the database at `path` has taken; an error when it has taken some that are unknown here.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > NEWEST {
        let path = path.to_owned();
        return Err(StoreError::NewerFormat { path, found, supported: NEWEST });
    }
    Ok(found)
}

/// Takes the steps that are missing, all or none.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    if version(connection, path)? == NEWEST {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = version(&transaction, path)?;
    for step in STEPS.iter().skip(taken as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()?;
    Ok(())
}
