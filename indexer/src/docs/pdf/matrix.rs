//! Where things are on a page: affine matrices as PDF writes them.

/// `[a b c d e f]`: x' = a x + c y + e, y' = b x + d y + f.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Matrix([f32; 6]);

impl Matrix {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub(super) const fn new(numbers: [f32; 6]) -> Self {
        Self(numbers)
    }

    pub(super) const fn shift(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// First this, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let [na, nb, nc, nd, ne, nf] = next.0;
        Self([
            a * na + b * nc,
            a * nb + b * nd,
            c * na + d * nc,
            c * nb + d * nd,
            e * na + f * nc + ne,
            e * nb + f * nd + nf,
        ])
    }

    /// Where the origin goes.
    pub(super) const fn origin(self) -> (f32, f32) {
        let [_, _, _, _, e, f] = self.0;
        (e, f)
    }

    /// How tall something of height 1 becomes.
    pub(super) fn height(self) -> f32 {
        let [_, _, c, d, _, _] = self.0;
        c.hypot(d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_applied_one_after_the_other() {
        let double = Matrix::new([2.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
        assert_eq!(Matrix::shift(1.0, 2.0).then(double).origin(), (2.0, 4.0));
        assert_eq!(double.then(Matrix::shift(1.0, 2.0)).origin(), (1.0, 2.0));
        assert_eq!(double.then(double).height(), 4.0);
    }
}
