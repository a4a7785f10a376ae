//! The state database: one SQLite file, one connection, every write on disk when the call returns.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_telemetry::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::schema;
use crate::{Access, StoreError};

/// Answers that are kept; older ones make room.
pub(super) const ANSWERS_MAX: u32 = 10_000;
/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between attempts to open one that another process sets up.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The state database. Safe to share between threads.
#[derive(Debug)]
pub struct StateDb {
    path: PathBuf,
    access: Access,
    /// `None` while nobody has written a database yet and this one may not.
    connection: Mutex<Option<Connection>>,
}

impl StateDb {
    /// Opens the database file at `path`, creating it when `access` allows. A read-only one that is missing
    /// answers as an empty one until it is there.
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let connection = match access {
            Access::ReadWrite => Some(open_for_writing(path)?),
            Access::ReadOnly => open_for_reading(path)?,
        };
        Ok(Self { path: path.to_owned(), access, connection: Mutex::new(connection) })
    }

    /// A state that cannot be opened, for readers: what is asked of it fails, and the rest of the store is served.
    pub(crate) fn closed(path: &Path) -> Self {
        Self { path: path.to_owned(), access: Access::ReadOnly, connection: Mutex::new(None) }
    }

    /// Keeps an answer, replacing an earlier one of the same id. The oldest go when there are too many, except those
    /// that an incident rests on.
    pub fn put_answer(
        &self,
        answer_id: &str,
        conversation: &str,
        at: Timestamp,
        json: &str,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let transaction = connection.transaction()?;
            transaction.prepare_cached(
                "INSERT OR REPLACE INTO answer (answer_id, conversation, at, json) VALUES (?1, ?2, ?3, ?4)",
            )?.execute(params![answer_id, conversation, at.nanos(), json])?;
            transaction.prepare_cached(
                "DELETE FROM answer WHERE rowid IN (SELECT rowid FROM answer ORDER BY at DESC LIMIT -1 OFFSET ?1)
                 AND answer_id NOT IN (SELECT answer_id FROM incident)",
            )?.execute([ANSWERS_MAX])?;
            transaction.commit()
        })
    }

    /// Forgets answers from before a time, except those that a remembered incident rests on; says how many.
    pub fn forget_answers(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "DELETE FROM answer WHERE at < ?1
                     AND answer_id NOT IN (SELECT answer_id FROM incident)",
                )?
                .execute([before.nanos()])
        })
    }

    /// The answer of that id.
    pub fn answer(&self, answer_id: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT json FROM answer WHERE answer_id = ?1")?
                .query_row([answer_id], |row| row.get(0))
                .optional()
        })
        .map(Option::flatten)
    }

    /// The newest answers of a conversation, newest first.
    pub fn recent_answers(
        &self,
        conversation: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let limit = u32::try_from(limit).unwrap_or(ANSWERS_MAX).min(ANSWERS_MAX);
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT json FROM answer WHERE conversation = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2",
                )?
                .query_map(params![conversation, limit], |row| row.get(0))?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// The ids of the newest answers of all conversations, newest first, but for conversations whose ids begin with
    /// `but_for`, if that is given.
    pub fn answer_ids(
        &self,
        but_for: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let limit = u32::try_from(limit).unwrap_or(ANSWERS_MAX).min(ANSWERS_MAX);
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT answer_id FROM answer
                     WHERE ?1 IS NULL OR substr(conversation, 1, length(?1)) <> ?1
                     ORDER BY at DESC, rowid DESC LIMIT ?2",
                )?
                .query_map(params![but_for, limit], |row| row.get(0))?
                .collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// Whether a file with this content hash has been taken in.
    pub fn file_seen(&self, hash: &str) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection.prepare_cached("SELECT 1 FROM ingested_file WHERE hash = ?1")?.exists([hash])
        })
        .map(Option::unwrap_or_default)
    }

    /// Remembers that the file at `path` with this content hash was taken in.
    pub fn remember_file(&self, hash: &str, path: &str, at: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO ingested_file (hash, path, at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![hash, path, at.nanos()])
                .map(drop)
        })
    }

    pub(super) fn write<T>(
        &self,
        statement: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        self.read(|connection| statement(connection))?.ok_or(StoreError::ReadOnly)
    }

    /// `None` when there is no database yet.
    pub(super) fn read<T>(
        &self,
        statement: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut connection = self.lock();
        if connection.is_none() {
            *connection = open_for_reading(&self.path)?;
        }
        Ok(connection.as_mut().map(statement).transpose()?)
    }

    /// A panic while the lock was held cannot leave a half-done statement behind: SQLite rolls it back.
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(StoreError::io("create directory", dir))?;
    }
    // SQLite waits for others by itself, but not while a database is made or its journal's mode is set: of several
    // processes that start on a new one all but the first would fail.
    let began = Instant::now();
    loop {
        match set_up_for_writing(path) {
            Err(StoreError::State(error)) if is_busy(&error) && began.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(BUSY_PAUSE);
            }
            opened => return opened,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn set_up_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Refused before the first pragma that would change the file.
    schema::version(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

fn open_for_reading(path: &Path) -> Result<Option<Connection>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A writer that has just created the file has not made its tables yet.
    let version = schema::version(&connection, path)?;
    Ok((version > 0).then_some(connection))
}
