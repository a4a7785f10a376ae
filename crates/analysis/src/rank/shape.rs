//! Whether a resource moves when the trouble does: the shape of one curve against the other, whatever they are called.
//!
//! The trouble's curve is the share of requests that fail or are slow, in equal steps from as long before the window as
//! the window is. Compared by Spearman's rank correlation, which knows no units and no scale.

use groundcrew_telemetry::{TimeRange, Timestamp};

use super::limits::Limits;
use super::period::{Period, Periods};
use super::series::Movement;
use super::spans::Forest;

/// Steps of a curve.
const STEPS: usize = 40;
/// A step is at least this long.
const STEP_NANOS_MIN: i64 = 10_000_000_000;
/// Steps that both curves need.
const COMMON_MIN: usize = 8;
/// Requests of an operation's baseline that say what slow is.
const NORMAL_MIN: usize = 20;
/// Bad requests without which there is no curve.
const BAD_MIN: f64 = 20.0;

/// The trouble over time.
pub(super) struct Curve {
    range: TimeRange,
    step: i64,
    /// Share of bad requests in each step; `None` without requests.
    shares: Vec<Option<f64>>,
}

impl Curve {
    /// From the requests that enter; `None` when they show no trouble.
    pub(super) fn new(forest: &Forest, periods: &Periods) -> Option<Self> {
        let window = periods.window;
        let length = window.end.nanos_since(window.start).max(0);
        let range = TimeRange::new(window.start.plus_nanos(-length), window.end);
        let whole = length.saturating_mul(2);
        let step = (whole / STEPS as i64).max(STEP_NANOS_MIN);
        let steps = usize::try_from(whole / step).unwrap_or(0);
        let requests =
            || forest.nodes.iter().filter(|node| node.parent().is_none() && !node.is_call());
        let normal = requests().filter(|node| node.period == Period::Baseline);
        let limits = Limits::new(normal.map(|node| (node.operation, node.nanos())), NORMAL_MIN);
        let mut counts = vec![(0.0_f64, 0.0_f64); steps];
        for node in requests() {
            let offset = Timestamp::from_nanos(node.start).nanos_since(range.start);
            let at = usize::try_from(offset.div_euclid(step)).ok();
            let Some((bad, all)) = at.and_then(|at| counts.get_mut(at)) else { continue };
            let is_slow = limits.is_slow(node.operation, node.nanos()).unwrap_or(false);
            *bad += f64::from(u8::from(node.failed || is_slow));
            *all += 1.0;
        }
        let bad: f64 = counts.iter().map(|(bad, _)| bad).sum();
        let shares = counts.into_iter().map(|(bad, all)| (all > 0.0).then(|| bad / all)).collect();
        (bad >= BAD_MIN).then_some(Self { range, step, shares })
    }

    /// How alike a series moves, -1 to 1; `None` when too little of both is known.
    pub(super) fn likeness(&self, movement: &Movement<'_>) -> Option<f64> {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.shares.len()];
        for point in &movement.levels {
            if !self.range.contains(point.0) {
                continue;
            }
            let at = usize::try_from(point.0.nanos_since(self.range.start) / self.step).ok();
            if let Some((sum, count)) = at.and_then(|at| sums.get_mut(at)) {
                *sum += point.1;
                *count += 1.0;
            }
        }
        let pairs: Vec<(f64, f64)> = self
            .shares
            .iter()
            .zip(sums)
            .filter_map(|(share, (sum, count))| (count > 0.0).then_some(((*share)?, sum / count)))
            .collect();
        if pairs.len() < COMMON_MIN {
            return None;
        }
        let trouble = ranks(pairs.iter().map(|(share, _)| *share));
        let level = ranks(pairs.iter().map(|(_, level)| *level));
        correlation(&trouble, &level)
    }
}

/// The rank of each value, equals sharing the middle of theirs.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mut order: Vec<(f64, usize)> =
        values.iter().copied().enumerate().map(|(at, value)| (value, at)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| a.0 == b.0) {
        let middle = before as f64 + (equal.len() as f64 - 1.0) / 2.0;
        for (_, at) in equal {
            if let Some(rank) = ranks.get_mut(*at) {
                *rank = middle;
            }
        }
        before += equal.len();
    }
    ranks
}

/// Pearson's correlation; `None` when either side never moves.
fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let count = left.len().max(1) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (of_left, of_right) = (mean(left), mean(right));
    let mut sums = [0.0; 3];
    for (a, b) in left.iter().zip(right) {
        let (a, b) = (a - of_left, b - of_right);
        for (sum, product) in sums.iter_mut().zip([a * b, a * a, b * b]) {
            *sum += product;
        }
    }
    let [both, left, right] = sums;
    (left > 0.0 && right > 0.0).then(|| both / (left * right).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_a_rank_and_shape_is_no_matter_of_scale() {
        assert_eq!(ranks([3.0, 1.0, 3.0, 9.0].into_iter()), [1.5, 0.0, 1.5, 3.0]);
        let alike = |a: &[f64], b: &[f64]| {
            correlation(&ranks(a.iter().copied()), &ranks(b.iter().copied()))
        };
        assert!((alike(&[1.0, 2.0, 3.0], &[10.0, 200.0, 3e6]).unwrap() - 1.0).abs() < 1e-12);
        assert!((alike(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(alike(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
