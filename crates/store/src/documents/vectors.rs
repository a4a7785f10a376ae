//! Vectors as one byte per dimension, compared exactly.
//!
//! A vector is brought to length one, then each dimension becomes a whole number from -127 to 127 times a scale of the
//! vector's own. The cosine of two such vectors differs from the exact one by less than .01, and a scan over them all is
//! as fast as memory can be read, so no approximate index is needed.

use std::cmp::Ordering;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Largest magnitude of a code.
const CODE_MAX: f64 = 127.0;
/// Largest magnitude of a question's code. A product of two codes fits into 18 bits and a sign, so that thousands of
/// them can be added up in 32.
const ASKED_CODE_MAX: f64 = 2047.0;

/// A vector, quantised. A scale of zero stands for "no vector".
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Quantised {
    pub(super) scale: f32,
    pub(super) codes: Vec<i8>,
}

/// Quantises a vector. One that has no direction (zero, or not finite) becomes "no vector".
pub(super) fn quantise(vector: &[f32]) -> Quantised {
    match in_steps(vector, CODE_MAX) {
        Some(codes) => {
            let codes: Vec<i8> = codes.map(|code| code as i8).collect();
            Quantised { scale: scale_of(&codes), codes }
        }
        None => Quantised { scale: 0.0, codes: vec![0; vector.len()] },
    }
}

/// A question's vector, of length one, in the steps in which it is compared: asked of another store, it gets the same
/// answers. `None` when it has no direction.
pub(super) fn asked(vector: &[f32]) -> Option<Vec<f32>> {
    let Asked { scale, codes } = Asked::new(vector)?;
    Some(codes.into_iter().map(|code| f32::from(code) * scale).collect())
}

/// A question's vector. It is one beside many, so it can afford finer steps than they.
struct Asked {
    scale: f32,
    codes: Vec<i16>,
}

impl Asked {
    /// `None` for a vector without a direction.
    fn new(vector: &[f32]) -> Option<Self> {
        let codes: Vec<i16> = in_steps(vector, ASKED_CODE_MAX)?.map(|code| code as i16).collect();
        Some(Self { scale: scale_of(&codes), codes })
    }
}

/// A vector whose largest dimension is `most` steps, in whole steps; `None` when it has no direction.
fn in_steps(vector: &[f32], most: f64) -> Option<impl Iterator<Item = f64>> {
    // In double precision, where the square of no finite number overflows and that of the smallest does not vanish.
    let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let largest = vector.iter().fold(0.0_f64, |largest, x| largest.max(f64::from(x.abs())));
    let has_direction = norm.is_finite() && largest > 0.0;
    has_direction.then(|| vector.iter().map(move |x| (f64::from(*x) / largest * most).round()))
}

/// What makes the codes a vector of length one. It follows from the codes alone, so that a vector which was quantised,
/// written out and quantised again is the same to the bit.
fn scale_of<C: Copy + Into<i64>>(codes: &[C]) -> f32 {
    let squares: i64 = codes.iter().map(|code| (*code).into() * (*code).into()).sum();
    (1.0 / (squares as f64).sqrt()) as f32
}

impl Quantised {
    /// The vector as numbers, of length one.
    pub(super) fn to_floats(&self) -> Vec<f32> {
        self.codes.iter().map(|code| f32::from(*code) * self.scale).collect()
    }
}

