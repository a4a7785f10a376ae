//! Window or baseline: which of the two a moment belongs to.

use groundcrew_telemetry::{TimeRange, Timestamp};

/// Which part of the observations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Period {
    Baseline,
    Window,
}

/// The window and what counts as normal.
#[derive(Clone, Debug)]
pub(super) struct Periods {
    pub(super) window: TimeRange,
    pub(super) baseline: Vec<TimeRange>,
}

impl Periods {
    /// The baseline without empty ranges and without the window.
    pub(super) fn new(window: TimeRange, baseline: &[TimeRange]) -> Self {
        let mut ranges: Vec<TimeRange> =
            baseline.iter().filter(|range| !range.is_empty()).copied().collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        Self { window, baseline: ranges }
    }

    /// Where `time` belongs; the window wins.
    pub(super) fn of(&self, time: Timestamp) -> Option<Period> {
        if self.window.contains(time) {
            return Some(Period::Window);
        }
        self.baseline.iter().any(|range| range.contains(time)).then_some(Period::Baseline)
    }

    /// The stretch from the baseline's first instant to the window's start: where series, which rarely have holes,
    /// are taken as normal when the ranges themselves hold too few points.
    pub(super) fn hull(&self) -> TimeRange {
        let start = self.baseline.first().map_or(self.window.start, |range| range.start);
        TimeRange::new(start, self.window.start)
    }
}
