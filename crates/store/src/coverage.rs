//! What the store holds, in a few figures.

use groundcrew_telemetry::{TimeRange, Timestamp};

use crate::Dropped;

/// What the store holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Coverage {
    /// Log records.
    pub logs: SignalCoverage,
    /// Log records that are counted, those among them whose rows are gone.
    pub counts: SignalCoverage,
    /// Spans.
    pub spans: SignalCoverage,
    /// Metric points.
    pub points: SignalCoverage,
    /// The services that sent any of them, sorted.
    pub services: Vec<String>,
    /// Log templates whose text is known.
    pub templates: u64,
    /// What a person should know: damaged ranges that were set aside, limits that were hit.
    pub warnings: Vec<String>,
    /// What retention has dropped.
    pub dropped: Dropped,
    /// What lies in a bucket that could not be read last; `None` when it could.
    pub unreachable: Option<Unreachable>,
}

/// Telemetry that is elsewhere and could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreachable {
    /// Everything elsewhere is older than this.
    pub until: Timestamp,
    /// Why it could not be read.
    pub reason: String,
}

/// How much there is of one signal, and from when to when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignalCoverage {
    /// Records.
    pub count: u64,
    /// From the first to just after the last; `None` when there is none.
    pub range: Option<TimeRange>,
}

impl SignalCoverage {
    /// Adds `count` records that lie between `first` and `last`, both inclusive.
    pub(crate) fn add(&mut self, count: u64, first: Timestamp, last: Timestamp) {
        if count == 0 {
            return;
        }
        self.count += count;
        let end = last.plus_nanos(1);
        self.range = Some(match self.range {
            None => TimeRange::new(first, end),
            Some(range) => TimeRange::new(range.start.min(first), range.end.max(end)),
        });
    }
}
