//! Spreads metrics into plain series: one value per time, whatever the metric was.
//!
//! | metric | series |
//! |---|---|
//! | gauge, sum | `NAME` |
//! | histogram | `NAME.count`, `NAME.sum`, `NAME.bucket` with attribute `le` (records up to and including that bound) |
//! | exponential histogram | the same, its buckets merged in pairs until at most [`BUCKETS_MAX`] remain |
//! | summary | `NAME.count`, `NAME.sum`, `NAME` with attribute `quantile` |
//!
//! A sum that may fall is a gauge when it is a running total, for only the level means something. Points without a
//! finite value are dropped and counted.

use std::collections::BTreeMap;

use groundcrew_telemetry::{Attributes, MetricKind, MetricSeries, Point, Timestamp};

use super::decoded::{DecodeNotes, Rejections};
use super::record::Nanos;

/// Buckets of one histogram point that are kept apart.
const BUCKETS_MAX: usize = 160;
/// The data point flag that says "no value at this time".
pub(super) const FLAG_NO_RECORDED_VALUE: u32 = 1;

/// A metric as read, before it is spread.
pub(crate) struct ReadMetric {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) points: ReadPoints,
}

/// The points of a metric by its sort.
pub(crate) enum ReadPoints {
    Gauge(Vec<ReadPoint<f64>>),
    Sum { temporality: i64, monotonic: bool, points: Vec<ReadPoint<f64>> },
    Histogram { temporality: i64, points: Vec<ReadPoint<ReadHistogram>> },
    Exponential { temporality: i64, points: Vec<ReadPoint<ReadExponential>> },
    Summary(Vec<ReadPoint<ReadSummary>>),
    None,
}

/// One data point: who, when, what.
pub(crate) struct ReadPoint<T> {
    pub(crate) attributes: Attributes,
    pub(crate) time: Nanos,
    /// `None` when the sender flagged it as "no value".
    pub(crate) value: Option<T>,
}

pub(crate) struct ReadHistogram {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) bounds: Vec<f64>,
    pub(crate) counts: Vec<u64>,
}

pub(crate) struct ReadExponential {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) positive: (i32, Vec<u64>),
    pub(crate) negative: (i32, Vec<u64>),
}

pub(crate) struct ReadSummary {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) quantiles: Vec<(f64, f64)>,
}

/// Collects the series of one scope.
#[derive(Default)]
pub(crate) struct Spread {
    pub(crate) series: Vec<MetricSeries>,
    pub(crate) rejected: Rejections,
    pub(crate) notes: DecodeNotes,
}

impl Spread {
    /// Spreads one metric. Points of one attribute set that follow each other share a series.
    pub(crate) fn metric(&mut self, metric: ReadMetric) {
        let ReadMetric { name, unit, points } = metric;
        if name.is_empty() {
            self.rejected.add("metric has no name");
            return;
        }
        let named = Named { name: &name, unit: &unit };
        match points {
            ReadPoints::Gauge(points) => self.numbers(named, MetricKind::Gauge, points),
            ReadPoints::Sum { temporality, monotonic, points } => {
                self.numbers(named, sum_kind(temporality, monotonic), points);
            }
            ReadPoints::Histogram { temporality, points } => {
                self.histograms(named, sum_kind(temporality, true), points, explicit_buckets);
            }
            ReadPoints::Exponential { temporality, points } => {
                self.histograms(named, sum_kind(temporality, true), points, exponential_buckets);
            }
            ReadPoints::Summary(points) => self.summaries(named, points),
            ReadPoints::None => self.rejected.add(format!("metric {name} has no points")),
        }
    }

    fn numbers(&mut self, named: Named<'_>, kind: MetricKind, points: Vec<ReadPoint<f64>>) {
        let mut run: Option<MetricSeries> = None;
        for (attributes, time, value) in self.usable(points) {
            match &mut run {
                Some(series) if series.attributes == attributes => {
                    self.notes.points_without_value += push_finite(&mut series.points, time, value);
                }
                _ => {
                    self.finish(run.take());
                    let mut series = named.series("", kind, attributes);
                    self.notes.points_without_value += push_finite(&mut series.points, time, value);
                    run = Some(series);
                }
            }
        }
        self.finish(run);
    }

