//! What a transformer does between its matrix products: exponentials, the Gaussian error linear unit, norms.
//!
//! Plain loops over slices. They are compiled for each kind of vector unit, of which the fitting one is chosen when the
//! program runs.

use pulp::{Arch, Simd, WithSimd};

/// How many sums are kept beside each other, so that they fit vector registers.
const LANES: usize = 16;

/// Scale and shift of a layer norm.
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// Makes each row, as long as the norm's scale, have mean 0 and variance 1, then scales and shifts it (Ba, Kiros and
/// Hinton, "Layer Normalization", 2016).
pub(super) fn layer_norm(rows: &mut [f32], norm: &Norm) {
    Arch::new().dispatch(LayerNorm { rows, norm });
}

/// Turns each row of `width` numbers into shares that add up to 1.
pub(super) fn softmax(rows: &mut [f32], width: usize) {
    Arch::new().dispatch(Softmax { rows, width });
}

/// The Gaussian error linear unit, in its exact form (Hendrycks and Gimpel, 2016).
pub(super) fn gelu(numbers: &mut [f32]) {
    Arch::new().dispatch(Gelu(numbers));
}

// Types and not closures, because a closure may stay a function of its own, compiled for the least of processors.
struct LayerNorm<'r> {
    rows: &'r mut [f32],
    norm: &'r Norm,
}

struct Softmax<'r> {
    rows: &'r mut [f32],
    width: usize,
}

struct Gelu<'r>(&'r mut [f32]);

impl WithSimd for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        /// As the model was trained.
        const EPSILON: f32 = 1e-12;
        let Self { rows, norm } = self;
        for row in rows.chunks_exact_mut(norm.scale.len().max(1)) {
            let count = row.len() as f32;
            let mean = sum_of(row, |x| x) / count;
            let variance = sum_of(row, |x| (x - mean) * (x - mean)) / count;
            let divisor = 1.0 / (variance + EPSILON).sqrt();
            for ((x, scale), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
                *x = (*x - mean) * divisor * scale + shift;
            }
        }
    }
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks_exact_mut(self.width.max(1)) {
            let largest = max_of(row);
            for x in &mut *row {
                *x = exp(*x - largest);
            }
            let share = 1.0 / sum_of(row, |x| x);
            for x in row {
                *x *= share;
            }
        }
    }
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.0 {
            *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// Scales `numbers` to length one; zeros stay zeros.
pub(super) fn normalise(numbers: &mut [f32]) {
    let length = sum_of(numbers, |x| x * x).sqrt().max(1e-12);
    for x in numbers {
        *x /= length;
    }
}

#[inline(always)]
fn sum_of(row: &[f32], value: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += value(*x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| value(*x)).sum::<f32>()
}

#[inline(always)]
fn max_of(row: &[f32]) -> f32 {
    let larger = |one: f32, other: f32| if other > one { other } else { one };
    let mut largest = [f32::MIN; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (largest, x) in largest.iter_mut().zip(chunk) {
            *largest = larger(*largest, *x);
        }
    }
    largest.iter().chain(rest).fold(f32::MIN, |one, other| larger(one, *other))
}

/// e to the power of `x`, to within 2 units in the last place where neither underflows nor overflows.
///
/// The whole part of the power of two goes into the exponent's bits, the rest is a Taylor series.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of so few bits that its product with a small whole number is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN_2_HIGH - whole * LN_2_LOW;
    let series = 1.0 / 5_040.0;
    let series = series * rest + 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest + 1.0;
    let series = series * rest + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    series * power
}

/// The error function to within 2e-7 (Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let magnitude = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * magnitude);
    let series = 1.061_405_4;
    let series = series * t - 1.453_152;
    let series = series * t + 1.421_413_7;
    let series = series * t - 0.284_496_74;
    let series = series * t + 0.254_829_6;
    (1.0 - series * t * exp(-magnitude * magnitude)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close() {
        for step in -8_000..=8_000 {
            let x = step as f32 / 100.0;
            let relative = f64::from(exp(x)) / f64::from(x).exp() - 1.0;
            assert!(relative.abs() < 4e-7, "{x}: {relative}");
        }
        assert!(exp(f32::MIN) < 1e-37 && exp(f32::MAX).is_finite());
    }

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        for (x, expected) in [
            (0.0, 0.0),
            (0.1, 0.112_462_9),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (6.0, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 3e-7, "{x}");
            assert!((erf(-x) + expected).abs() < 3e-7, "-{x}");
        }
        let mut numbers = [-20.0, -1.0, 0.0, 1.0, 20.0];
        gelu(&mut numbers);
        for (found, expected) in numbers.iter().zip([0.0, -0.158_655_3, 0.0, 0.841_344_7, 20.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn shares_add_up() {
        let mut rows: Vec<f32> = (0..100).map(|at| (at % 7) as f32 * 30.0 - 100.0).collect();
        softmax(&mut rows, 50);
        for row in rows.chunks(50) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row.iter().all(|share| (0.0..=1.0).contains(share)));
        }
        assert!(rows[6] > 0.1 && rows[5] < 1e-10);
    }

    #[test]
    fn rows_are_brought_to_mean_and_variance() {
        let norm = Norm { scale: vec![2.0; 37], shift: vec![1.0; 37] };
        let mut rows: Vec<f32> = (0..74).map(|at| (at * at % 23) as f32).collect();
        layer_norm(&mut rows, &norm);
        for row in rows.chunks(37) {
            let mean = row.iter().sum::<f32>() / 37.0;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 37.0;
            assert!(
                (mean - 1.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-3,
                "{mean} {variance}"
            );
        }
        let mut zeros = [0.0; 3];
        normalise(&mut zeros);
        assert_eq!(zeros, [0.0; 3]);
    }
}