/// The vectors of a generation, one after another.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Vectors {
    dimensions: usize,
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Vectors {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    pub(super) fn push(&mut self, scale: f32, codes: impl IntoIterator<Item = i8>) {
        self.scales.push(scale);
        self.codes.extend(codes);
    }

    /// How many vectors, absent ones included.
    pub(super) fn len(&self) -> usize {
        self.scales.len()
    }

    /// The vector at `position`; `None` when there is none.
    pub(super) fn get(&self, position: usize) -> Option<(f32, &[i8])> {
        let scale = *self.scales.get(position).filter(|scale| **scale > 0.0)?;
        let start = position.checked_mul(self.dimensions)?;
        Some((scale, self.codes.get(start..start + self.dimensions)?))
    }

    /// The `limit` vectors nearest to `query` among those that `is_wanted`, nearest first; of equally near ones the
    /// first.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        limit: usize,
        is_wanted: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<(usize, f32)> {
        let Some(query) = Asked::new(query).filter(|_| query.len() == self.dimensions) else {
            return Vec::new();
        };
        let query = &query;
        let part = self.len().div_ceil(parts_of(self.len())).max(1);
        let search = |start: usize| {
            let mut nearest = Nearest::new(limit);
            let rows = start..(start + part).min(self.len());
            self.each_cosine(query, rows, &mut |position, cosine| {
                if cosine >= nearest.worst && is_wanted(position) {
                    nearest.take(position, cosine);
                }
            });
            nearest
        };
        let mut starts = (0..self.len()).step_by(part);
        let first = starts.next();
        let found = std::thread::scope(|scope| {
            let others: Vec<_> = starts.map(|start| scope.spawn(move || search(start))).collect();
            let mut found = first.map_or_else(|| Nearest::new(limit), search);
            // A part that panicked has found nothing; the panic itself has been reported.
            for other in others.into_iter().filter_map(|other| other.join().ok()) {
                found.all.extend(other.all);
            }
            found
        });
        found.sorted()
    }

    /// The cosines of the vectors at `positions` to `query`, in no other order.
    pub(super) fn cosines(
        &self,
        query: &[f32],
        positions: impl Iterator<Item = usize>,
    ) -> Vec<(usize, f32)> {
        let Some(query) = Asked::new(query).filter(|_| query.len() == self.dimensions) else {
            return Vec::new();
        };
        let mut cosines = Vec::new();
        for position in positions {
            self.each_cosine(&query, position..position + 1, &mut |position, cosine| {
                cosines.push((position, cosine));
            });
        }
        cosines
    }

    /// Calls `visit` with the position of each vector in `rows` and its cosine to `query`, of the same dimensions.
    fn each_cosine(&self, query: &Asked, rows: Range<usize>, visit: &mut dyn FnMut(usize, f32)) {
        Arch::new().dispatch(Scan { vectors: self, query, rows, visit });
    }
}

/// Into how many parts a search is cut, to be searched side by side: one for few vectors.
fn parts_of(vectors: usize) -> usize {
    const PART_VECTORS_MIN: usize = 32 * 1024;
    const PARTS_MAX: usize = 8;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(PARTS_MAX).min(vectors / PART_VECTORS_MIN).max(1)
}

/// The nearest vectors so far, and some that are farther: it is cheaper to sort out many at once than each as it comes.
struct Nearest {
    limit: usize,
    all: Vec<(usize, f32)>,
    /// A cosine that as many vectors have as are wanted: what is below need not be looked at.
    worst: f32,
}

impl Nearest {
    fn new(limit: usize) -> Self {
        Self { limit, all: Vec::new(), worst: f32::NEG_INFINITY }
    }

    fn take(&mut self, position: usize, cosine: f32) {
        self.all.push((position, cosine));
        if self.all.len() >= (2 * self.limit).max(1024) {
            self.sort_out();
        }
    }

    /// Drops all that are farther than as many as are wanted.
    fn sort_out(&mut self) {
        if self.limit < self.all.len() {
            let (_, (_, farthest), _) = self.all.select_nth_unstable_by(self.limit, nearer);
            self.worst = self.worst.max(*farthest);
            self.all.truncate(self.limit);
        }
    }

    /// As many as are wanted, nearest first.
    fn sorted(mut self) -> Vec<(usize, f32)> {
        self.sort_out();
        self.all.sort_unstable_by(nearer);
        self.all
    }
}

/// The nearer one first, and of equally near ones the first.
fn nearer(one: &(usize, f32), other: &(usize, f32)) -> Ordering {
    other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
}

/// A look at some vectors. Compiled for each kind of vector unit, of which the fitting one is chosen when it runs.
struct Scan<'s> {
    vectors: &'s Vectors,
    query: &'s Asked,
    rows: Range<usize>,
    visit: &'s mut dyn FnMut(usize, f32),
}

impl WithSimd for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { vectors, query, rows, visit } = self;
        let Vectors { dimensions, codes, scales } = vectors;
        let codes = codes.get(rows.start * dimensions..rows.end * dimensions).unwrap_or_default();
        let scales = scales.get(rows.clone()).unwrap_or_default();
        let each = codes.chunks_exact((*dimensions).max(1)).zip(scales);
        for (position, (codes, scale)) in rows.zip(each) {
            if *scale > 0.0 {
                visit(position, dot(codes, &query.codes) as f32 * scale * query.scale);
            }
        }
    }
}