    fn histograms<T>(
        &mut self,
        named: Named<'_>,
        kind: MetricKind,
        points: Vec<ReadPoint<T>>,
        buckets_of: impl Fn(T) -> Result<Buckets, String>,
    ) {
        let mut run: Option<HistogramRun> = None;
        for (attributes, time, value) in self.usable(points) {
            let buckets = match buckets_of(value) {
                Ok(buckets) => buckets,
                Err(reason) => {
                    self.rejected.add(format!("histogram {}: {reason}", named.name));
                    continue;
                }
            };
            if run.as_ref().is_some_and(|run| run.attributes != attributes) {
                self.finish_histogram(named, kind, run.take());
            }
            let run = run.get_or_insert_with(|| HistogramRun::of(attributes));
            run.counts.push(Point { time, value: buckets.count as f64 });
            if let Some(sum) = buckets.sum {
                self.notes.points_without_value += push_finite(&mut run.sums, time, sum);
            }
            for (bound, below) in buckets.cumulative {
                let bucket = run.buckets.entry(OrderedBound(bound)).or_default();
                bucket.push(Point { time, value: below as f64 });
            }
        }
        self.finish_histogram(named, kind, run);
    }

    fn finish_histogram(&mut self, named: Named<'_>, kind: MetricKind, run: Option<HistogramRun>) {
        let Some(HistogramRun { attributes, counts, sums, buckets }) = run else { return };
        for (bound, points) in buckets {
            let mut with_bound = attributes.clone();
            with_bound.set("le", bound.label());
            let series = named.series(".bucket", kind, with_bound);
            self.finish(Some(MetricSeries { points, ..series }));
        }
        if !sums.is_empty() {
            let series = named.series(".sum", kind, attributes.clone());
            self.finish(Some(MetricSeries { points: sums, ..series }));
        }
        let series = named.series(".count", kind, attributes);
        self.finish(Some(MetricSeries { points: counts, ..series }));
    }

    fn summaries(&mut self, named: Named<'_>, points: Vec<ReadPoint<ReadSummary>>) {
        let cumulative = MetricKind::CumulativeSum;
        for (attributes, time, summary) in self.usable(points) {
            for (quantile, value) in summary.quantiles.into_iter().take(BUCKETS_MAX) {
                let mut with_quantile = attributes.clone();
                with_quantile.set("quantile", quantile.to_string());
                self.single(named.series("", MetricKind::Gauge, with_quantile), time, value);
            }
            self.single(named.series(".sum", cumulative, attributes.clone()), time, summary.sum);
            self.single(named.series(".count", cumulative, attributes), time, summary.count as f64);
        }
    }

    fn single(&mut self, mut series: MetricSeries, time: Timestamp, value: f64) {
        self.notes.points_without_value += push_finite(&mut series.points, time, value);
        self.finish(Some(series));
    }

    /// Puts a series away, its points in order of time.
    fn finish(&mut self, series: Option<MetricSeries>) {
        let Some(mut series) = series.filter(|series| !series.points.is_empty()) else { return };
        if !series.points.is_sorted_by_key(|point| point.time) {
            series.points.sort_by_key(|point| point.time);
        }
        self.series.push(series);
    }

    /// The points that have a time and a value; the rest are counted or rejected.
    fn usable<T>(&mut self, points: Vec<ReadPoint<T>>) -> Vec<(Attributes, Timestamp, T)> {
        let mut usable = Vec::with_capacity(points.len());
        for mut point in points {
            super::limits::cap_attributes(&mut point.attributes, &mut self.notes);
            match (point.time.given(), point.value) {
                (_, None) => self.notes.points_without_value += 1,
                (Ok(Some(time)), Some(value)) => usable.push((point.attributes, time, value)),
                (Ok(None), Some(_)) => self.rejected.add("metric point has no time"),
                (Err(reason), Some(_)) => self.rejected.add(reason),
            }
        }
        usable
    }
}

/// What all series of one metric share.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a str,
    unit: &'a str,
}

impl Named<'_> {
    fn series(self, suffix: &str, kind: MetricKind, attributes: Attributes) -> MetricSeries {
        let name = [self.name, suffix].concat();
        // Counts are dimensionless whatever is measured.
        let unit = if matches!(suffix, ".count" | ".bucket") { "1" } else { self.unit };
        MetricSeries { name, unit: unit.to_owned(), kind, attributes, points: Vec::new() }
    }
}

