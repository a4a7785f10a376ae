//! Metric series in memory: a series that comes again only adds its points.

use std::sync::Arc;

use groundcrew_telemetry::{MetricSeries, Timestamp};
use rustc_hash::FxHashMap;

use super::size;
use crate::origin::{Origin, same_series};

/// One series; points in the order they came.
#[derive(Debug)]
pub(crate) struct MemorySeries {
    pub(crate) origin: Arc<Origin>,
    pub(crate) series: MetricSeries,
}

impl MemorySeries {
    pub(crate) fn bytes(&self) -> usize {
        size::series_head(&self.series) + size::points(self.series.points.len())
    }
}

/// The series of one memory.
#[derive(Debug)]
pub(crate) struct MemoryMetrics {
    pub(crate) series: Vec<MemorySeries>,
    by_hash: FxHashMap<u64, Vec<u32>>,
    pub(crate) points: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Default for MemoryMetrics {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            by_hash: FxHashMap::default(),
            points: 0,
            first: Timestamp::MAX,
            last: Timestamp::MIN,
        }
    }
}

impl MemoryMetrics {
    /// Adds one series, whose identity hashes to `hash`; says by how many bytes the memory grew.
    pub(super) fn add(&mut self, origin: &Arc<Origin>, hash: u64, series: MetricSeries) -> usize {
        self.points += series.points.len() as u64;
        for point in &series.points {
            self.first = self.first.min(point.time);
            self.last = self.last.max(point.time);
        }
        let points_bytes = size::points(series.points.len());
        let same_hash = self.by_hash.entry(hash).or_default();
        for number in same_hash.iter() {
            if let Some(known) = self.series.get_mut(*number as usize)
                && Arc::ptr_eq(&known.origin, origin)
                && same_series(&known.series, &series)
            {
                known.series.points.extend_from_slice(&series.points);
                return points_bytes;
            }
        }
        same_hash.push(u32::try_from(self.series.len()).unwrap_or(u32::MAX));
        let bytes = size::series_head(&series) + points_bytes;
        self.series.push(MemorySeries { origin: Arc::clone(origin), series });
        bytes
    }
}