/// Cannot overflow below 8,000 dimensions.
#[inline(always)]
fn dot(codes: &[i8], asked: &[i16]) -> i32 {
    codes.iter().zip(asked).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn cosine(one: &[f32], other: &[f32]) -> Option<f32> {
        let mut vectors = Vectors::new(one.len());
        let quantised = quantise(one);
        vectors.push(quantised.scale, quantised.codes);
        vectors.cosines(other, 0..1).first().map(|(_, cosine)| *cosine)
    }

    #[test]
    fn vectors_without_a_direction_are_none() {
        for bad in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0], [1.0, f32::NEG_INFINITY]] {
            assert_eq!(cosine(&bad, &[1.0, 0.0]), None, "{bad:?}");
        }
        assert!(cosine(&[f32::MAX, 0.0], &[f32::from_bits(1), 0.0]).unwrap() > 0.99);
    }

    #[test]
    fn another_dimension_finds_nothing() {
        assert_eq!(cosine(&[1.0, 0.0], &[1.0, 0.0, 0.0]), None);
        assert_eq!(Vectors::new(0).get(0), None);
    }

    /// Numbers that look random and are the same every time.
    fn noise(seed: u64) -> impl Iterator<Item = f32> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            // SplitMix64 (Steele, Lea and Flood, 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
    }

    /// The share of the ten exactly nearest vectors that are among the ten found, over 50 questions.
    fn recall(vectors: &[Vec<f32>], queries: &[Vec<f32>]) -> f64 {
        let mut stored = Vectors::new(vectors[0].len());
        for vector in vectors {
            let quantised = quantise(vector);
            stored.push(quantised.scale, quantised.codes);
        }
        let mut right = 0;
        for query in queries {
            let exact = |vector: &Vec<f32>| {
                let product = |one: &[f32], other: &[f32]| -> f64 {
                    one.iter().zip(other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
                };
                product(vector, query) / product(vector, vector).sqrt()
            };
            let mut order: Vec<(usize, f64)> = vectors.iter().map(exact).enumerate().collect();
            order.sort_by(|one, other| other.1.total_cmp(&one.1));
            let found = stored.nearest(query, 10, &|_| true);
            assert!(found.is_sorted_by(|one, other| one.1 >= other.1));
            let nearest: Vec<usize> = order.iter().take(10).map(|(at, _)| *at).collect();
            right += found.iter().filter(|(at, _)| nearest.contains(at)).count();
        }
        right as f64 / (10 * queries.len()) as f64
    }

    #[test]
    fn nearly_all_of_the_nearest_are_found() {
        let mut numbers = noise(1);
        let mut vector = |spread: f32, around: &[f32]| -> Vec<f32> {
            around.iter().map(|x| x + spread * numbers.next().unwrap()).collect()
        };
        let origin = vec![0.0; 384];
        let random: Vec<Vec<f32>> = (0..3_000).map(|_| vector(1.0, &origin)).collect();
        let queries: Vec<Vec<f32>> = (0..50).map(|_| vector(1.0, &origin)).collect();
        let found = recall(&random, &queries);
        println!("recall at 10, random vectors: {found}");
        assert!(found >= 0.99, "random: {found}");

        let centres: Vec<Vec<f32>> = (0..30).map(|_| vector(1.0, &origin)).collect();
        let clustered: Vec<Vec<f32>> =
            (0..3_000).map(|at| vector(0.6, &centres[at % centres.len()])).collect();
        let queries: Vec<Vec<f32>> =
            (0..50).map(|at| vector(0.6, &centres[at % centres.len()])).collect();
        let found = recall(&clustered, &queries);
        println!("recall at 10, clustered vectors: {found}");
        assert!(found >= 0.99, "clustered: {found}");
    }

    #[test]
    fn the_nearest_are_those_of_a_full_sort() {
        let mut stored = Vectors::new(8);
        let mut numbers = noise(2);
        for _ in 0..500 {
            let vector: Vec<f32> = numbers.by_ref().take(8).collect();
            let quantised = quantise(&vector);
            stored.push(quantised.scale, quantised.codes);
        }
        let query: Vec<f32> = numbers.by_ref().take(8).collect();
        let mut all = stored.cosines(&query, 0..500);
        all.retain(|(at, _)| at % 3 == 0);
        all.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        for limit in [0, 1, 10, 166, 1_000] {
            let found = stored.nearest(&query, limit, &|at| at % 3 == 0);
            assert_eq!(found, all[..limit.min(all.len())]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn cosines_are_close_to_exact(one in vec(-1.0f32..1.0, 64), other in vec(-1.0f32..1.0, 64)) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            let exact = product(&one, &other) / (product(&one, &one) * product(&other, &other)).sqrt();
            if let Some(found) = cosine(&one, &other) {
                assert!((found - exact).abs() < 0.015, "{found} {exact}");
            }
        }

        #[test]
        fn quantising_twice_changes_nothing(one in vec(any::<f32>(), 1..20)) {
            let once = quantise(&one);
            assert_eq!(quantise(&once.to_floats()), once);
        }

        #[test]
        fn any_numbers_quantise(one in vec(any::<f32>(), 0..20)) {
            assert!(quantise(&one).scale.is_finite());
            assert!(cosine(&one, &one).is_none_or(|cosine| (cosine - 1.0).abs() < 0.02));
        }
    }
}
