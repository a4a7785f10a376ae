//! Matrix products, as fast as the processor's vector units allow, on one core.
//!
//! The right-hand matrix is packed once into panels that are as wide as two vector registers, the left-hand one into
//! strips as high as the remaining registers allow; the product of a strip and a panel then stays in registers until it
//! is done (the scheme of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008). Which vector
//! units there are is found out when the program runs.

use pulp::{Arch, Simd, WithSimd};

/// How many rows of the right-hand matrix go through the registers in one pass: as much of a panel as stays in the cache
/// nearest to the processor beside a strip.
const DEPTH: usize = 256;

/// Numbers in a cache line.
const LINE: usize = 16;

/// A right-hand matrix, packed for [`add_product`].
#[derive(Default)]
pub(super) struct Packed {
    /// Rows, which is the length of what is multiplied with it.
    depth: usize,
    columns: usize,
    /// Panel by panel, row by row, from `start` on; the last panel is filled up with zeros.
    panels: Vec<f32>,
    /// Where a cache line begins, so that no register is loaded from two.
    start: usize,
}

impl Packed {
    /// Packs the matrix whose columns these are, one after another, each `depth` long.
    pub(super) fn from_columns<'m>(
        depth: usize,
        columns: impl ExactSizeIterator<Item = &'m [f32]>,
    ) -> Self {
        let mut packed = Self::default();
        packed.pack_columns(depth, columns);
        packed
    }

    /// Packs a matrix like [`Packed::from_columns`], in the place of what was there.
    pub(super) fn pack_columns<'m>(
        &mut self,
        depth: usize,
        columns: impl ExactSizeIterator<Item = &'m [f32]>,
    ) {
        let width = panel_width();
        self.clear(depth, columns.len(), width);
        for (number, column) in columns.enumerate() {
            let panel = self.panels_mut().chunks_exact_mut(depth * width).nth(number / width);
            let places = panel.unwrap_or_default().iter_mut().skip(number % width).step_by(width);
            places.zip(column).for_each(|(place, value)| *place = *value);
        }
    }

    /// Packs the matrix whose rows these are, each `columns` long, in the place of what was there.
    pub(super) fn pack_rows<'m>(
        &mut self,
        columns: usize,
        rows: impl ExactSizeIterator<Item = &'m [f32]>,
    ) {
        let width = panel_width();
        let depth = rows.len();
        self.clear(depth, columns, width);
        for (number, row) in rows.enumerate() {
            let panels = self.panels_mut().chunks_exact_mut(depth * width);
            for (panel, part) in panels.zip(row.chunks(width)) {
                let place = panel.get_mut(number * width..).unwrap_or_default();
                place.iter_mut().zip(part).for_each(|(place, value)| *place = *value);
            }
        }
    }

    fn clear(&mut self, depth: usize, columns: usize, width: usize) {
        (self.depth, self.columns) = (depth, columns);
        self.panels.clear();
        self.panels.resize(depth * columns.next_multiple_of(width) + LINE - 1, 0.0);
        let to_line = self.panels.as_ptr().align_offset(LINE * size_of::<f32>());
        self.start = to_line.min(LINE - 1);
    }

    fn panels(&self) -> &[f32] {
        self.panels.get(self.start..).unwrap_or_default()
    }

    fn panels_mut(&mut self) -> &mut [f32] {
        self.panels.get_mut(self.start..).unwrap_or_default()
    }
}

/// Adds the product of `left` (rows one after another) and `right` to `sums` (rows one after another).
///
/// `strips` is room to work in; its content does not matter.
pub(super) fn add_product(left: &[f32], right: &Packed, sums: &mut [f32], strips: &mut Vec<f32>) {
    Arch::new().dispatch(Product { left, right, sums, strips });
}

/// Columns of a panel: two registers full.
fn panel_width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            2 * S::F32_LANES
        }
    }
    Arch::new().dispatch(Width)
}

struct Product<'m> {
    left: &'m [f32],
    right: &'m Packed,
    sums: &'m mut [f32],
    strips: &'m mut Vec<f32>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Two registers a row hold sums, two hold a row of the panel, one holds a number of the strip.
        if S::REGISTER_COUNT >= 32 {
            self.add::<S, 12>(simd);
        } else {
            self.add::<S, 6>(simd);
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize>(self, simd: S) {
        let Packed { depth, columns, .. } = *self.right;
        let (panels, width) = (self.right.panels(), 2 * S::F32_LANES);
        if depth == 0 || columns == 0 {
            return;
        }
        let Self { left, sums, strips, .. } = self;
        for begin in (0..depth).step_by(DEPTH) {
            let slice = begin..(begin + DEPTH).min(depth);
            pack_strips::<ROWS>(left, depth, &slice, strips);
            let pass = ROWS * slice.len();
            for (number, panel) in
                panels.chunks_exact(depth * width).take(columns.div_ceil(width)).enumerate()
            {
                let panel = panel.get(slice.start * width..slice.end * width).unwrap_or_default();
                let place = number * width..(number * width + width).min(columns);
                let blocks = sums.chunks_mut(ROWS * columns);
                for (strip, block) in strips.chunks_exact(pass).zip(blocks) {
                    let rows = block
                        .chunks_exact_mut(columns)
                        .map(|row| row.get_mut(place.clone()).unwrap_or_default());
                    let tile = tile::<S, ROWS>(simd, strip, panel);
                    rows.zip(tile).for_each(|(row, sums)| add_to(simd, row, sums));
                }
            }
        }
    }
}

