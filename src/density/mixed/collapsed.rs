//! The Gaussian likelihood of a formula's model of one factor, with all effects integrated out, eight groups at a time.
//!
//! With R and W of [`GroupTable`], e = W_y - W_X b, and V = I + B B' where B = R Lambda / sigma,
//!
//! ```text
//! log p(y) = - N/2 log 2 pi - N log sigma - sum_j log |V| / 2 - Q / (2 sigma^2),   Q = sum_j e' V^-1 e + rest(b)
//! d / d b         = (sum_j W_X' V^-1 e + rest_Xy - rest_XX b) / sigma^2
//! d / d Lambda    = G Lambda,    G = sum_j { (R' u) (R' u)' / sigma^2 - R' V^-1 R } / sigma^2,    u = V^-1 e
//! d / d log sigma = Q / sigma^2 - N - sum Lambda o d / d Lambda
//! ```
//!
//! The last line holds because V depends on Lambda / sigma only.

use super::groups::{Bundle, GroupTable};
use super::rest::CollapsedAt;
use super::term::TermScratch;
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::lanes::Lanes;
use crate::math::ln;

/// The log likelihood given the population-level coefficients, Lambda of all terms, and sigma; writes the derivatives
/// by the first, and sets those of the terms.
pub fn at(
    table: &GroupTable,
    coefficients: &[f64],
    terms: &mut [TermScratch],
    sigma: f64,
    by_coefficients: &mut [f64],
) -> CollapsedAt {
    dispatch(table.columns, CollapsedLikelihood { table, coefficients, terms, sigma, by_coefficients })
}

struct CollapsedLikelihood<'a> {
    table: &'a GroupTable,
    coefficients: &'a [f64],
    terms: &'a mut [TermScratch],
    sigma: f64,
    by_coefficients: &'a mut [f64],
}

/// V of eight groups, by its Cholesky factor C. `M` is at least the number of columns.
pub struct GroupCovariance<const M: usize> {
    /// C_ij for i >= j; the diagonal is inverted.
    lower: [[Lanes; M]; M],
    /// |C|.
    pub root_determinant: Lanes,
}

impl<const M: usize> GroupCovariance<M> {
    /// V of the groups, given Lambda / sigma, `[row][column]`.
    #[inline(always)]
    pub fn of(q: usize, groups: Bundle, ratio: &[[f64; M]; M]) -> GroupCovariance<M> {
        let mut b = [[Lanes::ZERO; M]; M];
        for (i, b) in b.iter_mut().enumerate().take(q) {
            for (c, b) in b.iter_mut().enumerate().take(q) {
                for (m, ratio) in ratio.iter().enumerate().take(q).skip(i.max(c)) {
                    *b += groups.r(i, m) * ratio[c];
                }
            }
        }
        let mut covariance = GroupCovariance { lower: [[Lanes::ZERO; M]; M], root_determinant: ONE };
        for i in 0..q {
            for j in 0..=i {
                let mut entry = if i == j { ONE } else { Lanes::ZERO };
                for (left, right) in b[i].iter().zip(&b[j]).take(q) {
                    entry += *left * *right;
                }
                for k in 0..j {
                    entry -= covariance.lower[i][k] * covariance.lower[j][k];
                }
                covariance.lower[i][j] = if i == j {
                    let root = entry.map(f64::sqrt);
                    covariance.root_determinant = covariance.root_determinant * root;
                    root.map(|root| 1.0 / root)
                } else {
                    entry * covariance.lower[j][j]
                };
            }
        }
        covariance
    }

    /// Replaces x by C^-1 x.
    #[inline(always)]
    pub fn whiten(&self, q: usize, x: &mut [Lanes; M]) {
        for i in 0..q {
            for k in 0..i {
                x[i] -= self.lower[i][k] * x[k];
            }
            x[i] = x[i] * self.lower[i][i];
        }
    }

    /// Replaces x by C'^-1 x.
    #[inline(always)]
    pub fn unwhiten(&self, q: usize, x: &mut [Lanes; M]) {
        for i in (0..q).rev() {
            for k in i + 1..q {
                x[i] -= self.lower[k][i] * x[k];
            }
            x[i] = x[i] * self.lower[i][i];
        }
    }
}

const ONE: Lanes = Lanes([1.0; crate::lanes::LANES]);

/// Lambda / sigma of all terms as one, block by block.
#[inline(always)]
pub fn ratio<const M: usize>(terms: &[TermScratch], sigma: f64) -> [[f64; M]; M] {
    let (mut ratio, mut from) = ([[0.0; M]; M], 0);
    for term in terms {
        for i in 0..term.columns() {
            for c in 0..=i {
                ratio[from + i][from + c] = term.factor(i, c) / sigma;
            }
        }
        from += term.columns();
    }
    ratio
}

/// e = W_y - W_X b of the groups.
#[inline(always)]
pub fn deviation<const M: usize>(q: usize, groups: Bundle, coefficients: &[f64]) -> [Lanes; M] {
    let mut e = [Lanes::ZERO; M];
    for (i, e) in e.iter_mut().enumerate().take(q) {
        *e = groups.w(i, coefficients.len());
        for (k, coefficient) in coefficients.iter().enumerate() {
            *e -= groups.w(i, k) * *coefficient;
        }
    }
    e
}

impl ForCoefficients for CollapsedLikelihood<'_> {
    type Out = CollapsedAt;

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, q: usize) -> CollapsedAt {
        let CollapsedLikelihood { table, coefficients, terms, sigma, by_coefficients } = self;
        let ratio = ratio::<M>(terms, sigma);
        let precision = 1.0 / (sigma * sigma);
        let mut squares = Lanes::ZERO;
        let mut log_determinant = Lanes::ZERO;
        let mut by_covariance = [[Lanes::ZERO; M]; M];
        by_coefficients.fill(0.0);
        for groups in table.bundles() {
            let covariance = GroupCovariance::<M>::of(q, groups, &ratio);
            log_determinant += covariance.root_determinant.map(ln);
            let mut e = deviation::<M>(q, groups, coefficients);
            covariance.whiten(q, &mut e);
            for e in &e[..q] {
                squares += *e * *e;
            }
            covariance.unwhiten(q, &mut e);
            for (k, by_coefficient) in by_coefficients.iter_mut().enumerate() {
                let mut sum = Lanes::ZERO;
                for (i, e) in e.iter().enumerate().take(q) {
                    sum += groups.w(i, k) * *e;
                }
                *by_coefficient += sum.sum();
            }
            let (mut pulled, mut whitened) = ([Lanes::ZERO; M], [[Lanes::ZERO; M]; M]);
            for c in 0..q {
                for i in 0..=c {
                    pulled[c] += groups.r(i, c) * e[i];
                    whitened[c][i] = groups.r(i, c);
                }
                covariance.whiten(q, &mut whitened[c]);
            }
            for c in 0..q {
                for d in 0..=c {
                    by_covariance[c][d] += pulled[c] * pulled[d] * precision;
                    for (left, right) in whitened[c].iter().zip(&whitened[d]).take(q) {
                        by_covariance[c][d] -= *left * *right;
                    }
                }
            }
        }
        let mut from = 0;
        for term in &mut *terms {
            for c in 0..term.columns() {
                for d in 0..=c {
                    term.add_by_covariance(c, d, by_covariance[from + c][from + d].sum() * precision);
                }
            }
            from += term.columns();
        }
        table.rest.finish([squares.sum(), log_determinant.sum()], coefficients, sigma, terms, by_coefficients)
    }
}
