//! How much memory a batch takes, near enough to bound what is in flight.

use groundcrew_telemetry::{
    Alert, Attributes, Batch, ChangeEvent, ClusterSnapshot, LogRecord, MetricSeries, Span, Value,
};

/// Bytes that `batch` holds in memory: its structures and every text inside.
#[must_use]
pub(crate) fn batch_bytes(batch: &Batch) -> usize {
    match batch {
        Batch::Logs(logs) => {
            let records = logs.records.iter().map(log_bytes).sum::<usize>();
            attribute_bytes(&logs.resource.attributes) + records
        }
        Batch::Spans(spans) => {
            let records = spans.spans.iter().map(span_bytes).sum::<usize>();
            attribute_bytes(&spans.resource.attributes) + records
        }
        Batch::Metrics(metrics) => {
            let series = metrics.series.iter().map(series_bytes).sum::<usize>();
            attribute_bytes(&metrics.resource.attributes) + series
        }
        Batch::Changes(changes) => changes.iter().map(change_bytes).sum(),
        Batch::Alerts(alerts) => alerts.iter().map(alert_bytes).sum(),
        Batch::Cluster(snapshots) => snapshots.iter().map(snapshot_bytes).sum(),
    }
}

fn log_bytes(record: &LogRecord) -> usize {
    size_of::<LogRecord>() + record.body.len() + attribute_bytes(&record.attributes)
}

fn span_bytes(span: &Span) -> usize {
    let events = span.events.iter().map(|event| 64 + attribute_bytes(&event.attributes));
    size_of::<Span>() + span.name.len() + attribute_bytes(&span.attributes) + events.sum::<usize>()
}

fn series_bytes(series: &MetricSeries) -> usize {
    let points = size_of_val(series.points.as_slice());
    size_of::<MetricSeries>() + points + attribute_bytes(&series.attributes)
}

fn change_bytes(change: &ChangeEvent) -> usize {
    let files = change.files.iter().map(String::len).sum::<usize>();
    size_of::<ChangeEvent>() + change.diff.len() + change.title.len() + files
}

fn alert_bytes(alert: &Alert) -> usize {
    let described = attribute_bytes(&alert.labels) + attribute_bytes(&alert.annotations);
    size_of::<Alert>() + alert.text.len() + described
}

fn snapshot_bytes(snapshot: &ClusterSnapshot) -> usize {
    // Objects and events are read from the text, so they hold about as much again.
    size_of::<ClusterSnapshot>() + 2 * snapshot.text.len()
}

fn attribute_bytes(attributes: &Attributes) -> usize {
    attributes.0.iter().map(|(key, value)| pair_bytes(key, value)).sum()
}

fn pair_bytes(key: &str, value: &Value) -> usize {
    size_of::<(String, Value)>() + key.len() + value_bytes(value)
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => {
            values.iter().map(|inner| size_of::<Value>() + value_bytes(inner)).sum()
        }
        Value::Map(entries) => entries.iter().map(|(key, inner)| pair_bytes(key, inner)).sum(),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) => 0,
    }
}
