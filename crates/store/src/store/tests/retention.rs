//! What is kept long enough goes, and nothing else does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_telemetry::{Alert, Batch, ClusterSnapshot, TimeRange};

use super::aging::{Aging, DAY};
use super::fixtures::{
    all_bodies, any_logs, any_spans, at, change, copy_dir, files_below, log_batch, masked, reader,
    record,
};
use crate::{Durability, Limit, Retention, Store};

fn days(number: u64) -> Option<Duration> {
    Some(Duration::from_secs(number * DAY as u64))
}

fn limits() -> Retention {
    Retention {
        logs: days(2),
        rollups: days(6),
        traces: days(1),
        metrics: days(4),
        changes: days(3),
        ..Retention::default()
    }
}

fn row_files(dir: &Path) -> usize {
    files_below(&dir.join("logs")).iter().filter(|path| path.ends_with("rows.bin")).count()
}

#[test]
fn each_signal_goes_at_its_age_and_counts_stay_when_rows_go() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=10);
    aging.set(10 * DAY + 60);
    let tended = aging.tend(limits());
    assert_eq!(tended.held, None);
    // Rows of 0..=7 are too old, of which 0..=3 even for counts; spans of 0..=8; points of 0..=5.
    assert_eq!((tended.thinned, tended.removed), (4, 4 + 9 + 6));
    assert_eq!(tended.entries, 7);
    assert!(tended.bytes_freed > 0);
    let check = |store: &Store| {
        let expected: Vec<String> = (8..=10).map(|day| format!("line of {}", day * DAY)).collect();
        assert_eq!(all_bodies(store), expected);
        assert_eq!(store.spans(&any_spans()).unwrap().rows.len(), 2);
        assert_eq!(store.changes(TimeRange::ALL).unwrap().len(), 4);
        let coverage = store.coverage().unwrap();
        assert_eq!((coverage.logs.count, coverage.counts.count), (3, 7));
        assert_eq!((coverage.spans.count, coverage.points.count), (2, 5));
        let logs = coverage.dropped.logs.unwrap();
        assert!(logs.until > at(7 * DAY) && logs.until <= at(8 * DAY));
        assert_eq!(logs.limit, Limit::Age(Duration::from_secs(2 * DAY as u64)));
        assert!(coverage.dropped.rollups.unwrap().until < at(4 * DAY));
        assert_eq!(store.warnings(), Vec::<String>::new());
    };
    check(&aging.store);
    assert_eq!(aging.counted(), 7);
    assert_eq!(row_files(dir.path()), 3);
    check(&reader(dir.path()));
    let again = aging.tend(limits());
    assert_eq!((again.thinned, again.removed, again.entries), (0, 0, 0));
    let kept = aging.store.kept(&limits());
    assert_eq!((kept.logs.splits, kept.rollups.splits), (3, 4));
    assert!(kept.rollups.bytes > 0 && kept.rollups.bytes < 4 * kept.logs.bytes);
    drop(aging);
    check(&Aging::open(dir.path(), 10 * DAY).store);
}

#[test]
fn a_clock_that_jumps_deletes_nothing_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=1);
    for jumped in [16 * DAY, -16 * DAY, 400 * DAY] {
        aging.set(jumped);
        assert_eq!(aging.tend(limits()).removed, 0);
        aging
            .store
            .append(
                vec![log_batch("cart", vec![record(DAY, "received meanwhile")])],
                Durability::Synced,
            )
            .unwrap();
        aging.store.flush().unwrap();
        let tended = aging.tend(limits());
        assert_eq!((tended.removed, tended.thinned, tended.entries), (0, 0, 0), "at {jumped}");
        assert_eq!(tended.held.is_some(), jumped > 0, "at {jumped}");
        aging.set(DAY + 60);
        assert_eq!(aging.tend(limits()).removed, 0);
    }
    assert_eq!(aging.store.changes(TimeRange::ALL).unwrap().len(), 2);
    assert_eq!(all_bodies(&aging.store).len(), 5);
}

#[test]
fn what_is_dropped_is_read_to_the_end_by_who_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=4);
    let reading = Arc::clone(&aging.store.live().splits);
    let thinned = reading.logs[0].dir.join("rows.bin");
    let removed = reading.spans[0].dir.clone();
    let tended = aging.tend(Retention { rollups: None, ..limits() });
    assert!(tended.thinned > 0 && tended.removed > 0);
    assert_eq!(all_bodies(&aging.store).len(), 3, "new questions see what is left");
    assert!(thinned.exists() && removed.exists(), "somebody reads them");
    // Even when all of a split goes while its rows are still read.
    aging.receive_every_day(5..=8);
    aging.tend(limits());
    assert!(thinned.exists());
    drop(reading);
    assert!(!thinned.exists() && !thinned.parent().unwrap().exists() && !removed.exists());
}

