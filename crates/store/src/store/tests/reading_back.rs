//! A log that is longer than memory may hold is sealed while it is read back, whatever happens meanwhile.

use std::path::Path;

use super::fixtures::{
    ROOMY, TINY, all_bodies, any_templates, at, change, copy_dir, log_batch, masked, open, reader,
    record,
};
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::{
    Access, Durability, ResendKey, Store, StoreError, StoreOptions, StreamName, StreamPart,
};
use groundcrew_telemetry::{Batch, SystemClock, TemplateId, TimeRange};

const SEGMENTS: i64 = 8;
const LINES_PER_SEGMENT: i64 = 120;

fn key(segment: i64) -> ResendKey {
    ResendKey::of("", "test", &segment.to_le_bytes())
}

fn stream() -> StreamName {
    StreamName::of(&["test", "lines"])
}

fn template(segment: i64) -> TemplateId {
    TemplateId(segment as u64 + 1)
}

/// A line that no other is like.
fn body(number: i64) -> String {
    format!("line {number} {}", "x".repeat(300))
}

/// Writes a segment: a request, messages of a stream, the text of a template and a change.
fn write_segment(store: &Store, segment: i64) {
    let first = segment * LINES_PER_SEGMENT;
    let lines = |numbers: std::ops::Range<i64>| {
        let records = numbers.map(|number| {
            let mut line = record(number, &body(number));
            line.template = Some(template(segment));
            line
        });
        vec![log_batch("cart", records.collect())]
    };
    let middle = first + LINES_PER_SEGMENT / 2;
    store.put_templates(&[(template(segment), format!("text {segment}"))]).unwrap();
    let claim = store.claim(key(segment), at(segment)).unwrap();
    store.append_claimed(lines(first..middle), Durability::Synced, claim).unwrap();
    let part = StreamPart::run(stream(), segment as u64 * 10..segment as u64 * 10 + 10);
    let rest = lines(middle..first + LINES_PER_SEGMENT);
    store.append_streamed(rest, Durability::Synced, vec![part]).unwrap();
    let changes = vec![change(segment, &format!("change {segment}"))];
    store.append(vec![masked(Batch::Changes(changes))], Durability::Synced).unwrap();
}

/// A directory whose log has several segments and that has no split.
fn long_log(dir: &Path) {
    for segment in 0..SEGMENTS {
        write_segment(&open(dir, Access::ReadWrite, ROOMY), segment);
    }
    assert!(!dir.join("logs").exists());
}

/// All of it is there once, and known if it comes again.
fn check(store: &Store) {
    let bodies = all_bodies(store);
    assert_eq!(bodies, (0..SEGMENTS * LINES_PER_SEGMENT).map(body).collect::<Vec<_>>());
    assert_eq!(store.changes(TimeRange::ALL).unwrap().len() as i64, SEGMENTS);
    for segment in 0..SEGMENTS {
        assert!(store.claim(key(segment), at(segment + 60)).is_none());
    }
    let templates = store.log_templates(&any_templates()).unwrap();
    let mut texts: Vec<String> = templates.into_iter().map(|row| row.text).collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..SEGMENTS).map(|segment| format!("text {segment}")).collect::<Vec<_>>());
    assert_eq!(store.stream_position(&stream()), Some(SEGMENTS as u64 * 10));
    assert_eq!(store.warnings(), Vec::<String>::new());
}

fn segments(dir: &Path) -> usize {
    dir.join("wal").read_dir().unwrap().count()
}

#[test]
fn what_memory_cannot_hold_is_sealed_before_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    long_log(dir.path());
    check(&reader(dir.path()));
    let store = open(dir.path(), Access::ReadWrite, TINY);
    assert!(store.live().active.bytes() < 4 * TINY, "{}", store.live().active.bytes());
    assert!(dir.path().join("logs").read_dir().unwrap().count() > 1);
    assert!(segments(dir.path()) < SEGMENTS as usize / 2, "what is sealed is not read again");
    check(&store);

    let crashed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), crashed.path());
    check(&open(crashed.path(), Access::ReadWrite, TINY));
    store.flush().unwrap();
    check(&store);
    drop(store);
    check(&open(dir.path(), Access::ReadWrite, ROOMY));
}

#[test]
fn a_damaged_segment_in_between_is_set_aside_and_said() {
    let dir = tempfile::tempdir().unwrap();
    long_log(dir.path());
    let damaged = dir.path().join("wal/00000000000000000004.wal");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    assert!(store.warnings().iter().any(|warning| warning.contains("00000000000000000004.wal")));
    assert!(all_bodies(&store).len() as i64 >= (SEGMENTS - 1) * LINES_PER_SEGMENT);
    store.flush().unwrap();
    assert_eq!(dir.path().join("quarantine").read_dir().unwrap().count(), 1);
}

#[test]
fn a_disk_that_fails_meanwhile_loses_and_doubles_nothing() {
    let mut failed = 0;
    for seed in 0..60 {
        let disk = SimulatedDisk::new(seed, Faults::default());
        let open = |disk: &SimulatedDisk, memory_bytes_max| {
            let dir = disk.path().join("store");
            let options = StoreOptions { dir, access: Access::ReadWrite, memory_bytes_max };
            Store::open_with(options, Box::new(SystemClock), Access::ReadOnly)
        };
        for segment in 0..SEGMENTS {
            write_segment(&open(&disk, ROOMY).unwrap(), segment);
        }
        disk.set_faults(Faults { sync: 40, write: 10, full: 20, name: 20 });
        match open(&disk, TINY) {
            Ok(store) => {
                disk.set_faults(Faults::default());
                check_lines(&store);
            }
            Err(StoreError::Io { .. } | StoreError::Full { .. }) => failed += 1,
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        let disk = if seed % 2 == 0 { disk.after_power_cut() } else { disk.after_kill() };
        check_lines(&open(&disk, TINY).unwrap());
    }
    assert!((1..60).contains(&failed), "{failed}");
}

/// As [`check`], where a disk that failed is told of.
fn check_lines(store: &Store) {
    assert_eq!(all_bodies(store), (0..SEGMENTS * LINES_PER_SEGMENT).map(body).collect::<Vec<_>>());
    assert!((0..SEGMENTS).all(|segment| store.claim(key(segment), at(segment + 60)).is_none()));
    assert_eq!(store.stream_position(&stream()), Some(SEGMENTS as u64 * 10));
}
