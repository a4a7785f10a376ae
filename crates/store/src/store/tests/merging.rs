//! Many small seals leave few splits, and the same rows.

use std::sync::atomic::{AtomicBool, Ordering};

use groundcrew_telemetry::TemplateId;

use super::fixtures::{
    all_bodies, any_metrics, any_spans, any_templates, files_below, log_batch, metric_batch,
    record, rich_record, series, span, span_batch, writer,
};
use crate::{Durability, Upkeep};

#[test]
fn small_splits_are_merged_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..60_u64 {
        let metric = series("memory", "a", &[(1, number as f64), (number as i64 + 2, 1.0)]);
        let batches = vec![
            log_batch(&format!("s{}", number % 3), vec![rich_record(number)]),
            span_batch("cart", vec![span(number)]),
            metric_batch("cart", vec![metric]),
        ];
        store.append(batches, Durability::Synced).unwrap();
        store.flush().unwrap();
        store.tend(&Upkeep::default(), &|| false).unwrap();
    }
    let splits = |signal: &str| dir.path().join(signal).read_dir().unwrap().count();
    assert!(splits("logs") <= 17 && splits("spans") <= 17 && splits("metrics") <= 17);
    assert!(files_below(dir.path()).len() < 250);
    for store in [store, writer_again(dir.path())] {
        let expected: Vec<String> = (0..60).map(|number| rich_record(number).body).collect();
        assert_eq!(all_bodies(&store), expected);
        let spans = store.spans(&any_spans()).unwrap().rows;
        assert!(spans.iter().enumerate().all(|(number, row)| row.span == span(number as u64)));
        let metrics = store.metrics(&any_metrics()).unwrap();
        assert_eq!((metrics.len(), metrics[0].series.points.len()), (1, 61));
        assert_eq!(metrics[0].series.points[0].value, 59.0, "the point that came last holds");
        let templates = store.log_templates(&any_templates()).unwrap();
        assert_eq!(templates.iter().map(|row| row.count).sum::<u64>(), 60);
        let of_one =
            templates.iter().filter(|row| row.template == TemplateId(1)).map(|row| row.count);
        assert_eq!(of_one.sum::<u64>(), 10);
        assert_eq!(store.warnings(), Vec::<String>::new());
        drop(store);
    }
}

#[test]
fn splits_of_different_days_stay_apart_and_those_of_a_day_that_is_over_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for day in 0..3 {
        for hour in [1, 2, 3] {
            let line = record(day * 86_400 + hour * 3_600, &format!("day {day}, hour {hour}"));
            store.append(vec![log_batch("cart", vec![line])], Durability::Synced).unwrap();
            store.flush().unwrap();
        }
    }
    let before = all_bodies(&store);
    assert_eq!(store.tend(&Upkeep::default(), &|| false).unwrap().merged, 6);
    assert_eq!(dir.path().join("logs").read_dir().unwrap().count(), 2 + 3);
    assert_eq!(all_bodies(&store), before);
    assert_eq!(store.tend(&Upkeep::default(), &|| false).unwrap().merged, 0);
}

#[test]
fn appends_and_seals_go_on_while_splits_are_merged_slowly() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let append = |number: i64| {
        let line = record(number, &format!("line {number}"));
        store.append(vec![log_batch("cart", vec![line])], Durability::Synced).unwrap();
        store.flush().unwrap();
    };
    (0..20).for_each(append);
    let (is_merging, is_enough) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let merging = scope.spawn(|| {
            let slowly = Upkeep { merge_bytes_per_sec: Some(1), ..Upkeep::default() };
            let hurry = || {
                is_merging.store(true, Ordering::SeqCst);
                is_enough.load(Ordering::SeqCst)
            };
            store.tend(&slowly, &hurry).unwrap()
        });
        while !is_merging.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        (20..30).for_each(append);
        assert_eq!(all_bodies(&store).len(), 30);
        // At a byte per second it takes hours unless told to hurry.
        is_enough.store(true, Ordering::SeqCst);
        merging.join().unwrap();
    });
    assert_eq!(all_bodies(&store).len(), 30);
    drop(store);
    assert_eq!(all_bodies(&writer(dir.path())).len(), 30);
}

fn writer_again(dir: &std::path::Path) -> crate::Store {
    super::fixtures::reader(dir)
}
