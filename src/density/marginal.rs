//! The likelihood with every group effect integrated out, eight groups at a time.
//!
//! With V, s_k = sigma_k^2 / eps^2 and d of [`Covariance`], omega = w - R mu and q = V^-1 omega,
//!
//! ```text
//! log p(y | mu, sigma, eps) = - N/2 log 2 pi - N log eps - sum_j sum_i log d_i / 2 - Q / (2 eps^2),
//!                         Q = sum_j omega' V^-1 omega + rest
//! d / d mu_k        = sum_j r_k' q / eps^2
//! d / d log sigma_k = s_k sum_j { (r_k' q)^2 / eps^2 - r_k' V^-1 r_k }
//! d / d log eps     = Q / eps^2 - N - sum_k d / d log sigma_k
//! ```
//!
//! the last one because V depends on eps through s_k only, and moves with it as with all log sigma_k, backwards and twice.

use super::covariance::{Covariance, along, column, deviation};
use super::rotated::RotatedTable;
use crate::lanes::{LANES, Lanes};
use crate::math::ln;

/// A product is turned into its logarithm before it may overflow.
const LARGE: f64 = 1e100;

/// Sums over groups from which the marginal log density and its gradient are made.
pub struct MarginalSums<const M: usize> {
    /// Q without what no coefficients explain.
    pub squares: Lanes,
    /// log of the product of all d.
    pub log_determinant: f64,
    /// Of each coefficient, the sum of r' q, of its square, and of r' V^-1 r.
    pub first: [Lanes; M],
    pub second: [Lanes; M],
    pub leverage: [Lanes; M],
}

/// Adds up over all groups; `ratio` holds s.
#[inline(always)]
pub fn sums<const M: usize>(table: &RotatedTable, k: usize, mu: &[f64; M], ratio: &[f64; M]) -> MarginalSums<M> {
    let mut sums = MarginalSums {
        squares: Lanes::ZERO,
        log_determinant: 0.0,
        first: [Lanes::ZERO; M],
        second: [Lanes::ZERO; M],
        leverage: [Lanes::ZERO; M],
    };
    let mut product = Lanes([1.0; LANES]);
    let mut covariance = Covariance::<M>::new();
    for groups in table.bundles() {
        covariance.factorize(k, groups, ratio);
        for d in &covariance.diagonal[..k] {
            product = product * *d;
            if product.sum() > LARGE {
                sums.log_determinant += product.map(ln).sum();
                product = Lanes([1.0; LANES]);
            }
        }
        let mut whitened = deviation(k, groups, mu);
        sums.squares += covariance.whiten(k, &mut whitened);
        let q = covariance.solve(k, whitened);
        for c in 0..k {
            let first = along(groups, c, &q);
            sums.first[c] += first;
            sums.second[c] += first * first;
            let mut column = column::<M>(groups, c);
            sums.leverage[c] += covariance.whiten(c + 1, &mut column);
        }
    }
    sums.log_determinant += product.map(ln).sum();
    sums
}
