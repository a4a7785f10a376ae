//! What spans counted is the same in memory, sealed, merged and after a start, and nothing of it is sampled.

use std::path::PathBuf;

use groundcrew_telemetry::{
    Attributes, Batch, Resource, Span, SpanBatch, SpanId, SpanKind, SpanStatus, StatusCode,
    TimeRange, Value,
};

use super::fixtures::{any_spans, at, files_below, masked, reader, trace, writer};
use crate::{Durability, SpanCountQuery, SpanCounts, Store, Upkeep};

const EVERYTHING: SpanCountQuery = SpanCountQuery { range: TimeRange::ALL, services: Vec::new() };

/// A request to the shop that asks the checkout, which asks a database; each third fails below.
fn request(number: u64) -> Vec<(&'static str, Span)> {
    let one = |place: u64, kind: SpanKind, name: &str, peer: Option<&str>| Span {
        trace_id: trace(number),
        span_id: SpanId((number * 8 + place).to_be_bytes()),
        parent_span_id: (place > 1).then(|| SpanId((number * 8 + place - 1).to_be_bytes())),
        name: name.to_owned(),
        kind,
        start: at(number as i64),
        end: at(number as i64).plus_nanos(1_000_000 * (9 - place as i64)),
        status: SpanStatus {
            code: if place > 1 && number.is_multiple_of(3) {
                StatusCode::Error
            } else {
                StatusCode::Unset
            },
            message: String::new(),
        },
        attributes: peer.map(|peer| ("server.address", Value::from(peer))).into_iter().collect(),
        events: Vec::new(),
    };
    vec![
        ("shop", one(1, SpanKind::Server, "GET /buy", None)),
        ("shop", one(2, SpanKind::Client, "POST", Some("checkout.svc"))),
        ("checkout", one(3, SpanKind::Server, "POST /pay", None)),
        ("checkout", one(4, SpanKind::Internal, "price", None)),
        ("checkout", one(5, SpanKind::Client, "SELECT", Some("orders-db"))),
    ]
}

fn put(store: &Store, spans: impl IntoIterator<Item = (&'static str, Span)>) {
    for (service, span) in spans {
        let mut resource = Resource::service_named(service);
        resource.attributes.set("k8s.pod.name", format!("{service}-0"));
        let batch = SpanBatch { resource, scope: String::new(), spans: vec![span] };
        store.append(vec![masked(Batch::Spans(batch))], Durability::OnFlush).unwrap();
    }
}

fn told(counts: &SpanCounts) -> Vec<String> {
    let operations = counts.operations.iter().map(|one| {
        let request = if one.is_request { " request" } else { "" };
        format!("{} {}{request} {}/{}", one.service, one.operation, one.failed, one.spans)
    });
    let edges = counts
        .edges
        .iter()
        .map(|edge| format!("{}>{} {}/{}", edge.caller, edge.callee, edge.failed, edge.calls));
    operations.chain(edges).collect()
}

#[test]
fn requests_and_calls_are_counted_in_memory_sealed_merged_and_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..60 {
        put(&store, request(number));
        if number % 3 == 0 {
            store.flush().unwrap();
        }
    }
    let expected = [
        "checkout POST /pay request 20/60",
        "checkout SELECT 20/60",
        "checkout price 20/60",
        "shop GET /buy request 0/60",
        "shop POST 20/60",
        "checkout>orders-db 20/60",
        "shop>checkout 20/60",
    ];
    let before = store.span_counts(&EVERYTHING).unwrap();
    assert_eq!(told(&before), expected);
    assert_eq!(before.pods["shop"].iter().collect::<Vec<_>>(), ["shop-0"]);
    let median = before.operations[0].times.quantile(0.5).unwrap();
    assert!((median - 6e6).abs() < 0.05 * 6e6, "{median}");
    store.flush().unwrap();
    assert_eq!(store.span_counts(&EVERYTHING).unwrap(), before);
    let merged = store.tend(&Upkeep::default(), &|| false).unwrap().merged;
    assert!(merged > 0);
    assert_eq!(store.span_counts(&EVERYTHING).unwrap(), before);
    drop(store);
    assert_eq!(reader(dir.path()).span_counts(&EVERYTHING).unwrap(), before);
}