/// The points of one attribute set of a histogram.
struct HistogramRun {
    attributes: Attributes,
    counts: Vec<Point>,
    sums: Vec<Point>,
    buckets: BTreeMap<OrderedBound, Vec<Point>>,
}

impl HistogramRun {
    fn of(attributes: Attributes) -> Self {
        Self { attributes, counts: Vec::new(), sums: Vec::new(), buckets: BTreeMap::new() }
    }
}

/// An upper bound that can be a map's key; never NaN.
#[derive(Clone, Copy, PartialEq)]
struct OrderedBound(f64);

impl OrderedBound {
    fn label(self) -> String {
        if self.0 == f64::INFINITY { "+Inf".to_owned() } else { self.0.to_string() }
    }
}

impl Eq for OrderedBound {}

impl PartialOrd for OrderedBound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedBound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// One histogram point with counts up to each bound, ascending, the last bound infinite.
struct Buckets {
    count: u64,
    sum: Option<f64>,
    cumulative: Vec<(f64, u64)>,
}

fn explicit_buckets(read: ReadHistogram) -> Result<Buckets, String> {
    let ReadHistogram { count, sum, bounds, counts } = read;
    if !counts.is_empty() && counts.len() != bounds.len() + 1 {
        return Err(format!("{} bounds but {} buckets", bounds.len(), counts.len()));
    }
    if bounds.len() > BUCKETS_MAX {
        return Err(format!("more than {BUCKETS_MAX} buckets"));
    }
    if bounds.iter().any(|bound| bound.is_nan()) || !bounds.is_sorted_by(|a, b| a < b) {
        return Err("bounds are not ascending".to_owned());
    }
    let upper = bounds.into_iter().chain([f64::INFINITY]);
    Ok(Buckets { count, sum, cumulative: running_total(upper.zip(counts)) })
}

fn running_total(buckets: impl Iterator<Item = (f64, u64)>) -> Vec<(f64, u64)> {
    let mut below = 0_u64;
    buckets
        .map(|(bound, count)| {
            below = below.saturating_add(count);
            (bound, below)
        })
        .collect()
}

/// Buckets of an exponential histogram: bucket `i` ends at `base^(i+1)`, base = 2^(2^-scale).
fn exponential_buckets(read: ReadExponential) -> Result<Buckets, String> {
    let (positive_offset, mut positive) = read.positive;
    let (negative_offset, mut negative) = read.negative;
    let (mut scale, mut positive_first, mut negative_first) =
        (read.scale, i64::from(positive_offset), i64::from(negative_offset));
    trim_trailing_zeros(&mut positive);
    trim_trailing_zeros(&mut negative);
    while positive.len() + negative.len() > BUCKETS_MAX - 2 {
        if scale <= -11 {
            return Err("too many buckets at the coarsest scale".to_owned());
        }
        scale -= 1;
        positive_first = merge_pairs(positive_first, &mut positive);
        negative_first = merge_pairs(negative_first, &mut negative);
    }
    let bound = |index: i64| (index as f64 * (-f64::from(scale)).exp2()).exp2();
    let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(positive.len() + negative.len() + 2);
    for (index, count) in (negative_first..).zip(negative).collect::<Vec<_>>().into_iter().rev() {
        buckets.push((-bound(index), count));
    }
    buckets.push((0.0, read.zero_count));
    buckets
        .extend((positive_first..).zip(positive).map(|(index, count)| (bound(index + 1), count)));
    buckets.retain(|(bound, count)| *count > 0 && bound.is_finite());
    let mut cumulative = running_total(buckets.into_iter());
    cumulative.push((f64::INFINITY, read.count));
    Ok(Buckets { count: read.count, sum: read.sum, cumulative })
}

fn trim_trailing_zeros(counts: &mut Vec<u64>) {
    let kept = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    counts.truncate(kept);
}

/// Halves the resolution: buckets `2i` and `2i+1` become bucket `i`. Gives the new first index.
fn merge_pairs(first: i64, counts: &mut Vec<u64>) -> i64 {
    let merged_first = first.div_euclid(2);
    let mut merged: Vec<u64> = Vec::with_capacity(counts.len() / 2 + 1);
    for (index, count) in (first..).zip(counts.iter()) {
        let position = usize::try_from(index.div_euclid(2) - merged_first).unwrap_or(0);
        if position >= merged.len() {
            merged.resize(position + 1, 0);
        }
        if let Some(slot) = merged.get_mut(position) {
            *slot = slot.saturating_add(*count);
        }
    }
    *counts = merged;
    merged_first
}

