//! What is stored of a stream is known together with its records, across seals, crashes and damage.

use std::path::Path;

use super::fixtures::{all_bodies, copy_dir, log_batch, record, writer};
use crate::{Durability, Store, StreamName, StreamPart};

fn stream() -> StreamName {
    StreamName::of(&["test", "orders", "0"])
}

/// Stores message `number` as a source does that reads in order: unless it is stored.
fn deliver(store: &Store, number: u64) {
    if store.stream_position(&stream()).is_some_and(|next| number < next) {
        return;
    }
    let batch = log_batch("cart", vec![record(number as i64, &format!("line {number}"))]);
    let part = StreamPart::run(stream(), number..number + 1);
    store.append_streamed(vec![batch], Durability::Synced, vec![part]).unwrap();
}

fn crashed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    copy
}

#[test]
fn after_a_crash_the_position_is_that_of_the_last_durable_append() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    assert_eq!(store.stream_position(&stream()), None);
    for number in 0..30 {
        deliver(&store, number);
        if number == 10 || number == 20 {
            store.flush().unwrap();
        }
        let copy = crashed(dir.path());
        let reopened = writer(copy.path());
        assert_eq!(reopened.stream_position(&stream()), Some(number + 1));
        (0..=number + 1).for_each(|again| deliver(&reopened, again));
        reopened.flush().unwrap();
        drop(reopened);
        let reopened = writer(copy.path());
        assert_eq!(reopened.stream_position(&stream()), Some(number + 2));
        assert_eq!(all_bodies(&reopened).len() as u64, number + 2);
    }
}

#[test]
fn a_log_cut_in_its_last_record_has_neither_the_record_nor_its_position() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..3).for_each(|number| deliver(&store, number));
    let copy = crashed(dir.path());
    let wal = copy.path().join("wal");
    let segment = wal.read_dir().unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
    let reopened = writer(copy.path());
    assert_eq!(reopened.stream_position(&stream()), Some(2));
    assert_eq!(all_bodies(&reopened).len(), 2);
    deliver(&reopened, 2);
    assert_eq!(all_bodies(&reopened).len(), 3);
}

#[test]
fn a_crash_between_the_file_of_streams_and_the_manifest_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..5).for_each(|number| deliver(&store, number));
    let before = crashed(dir.path());
    store.flush().unwrap();
    std::fs::copy(dir.path().join("streams.bin"), before.path().join("streams.bin")).unwrap();
    let reopened = writer(before.path());
    (0..6).for_each(|number| deliver(&reopened, number));
    assert_eq!(all_bodies(&reopened).len(), 6);
}

#[test]
fn messages_of_which_nothing_was_stored_are_known_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let part = StreamPart::run(stream(), 0..7);
    store.append_streamed(Vec::new(), Durability::Synced, vec![part]).unwrap();
    assert_eq!(writer(crashed(dir.path()).path()).stream_position(&stream()), Some(7));
    store.flush().unwrap();
    let sealed = crashed(dir.path());
    assert_eq!(sealed.path().join("wal").read_dir().unwrap().count(), 0, "the log began anew");
    assert_eq!(writer(sealed.path()).stream_position(&stream()), Some(7));
}

#[test]
fn a_damaged_file_of_streams_is_said_and_everything_else_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    deliver(&store, 0);
    store.flush().unwrap();
    drop(store);
    let path = dir.path().join("streams.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = writer(dir.path());
    assert_eq!(all_bodies(&store).len(), 1);
    assert!(store.warnings()[0].contains("may be stored twice"), "{:?}", store.warnings());
    assert_eq!(store.stream_position(&stream()), None);
    deliver(&store, 1);
    store.flush().unwrap();
    drop(store);
    let store = writer(dir.path());
    assert_eq!((store.warnings(), store.stream_position(&stream())), (Vec::new(), Some(2)));
}
