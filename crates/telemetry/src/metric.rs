//! Metric series and their points.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Timestamp};

/// How the points of a series relate to each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum MetricKind {
    /// Each point stands for itself.
    #[default]
    Gauge,
    /// A running total that only grows, until the process restarts.
    CumulativeSum,
    /// Each point is the growth since the one before.
    DeltaSum,
}

/// One value at one time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub time: Timestamp,
    /// How much; never NaN.
    pub value: f64,
}

/// Points of one metric with one set of attributes. Its resource stands once on the [`crate::MetricBatch`] it came in.
///
/// A histogram arrives here as the series `NAME.count`, `NAME.sum` and `NAME.bucket` (attribute `le`), a summary as
/// `NAME.count`, `NAME.sum` and `NAME` with attribute `quantile`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct MetricSeries {
    /// The metric's name.
    pub name: String,
    /// Its unit in UCUM, `""` when the sender did not say.
    pub unit: String,
    /// How points relate.
    pub kind: MetricKind,
    /// Attributes of the data points.
    pub attributes: Attributes,
    /// The points, oldest first.
    pub points: Vec<Point>,
}

impl MetricSeries {
    /// Calls `visit` with every attribute text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        self.attributes.for_each_text_mut(visit);
    }
}