fn sum_kind(temporality: i64, monotonic: bool) -> MetricKind {
    const DELTA: i64 = 1;
    match (temporality, monotonic) {
        (DELTA, _) => MetricKind::DeltaSum,
        (_, true) => MetricKind::CumulativeSum,
        (_, false) => MetricKind::Gauge,
    }
}

/// Pushes the point unless its value is not finite; gives how many were dropped.
fn push_finite(points: &mut Vec<Point>, time: Timestamp, value: f64) -> u64 {
    if value.is_finite() {
        points.push(Point { time, value });
        return 0;
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point<T>(seconds: i64, value: T) -> ReadPoint<T> {
        let time = Nanos(i128::from(seconds) * 1_000_000_000);
        ReadPoint { attributes: [("a", "b")].into_iter().collect(), time, value: Some(value) }
    }

    fn spread(points: ReadPoints) -> Spread {
        let mut spread = Spread::default();
        spread.metric(ReadMetric { name: "m".to_owned(), unit: "s".to_owned(), points });
        spread
    }

    #[test]
    fn points_of_one_attribute_set_share_a_series_in_time_order() {
        let spread =
            spread(ReadPoints::Gauge(vec![point(2, 2.0), point(1, 1.0), point(3, f64::NAN)]));
        assert_eq!(spread.series.len(), 1);
        let values: Vec<f64> = spread.series[0].points.iter().map(|point| point.value).collect();
        assert_eq!(values, [1.0, 2.0]);
        assert_eq!(spread.notes.points_without_value, 1);
    }

    #[test]
    fn histograms_become_count_sum_and_cumulative_buckets() {
        let read = ReadHistogram {
            count: 6,
            sum: Some(9.0),
            bounds: vec![0.5, 1.0],
            counts: vec![1, 2, 3],
        };
        let spread = spread(ReadPoints::Histogram { temporality: 2, points: vec![point(1, read)] });
        let found: Vec<(String, String, f64)> = spread
            .series
            .iter()
            .map(|series| {
                let le = series.attributes.str("le").unwrap_or("").to_owned();
                (series.name.clone(), le, series.points[0].value)
            })
            .collect();
        let expected = [
            ("m.bucket", "0.5", 1.0),
            ("m.bucket", "1", 3.0),
            ("m.bucket", "+Inf", 6.0),
            ("m.sum", "", 9.0),
            ("m.count", "", 6.0),
        ];
        let expected = expected.map(|(name, le, value)| (name.to_owned(), le.to_owned(), value));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_histogram_whose_parts_disagree_is_rejected() {
        let read = ReadHistogram { count: 1, sum: None, bounds: vec![1.0], counts: vec![1] };
        let spread = spread(ReadPoints::Histogram { temporality: 2, points: vec![point(1, read)] });
        assert_eq!(spread.rejected.count, 1);
        assert!(spread.series.is_empty());
    }

    #[test]
    fn exponential_histograms_are_bounded_and_keep_their_count() {
        let read = |counts: Vec<u64>, scale| ReadExponential {
            count: counts.iter().sum::<u64>() + 1,
            sum: None,
            scale,
            zero_count: 1,
            positive: (-3, counts),
            negative: (0, vec![]),
        };
        let buckets = exponential_buckets(read(vec![1, 0, 2], 0)).unwrap();
        assert_eq!(buckets.cumulative, [(0.0, 1), (0.25, 2), (1.0, 4), (f64::INFINITY, 4)]);
        let many = exponential_buckets(read(vec![1; 10_000], 4)).unwrap();
        assert!(many.cumulative.len() <= BUCKETS_MAX);
        assert!(many.cumulative.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert!(exponential_buckets(read(vec![1; 1_000_000], i32::MIN)).is_err());
    }

    #[test]
    fn sums_keep_how_their_points_relate() {
        assert_eq!(sum_kind(1, true), MetricKind::DeltaSum);
        assert_eq!(sum_kind(2, true), MetricKind::CumulativeSum);
        assert_eq!(sum_kind(2, false), MetricKind::Gauge);
    }
}
