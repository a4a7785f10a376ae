//! From which duration on an operation is slow: what one of twenty exceeds when all is well, and a fifth more.

use std::collections::BTreeMap;

use super::stats::quantile;

const QUANTILE: f64 = 0.95;
const MARGIN: f64 = 1.2;

/// The limit of a sample of normal durations, which are sorted by this.
pub(super) fn limit_of(normal: &mut [f64]) -> f64 {
    MARGIN * quantile(normal, QUANTILE)
}

/// The limit of each operation, in nanoseconds.
pub(super) struct Limits {
    limits: BTreeMap<u32, f64>,
}

impl Limits {
    /// Of (operation, nanoseconds) of the baseline; operations with fewer than `samples_min` have no limit.
    pub(super) fn new(normal: impl Iterator<Item = (u32, f64)>, samples_min: usize) -> Self {
        let mut samples: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (operation, nanos) in normal {
            samples.entry(operation).or_default().push(nanos);
        }
        let enough = samples.into_iter().filter(|(_, samples)| samples.len() >= samples_min);
        let limits = enough.map(|(operation, mut samples)| (operation, limit_of(&mut samples)));
        Self { limits: limits.collect() }
    }

    /// Whether that is slow; `None` where normal is not known.
    pub(super) fn is_slow(&self, operation: u32, nanos: f64) -> Option<bool> {
        self.limits.get(&operation).map(|limit| nanos > *limit)
    }
}
