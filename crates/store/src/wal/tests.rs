//! Tests of the write-ahead log by itself.

use std::path::Path;
use std::thread;

use groundcrew_telemetry::TemplateId;

use super::segment::{HEAD_BYTES, Segment, path_of};
use super::{Reader, Record, Replayed, Wal, replay};
use crate::StoreError;

fn payload(number: u64) -> Vec<u8> {
    Record::encode_templates(&[(TemplateId(number), format!("text {number}"))]).unwrap()
}

/// Takes numbers until it has so many.
struct Numbers {
    taken: Vec<u64>,
    max: usize,
}

impl Reader for Numbers {
    fn take(&mut self, record: Record) -> Result<(), StoreError> {
        if let Record::Templates(texts) = record {
            self.taken.extend(texts.iter().map(|(id, _)| id.0));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.taken.len() >= self.max
    }
}

fn read_up_to(max: usize, dir: &Path, floor: u64) -> (Vec<u64>, Replayed) {
    let mut numbers = Numbers { taken: Vec::new(), max };
    let replayed = replay(dir, floor, &mut numbers).unwrap();
    (numbers.taken, replayed)
}

fn read_back(dir: &Path, floor: u64) -> (Vec<u64>, Replayed) {
    read_up_to(usize::MAX, dir, floor)
}

fn fresh(dir: &Path) -> Wal {
    Wal::open(dir, &read_back(dir, 0).1)
}

#[test]
fn appenders_that_wait_together_are_all_durable() {
    let dir = tempfile::tempdir().unwrap();
    let wal = fresh(dir.path());
    thread::scope(|scope| {
        for appender in 0..8 {
            let wal = &wal;
            scope.spawn(move || {
                for number in 0..40 {
                    wal.append(&payload(appender * 100 + number)).unwrap();
                }
            });
        }
    });
    let (mut numbers, replayed) = read_back(dir.path(), 0);
    numbers.sort_unstable();
    let expected: Vec<u64> = (0..8).flat_map(|a| (0..40).map(move |n| a * 100 + n)).collect();
    assert_eq!(numbers, expected);
    assert!(replayed.warnings.is_empty());
}

#[test]
fn segments_follow_each_other_and_go_below_the_floor() {
    let dir = tempfile::tempdir().unwrap();
    let wal = fresh(dir.path());
    wal.append(&payload(1)).unwrap();
    assert_eq!(wal.rotate().unwrap(), 1);
    wal.append_unsynced(&payload(2)).unwrap();
    assert_eq!(wal.rotate().unwrap(), 2);
    assert_eq!(wal.rotate().unwrap(), 2, "an empty log is not rotated");
    wal.append(&payload(3)).unwrap();
    assert_eq!(read_back(dir.path(), 0).0, [1, 2, 3]);
    assert_eq!(read_back(dir.path(), 1).0, [2, 3]);
    wal.remove_below(2, &[], &dir.path().join("quarantine"));
    let (numbers, replayed) = read_back(dir.path(), 2);
    assert_eq!((numbers, replayed.number_next), (vec![3], 3));
    assert!(replayed.warnings.is_empty());
    assert!(!dir.path().join("quarantine").exists());
}

#[test]
fn who_is_full_reads_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let wal = fresh(dir.path());
    for segment in 0..3 {
        wal.append(&payload(2 * segment)).unwrap();
        wal.append(&payload(2 * segment + 1)).unwrap();
        wal.rotate().unwrap();
    }
    let end = read_back(dir.path(), 0).1;
    let mut rest = Some(0);
    for segment in 0..3 {
        let (numbers, replayed) = read_up_to(1, dir.path(), rest.unwrap());
        assert_eq!(numbers, [2 * segment, 2 * segment + 1], "a segment is read whole");
        assert_eq!(
            (replayed.number_next, replayed.length_before),
            (end.number_next, end.length_before)
        );
        rest = replayed.rest;
    }
    assert_eq!(rest, None);
}

#[test]
fn what_a_failed_sync_refused_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let wal = fresh(dir.path());
    wal.append(&payload(1)).unwrap();
    let acked = std::fs::metadata(path_of(dir.path(), 0)).unwrap().len();
    wal.append(&payload(2)).unwrap();
    drop(wal);
    // As after a failed sync: the next segment's head says how much of this one was acknowledged.
    Segment::create(dir.path(), 1, acked).unwrap();
    let (numbers, replayed) = read_back(dir.path(), 0);
    assert_eq!(numbers, [1]);
    assert!(replayed.warnings.is_empty());
}

#[test]
fn a_segment_shorter_than_what_was_acknowledged_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let wal = fresh(dir.path());
    wal.append(&payload(1)).unwrap();
    wal.append(&payload(2)).unwrap();
    wal.rotate().unwrap();
    wal.append(&payload(3)).unwrap();
    let first = path_of(dir.path(), 0);
    let whole = std::fs::read(&first).unwrap();
    let one_frame = (whole.len() - HEAD_BYTES) / 2;
    std::fs::write(&first, &whole[..HEAD_BYTES + one_frame]).unwrap();
    let (numbers, replayed) = read_back(dir.path(), 0);
    assert_eq!(numbers, [1, 3]);
    assert_eq!(replayed.damaged, [0]);
    assert!(replayed.warnings[0].contains("is shorter than what was acknowledged"));
}

#[test]
fn a_reopened_log_goes_on_behind_a_torn_end() {
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path()).append(&payload(1)).unwrap();
    let path = path_of(dir.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let torn = bytes.len() - 3;
    bytes.extend_from_within(HEAD_BYTES..torn);
    std::fs::write(&path, &bytes).unwrap();
    let wal = fresh(dir.path());
    wal.append(&payload(2)).unwrap();
    drop(wal);
    fresh(dir.path()).append(&payload(3)).unwrap();
    let (numbers, replayed) = read_back(dir.path(), 0);
    assert_eq!(numbers, [1, 2, 3]);
    assert!(replayed.warnings.is_empty(), "{:?}", replayed.warnings);
}
