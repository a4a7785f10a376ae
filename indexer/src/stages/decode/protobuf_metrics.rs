//! OTLP metrics as protobuf.

use groundcrew_telemetry::{Batch, MetricBatch};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
};

use super::decoded::Decoded;
use super::metric_points::{
    FLAG_NO_RECORDED_VALUE, ReadExponential, ReadHistogram, ReadMetric, ReadPoint, ReadPoints,
    ReadSummary, Spread,
};
use super::protobuf::{attributes_from, resource_from, scope_name};

/// Turns a metric export request into batches.
#[must_use]
pub fn metrics_from_protobuf(request: ExportMetricsServiceRequest) -> Decoded {
    let mut decoded = Decoded::default();
    for resource_metrics in request.resource_metrics {
        let resource = resource_from(resource_metrics.resource, &mut decoded);
        for scope_metrics in resource_metrics.scope_metrics {
            let mut spread = Spread::default();
            for metric in scope_metrics.metrics {
                spread.metric(read_metric(metric));
            }
            let scope = scope_name(scope_metrics.scope);
            let resource = resource.clone();
            decoded.take_spread(spread, |series| MetricBatch { resource, scope, series });
        }
    }
    decoded
}

impl Decoded {
    /// Takes over what a scope's metrics spread into.
    pub(super) fn take_spread(
        &mut self,
        spread: Spread,
        batch: impl FnOnce(Vec<groundcrew_telemetry::MetricSeries>) -> MetricBatch,
    ) {
        self.notes.add(spread.notes);
        self.rejected.merge(spread.rejected);
        if !spread.series.is_empty() {
            self.batches.push(Batch::Metrics(batch(spread.series)));
        }
    }
}

fn read_metric(metric: Metric) -> ReadMetric {
    let points = match metric.data {
        Some(Data::Gauge(gauge)) => ReadPoints::Gauge(map_points(gauge.data_points, number)),
        Some(Data::Sum(sum)) => ReadPoints::Sum {
            temporality: sum.aggregation_temporality.into(),
            monotonic: sum.is_monotonic,
            points: map_points(sum.data_points, number),
        },
        Some(Data::Histogram(histogram)) => ReadPoints::Histogram {
            temporality: histogram.aggregation_temporality.into(),
            points: map_points(histogram.data_points, histogram_point),
        },
        Some(Data::ExponentialHistogram(histogram)) => ReadPoints::Exponential {
            temporality: histogram.aggregation_temporality.into(),
            points: map_points(histogram.data_points, exponential_point),
        },
        Some(Data::Summary(summary)) => {
            ReadPoints::Summary(map_points(summary.data_points, summary_point))
        }
        None => ReadPoints::None,
    };
    ReadMetric { name: metric.name, unit: metric.unit, points }
}

fn map_points<P, T>(points: Vec<P>, read: impl Fn(P) -> ReadPoint<T>) -> Vec<ReadPoint<T>> {
    points.into_iter().map(read).collect()
}

fn has_value(flags: u32) -> bool {
    flags & FLAG_NO_RECORDED_VALUE == 0
}

fn number(point: NumberDataPoint) -> ReadPoint<f64> {
    let value = point.value.filter(|_| has_value(point.flags)).map(|value| match value {
        number_data_point::Value::AsDouble(number) => number,
        number_data_point::Value::AsInt(number) => number as f64,
    });
    ReadPoint {
        attributes: attributes_from(point.attributes),
        time: point.time_unix_nano.into(),
        value,
    }
}

fn histogram_point(point: HistogramDataPoint) -> ReadPoint<ReadHistogram> {
    let read = ReadHistogram {
        count: point.count,
        sum: point.sum,
        bounds: point.explicit_bounds,
        counts: point.bucket_counts,
    };
    ReadPoint {
        attributes: attributes_from(point.attributes),
        time: point.time_unix_nano.into(),
        value: has_value(point.flags).then_some(read),
    }
}

fn exponential_point(point: ExponentialHistogramDataPoint) -> ReadPoint<ReadExponential> {
    let buckets = |side: Option<Buckets>| {
        side.map(|side| (side.offset, side.bucket_counts)).unwrap_or_default()
    };
    let read = ReadExponential {
        count: point.count,
        sum: point.sum,
        scale: point.scale,
        zero_count: point.zero_count,
        positive: buckets(point.positive),
        negative: buckets(point.negative),
    };
    ReadPoint {
        attributes: attributes_from(point.attributes),
        time: point.time_unix_nano.into(),
        value: has_value(point.flags).then_some(read),
    }
}

fn summary_point(point: SummaryDataPoint) -> ReadPoint<ReadSummary> {
    let quantiles = point.quantile_values.iter().map(|value| (value.quantile, value.value));
    let read = ReadSummary { count: point.count, sum: point.sum, quantiles: quantiles.collect() };
    ReadPoint {
        attributes: attributes_from(point.attributes),
        time: point.time_unix_nano.into(),
        value: has_value(point.flags).then_some(read),
    }
}
