//! Old splits lie in a bucket and are read as if they lay here; what the bucket cannot deliver is missing and said.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_telemetry::TimeRange;

use super::aging::{Aging, DAY};
use super::fixtures::{
    all_bodies, any_logs, any_metrics, any_spans, at, bucket, copy_dir, files_below, reader, trace,
};
use crate::{
    Bucket, BucketSettings, Dropped, LogQuery, Retention, SpanQuery, Store, Tended, Upkeep,
};

/// Ten days of telemetry of which all but the last two are moved to the bucket.
struct Moved {
    dir: tempfile::TempDir,
    bucket: tempfile::TempDir,
    aging: Aging,
}

fn upkeep(retention: Retention) -> Upkeep {
    let cold_after = Some(Duration::from_secs(2 * DAY as u64 - 1));
    Upkeep { retention, cold_after, ..Upkeep::default() }
}

fn tend(store: &Store, retention: Retention) -> Tended {
    store.tend(&upkeep(retention), &|| false).unwrap()
}

impl Moved {
    fn new() -> Self {
        let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let aging = Aging::open(dir.path(), 0);
        aging.receive_every_day(0..=9);
        aging.store.use_bucket(bucket(target.path()));
        let tended = tend(&aging.store, Retention::default());
        assert_eq!((tended.moved, tended.bucket_failure), (3 * 8, None));
        Self { dir, bucket: target, aging }
    }
}

/// The files that hold rows, here and there.
fn row_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = files_below(dir);
    files.retain(|path| {
        let name = path.to_string_lossy();
        (name.ends_with("rows.bin") || name.ends_with("series.bin")) && !name.contains("/cold/")
    });
    files
}

fn check(store: &Store, days: i64) {
    let expected: Vec<String> = (0..days).map(|day| format!("line of {}", day * DAY)).collect();
    assert_eq!(all_bodies(store), expected);
    assert_eq!(store.spans(&any_spans()).unwrap().rows.len(), days as usize);
    let metrics = store.metrics(&any_metrics()).unwrap();
    assert_eq!(metrics[0].series.points.len(), days as usize);
    let needle =
        LogQuery { text: crate::Expression::words([format!("{}", 3 * DAY)]), ..any_logs() };
    assert_eq!(store.search_logs(&needle).unwrap().len(), 1);
    let coverage = store.coverage().unwrap();
    assert_eq!((coverage.unreachable, coverage.dropped), (None, Dropped::default()));
    assert_eq!(store.warnings(), Vec::<String>::new());
}

#[test]
fn what_was_moved_is_read_as_before_here_after_a_restart_and_beside() {
    let moved = Moved::new();
    assert_eq!(row_files(moved.dir.path()).len(), 3 * 2);
    assert_eq!(row_files(moved.bucket.path()).len(), 3 * 8);
    check(&moved.aging.store, 10);
    assert_eq!(moved.aging.counted(), 10);
    let beside = reader(moved.dir.path());
    beside.use_bucket(bucket(moved.bucket.path()));
    check(&beside, 10);
    assert_eq!(tend(&moved.aging.store, Retention::default()).moved, 0);
    let kept = moved.aging.store.kept(&Retention::default());
    assert!(kept.cold.splits == 3 * 8 && kept.cold.bytes > 0);
    let Moved { dir, bucket: target, aging } = moved;
    drop(aging);
    let again = Aging::open(dir.path(), 9 * DAY);
    again.store.use_bucket(bucket(target.path()));
    check(&again.store, 10);
}

#[test]
fn a_bucket_that_is_gone_is_a_gap_and_what_is_here_is_still_answered() {
    let moved = Moved::new();
    let beside = reader(moved.dir.path());
    let nowhere = moved.bucket.path().join("a-file");
    std::fs::write(&nowhere, "not a directory").unwrap();
    beside.use_bucket(bucket(&nowhere));
    assert_eq!(all_bodies(&beside).len(), 2);
    assert_eq!(beside.spans(&any_spans()).unwrap().rows.len(), 2);
    let unreachable = beside.coverage().unwrap().unreachable.unwrap();
    assert!(unreachable.until > at(7 * DAY) && unreachable.until < at(8 * DAY));
    assert_eq!(beside.warnings(), Vec::<String>::new(), "it may come back");
    let without = reader(moved.dir.path());
    assert_eq!(all_bodies(&without).len(), 2);
    let reason = without.coverage().unwrap().unreachable.unwrap().reason;
    assert!(reason.contains("no bucket is configured"), "{reason}");
    // Moving more waits, too, and nothing is lost by it.
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=9);
    aging.store.use_bucket(bucket(&nowhere));
    let tended = tend(&aging.store, Retention::default());
    assert!(tended.moved == 0 && tended.bucket_failure.unwrap().contains("cold.url"));
    check(&aging.store, 10);
}

