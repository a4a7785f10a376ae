//! Spans and metrics with filters, limits and repeats.

use groundcrew_telemetry::{SeriesRow, SpanRow, TimeRange};

use super::fixtures::{
    any_metrics, any_spans, at, metric_batch, series, span, span_batch, trace, writer,
};
use crate::span_sample::SpanSample;
use crate::{Durability, MetricQuery, SpanQuery, Store};

fn span_store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..8000 {
        let service = if number % 5 == 0 { "front" } else { "cart" };
        store.append(vec![span_batch(service, vec![span(number)])], Durability::OnFlush).unwrap();
        if number == 6000 {
            store.flush().unwrap();
        }
    }
    (dir, store)
}

#[test]
fn spans_are_found_by_trace_service_and_time() {
    let (_dir, store) = span_store();
    for _ in 0..2 {
        let of_trace =
            store.spans(&SpanQuery { trace_id: Some(trace(1234)), ..any_spans() }).unwrap();
        assert_eq!((of_trace.rows.len(), of_trace.matched), (5, 5));
        let services = vec!["front".to_owned()];
        let of_service = store.spans(&SpanQuery { services, ..any_spans() }).unwrap();
        assert_eq!(of_service.matched, 1600);
        assert!(of_service.rows.iter().all(|row| row.resource.service() == "front"));
        let range = TimeRange::new(at(5990), at(6010));
        let in_range = store.spans(&SpanQuery { range, ..any_spans() }).unwrap();
        let starts: Vec<_> = in_range.rows.iter().map(|row| row.span.start).collect();
        assert_eq!(starts, (5990..6010).map(at).collect::<Vec<_>>());
        store.flush().unwrap();
    }
}

#[test]
fn a_limit_keeps_whole_traces_and_the_same_ones_each_time() {
    let (_dir, store) = span_store();
    let query = SpanQuery { limit: 1000, ..any_spans() };
    let before = store.spans(&query).unwrap();
    store.flush().unwrap();
    let after = store.spans(&query).unwrap();
    assert_eq!(before, after);
    assert_eq!((after.matched, after.rows.len()), (8000, 1000));
    for row in &after.rows {
        let spans = after.rows.iter().filter(|other| other.span.trace_id == row.span.trace_id);
        assert_eq!(spans.count(), 5);
    }
}

#[test]
fn a_sample_of_splits_is_the_one_that_reading_everything_gives() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    // Six stretches of time, in splits that overlap them.
    for part in 0..4 {
        for number in (part..1800).step_by(4) {
            let spans = vec![span(5 * number), span(5 * number + 2), span(5 * number + 4)];
            store.append(vec![span_batch("cart", spans)], Durability::OnFlush).unwrap();
        }
        store.flush().unwrap();
    }
    let all = store.spans(&any_spans()).unwrap();
    assert_eq!(all.matched, 5400);
    for limit in [1, 10, 500, 5000] {
        let range = TimeRange::new(at(150), at(8_000));
        let found = store.spans(&SpanQuery { limit, range, ..any_spans() }).unwrap();
        let inside: Vec<SpanRow> =
            all.rows.iter().filter(|row| range.contains(row.span.start)).cloned().collect();
        let mut sample = SpanSample::new(limit, u64::MAX);
        inside.iter().for_each(|row| sample.offer(row.span.trace_id, || row.clone()));
        assert_eq!(found.rows, sample.finish().0, "{limit}");
        let error = (found.matched as f64 - inside.len() as f64).abs() / inside.len() as f64;
        assert!(error < 0.05, "{limit}: {} of {}", found.matched, inside.len());
    }
}

fn values(rows: &[SeriesRow]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.series.points.iter().map(|point| point.value).collect()).collect()
}

#[test]
fn points_of_one_series_come_together_and_the_last_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let put = |points: &[(i64, f64)]| {
        store
            .append(
                vec![metric_batch("cart", vec![series("memory", "a", points)])],
                Durability::Synced,
            )
            .unwrap();
    };
    put(&[(1, 1.0), (3, 3.0)]);
    store.flush().unwrap();
    put(&[(2, 2.0), (3, 30.0)]);
    assert_eq!(values(&store.metrics(&any_metrics()).unwrap()), [[1.0, 2.0, 30.0]]);
    put(&[(3, 300.0), (1, 10.0)]);
    store.flush().unwrap();
    put(&[(4, 4.0)]);
    assert_eq!(values(&store.metrics(&any_metrics()).unwrap()), [[10.0, 2.0, 300.0, 4.0]]);
    let range = TimeRange::new(at(2), at(4));
    assert_eq!(
        values(&store.metrics(&MetricQuery { range, ..any_metrics() }).unwrap()),
        [[2.0, 300.0]]
    );
}

#[test]
fn series_are_chosen_by_name_and_service_and_cut_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for service in ["b", "a"] {
        let of_service = (0..300).map(|number| {
            series(
                ["cpu", "disk", "memory"][number % 3],
                &format!("{number:03}"),
                &[(1, number as f64)],
            )
        });
        store
            .append(vec![metric_batch(service, of_service.collect())], Durability::Synced)
            .unwrap();
    }
    for _ in 0..2 {
        let disk = MetricQuery { name: Some("disk".to_owned()), ..any_metrics() };
        assert_eq!(store.metrics(&disk).unwrap().len(), 200);
        let of_b = MetricQuery { services: vec!["b".to_owned()], series_max: 3, ..disk };
        let rows = store.metrics(&of_b).unwrap();
        assert_eq!(values(&rows), [[1.0], [4.0], [7.0]]);
        assert!(rows.iter().all(|row| row.resource.service() == "b" && row.series.name == "disk"));
        assert!(
            store
                .metrics(&MetricQuery { name: Some("dis".to_owned()), ..any_metrics() })
                .unwrap()
                .is_empty()
        );
        store.flush().unwrap();
    }
}
