//! How far a sample moved from its baseline.

use super::stats::{Level, quantile_sorted, share_score, surprise};

/// Samples that a stretch of the baseline needs to be heard on its own.
const STRETCH_SAMPLES_MIN: usize = 8;
/// Samples from which on the ninth decile is looked at as well.
const TAIL_SAMPLES_MIN: usize = 16;
/// The part of a level that is noise whatever the sample says.
const RELATIVE_NOISE: f64 = 0.08;

/// Noise units beyond which a sample is an outlier.
const OUTLIER_NOISE: f64 = 20.0;

/// Baseline and window of one quantity, the baseline in stretches.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) stretches: Vec<Vec<f64>>,
    pub(super) window: Vec<f64>,
}

/// How far it moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) before: f64,
    pub(super) after: f64,
    /// Mean difference of the quantiles, in the sample's unit; the smallest over the stretches of the baseline.
    pub(super) amount: f64,
    /// The amount in noise units of a single sample.
    pub(super) effect: f64,
    /// How far the middle moved, in noise units of a single sample.
    pub(super) bulk: f64,
    /// How sure it is that more samples are high than used to be: a standard score that outliers do not move.
    pub(super) score: f64,
}

impl Samples {
    pub(super) fn push_baseline(&mut self, stretch: usize, value: f64) {
        if self.stretches.len() <= stretch {
            self.stretches.resize(stretch + 1, Vec::new());
        }
        if let Some(values) = self.stretches.get_mut(stretch) {
            values.push(value);
        }
    }

    /// Samples of the baseline, and those of them that lie far out.
    pub(super) fn outliers(&self, noise_min: f64) -> (usize, usize) {
        let mut pooled: Vec<f64> = self.stretches.iter().flatten().copied().collect();
        let level = Level::of(&mut pooled);
        let noise = level.spread.max(RELATIVE_NOISE * level.center.abs()).max(noise_min);
        let far = level.center + OUTLIER_NOISE * noise;
        (pooled.len(), pooled.len() - pooled.partition_point(|value| *value <= far))
    }

    /// The shift, `None` with fewer than three samples on a side. `noise_min` is the least noise in the sample's unit,
    /// `outliers` the share of outliers that is normal for samples of this kind.
    pub(super) fn shift(&self, noise_min: f64, outliers: f64) -> Option<Shift> {
        let mut pooled: Vec<f64> = self.stretches.iter().flatten().copied().collect();
        let mut window = self.window.clone();
        if pooled.len() < 3 || window.len() < 3 {
            return None;
        }
        let level = Level::of(&mut pooled);
        window.sort_unstable_by(f64::total_cmp);
        let mut amount = quantile_shift(&pooled, &window);
        for stretch in self.stretches.iter().filter(|stretch| stretch.len() >= STRETCH_SAMPLES_MIN)
        {
            let mut stretch = stretch.clone();
            stretch.sort_unstable_by(f64::total_cmp);
            let part = quantile_shift(&stretch, &window);
            amount = if part * amount <= 0.0 {
                0.0
            } else if part.abs() < amount.abs() {
                part
            } else {
                amount
            };
        }
        let noise = level.spread.max(RELATIVE_NOISE * level.center.abs()).max(noise_min);
        let moved_up = quantile_sorted(&window, 0.5);
        let tail = quantile_sorted(&window, 0.9);
        let after = if moved_up - level.center >= 0.5 * amount { moved_up } else { tail };
        let score = if amount > 0.0 {
            {
                let far = level.center + OUTLIER_NOISE * noise;
                let count = window.len() - window.partition_point(|value| *value <= far);
                let normal = outliers * window.len() as f64;
                exceedance(&pooled, &window)
                    .max(rank_sum(&pooled, &window))
                    .max(surprise(count as f64, normal))
            }
        } else {
            0.0
        };
        let bulk = (moved_up - level.center) / noise;
        Some(Shift { before: level.center, after, amount, effect: amount / noise, bulk, score })
    }
}

/// Mean difference of quantiles: sees a shift of the bulk and of a quarter of the requests, not single outliers.
fn quantile_shift(baseline: &[f64], window: &[f64]) -> f64 {
    const BULK: [f64; 3] = [0.25, 0.5, 0.75];
    const WITH_TAIL: [f64; 4] = [0.25, 0.5, 0.75, 0.9];
    let enough = baseline.len().min(window.len()) >= TAIL_SAMPLES_MIN;
    let at: &[f64] = if enough { &WITH_TAIL } else { &BULK };
    let sum: f64 =
        at.iter().map(|q| quantile_sorted(window, *q) - quantile_sorted(baseline, *q)).sum();
    sum / at.len() as f64
}

/// The clearest growth of the share of samples above a quantile of the baseline. Both are sorted.
fn exceedance(baseline: &[f64], window: &[f64]) -> f64 {
    let above = |sorted: &[f64], limit: f64| {
        let at_most = sorted.partition_point(|value| *value <= limit);
        ((sorted.len() - at_most) as u64, sorted.len() as u64)
    };
    [0.5, 0.75, 0.9, 1.0]
        .iter()
        .map(|q| {
            let limit = quantile_sorted(baseline, *q);
            share_score(above(baseline, limit), above(window, limit))
        })
        .fold(0.0, f64::max)
}

/// The standard score of the rank sum (Mann and Whitney): positive when the window's samples tend to be higher.
fn rank_sum(baseline: &[f64], window: &[f64]) -> f64 {
    let (n, m) = (baseline.len() as f64, window.len() as f64);
    let mut wins = 0.0;
    for value in window {
        let below = baseline.partition_point(|other| other < value);
        let not_above = baseline.partition_point(|other| other <= value);
        wins += below as f64 + 0.5 * (not_above - below) as f64;
    }
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt().max(1e-9)
}
