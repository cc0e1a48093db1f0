//! The low-rank part of a metric, beside its diagonal: eigenvectors along which a posterior is wider or narrower than
//! its coordinates are.
//!
//! With S = diag(s) for the scales, orthonormal eigenvectors u_1, ..., u_k and the eigenvalue l_r of each, the inverse
//! metric is F F' with
//!
//! ```text
//! F = S (I + sum_r (sqrt(l_r) - 1) u_r u_r')
//! ```
//!
//! A momentum w that is whitened by F becomes the velocity F w, and a gradient g the force F' g (Seyboldt, Carlson and
//! Carpenter 2026).

use std::sync::Arc;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::lanes::{Lanes, Vector};

/// Eigenvectors and eigenvalues of the inverse metric, where the scales have made all coordinates alike. All other
/// eigenvalues are 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LowRank {
    /// Orthonormal eigenvectors, `[eigenvector][coordinate]`.
    pub eigenvectors: Vec<f64>,
    /// The variance along each.
    pub eigenvalues: Vec<f64>,
}

impl LowRank {
    /// The number of eigenvectors.
    pub fn rank(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Each eigenvector with its eigenvalue.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let dim = self.eigenvectors.len() / self.rank().max(1);
        self.eigenvectors.chunks_exact(dim.max(1)).zip(self.eigenvalues.iter().copied())
    }

    /// The entries of the inverse metric's diagonal, given the scales.
    pub fn variances(&self, scale: &[f64]) -> Vec<f64> {
        let variance = |i: usize| {
            let beyond = self.iter().map(|(u, eigenvalue)| (eigenvalue - 1.0) * u[i] * u[i]);
            scale[i] * scale[i] * (1.0 + beyond.sum::<f64>())
        };
        (0..scale.len()).map(variance).collect()
    }
}

/// I + sum_r (sqrt(l_r) - 1) u_r u_r', shared by all chains: the eigenvectors, and the factor in brackets of each.
#[derive(Debug, Clone, Default)]
pub struct Correction(Arc<[(Vector, f64)]>);

impl Correction {
    /// The correction by `low_rank`.
    pub fn new(low_rank: &LowRank) -> Correction {
        let one = |(u, eigenvalue): (&[f64], f64)| (Vector::from(u), eigenvalue.sqrt() - 1.0);
        Correction(low_rank.iter().map(one).collect())
    }

    /// Whether nothing is corrected.
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// The eigenvectors and their factors.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.0.iter().map(|(u, factor)| (&u[..], *factor))
    }

    /// Multiplies `v` by it. Eigenvectors are orthogonal, so that one may follow the other.
    pub fn apply(&self, v: &mut Vector) {
        for (u, factor) in &*self.0 {
            add_along(u.lanes(), *factor, v.lanes_mut());
        }
    }
}

/// v += `factor` u u' v.
#[multiversion(targets = "simd")]
fn add_along(u: &[Lanes], factor: f64, v: &mut [Lanes]) {
    let dot = u.iter().zip(&*v).fold(Lanes::ZERO, |sum, (u, v)| sum + *u * *v).sum();
    let along = factor * dot;
    for (v, u) in v.iter_mut().zip(u) {
        *v += *u * along;
    }
}
