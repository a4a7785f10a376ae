//! A request that is sent again is stored once, across seals and crashes, and only when it was stored.

use std::path::Path;

use super::fixtures::{all_bodies, at, copy_dir, log_batch, reader, record, writer};
use crate::{Durability, ResendKey, Store};

fn key(number: i64) -> ResendKey {
    ResendKey::of("", "test", &number.to_le_bytes())
}

/// Whether it was stored now.
fn send(store: &Store, number: i64) -> bool {
    let Some(claim) = store.claim(key(number), at(number)) else { return false };
    let batch = log_batch("cart", vec![record(number, &format!("line {number}"))]);
    store.append_claimed(vec![batch], Durability::Synced, claim).unwrap();
    true
}

fn crashed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    copy
}

#[test]
fn what_was_acknowledged_before_a_crash_is_known_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..30 {
        assert!(send(&store, number));
        if number == 10 || number == 20 {
            store.flush().unwrap();
        }
        let copy = crashed(dir.path());
        let reopened = writer(copy.path());
        for known in 0..=number {
            assert!(!send(&reopened, known), "{known} of {number}");
        }
        assert!(send(&reopened, number + 1));
        reopened.flush().unwrap();
        drop(reopened);
        let reopened = writer(copy.path());
        assert!(!send(&reopened, number + 1) && !send(&reopened, 0));
        assert_eq!(all_bodies(&reopened).len() as i64, number + 2);
    }
}

#[test]
fn a_crash_between_the_keys_file_and_the_manifest_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..5).for_each(|number| assert!(send(&store, number)));
    let before = crashed(dir.path());
    store.flush().unwrap();
    std::fs::copy(dir.path().join("resends.bin"), before.path().join("resends.bin")).unwrap();
    let reopened = writer(before.path());
    assert_eq!(all_bodies(&reopened).len(), 5);
    assert!((0..5).all(|number| !send(&reopened, number)));
}

#[test]
fn a_damaged_keys_file_is_said_and_everything_else_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    assert!(send(&store, 0));
    store.flush().unwrap();
    drop(store);
    let path = dir.path().join("resends.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = writer(dir.path());
    assert_eq!(all_bodies(&store).len(), 1);
    assert!(store.warnings()[0].contains("may be stored twice"), "{:?}", store.warnings());
    assert!(send(&store, 1));
    store.flush().unwrap();
    drop(store);
    assert_eq!(writer(dir.path()).warnings(), Vec::<String>::new());
}

#[test]
fn what_the_kernel_has_is_found_by_readers_and_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let batch = log_batch("cart", vec![record(1, "line 1")]);
    store.append(vec![batch], Durability::Written).unwrap();
    assert_eq!(all_bodies(&reader(crashed(dir.path()).path())), ["line 1"]);
}
