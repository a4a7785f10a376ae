//! Estimates how much memory rows take.

use groundcrew_telemetry::{Attributes, MetricSeries, Point, Value};

/// A series without its points.
pub(super) fn series_head(series: &MetricSeries) -> usize {
    size_of::<MetricSeries>()
        + series.name.len()
        + series.unit.len()
        + attributes(&series.attributes)
}

pub(super) const fn points(count: usize) -> usize {
    count * size_of::<Point>()
}

fn attributes(attributes: &Attributes) -> usize {
    attributes
        .0
        .iter()
        .map(|(key, value)| size_of::<(String, Value)>() + key.len() + heap(value))
        .sum()
}

fn heap(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) => 0,
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => values.iter().map(|inner| size_of::<Value>() + heap(inner)).sum(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, inner)| size_of::<(String, Value)>() + key.len() + heap(inner))
            .sum(),
    }
}
