//! Readers and writers side by side.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use groundcrew_telemetry::TimeRange;

use super::fixtures::{
    TINY, all_bodies, any_logs, any_metrics, any_templates, log_batch, metric_batch, open, reader,
    record, series, writer,
};
use crate::{Access, Durability, Store, StoreError, StoreOptions, Upkeep};

#[test]
fn rows_are_seen_once_at_any_time_while_memory_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    let (acked, started) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let appenders: Vec<_> = (0..4_i64)
            .map(|appender| {
                let (store, acked, started) = (&store, &acked, &started);
                scope.spawn(move || {
                    for number in 0..60 {
                        let body = format!("{appender}-{number} {}", "y".repeat(200));
                        let rows = (0..5).map(|_| record(number, &body)).collect();
                        let metric = series("m", &appender.to_string(), &[(number, 1.0)]);
                        started.fetch_add(5, Ordering::SeqCst);
                        let batches =
                            vec![log_batch("cart", rows), metric_batch("cart", vec![metric])];
                        store.append(batches, Durability::Synced).unwrap();
                        acked.fetch_add(5, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let (store, acked, started, is_done) = (&store, &acked, &started, &is_done);
        scope.spawn(move || {
            while !is_done.load(Ordering::SeqCst) {
                let least = acked.load(Ordering::SeqCst);
                let found = store.search_logs(&any_logs()).unwrap().len() as u64;
                assert!(found >= least && found <= started.load(Ordering::SeqCst));
                let least = acked.load(Ordering::SeqCst);
                let rows = store.log_templates(&any_templates()).unwrap();
                let counted: u64 = rows.iter().map(|row| row.count).sum();
                assert!(counted >= least && counted <= started.load(Ordering::SeqCst));
                let least = acked.load(Ordering::SeqCst) / 5;
                let series = store.metrics(&any_metrics()).unwrap();
                let points: usize = series.iter().map(|row| row.series.points.len()).sum();
                assert!(points as u64 >= least);
            }
        });
        for appender in appenders {
            appender.join().unwrap();
        }
        is_done.store(true, Ordering::SeqCst);
    });
    assert_eq!(all_bodies(&store).len(), 1200);
    drop(store);
    assert_eq!(all_bodies(&writer(dir.path())).len(), 1200);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    store.append(vec![log_batch("cart", vec![record(1, "hello")])], Durability::Synced).unwrap();
    let options = StoreOptions {
        dir: dir.path().to_owned(),
        access: Access::ReadWrite,
        memory_bytes_max: TINY,
    };
    let error = Store::open(options.clone()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(error.to_string().starts_with("another groundcrew runs on"));
    let beside = reader(dir.path());
    assert_eq!(all_bodies(&beside), ["hello"]);
    let refused = beside.append(vec![log_batch("cart", vec![record(1, "no")])], Durability::Synced);
    assert!(matches!(refused, Err(StoreError::ReadOnly)));
    assert!(matches!(beside.flush(), Err(StoreError::ReadOnly)));
    assert!(matches!(beside.put_templates(&[]), Err(StoreError::ReadOnly)));
    drop(store);
    Store::open(options).unwrap();
}

#[test]
fn a_reader_needs_a_directory_and_changes_nothing_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let missing = StoreOptions {
        dir: dir.path().join("none"),
        access: Access::ReadOnly,
        memory_bytes_max: TINY,
    };
    assert!(matches!(Store::open(missing), Err(StoreError::Missing { .. })));
    let empty = reader(dir.path());
    assert!(all_bodies(&empty).is_empty());
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_reader_survives_that_the_writer_merges_its_splits_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let append = |number: i64| {
        store
            .append(
                vec![log_batch("cart", vec![record(number, &format!("line {number}"))])],
                Durability::Synced,
            )
            .unwrap();
        store.flush().unwrap();
    };
    (0..10).for_each(append);
    let beside = reader(dir.path());
    (10..40).for_each(append);
    assert_eq!(store.tend(&Upkeep::default(), &|| false).unwrap().merged, 40);
    assert_eq!(all_bodies(&beside).len(), 40, "it looked again and so sees the new rows, too");
    let old = TimeRange::new(super::fixtures::at(0), super::fixtures::at(40));
    let rows =
        beside.log_templates(&crate::TemplateQuery { range: old, services: Vec::new() }).unwrap();
    assert_eq!(rows[0].count, 40, "all of them lie in it");
}

/// Whoever asked for the lock a second time would never get it behind a writer that waits.
#[test]
fn what_the_store_holds_is_told_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(writer(dir.path()));
    let (done, is_done) = mpsc::channel();
    for number in 0..2 {
        let (writing, written) = (Arc::clone(&store), done.clone());
        thread::spawn(move || {
            for round in 0..3_000 {
                let batch = log_batch(&number.to_string(), vec![record(round, "line")]);
                writing.append(vec![batch], Durability::OnFlush).unwrap();
            }
            written.send(()).unwrap();
        });
        let (store, done) = (Arc::clone(&store), done.clone());
        thread::spawn(move || {
            (0..3_000).for_each(|_| drop(store.coverage().unwrap()));
            done.send(()).unwrap();
        });
    }
    for _ in 0..4 {
        let waited = is_done.recv_timeout(Duration::from_secs(180));
        assert!(waited.is_ok(), "readers and writers wait for each other");
    }
}
