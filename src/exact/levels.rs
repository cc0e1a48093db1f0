//! The levels of a formula's factor, with the coefficients that vary as the columns of small matrices: one level, or
//! eight side by side.

use multiversion::multiversion;

use crate::density::ReducedGroup;
use crate::lanes::Lanes;

/// A matrix of the `Q` coefficients of a level.
pub type Square<const Q: usize> = [[f64; Q]; Q];

/// A level, or eight: R, and each column of Q'X and then Q'y.
#[derive(Debug)]
pub struct Reduced<T, const Q: usize> {
    pub r: [[T; Q]; Q],
    pub w: Vec<[T; Q]>,
}

impl<const Q: usize> Reduced<f64, Q> {
    /// The level with these statistics, beside so many population-level columns.
    pub fn of(group: &ReducedGroup, population: usize) -> Reduced<f64, Q> {
        Reduced {
            r: std::array::from_fn(|i| std::array::from_fn(|c| if i <= c { group.r(i, c) } else { 0.0 })),
            w: (0..=population).map(|k| std::array::from_fn(|i| group.w(Q, i, k))).collect(),
        }
    }

    /// One to eight levels.
    pub fn side_by_side(levels: &[Reduced<f64, Q>]) -> Reduced<Lanes, Q> {
        let lanes =
            |of: &dyn Fn(&Reduced<f64, Q>) -> f64| Lanes(std::array::from_fn(|lane| levels.get(lane).map_or(0.0, of)));
        Reduced {
            r: std::array::from_fn(|i| std::array::from_fn(|c| lanes(&|level| level.r[i][c]))),
            w: (0..levels[0].w.len()).map(|k| std::array::from_fn(|i| lanes(&|level| level.w[k][i]))).collect(),
        }
    }

    /// B = R Lambda / sigma.
    #[inline(always)]
    pub fn design(&self, factor: &Square<Q>, sigma: f64) -> Square<Q> {
        let mut b = [[0.0; Q]; Q];
        for (b, r) in b.iter_mut().zip(&self.r) {
            for (c, b) in b.iter_mut().enumerate() {
                for m in c..Q {
                    *b += r[m] * factor[m][c];
                }
                *b /= sigma;
            }
        }
        b
    }
}

pub fn identity<const Q: usize>() -> Square<Q> {
    std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))))
}

#[inline(always)]
pub fn dot<const Q: usize>(x: &[f64; Q], y: &[f64; Q]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Replaces the lower half of a matrix by its Cholesky factor.
#[inline(always)]
pub fn decompose<const Q: usize>(matrix: &mut Square<Q>) {
    for i in 0..Q {
        for j in 0..=i {
            let known: f64 = matrix[i][..j].iter().zip(&matrix[j][..j]).map(|(a, b)| a * b).sum();
            let left = matrix[i][j] - known;
            matrix[i][j] = if i == j { left.sqrt() } else { left / matrix[j][j] };
        }
    }
}

/// Replaces x by C^-1 x, where C is a Cholesky factor.
#[inline(always)]
pub fn solve_lower<const Q: usize>(factor: &Square<Q>, x: &mut [f64; Q]) {
    for i in 0..Q {
        for k in 0..i {
            x[i] -= factor[i][k] * x[k];
        }
        x[i] /= factor[i][i];
    }
}

/// Writes C^-1 Q'X and C^-1 Q'y of all levels, where C C' = V, and the sums of their products, `[row][column]` with the
/// columns of X alone; returns the sum of all log |V|. `ratio` is Lambda / sigma.
#[multiversion(targets = "simd")]
pub fn whiten<const Q: usize>(
    bundles: &[Reduced<Lanes, Q>],
    ratio: Square<Q>,
    sums: &mut [Lanes],
    whitened: &mut [[Lanes; Q]],
) -> f64 {
    let width = bundles[0].w.len();
    // A product of factors >= 1, whose logarithm is taken before it overflows.
    let (mut log_determinant, mut product) = (0.0, Lanes::ZERO + 1.0);
    for (bundle, whitened) in bundles.iter().zip(whitened.chunks_exact_mut(width)) {
        let mut b = [[Lanes::ZERO; Q]; Q];
        for (b, r) in b.iter_mut().zip(&bundle.r) {
            for (c, b) in b.iter_mut().enumerate() {
                for m in c..Q {
                    *b += r[m] * ratio[m][c];
                }
            }
        }
        // C, with its diagonal inverted.
        let mut lower = [[Lanes::ZERO; Q]; Q];
        for i in 0..Q {
            for j in 0..=i {
                let mut left = Lanes::ZERO + f64::from(u8::from(i == j));
                for (x, y) in b[i].iter().zip(&b[j]) {
                    left += *x * *y;
                }
                for (x, y) in lower[i][..j].iter().zip(&lower[j][..j]) {
                    left -= *x * *y;
                }
                lower[i][j] = if i == j {
                    product = product * left;
                    left.map(|left| 1.0 / left.sqrt())
                } else {
                    left * lower[j][j]
                };
            }
        }
        if product.0.iter().any(|product| *product > 1e100) {
            log_determinant += product.0.iter().map(|product| product.ln()).sum::<f64>();
            product = Lanes::ZERO + 1.0;
        }
        for (x, w) in whitened.iter_mut().zip(&bundle.w) {
            *x = *w;
            for i in 0..Q {
                for k in 0..i {
                    let known = lower[i][k] * x[k];
                    x[i] -= known;
                }
                x[i] = x[i] * lower[i][i];
            }
        }
        for (k, x) in whitened.iter().enumerate() {
            for (sum, y) in sums[k * width..][..(width - 1).min(k + 1)].iter_mut().zip(&*whitened) {
                for (x, y) in x.iter().zip(y) {
                    *sum += *x * *y;
                }
            }
        }
    }
    log_determinant + product.0.iter().map(|product| product.ln()).sum::<f64>()
}

/// The sum of squares of C^-1 (Q'y - Q'X b).
#[multiversion(targets = "simd")]
pub fn squares<const Q: usize>(whitened: &[[Lanes; Q]], b: &[f64]) -> f64 {
    let mut sum = Lanes::ZERO;
    for whitened in whitened.chunks_exact(b.len() + 1) {
        let mut residual = whitened[b.len()];
        for (x, b) in whitened.iter().zip(b) {
            for (residual, x) in residual.iter_mut().zip(x) {
                *residual -= *x * *b;
            }
        }
        for residual in &residual {
            sum += *residual * *residual;
        }
    }
    sum.sum()
}
