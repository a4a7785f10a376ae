//! Many small seals leave few splits, and the same rows.

use groundcrew_telemetry::TemplateId;

use super::fixtures::{
    all_bodies, any_metrics, any_spans, any_templates, files_below, log_batch, metric_batch,
    rich_record, series, span, span_batch, writer,
};
use crate::Durability;

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

fn writer_again(dir: &std::path::Path) -> crate::Store {
    super::fixtures::reader(dir)
}
