//! Robust statistics in noise units.

/// Findings that chance alone may bring, of everything of one sort that is compared.
pub(super) const CHANCE_FINDINGS_MAX: f64 = 0.5;
/// Turns a median absolute deviation into the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The middle of `values`, which are sorted by this; 0 when there are none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The `q` quantile (nearest rank) of `values`, which are sorted by this; 0 when there are none.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile_sorted(values, q)
}

/// The `q` quantile of sorted values, between ranks; 0 when there are none.
pub(super) fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let low = rank.floor() as usize;
    let fraction = rank - low as f64;
    let at = |position: usize| sorted.get(position.min(last)).copied().unwrap_or(0.0);
    at(low) * (1.0 - fraction) + at(low + 1) * fraction
}

/// Middle and robust spread (in standard deviations) of a baseline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub(super) center: f64,
    pub(super) spread: f64,
}

impl Level {
    /// Of `values`, which are sorted by this.
    pub(super) fn of(values: &mut [f64]) -> Self {
        let center = median(values);
        let mut deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
        Self { center, spread: MAD_TO_SIGMA * median(&mut deviations) }
    }
}

/// The standard score of `observed` events where `expected` were expected, both counts, positive when more came.
///
/// The expectation itself was estimated from `seen` events, so its own uncertainty counts too.
pub(super) fn count_score(observed: f64, expected: f64, scale: f64) -> f64 {
    // Anscombe's transform makes the variance of a Poisson count 1/4; the expectation's variance grows with its scale.
    let transform = |count: f64| 2.0 * (count + 0.375).max(0.0).sqrt();
    (transform(observed) - transform(expected)) / (1.0 + scale.max(0.0)).sqrt()
}

/// The chance that, of `before` + `after` events at one steady rate, as many or more fell on the side of `after` (or as
/// few or fewer, when they are fewer than expected), where the window takes `scale` times as many as the baseline.
///
/// The conditional test of two Poisson rates (Przyborowski and Wilenski, 1940), in the normal approximation from a
/// thousand events on.
pub(super) fn chance_of_counts(before: f64, after: f64, scale: f64) -> f64 {
    const EXACT_MAX: f64 = 1_000.0;
    let share = (scale / (1.0 + scale)).clamp(1e-9, 1.0 - 1e-9);
    let (total, after) = ((before + after).round(), after.round());
    let is_more = after >= total * share;
    if total > EXACT_MAX {
        let spread = (total * share * (1.0 - share)).sqrt().max(1e-9);
        let score = ((after - total * share).abs() - 0.5).max(0.0) / spread;
        // Mills' ratio bounds the normal tail well enough from one spread on.
        return (0.5 * (-0.5 * score * score).exp()).min(1.0);
    }
    let (total, after) = (total as i64, after as i64);
    let range = if is_more { after..=total } else { 0..=after };
    let (ln_yes, ln_no) = (share.ln(), (1.0 - share).ln());
    let ln_factorials: Vec<f64> = std::iter::once(0.0)
        .chain((1..=total).scan(0.0, |sum, number| {
            *sum += (number as f64).ln();
            Some(*sum)
        }))
        .collect();
    let ln_factorial =
        |number: i64| usize::try_from(number).ok().and_then(|at| ln_factorials.get(at)).copied();
    let chance: f64 = range
        .filter_map(|yes| {
            let ways = ln_factorial(total)? - ln_factorial(yes)? - ln_factorial(total - yes)?;
            Some((ways + yes as f64 * ln_yes + (total - yes) as f64 * ln_no).exp())
        })
        .sum();
    chance.min(1.0)
}

/// Squashes an amount of evidence in noise units into 0..1: 0 below `low`, near 1 well above.
pub(super) fn saturate(amount: f64, low: f64, half: f64) -> f64 {
    let above = (amount - low).max(0.0);
    above / (above + half)
}

/// The standard score of a share that grew, `(part, whole)` before and after.
///
/// One imaginary event on each side of both keeps small counts modest.
pub(super) fn share_score(before: (u64, u64), after: (u64, u64)) -> f64 {
    let estimate = |(part, whole): (u64, u64)| (part as f64 + 0.5) / (whole as f64 + 1.0);
    let (p, q) = (estimate(before), estimate(after));
    let pooled = (before.0 + after.0) as f64 + 1.0;
    let whole = (before.1 + after.1) as f64 + 2.0;
    let mean = pooled / whole;
    let variance =
        mean * (1.0 - mean) * (1.0 / (before.1 as f64 + 1.0) + 1.0 / (after.1 as f64 + 1.0));
    (q - p) / variance.max(1e-9).sqrt()
}

/// The standard score of `observed` rare events where `expected` are normal (the root of the Poisson deviance).
pub(super) fn surprise(observed: f64, expected: f64) -> f64 {
    if observed <= expected || expected <= 0.0 {
        return 0.0;
    }
    (2.0 * (observed * (observed / expected).ln() - (observed - expected))).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_of_counts_is_the_binomial_tail() {
        let near = |left: f64, right: f64| (left - right).abs() < 1e-9;
        // Three events, all in a window that has a seventh of the time.
        assert!(near(chance_of_counts(0.0, 3.0, 1.0 / 6.0), (1.0_f64 / 7.0).powi(3)));
        // Ten events before, none in an equal time after.
        assert!(near(chance_of_counts(10.0, 0.0, 1.0), 0.5_f64.powi(10)));
        assert!(chance_of_counts(50.0, 50.0, 1.0) > 0.4);
        // Exact below a thousand events and approximate above: both say that it is no chance.
        assert!(chance_of_counts(450.0, 549.0, 1.0) < 1e-3);
        assert!(chance_of_counts(4_500.0, 5_490.0, 1.0) < 1e-6);
    }
}
