//! What goes in comes out the same, from memory, from the log and from splits.

use groundcrew_telemetry::{
    Alert, Batch, ClusterEvent, ClusterObject, ClusterSnapshot, Resource, TemplateId, TimeRange,
};

use super::fixtures::{
    any_logs, any_metrics, any_spans, any_templates, at, change, log_batch, masked, metric_batch,
    reader, rich_record, series, span, span_batch, writer,
};
use crate::{Durability, Store};

fn alert() -> Alert {
    Alert {
        fingerprint: "f1".to_owned(),
        name: "HighLatency".to_owned(),
        starts_at: at(5),
        labels: [("service", "cart")].into_iter().collect(),
        ..Alert::default()
    }
}

fn snapshot() -> ClusterSnapshot {
    ClusterSnapshot {
        time: at(6),
        title: "get pods".to_owned(),
        text: "cart-1 0/1 CrashLoopBackOff".to_owned(),
        objects: vec![ClusterObject {
            kind: "Pod".to_owned(),
            healthy: Some(false),
            ..ClusterObject::default()
        }],
        events: vec![ClusterEvent {
            reason: "BackOff".to_owned(),
            count: 3,
            ..ClusterEvent::default()
        }],
    }
}

fn fill(store: &Store, durability: Durability) {
    store.put_templates(&[(TemplateId(1), "request <*> took <*> ms".to_owned())]).unwrap();
    let batches = vec![
        log_batch("cart", (0..3000).map(rich_record).collect()),
        span_batch("cart", (0..3000).map(span).collect()),
        metric_batch(
            "cart",
            vec![series("memory", "a", &[(1, 1.5), (2, -2.0)]), series("cpu", "b", &[(1, 0.0)])],
        ),
        masked(Batch::Changes(vec![change(9, "b"), change(3, "a"), change(9, "b")])),
        masked(Batch::Alerts(vec![alert(), alert()])),
        masked(Batch::Cluster(vec![snapshot(), snapshot()])),
    ];
    store.append(batches, durability).unwrap();
}

fn check(store: &Store) {
    let logs = store.search_logs(&any_logs()).unwrap();
    assert_eq!(logs.len(), 3000);
    for (number, row) in logs.iter().enumerate() {
        assert_eq!(row.record, rich_record(number as u64));
        assert_eq!(*row.resource, Resource::service_named("cart"));
    }
    let spans = store.spans(&any_spans()).unwrap();
    assert_eq!(spans.matched, 3000);
    for (number, row) in spans.rows.iter().enumerate() {
        assert_eq!(row.span, span(number as u64));
    }
    let metrics = store.metrics(&any_metrics()).unwrap();
    let found: Vec<_> = metrics.iter().map(|row| row.series.clone()).collect();
    assert_eq!(
        found,
        [series("cpu", "b", &[(1, 0.0)]), series("memory", "a", &[(1, 1.5), (2, -2.0)])]
    );
    assert_eq!(store.changes(TimeRange::ALL).unwrap(), [change(3, "a"), change(9, "b")]);
    assert_eq!(store.changes(TimeRange::new(at(0), at(9))).unwrap(), [change(3, "a")]);
    assert_eq!(store.alerts(TimeRange::ALL).unwrap(), [alert()]);
    assert_eq!(store.cluster(TimeRange::ALL).unwrap(), [snapshot()]);
    let templates = store.log_templates(&any_templates()).unwrap();
    assert_eq!(templates.iter().map(|row| row.count).sum::<u64>(), 3000);
    let named = templates.iter().find(|row| row.template == TemplateId(1)).unwrap();
    assert_eq!(named.text, "request <*> took <*> ms");
    let without = templates.iter().find(|row| row.template == TemplateId(0)).unwrap();
    assert_eq!((without.count, without.text.as_str()), (500, ""));
    let coverage = store.coverage().unwrap();
    assert_eq!((coverage.logs.count, coverage.spans.count, coverage.points.count), (3000, 3000, 3));
    assert_eq!(coverage.logs.range, Some(TimeRange::new(at(0), at(2999).plus_nanos(1))));
    assert_eq!(coverage.services, ["cart"]);
    assert_eq!(coverage.templates, 1);
    assert_eq!(coverage.warnings, Vec::<String>::new());
}

#[test]
fn synced_data_come_back_from_memory_log_and_splits() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    fill(&store, Durability::Synced);
    check(&store);
    check(&reader(dir.path()));
    drop(store);
    let store = writer(dir.path());
    check(&store);
    store.flush().unwrap();
    check(&store);
    check(&reader(dir.path()));
    store.flush().unwrap();
    drop(store);
    check(&writer(dir.path()));
}

#[test]
fn a_bulk_load_is_searchable_at_once_and_durable_after_flush() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    fill(&store, Durability::OnFlush);
    check(&store);
    store.flush().unwrap();
    drop(store);
    check(&writer(dir.path()));
}

#[test]
fn half_in_splits_and_half_in_memory_reads_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    store
        .append(vec![log_batch("cart", (0..2000).map(rich_record).collect())], Durability::Synced)
        .unwrap();
    store.flush().unwrap();
    store
        .append(
            vec![log_batch("cart", (2000..3000).map(rich_record).collect())],
            Durability::Synced,
        )
        .unwrap();
    let rows = store.search_logs(&any_logs()).unwrap();
    assert!(rows.iter().enumerate().all(|(number, row)| row.record == rich_record(number as u64)));
    assert_eq!(rows.len(), 3000);
}

#[test]
fn an_empty_store_answers_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    store.append(Vec::new(), Durability::Synced).unwrap();
    store.append(vec![log_batch("cart", Vec::new())], Durability::Synced).unwrap();
    store.flush().unwrap();
    for store in [&store, &reader(dir.path())] {
        assert!(store.search_logs(&any_logs()).unwrap().is_empty());
        assert!(store.spans(&any_spans()).unwrap().rows.is_empty());
        assert!(store.metrics(&any_metrics()).unwrap().is_empty());
        assert!(store.log_templates(&any_templates()).unwrap().is_empty());
        assert_eq!(store.coverage().unwrap(), crate::Coverage::default());
    }
}