#[test]
fn an_object_that_was_cut_changed_or_removed_is_named_and_left_out() {
    let moved = Moved::new();
    let objects = row_files(&moved.bucket.path().join("prefix/logs"));
    let mut whole = std::fs::read(&objects[0]).unwrap();
    std::fs::write(&objects[0], &whole[..whole.len() - 1]).unwrap();
    std::fs::remove_file(&objects[1]).unwrap();
    whole = std::fs::read(&objects[2]).unwrap();
    whole[20] ^= 1;
    std::fs::write(&objects[2], &whole).unwrap();
    assert_eq!(all_bodies(&moved.aging.store).len(), 7);
    let warnings = moved.aging.store.warnings();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for object in &objects[..3] {
        let key = object.strip_prefix(moved.bucket.path().join("prefix")).unwrap();
        let named = warnings.iter().any(|warning| warning.contains(&*key.to_string_lossy()));
        assert!(named, "{warnings:?}");
    }
    assert_eq!(moved.aging.store.spans(&any_spans()).unwrap().rows.len(), 10);
}

#[test]
fn a_crash_at_any_step_of_moving_loses_nothing() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (uploaded, listed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let aging = Aging::open(dir.path(), 0);
    aging.receive_every_day(0..=9);
    copy_dir(dir.path(), uploaded.path());
    copy_dir(dir.path(), listed.path());
    aging.store.use_bucket(bucket(target.path()));
    tend(&aging.store, Retention::default());
    let objects = files_below(target.path());
    drop(aging);
    // Objects are there, the manifest does not know: they are written again under the same keys.
    let again = Aging::open(uploaded.path(), 9 * DAY);
    again.store.use_bucket(bucket(target.path()));
    check(&again.store, 10);
    assert_eq!(tend(&again.store, Retention::default()).moved, 3 * 8);
    assert_eq!(files_below(target.path()), objects);
    check(&again.store, 10);
    // The manifest knows, the local files are still there: they go, and with the manifest lost it is known, too.
    std::fs::copy(dir.path().join("manifest.bin"), listed.path().join("manifest.bin")).unwrap();
    let again = Aging::open(listed.path(), 9 * DAY);
    assert_eq!(row_files(listed.path()).len(), 3 * 2);
    drop(again);
    std::fs::remove_file(listed.path().join("manifest.bin")).unwrap();
    let rebuilt = reader(listed.path());
    rebuilt.use_bucket(bucket(target.path()));
    assert_eq!(all_bodies(&rebuilt).len(), 10);
}

#[test]
fn retention_deletes_in_the_bucket_too_and_tries_again_when_it_cannot() {
    let moved = Moved::new();
    let days = |number: u64| Some(Duration::from_secs(number * DAY as u64));
    let limits =
        Retention { logs: days(4), traces: days(5), metrics: days(9), ..Retention::default() };
    let before = row_files(moved.bucket.path()).len();
    let tended = tend(&moved.aging.store, limits.clone());
    assert_eq!((tended.thinned, tended.removed, tended.bucket_failure), (5, 4, None));
    assert_eq!(row_files(moved.bucket.path()).len(), before - 5 - 4);
    assert_eq!(all_bodies(&moved.aging.store).len(), 5);
    assert_eq!(moved.aging.counted(), 10);
    let Moved { dir, bucket: target, aging } = moved;
    drop(aging);
    let away = Aging::open(dir.path(), 9 * DAY);
    let nowhere = target.path().join("a-file");
    std::fs::write(&nowhere, "not a directory").unwrap();
    away.store.use_bucket(bucket(&nowhere));
    let stricter = Retention { logs: days(3), ..limits };
    let tended = tend(&away.store, stricter.clone());
    assert!(tended.thinned == 1 && tended.bucket_failure.is_some());
    drop(away);
    let back = Aging::open(dir.path(), 9 * DAY);
    back.store.use_bucket(bucket(target.path()));
    assert_eq!(tend(&back.store, stricter).bucket_failure, None);
    assert_eq!(row_files(target.path()).len(), before - 5 - 4 - 1);
}

#[test]
fn a_search_fetches_only_splits_that_have_what_is_searched() {
    let moved = Moved::new();
    let beside = reader(moved.dir.path());
    beside.use_bucket(bucket(moved.bucket.path()));
    let needle =
        LogQuery { text: crate::Expression::words([format!("{}", 3 * DAY)]), ..any_logs() };
    assert_eq!(beside.search_logs(&needle).unwrap().len(), 1);
    let trace = SpanQuery { trace_id: Some(trace(2 * DAY as u64 / 5)), ..any_spans() };
    assert_eq!(beside.spans(&trace).unwrap().rows.len(), 1);
    assert_eq!(files_below(&moved.dir.path().join("cold")).len(), 2);
}

#[test]
fn fetched_files_take_no_more_than_their_share_of_the_disk() {
    let moved = Moved::new();
    let largest = row_files(moved.bucket.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .max()
        .unwrap();
    let beside = reader(moved.dir.path());
    let settings = BucketSettings {
        url: format!("file://{}/prefix", moved.bucket.path().display()),
        options: Vec::new(),
        timeout: Duration::from_secs(30),
        cache_bytes_max: 3 * largest,
    };
    beside.use_bucket(Bucket::new(&settings).unwrap());
    check(&beside, 10);
    let fetched = files_below(&moved.dir.path().join("cold"));
    let bytes: u64 = fetched.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(!fetched.is_empty() && bytes <= 3 * largest, "{fetched:?}");
    assert_eq!(beside.changes(TimeRange::ALL).unwrap().len(), 10);
}
