//! The covariance of a group's rotated outcome with its effects integrated out, factorized by additions of positive
//! terms.
//!
//! Given mu, sigma and e for eps, beta = mu + D z with D = diag(sigma) and z standard normal, so that the rotated
//! outcome ([`QrTable`](crate::density::qr::QrTable)) is
//!
//! ```text
//! w ~ Normal(R mu, e^2 V),    V = I + sum_k s_k r_k r_k',    s_k = sigma_k^2 / e^2,    r_k column k of R
//! ```
//!
//! The factors of V = U diag(d) U', with U unit upper triangular, start as those of I and are updated by one column of
//! R after the other, the last column first, with method C1 of Gill, Golub, Murray and Saunders (1974), from the last
//! row upwards:
//!
//! ```text
//! d'_j = d_j + alpha v_j^2,   alpha' = alpha d_j / d'_j,
//! v_i -= v_j U_ij,   U_ij += (alpha v_j / d'_j) v_i    for i < j
//! ```
//!
//! starting with v = r_k and alpha = s_k. Every d is 1 plus terms that are not negative. With two coefficients,
//!
//! ```text
//! d_1 = 1 + s_1 Sxx,   d_0 = 1 + s_0 n + s_1 / d_1 n xbar^2
//! ```
//!
//! without the difference n xbar^2 s_1 (1 - s_1 Sxx / d_1), which would lose digits by cancellation: sigma = 0 and a
//! predictor far from zero need no special case.

use crate::density::qr::GroupBundle;
use crate::lanes::{LANES, Lanes};

/// The factors of V for eight groups. `M` is at least K.
pub struct Covariance<const M: usize> {
    /// `[j][i]` holds U_ij, for i < j.
    upper: [[Lanes; M]; M],
    /// d, and 1 / d.
    pub diagonal: [Lanes; M],
    inverse: [Lanes; M],
}

impl<const M: usize> Covariance<M> {
    /// V = I.
    #[inline(always)]
    pub fn new() -> Covariance<M> {
        Covariance { upper: [[Lanes::ZERO; M]; M], diagonal: [ONE; M], inverse: [ONE; M] }
    }

    /// Factorizes V of `groups` for `k` coefficients; `ratio` holds s.
    #[inline(always)]
    pub fn factorize(&mut self, k: usize, groups: GroupBundle, ratio: &[f64; M]) {
        for j in 0..k {
            self.diagonal[j] = ONE;
            for i in 0..j {
                self.upper[j][i] = Lanes::ZERO;
            }
        }
        for c in (0..k).rev() {
            let mut v = column::<M>(groups, c);
            let mut alpha = Lanes([ratio[c]; LANES]);
            for j in (0..=c).rev() {
                let weighted = alpha * v[j];
                let before = self.diagonal[j];
                self.diagonal[j] = before + weighted * v[j];
                let inverse = self.diagonal[j].map(|d| 1.0 / d);
                let gain = weighted * inverse;
                alpha = alpha * before * inverse;
                for i in 0..j {
                    v[i] -= v[j] * self.upper[j][i];
                    self.upper[j][i] += gain * v[i];
                }
            }
        }
        for j in 0..k {
            self.inverse[j] = self.diagonal[j].map(|d| 1.0 / d);
        }
    }

    /// Replaces the first `k` entries of x by those of U^-1 x, and returns x' V^-1 x.
    #[inline(always)]
    pub fn whiten(&self, k: usize, x: &mut [Lanes; M]) -> Lanes {
        let mut square = Lanes::ZERO;
        for j in (0..k).rev() {
            for i in 0..j {
                x[i] -= self.upper[j][i] * x[j];
            }
            square += x[j] * x[j] * self.inverse[j];
        }
        square
    }

    /// V^-1 x, from the result of [`whiten`](Self::whiten) for x.
    #[inline(always)]
    pub fn solve(&self, k: usize, mut whitened: [Lanes; M]) -> [Lanes; M] {
        for j in 0..k {
            whitened[j] = whitened[j] * self.inverse[j];
            for i in 0..j {
                whitened[j] -= self.upper[j][i] * whitened[i];
            }
        }
        whitened
    }
}

const ONE: Lanes = Lanes([1.0; LANES]);

/// w - R mu of `groups`.
#[inline(always)]
pub fn deviation<const M: usize>(k: usize, groups: GroupBundle, mu: &[f64; M]) -> [Lanes; M] {
    let mut deviation = [Lanes::ZERO; M];
    // Entry by entry: an array that is copied as a slice stays in memory.
    for (i, deviation) in deviation.iter_mut().enumerate().take(k) {
        *deviation = groups.outcome(k)[i];
        for (c, mu) in mu.iter().enumerate().take(k).skip(i) {
            *deviation -= groups.column(c)[i] * *mu;
        }
    }
    deviation
}

/// r_c, padded with zeros.
#[inline(always)]
pub fn column<const M: usize>(groups: GroupBundle, c: usize) -> [Lanes; M] {
    let mut column = [Lanes::ZERO; M];
    for (i, entry) in column.iter_mut().enumerate().take(c + 1) {
        *entry = groups.column(c)[i];
    }
    column
}

/// r_c' x.
#[inline(always)]
pub fn column_dot<const M: usize>(groups: GroupBundle, c: usize, x: &[Lanes; M]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for (i, x) in x.iter().enumerate().take(c + 1) {
        sum += groups.column(c)[i] * *x;
    }
    sum
}
