//! How long calls took, as counts per range of durations that grow by a tenth: a sketch that can be added up.
//!
//! Every quantile is right within five per cent, whatever the durations are, and adding two sketches gives the one of all
//! their calls: the ranges of DDSketch (Masson, Rim, Lee: DDSketch, PVLDB 12(12), 2019), of which there are at most 460
//! here, so that none is ever given up.

use serde::{Deserialize, Serialize};

/// Each range ends this much further than the one before.
const GROWTH: f64 = 1.1;

/// Counts of durations.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LatencySketch {
    /// Ranges by number with their counts, ascending, none empty.
    ranges: Vec<(u16, u64)>,
}

/// The number of the range that a duration in nanoseconds falls into.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 459")]
pub(crate) fn range_of(nanos: i64) -> u16 {
    if nanos <= 1 { 0 } else { ((nanos as f64).ln() / GROWTH.ln()).ceil() as u16 }
}

/// The duration that stands for a range: no more than five per cent from any in it.
fn nanos_of(range: u16) -> f64 {
    2.0 * GROWTH.powi(i32::from(range)) / (GROWTH + 1.0)
}

impl LatencySketch {
    /// Adds one call of that many nanoseconds.
    pub fn add(&mut self, nanos: i64) {
        self.add_range(range_of(nanos), 1);
    }

    /// Adds all calls of another.
    pub fn merge(&mut self, other: &Self) {
        other.ranges.iter().for_each(|(range, count)| self.add_range(*range, *count));
    }

    pub(crate) fn add_range(&mut self, range: u16, count: u64) {
        match self.ranges.binary_search_by_key(&range, |(known, _)| *known) {
            Ok(place) => {
                if let Some((_, known)) = self.ranges.get_mut(place) {
                    *known = known.saturating_add(count);
                }
            }
            Err(place) => self.ranges.insert(place, (range, count)),
        }
    }

    pub(crate) fn ranges(&self) -> &[(u16, u64)] {
        &self.ranges
    }

    /// How many calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The nanoseconds that this share of the calls (0 to 1) stays at or below, within five per cent; `None` without calls.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.count().checked_sub(1)?;
        let wanted = (last as f64 * share.clamp(0.0, 1.0)).round() as u64;
        let mut below = 0_u64;
        self.ranges
            .iter()
            .find(|(_, count)| {
                below = below.saturating_add(*count);
                below > wanted
            })
            .map(|(range, _)| nanos_of(*range))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn quantiles_are_right_within_five_per_cent_also_of_a_sum(
            durations in vec(2_i64..i64::MAX, 1..200),
            cut in 0_usize..200,
            share in 0.0_f64..1.0,
        ) {
            let (mut sketch, mut other) = (LatencySketch::default(), LatencySketch::default());
            for (number, nanos) in durations.iter().enumerate() {
                if number < cut { sketch.add(*nanos) } else { other.add(*nanos) }
            }
            sketch.merge(&other);
            let mut sorted = durations.clone();
            sorted.sort_unstable();
            let exact = sorted[((sorted.len() - 1) as f64 * share).round() as usize] as f64;
            let told = sketch.quantile(share).unwrap();
            assert!((told - exact).abs() <= 0.05 * exact, "{told} for {exact}");
            assert_eq!(sketch.count(), durations.len() as u64);
        }
    }

    #[test]
    fn nothing_and_what_took_no_time_are_told_apart() {
        assert_eq!(LatencySketch::default().quantile(0.5), None);
        let mut sketch = LatencySketch::default();
        [0, -5, 1].into_iter().for_each(|nanos| sketch.add(nanos));
        assert!(sketch.quantile(1.0).unwrap() <= 1.0);
        assert!(range_of(i64::MAX) < 460);
    }
}