/// Lays `ROWS` rows at a time beside each other: the first numbers of all, then the second ones. The last strip is filled
/// up with zeros.
#[inline(always)]
fn pack_strips<const ROWS: usize>(
    left: &[f32],
    depth: usize,
    slice: &std::ops::Range<usize>,
    strips: &mut Vec<f32>,
) {
    let pass = ROWS * slice.len();
    strips.clear();
    strips.resize((left.len() / depth).div_ceil(ROWS) * pass, 0.0);
    for (rows, strip) in left.chunks(ROWS * depth).zip(strips.chunks_exact_mut(pass)) {
        let places = strip.as_chunks_mut::<ROWS>().0;
        for (number, row) in rows.chunks_exact(depth).enumerate().take(ROWS) {
            let row = row.get(slice.clone()).unwrap_or_default();
            // Eight at a time, whose places are known without looking.
            let (blocks, rest) = row.as_chunks::<8>();
            let (place_blocks, places_rest) = places.as_chunks_mut::<8>();
            for (places, block) in place_blocks.iter_mut().zip(blocks) {
                for (place, value) in places.iter_mut().zip(block) {
                    set(place, number, *value);
                }
            }
            for (place, value) in places_rest.iter_mut().zip(rest) {
                set(place, number, *value);
            }
        }
    }
}

#[inline(always)]
fn set<const ROWS: usize>(place: &mut [f32; ROWS], number: usize, value: f32) {
    if let Some(place) = place.get_mut(number) {
        *place = value;
    }
}

/// The product of a strip and a panel, held in registers.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize>(simd: S, strip: &[f32], panel: &[f32]) -> [[S::f32s; 2]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    let (panel, _) = S::as_simd_f32s(panel);
    for (numbers, [left, right]) in strip.as_chunks::<ROWS>().0.iter().zip(panel.as_chunks::<2>().0)
    {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            let number = simd.splat_f32s(*number);
            let [sum_left, sum_right] = *sum;
            *sum = [
                simd.mul_add_f32s(number, *left, sum_left),
                simd.mul_add_f32s(number, *right, sum_right),
            ];
        }
    }
    sums
}

/// Adds two registers to as much of them as `row` has room for.
#[inline(always)]
fn add_to<S: Simd>(simd: S, row: &mut [f32], sums: [S::f32s; 2]) {
    if row.len() == 2 * S::F32_LANES {
        let (places, _) = S::as_mut_simd_f32s(row);
        for (place, sum) in places.iter_mut().zip(sums) {
            *place = simd.add_f32s(*place, sum);
        }
        return;
    }
    for (place, sum) in row.chunks_mut(S::F32_LANES).zip(sums) {
        let before = simd.partial_load_f32s(place);
        simd.partial_store_f32s(place, simd.add_f32s(before, sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37 + seed * 11) % 29) as f32 / 7.0 - 2.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, depth, columns) in [
            (1, 1, 1),
            (5, 3, 7),
            (12, 32, 32),
            (13, 385, 33),
            (25, 800, 64),
            (7, 1_536, 5),
            (0, 4, 4),
        ] {
            let (left, right) = (numbers(rows * depth, 1), numbers(depth * columns, 2));
            let transposed: Vec<f32> =
                (0..columns * depth).map(|at| right[at % depth * columns + at / depth]).collect();
            let mut by_rows = Packed::default();
            by_rows.pack_rows(columns, right.chunks_exact(columns));
            let by_columns = Packed::from_columns(depth, transposed.chunks_exact(depth));
            let mut strips = vec![f32::NAN; 3];
            for packed in [by_rows, by_columns] {
                let mut sums = vec![3.0; rows * columns];
                add_product(&left, &packed, &mut sums, &mut strips);
                for (at, sum) in sums.iter().enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let row = left.iter().skip(row * depth).take(depth);
                    let column = right.iter().skip(column).step_by(columns);
                    let expected: f64 =
                        row.zip(column).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                    assert!(
                        (f64::from(*sum) - 3.0 - expected).abs() < 1e-2,
                        "{rows} {depth} {columns}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_times_nothing_is_nothing() {
        let mut sums = [1.0; 4];
        let mut strips = Vec::new();
        let mut none = Packed::default();
        none.pack_rows(2, [].into_iter());
        add_product(&[], &none, &mut sums, &mut strips);
        add_product(&[1.0], &Packed::default(), &mut sums, &mut strips);
        assert_eq!(sums, [1.0; 4]);
    }
}