#[test]
fn a_crash_while_something_is_dropped_leaves_nothing_behind() {
    let (dir, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=4);
    copy_dir(dir.path(), before.path());
    aging.tend(limits());
    drop(aging);
    let after = files_below(dir.path());
    std::fs::copy(dir.path().join("manifest.bin"), before.path().join("manifest.bin")).unwrap();
    copy_dir(&dir.path().join("ledger"), &before.path().join("ledger"));
    // The manifest is the new one, the splits are as they were.
    let crashed = Aging::open(before.path(), 4 * DAY);
    assert_eq!(all_bodies(&crashed.store).len(), 3);
    assert_eq!(crashed.counted(), 5);
    drop(crashed);
    let relative = |dir: &Path, files: Vec<std::path::PathBuf>| -> Vec<std::path::PathBuf> {
        let inside = files.iter().map(|path| path.strip_prefix(dir).unwrap().to_owned());
        inside
            .filter(|path| {
                ["logs", "spans", "metrics", "ledger"].iter().any(|dir| path.starts_with(dir))
            })
            .collect()
    };
    assert_eq!(relative(before.path(), files_below(before.path())), relative(dir.path(), after));
    // Without a manifest the splits say of themselves that their rows are gone.
    std::fs::remove_file(before.path().join("manifest.bin")).unwrap();
    let rebuilt = reader(before.path());
    assert_eq!(all_bodies(&rebuilt).len(), 3);
    assert_eq!(rebuilt.coverage().unwrap().counts.count, 5);
}

#[test]
fn a_reader_survives_that_the_writer_drops_rows() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=9);
    let beside = reader(dir.path());
    aging.tend(limits());
    assert_eq!(beside.search_logs(&any_logs()).unwrap().len(), 3);
    assert_eq!(beside.warnings(), Vec::<String>::new());
    assert!(beside.coverage().unwrap().dropped.logs.is_some());
}

#[test]
fn the_oldest_go_when_there_is_too_much_whatever_the_clock_says() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=9);
    let kept = aging.store.kept(&Retention::default());
    let total = kept.logs.bytes + kept.traces.bytes + kept.metrics.bytes;
    aging.set(-500 * DAY);
    let tended = aging.tend(Retention { bytes_max: Some(total / 2), ..Retention::default() });
    assert!(tended.thinned > 0 && tended.removed > 0);
    let kept = aging.store.kept(&Retention::default());
    let left = kept.logs.bytes + kept.rollups.bytes + kept.traces.bytes + kept.metrics.bytes;
    assert!(left <= total / 2 && left > total / 4, "{left} of {total}");
    assert_eq!(all_bodies(&aging.store).last().unwrap(), &format!("line of {}", 9 * DAY));
    let dropped = aging.store.coverage().unwrap().dropped;
    assert_eq!(dropped.logs.unwrap().limit, Limit::Bytes(total / 2));
}

#[test]
fn alerts_snapshots_and_answers_go_by_age_and_what_was_received_last_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    let alert = |fingerprint: &str, start: i64, end: Option<i64>| Alert {
        fingerprint: fingerprint.to_owned(),
        starts_at: at(start),
        ends_at: end.map(at),
        ..Alert::default()
    };
    let snapshot = ClusterSnapshot { time: at(10), ..ClusterSnapshot::default() };
    let batches = vec![
        masked(Batch::Alerts(vec![alert("old", 10, None), alert("long", 10, Some(8 * DAY))])),
        masked(Batch::Cluster(vec![snapshot])),
    ];
    aging.store.append(batches, Durability::Synced).unwrap();
    aging.store.state().put_answer("a", "c", at(5), "{}").unwrap();
    aging.store.state().put_answer("b", "c", at(9 * DAY), "{}").unwrap();
    aging.receive_every_day(0..=9);
    let late = change(9 * DAY, "late");
    aging.store.append(vec![masked(Batch::Changes(vec![late]))], Durability::Synced).unwrap();
    aging.tend(Retention { answers: days(3), ..limits() });
    assert!(aging.store.state().answer("a").unwrap().is_none());
    assert!(aging.store.state().answer("b").unwrap().is_some());
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    for store in [&aging.store, &reader(copy.path())] {
        let alerts = store.alerts(TimeRange::ALL).unwrap();
        let names: Vec<&str> = alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
        assert_eq!(names, ["long"], "it was over a day ago");
        assert!(store.cluster(TimeRange::ALL).unwrap().is_empty());
        let changes = store.changes(TimeRange::ALL).unwrap();
        assert_eq!(changes.len(), 5, "6 to 9 and the one that is not in a file yet");
    }
}
