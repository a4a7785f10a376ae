//! The door: bounded by bytes, open again once they are through, the same for blocking and async callers.

use groundcrew_store::{Durability, ResendKey};
use groundcrew_telemetry::{Batch, LogBatch, LogRecord, Resource, Timestamp};

use crate::IntakeSettings;
use crate::admission::Source;
use crate::intake::{Accepted, RefusalReason, Refused, Submission};
use crate::stages::caps::{CapLimits, OVERFLOW};
use crate::test_bench::{Bench, NOW_SECS};

fn batch(bodies: &[&str]) -> Batch {
    let record = |body: &&str| LogRecord {
        time: Timestamp::from_secs(NOW_SECS),
        body: (*body).to_owned(),
        ..LogRecord::default()
    };
    Batch::Logs(LogBatch {
        resource: Resource::service_named("shop"),
        scope: String::new(),
        records: bodies.iter().map(record).collect(),
    })
}

#[test]
fn what_is_accepted_is_masked_and_has_a_template() {
    let bench = Bench::new();
    let batches = vec![batch(&["login of a@example.com", "order 17 shipped"])];
    let accepted = bench.intake.submit(batches, Durability::Synced).unwrap();
    assert_eq!(accepted, Accepted { records: 2, withheld: 0, is_resend: false });
    let rows = bench.logs();
    assert!(rows.iter().all(|row| row.record.template.is_some()));
    assert!(rows.iter().any(|row| row.record.body == "login of [email]"));
    assert_eq!(bench.intake.bytes_in_flight(), 0);
}

#[test]
fn more_than_fits_is_refused_with_a_delay_until_there_is_room() {
    let bench = Bench::with_room(1_000);
    let mut held = bench.intake.admit(600).unwrap();
    assert!(held.grow_to(900).is_ok());
    assert!(held.grow_to(1_001).is_err());
    assert_eq!(bench.intake.bytes_in_flight(), 900);
    let refused = bench.intake.submit(vec![batch(&["x"; 10])], Durability::OnFlush).unwrap_err();
    assert!(matches!(refused.reason, RefusalReason::Busy));
    assert!(refused.retry_after.is_some());
    drop(held);
    // Alone, even what is larger than the bound passes: its source bounds it.
    assert!(bench.intake.submit(vec![batch(&["x"; 100])], Durability::OnFlush).is_ok());
}

#[tokio::test]
async fn async_submits_run_side_by_side_and_all_arrive() {
    let bench = Bench::new();
    let submit = |n: usize| {
        let intake = bench.intake.clone();
        let body = format!("body {n}");
        async move { intake.submit_async(vec![batch(&[&body])], Durability::Synced).await }
    };
    let tasks: Vec<_> = (0..50).map(|n| tokio::spawn(submit(n))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().records, 1);
    }
    assert_eq!(bench.logs().len(), 50);
}

#[tokio::test]
async fn a_worker_that_panics_is_a_refusal_and_frees_its_room() {
    let bench = Bench::new();
    let admission = bench.intake.admit(100).unwrap();
    let outcome: Result<(), Refused> = bench
        .intake
        .on_worker(move |_| {
            let _held = admission;
            panic!("injected failure")
        })
        .await;
    assert!(matches!(outcome.unwrap_err().reason, RefusalReason::Interrupted));
    assert_eq!(bench.intake.bytes_in_flight(), 0);
}

fn request(bench: &Bench, body: &str) -> Submission {
    Submission {
        admission: bench.intake.admit(100).unwrap(),
        batches: vec![batch(&[body])],
        durability: Durability::Synced,
        resend_key: Some(ResendKey::of("", "test", body.as_bytes())),
        stream_parts: Vec::new(),
    }
}

#[test]
fn a_request_that_is_sent_again_is_acknowledged_and_stored_once() {
    let bench = Bench::new();
    assert_eq!(bench.intake.take(request(&bench, "once")).unwrap().records, 1);
    let again = bench.intake.take(request(&bench, "once")).unwrap();
    assert_eq!(again, Accepted { records: 0, withheld: 0, is_resend: true });
    assert_eq!(bench.intake.take(request(&bench, "other")).unwrap().records, 1);
    assert_eq!(bench.logs().len(), 2);
    // Without a key the same may come as often as it likes.
    for _ in 0..2 {
        bench.intake.submit(vec![batch(&["once"])], Durability::OnFlush).unwrap();
    }
    assert_eq!(bench.logs().len(), 4);
}

#[test]
fn the_same_request_at_the_same_moment_is_stored_once() {
    let bench = Bench::new();
    let records: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| bench.intake.take(request(&bench, "once")).unwrap().records))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((records, bench.logs().len()), (1, 1));
}

#[tokio::test]
async fn a_sender_that_keeps_its_workers_busy_leaves_some_to_others() {
    let bench = Bench::new();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Arc::new(std::sync::Mutex::new(released));
    let flooding = bench.intake.of(Source::peer([10, 0, 0, 1].into()));
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (intake, released) = (flooding.clone(), std::sync::Arc::clone(&released));
            let work = move |_: &crate::Intake| released.lock().unwrap().recv().unwrap_err();
            tokio::spawn(async move { intake.on_worker(work).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let other = bench.intake.of(Source::peer([10, 0, 0, 2].into()));
    assert_eq!(other.on_worker(|_| 7).await.unwrap(), 7);
    drop(release);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// A word for a number, so that no template takes it for a variable.
fn word(number: usize) -> String {
    let letter = |place: u32| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8);
    (0..4).rev().map(letter).collect()
}

#[test]
fn templates_without_end_are_kept_as_records_and_counted_under_one_name() {
    let caps = CapLimits { templates: 50, ..CapLimits::default() };
    let bench = Bench::with(IntakeSettings { caps, ..IntakeSettings::default() });
    for part in 0..20 {
        let bodies: Vec<String> = (0..100)
            .map(|number| format!("{} went {}", word(part * 100 + number), word(number * 7)))
            .collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        bench.intake.submit(vec![batch(&bodies)], Durability::Synced).unwrap();
    }
    let rows = bench.logs();
    assert_eq!(rows.len(), 2_000, "no record is lost");
    let coverage = bench.intake.store().coverage().unwrap();
    assert_eq!(coverage.templates, 50 + 1);
    assert!(coverage.warnings.iter().any(|warning| warning.contains("more than 50 log templates")));
    let overflowed = rows.iter().filter(|row| row.record.template == rows[1_999].record.template);
    assert_eq!(overflowed.count(), 1_950);
    assert!(coverage.warnings.iter().all(|warning| warning.contains(OVERFLOW)));
}

#[test]
fn telemetry_from_the_future_is_kept_and_said() {
    let bench = Bench::new();
    let Batch::Logs(mut logs) = batch(&["from tomorrow"]) else { panic!("these are logs") };
    bench.intake.submit(vec![Batch::Logs(logs.clone())], Durability::Synced).unwrap();
    assert_eq!(bench.intake.store().warnings(), Vec::<String>::new());
    logs.records[0].time = Timestamp::from_secs(NOW_SECS + 15 * 86_400);
    bench.intake.submit(vec![Batch::Logs(logs)], Durability::Synced).unwrap();
    assert_eq!(bench.logs().len(), 2);
    assert!(bench.intake.store().warnings()[0].contains("ahead of this machine's clock"));
}
