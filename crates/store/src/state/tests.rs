//! The state database against real files.

use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use rusqlite::Connection;

use super::StateDb;
use super::database::ANSWERS_MAX;
use crate::{Access, StoreError};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

#[test]
fn answers_survive_reopening_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nested/state.sqlite");
    let state = StateDb::open(&path, Access::ReadWrite).unwrap();
    state.put_answer("a1", "talk", at(1), "one").unwrap();
    state.put_answer("a2", "talk", at(2), "two").unwrap();
    state.put_answer("b1", "other", at(3), "three").unwrap();
    state.put_answer("a1", "talk", at(1), "one again").unwrap();
    drop(state);

    let state = StateDb::open(&path, Access::ReadWrite).unwrap();
    assert_eq!(state.answer("a1").unwrap().as_deref(), Some("one again"));
    assert_eq!(state.answer("nobody").unwrap(), None);
    assert_eq!(state.recent_answers("talk", 10).unwrap(), ["two", "one again"]);
    assert_eq!(state.recent_answers("talk", 1).unwrap(), ["two"]);
    assert!(state.recent_answers("talk", usize::MAX).unwrap().len() == 2);
}

#[test]
fn the_oldest_answers_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let state = StateDb::open(&path, Access::ReadWrite).unwrap();
    state
        .write(|connection| {
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO answer SELECT 'x' || i, 'c', i, 'j' FROM n",
                [ANSWERS_MAX],
            )
        })
        .unwrap();
    state.put_answer("new", "c", at(100), "{}").unwrap();
    assert_eq!(state.answer("x1").unwrap(), None);
    assert!(state.answer("x2").unwrap().is_some());
    assert!(state.answer("new").unwrap().is_some());
}

#[test]
fn files_are_remembered_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDb::open(&dir.path().join("state.sqlite"), Access::ReadWrite).unwrap();
    assert!(!state.file_seen("abc").unwrap());
    state.remember_file("abc", "/logs/a.json", at(5)).unwrap();
    state.remember_file("abc", "/logs/b.json", at(6)).unwrap();
    assert!(state.file_seen("abc").unwrap());
}

#[test]
fn a_reader_creates_nothing_and_sees_a_later_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let reader = StateDb::open(&path, Access::ReadOnly).unwrap();
    assert_eq!(reader.answer("a").unwrap(), None);
    assert!(reader.recent_answers("talk", 3).unwrap().is_empty());
    assert!(!reader.file_seen("h").unwrap());
    assert!(!path.exists());
    assert!(matches!(reader.put_answer("a", "t", at(0), "{}"), Err(StoreError::ReadOnly)));

    let writer = StateDb::open(&path, Access::ReadWrite).unwrap();
    writer.put_answer("a", "talk", at(0), "{}").unwrap();
    assert_eq!(reader.answer("a").unwrap().as_deref(), Some("{}"));
    assert!(matches!(reader.remember_file("h", "p", at(0)), Err(StoreError::ReadOnly)));
}

#[test]
fn a_newer_database_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = std::fs::read(&path).unwrap();
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let refused = StateDb::open(&path, access).unwrap_err();
        assert!(matches!(refused, StoreError::NewerFormat { found: 99, .. }), "{refused}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.sqlite");
    std::fs::write(&path, vec![7_u8; 5000]).unwrap();
    assert!(matches!(StateDb::open(&path, Access::ReadWrite), Err(StoreError::State(_))));
    assert!(matches!(StateDb::open(&path, Access::ReadOnly), Err(StoreError::State(_))));
}

#[test]
fn writes_are_synced_to_a_write_ahead_log() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDb::open(&dir.path().join("state.sqlite"), Access::ReadWrite).unwrap();
    let modes: (String, u32) = state
        .write(|connection| {
            let journal = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            let synchronous = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
            Ok((journal, synchronous))
        })
        .unwrap();
    assert_eq!(modes, ("wal".to_owned(), 2));
}

#[test]
fn threads_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let state =
        Arc::new(StateDb::open(&dir.path().join("state.sqlite"), Access::ReadWrite).unwrap());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                for turn in 0..10 {
                    state.put_answer(&format!("{writer}-{turn}"), "t", at(turn), "{}").unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(state.recent_answers("t", 100).unwrap().len(), 40);
}
