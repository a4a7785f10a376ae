//! Puts the points of one series from several places together.

use std::sync::Arc;

use groundcrew_telemetry::{MetricSeries, Point, Resource, SeriesRow};
use rustc_hash::FxHashMap;

use crate::origin::{hash_series, same_series};

/// Sorts points by time; of those with one time the one that came last holds.
pub(crate) fn sort_and_dedup(points: &mut Vec<Point>) {
    points.sort_by_key(|point| point.time);
    // Keeps the first of equal ones, so go from the back.
    points.reverse();
    points.dedup_by_key(|point| point.time);
    points.reverse();
}

/// Series of a query, added in the order in which they were stored.
#[derive(Debug, Default)]
pub(crate) struct SeriesMerge {
    rows: Vec<SeriesRow>,
    by_hash: FxHashMap<u64, Vec<usize>>,
}

impl SeriesMerge {
    pub(crate) fn add(&mut self, resource: &Arc<Resource>, series: MetricSeries) {
        let same_hash = self.by_hash.entry(hash_series(&series)).or_default();
        for number in same_hash.iter() {
            if let Some(row) = self.rows.get_mut(*number)
                && (Arc::ptr_eq(&row.resource, resource) || row.resource == *resource)
                && same_series(&row.series, &series)
            {
                row.series.points.extend(series.points);
                return;
            }
        }
        same_hash.push(self.rows.len());
        self.rows.push(SeriesRow { resource: Arc::clone(resource), series });
    }

    /// The rows by name, service and attributes, at most `series_max`.
    pub(crate) fn finish(self, series_max: usize) -> Vec<SeriesRow> {
        let mut rows = self.rows;
        rows.sort_by_cached_key(|row| {
            let attributes = format!("{:?}{:?}", row.series.attributes, row.resource.attributes);
            (row.series.name.clone(), row.resource.service().to_owned(), attributes)
        });
        rows.truncate(series_max);
        for row in &mut rows {
            sort_and_dedup(&mut row.series.points);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Timestamp;

    use super::*;

    #[test]
    fn of_points_for_one_time_the_last_holds() {
        let point = |seconds, value| Point { time: Timestamp::from_secs(seconds), value };
        let mut points = vec![point(2, 1.0), point(1, 2.0), point(2, 3.0), point(1, 4.0)];
        sort_and_dedup(&mut points);
        assert_eq!(points, [point(1, 4.0), point(2, 3.0)]);
    }
}