#[test]
fn a_time_and_services_narrow_the_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    put(&store, (0..60).flat_map(request));
    for _ in 0..2 {
        let range = TimeRange::new(at(10), at(30));
        let of_checkout = SpanCountQuery { range, services: vec!["checkout".to_owned()] };
        let counts = store.span_counts(&of_checkout).unwrap();
        let expected = [
            "checkout POST /pay request 6/20",
            "checkout SELECT 6/20",
            "checkout price 6/20",
            "checkout>orders-db 6/20",
            "shop>checkout 6/20",
        ];
        assert_eq!(told(&counts), expected);
        store.flush().unwrap();
    }
    let nothing = SpanCountQuery { range: TimeRange::new(at(9), at(9)), services: Vec::new() };
    assert_eq!(store.span_counts(&nothing).unwrap(), SpanCounts::default());
}

#[test]
fn the_two_sides_of_a_call_that_were_sealed_apart_are_one_call() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    put(&store, (0..20).flat_map(request));
    let late = request(20);
    let (asked, answered): (Vec<_>, Vec<_>) =
        late.into_iter().partition(|(service, _)| *service == "shop");
    put(&store, asked);
    store.flush().unwrap();
    put(&store, answered);
    let counts = told(&store.span_counts(&EVERYTHING).unwrap());
    assert!(counts.contains(&"shop>checkout 7/21".to_owned()), "{counts:?}");
    assert!(counts.contains(&"checkout POST /pay request 7/21".to_owned()), "{counts:?}");
}

#[test]
fn a_split_without_counts_or_with_damaged_ones_is_counted_from_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    put(&store, (0..40).flat_map(request));
    store.flush().unwrap();
    let expected = store.span_counts(&EVERYTHING).unwrap();
    let rows = store.spans(&any_spans()).unwrap();
    drop(store);
    let files: Vec<PathBuf> = files_below(dir.path())
        .into_iter()
        .filter(|path| path.ends_with("span_counts.bin"))
        .collect();
    assert_eq!(files.len(), 1);
    std::fs::write(&files[0], b"GCsc and nothing that is right").unwrap();
    let damaged = reader(dir.path());
    assert_eq!(damaged.span_counts(&EVERYTHING).unwrap(), expected);
    assert_eq!(damaged.warnings().len(), 1, "{:?}", damaged.warnings());
    std::fs::remove_file(&files[0]).unwrap();
    let without = reader(dir.path());
    assert_eq!(without.span_counts(&EVERYTHING).unwrap(), expected);
    assert_eq!(without.warnings(), Vec::<String>::new());
    assert_eq!(without.spans(&any_spans()).unwrap(), rows);
}

#[test]
fn a_trace_that_is_its_own_ancestor_or_very_long_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let mut circle = request(1);
    circle[0].1.parent_span_id = Some(circle[2].1.span_id);
    put(&store, circle);
    let chain = (0..400_u64).map(|number| {
        let mut span = request(2)[1].1.clone();
        span.span_id = SpanId((1_000 + number).to_be_bytes());
        span.parent_span_id = Some(SpanId((999 + number).to_be_bytes()));
        span.attributes = Attributes::default();
        (["even", "odd"][(number % 2) as usize], span)
    });
    put(&store, chain);
    let counts = store.span_counts(&EVERYTHING).unwrap();
    assert_eq!(counts.operations.iter().map(|one| one.spans).sum::<u64>(), 405);
    let between: u64 = counts
        .edges
        .iter()
        .filter(|edge| ["even", "odd"].contains(&&*edge.caller))
        .map(|edge| edge.calls)
        .sum();
    assert_eq!(between, 399);
}
