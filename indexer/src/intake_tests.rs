//! The door: bounded by bytes, open again once they are through, the same for blocking and async callers.

use groundcrew_store::Durability;
use groundcrew_telemetry::{Batch, LogBatch, LogRecord, Resource, Timestamp};

use crate::intake::{Accepted, RefusalReason, Refused};
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
    assert_eq!(accepted, Accepted { records: 2, withheld: 0 });
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
