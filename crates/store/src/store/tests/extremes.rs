//! Values at the edge of what the types hold.

use groundcrew_telemetry::{
    Attributes, Batch, LogBatch, LogRecord, Point, Resource, TimeRange, Timestamp, Value,
};

use super::fixtures::{
    TINY, all_bodies, any_logs, any_metrics, any_spans, any_templates, log_batch, masked,
    metric_batch, open, record, series, span, span_batch, writer,
};
use crate::{Access, Durability, Expression, LogQuery};

#[test]
fn times_at_both_ends_of_the_type_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let almost = Timestamp::MAX.plus_nanos(-1);
    let times = [Timestamp::MIN, Timestamp::from_nanos(0), almost, Timestamp::MAX];
    for time in times {
        let mut one_span = span(1);
        (one_span.start, one_span.end) = (time, time);
        let mut metric = series("m", "a", &[]);
        metric.points = vec![Point { time, value: f64::INFINITY }];
        let batches = vec![
            log_batch("cart", vec![LogRecord { time, ..record(0, "edge") }]),
            span_batch("cart", vec![one_span]),
            metric_batch("cart", vec![metric]),
        ];
        store.append(batches, Durability::Synced).unwrap();
    }
    for _ in 0..2 {
        // A half-open range cannot hold the very last instant.
        let found: Vec<Timestamp> =
            store.search_logs(&any_logs()).unwrap().iter().map(|row| row.record.time).collect();
        assert_eq!(found, times[..3]);
        assert_eq!(store.spans(&any_spans()).unwrap().matched, 3);
        assert_eq!(store.metrics(&any_metrics()).unwrap()[0].series.points.len(), 3);
        let templates = store.log_templates(&any_templates()).unwrap();
        assert_eq!(
            (templates[0].count, templates[0].first, templates[0].last),
            (4, Timestamp::MIN, Timestamp::MAX)
        );
        let backwards = TimeRange::new(Timestamp::MAX, Timestamp::MIN);
        assert!(
            store.search_logs(&LogQuery { range: backwards, ..any_logs() }).unwrap().is_empty()
        );
        assert_eq!(store.coverage().unwrap().logs.count, 4);
        store.flush().unwrap();
    }
}

#[test]
fn a_huge_body_and_many_attributes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    let mut huge = record(1, &"word ".repeat(1024 * 1024));
    let many: Attributes =
        (0..10_000).map(|n| (format!("key{n}"), Value::from(format!("value-{n}")))).collect();
    huge.attributes = many.clone();
    let resource = Resource { attributes: many };
    let batch = LogBatch { resource, scope: String::new(), records: vec![huge.clone()] };
    store.append(vec![masked(Batch::Logs(batch))], Durability::Synced).unwrap();
    store.append(vec![log_batch("cart", vec![record(2, "small")])], Durability::Synced).unwrap();
    store.flush().unwrap();
    let query = LogQuery { text: Expression::words(["value-9999"]), ..any_logs() };
    let rows = store.search_logs(&query).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].record, huge);
    assert_eq!(rows[0].resource.attributes.0.len(), 10_000);
    let templates = store.log_templates(&any_templates()).unwrap();
    assert!(templates.iter().flat_map(|row| &row.exemplars).all(|text| text.len() <= 2048));
}

#[test]
fn thousands_of_services_and_odd_names_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    for number in 0..3000 {
        let body = format!("from {number}");
        let service = format!("service {number}\n\u{1}s é");
        store
            .append(vec![log_batch(&service, vec![record(number, &body)])], Durability::OnFlush)
            .unwrap();
    }
    store.append(vec![log_batch("", vec![record(1, "nobody")])], Durability::OnFlush).unwrap();
    store.flush().unwrap();
    assert_eq!(store.coverage().unwrap().services.len(), 3000);
    for number in [0, 1234, 2999] {
        let services = vec![format!("service {number}\n\u{1}s é")];
        let rows =
            store.search_logs(&LogQuery { services: services.clone(), ..any_logs() }).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].record.body, format!("from {number}"));
    }
    let unnamed = LogQuery { services: vec![String::new()], ..any_logs() };
    assert_eq!(store.search_logs(&unnamed).unwrap()[0].record.body, "nobody");
}

#[test]
fn odd_texts_are_kept_and_searched_without_harm() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let bodies = ["", "\0", "((((", "a\u{0}b", "\u{212a}elvin", "🦀🦀", "AND OR NOT \"", "-", "…"];
    for (number, body) in bodies.iter().enumerate() {
        store
            .append(vec![log_batch("cart", vec![record(number as i64, body)])], Durability::Synced)
            .unwrap();
    }
    for _ in 0..2 {
        assert_eq!(all_bodies(&store), bodies);
        for term in ["(((", "\0", "\"", "AND", "kelvin", "", "🦀", &"(".repeat(20_000)] {
            let query = LogQuery { text: Expression::words([term]), ..any_logs() };
            let found = store.search_logs(&query).unwrap().len();
            let expected = bodies
                .iter()
                .filter(|body| body.contains(term) || (term == "kelvin" && body.contains("elvin")))
                .count();
            assert_eq!(found, expected, "{term:?}");
        }
        store.flush().unwrap();
    }
}
