//! Metrics in OTLP/JSON.

use serde::Deserialize;

use super::super::metric_points::{
    FLAG_NO_RECORDED_VALUE, ReadExponential, ReadHistogram, ReadMetric, ReadPoint, ReadPoints,
    ReadSummary,
};
use super::any_value::Pairs;
use super::scalars::{self, Double, List, Text, Whole};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricJson<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    unit: Text<'a>,
    gauge: Option<PointsJson>,
    sum: Option<PointsJson>,
    histogram: Option<PointsJson>,
    #[serde(alias = "exponential_histogram")]
    exponential_histogram: Option<PointsJson>,
    summary: Option<PointsJson>,
}

impl MetricJson<'_> {
    pub(super) fn finish(self) -> ReadMetric {
        let points = if let Some(gauge) = self.gauge {
            ReadPoints::Gauge(gauge.read(PointJson::number))
        } else if let Some(sum) = self.sum {
            let (temporality, monotonic) =
                (sum.aggregation_temporality.clamped(), sum.is_monotonic);
            ReadPoints::Sum { temporality, monotonic, points: sum.read(PointJson::number) }
        } else if let Some(histogram) = self.histogram {
            let temporality = histogram.aggregation_temporality.clamped();
            ReadPoints::Histogram { temporality, points: histogram.read(PointJson::histogram) }
        } else if let Some(histogram) = self.exponential_histogram {
            let temporality = histogram.aggregation_temporality.clamped();
            ReadPoints::Exponential { temporality, points: histogram.read(PointJson::exponential) }
        } else if let Some(summary) = self.summary {
            ReadPoints::Summary(summary.read(PointJson::summary))
        } else {
            ReadPoints::None
        };
        ReadMetric { name: self.name.0.into_owned(), unit: self.unit.0.into_owned(), points }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PointsJson {
    #[serde(alias = "data_points")]
    data_points: List<PointJson>,
    #[serde(alias = "aggregation_temporality", deserialize_with = "scalars::temporality")]
    aggregation_temporality: Whole,
    #[serde(alias = "is_monotonic", deserialize_with = "scalars::or_default")]
    is_monotonic: bool,
}

impl PointsJson {
    fn read<T>(self, value: impl Fn(PointJson) -> Option<T>) -> Vec<ReadPoint<T>> {
        let point = |mut point: PointJson| {
            let flagged = point.flags.count() & u64::from(FLAG_NO_RECORDED_VALUE) != 0;
            let attributes = std::mem::take(&mut point.attributes).attributes();
            let time = point.time_unix_nano.nanos();
            ReadPoint { attributes, time, value: value(point).filter(|_| !flagged) }
        };
        self.data_points.0.into_iter().map(point).collect()
    }
}

/// A data point of any metric: the sorts share most fields, and which of them count the metric's own field says.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PointJson {
    attributes: Pairs,
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Whole,
    flags: Whole,
    #[serde(alias = "as_double")]
    as_double: Option<Double>,
    #[serde(alias = "as_int")]
    as_int: Option<Whole>,
    count: Whole,
    sum: Option<Double>,
    #[serde(alias = "bucket_counts")]
    bucket_counts: List<Whole>,
    #[serde(alias = "explicit_bounds")]
    explicit_bounds: List<Double>,
    scale: Whole,
    #[serde(alias = "zero_count")]
    zero_count: Whole,
    positive: Option<BucketsJson>,
    negative: Option<BucketsJson>,
    #[serde(alias = "quantile_values")]
    quantile_values: List<QuantileJson>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct BucketsJson {
    offset: Whole,
    #[serde(alias = "bucket_counts")]
    bucket_counts: List<Whole>,
}

#[derive(Deserialize)]
struct QuantileJson {
    #[serde(default = "zero")]
    quantile: Double,
    #[serde(default = "zero")]
    value: Double,
}

fn zero() -> Double {
    Double(0.0)
}

impl PointJson {
    fn number(self) -> Option<f64> {
        match (self.as_double, self.as_int) {
            (Some(Double(number)), _) => Some(number),
            (None, Some(whole)) => Some(whole.0 as f64),
            (None, None) => None,
        }
    }

    fn histogram(self) -> Option<ReadHistogram> {
        Some(ReadHistogram {
            count: self.count.count(),
            sum: self.sum.map(|sum| sum.0),
            bounds: self.explicit_bounds.0.into_iter().map(|bound| bound.0).collect(),
            counts: counts(self.bucket_counts),
        })
    }

    fn exponential(self) -> Option<ReadExponential> {
        Some(ReadExponential {
            count: self.count.count(),
            sum: self.sum.map(|sum| sum.0),
            scale: narrow(self.scale),
            zero_count: self.zero_count.count(),
            positive: self.positive.map(BucketsJson::read).unwrap_or_default(),
            negative: self.negative.map(BucketsJson::read).unwrap_or_default(),
        })
    }

    fn summary(self) -> Option<ReadSummary> {
        let quantiles = self.quantile_values.0.into_iter();
        Some(ReadSummary {
            count: self.count.count(),
            sum: self.sum.map_or(0.0, |sum| sum.0),
            quantiles: quantiles.map(|read| (read.quantile.0, read.value.0)).collect(),
        })
    }
}

impl BucketsJson {
    fn read(self) -> (i32, Vec<u64>) {
        (narrow(self.offset), counts(self.bucket_counts))
    }
}

fn counts(list: List<Whole>) -> Vec<u64> {
    list.0.into_iter().map(Whole::count).collect()
}

fn narrow(whole: Whole) -> i32 {
    i32::try_from(whole.0).unwrap_or(if whole.0 < 0 { i32::MIN } else { i32::MAX })
}
