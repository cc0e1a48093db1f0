//! The low-rank part of a metric, beside its diagonal: directions along which a posterior is wider or narrower than its
//! coordinates are.
//!
//! With S = diag(s) for the scales, orthonormal directions u_1, ..., u_k and a width t_r of each, the inverse metric
//! is F F' with
//!
//! ```text
//! F = S (I + sum_r (t_r - 1) u_r u_r')
//! ```
//!
//! A momentum w that is whitened by F becomes the velocity F w, and a gradient g the force F' g (Seyboldt, Carlson and
//! Carpenter 2026).

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::lanes::{Lanes, Vector};

/// Directions that are widened, after the scales have made all coordinates alike.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LowRank {
    /// Orthonormal directions, `[direction][coordinate]`.
    pub directions: Vec<f64>,
    /// The sd along each direction, where all sds are 1 without it.
    pub widths: Vec<f64>,
}

/// A low-rank part as steps need it.
#[derive(Debug, Clone, Default)]
pub struct Widening(Vec<(Vector, f64)>);

impl LowRank {
    /// The number of directions.
    pub fn rank(&self) -> usize {
        self.widths.len()
    }

    /// Each direction with its width.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let dim = self.directions.len() / self.rank().max(1);
        self.directions.chunks_exact(dim.max(1)).zip(self.widths.iter().copied())
    }

    /// The entries of the inverse metric's diagonal, given the scales.
    pub fn variances(&self, scale: &[f64]) -> Vec<f64> {
        let variance = |i: usize| {
            let beyond = self.iter().map(|(u, t)| (t * t - 1.0) * u[i] * u[i]);
            scale[i] * scale[i] * (1.0 + beyond.sum::<f64>())
        };
        (0..scale.len()).map(variance).collect()
    }
}

impl Widening {
    /// The widening of `low_rank`.
    pub fn new(low_rank: &LowRank) -> Widening {
        Widening(low_rank.iter().map(|(direction, width)| (Vector::from(direction), width - 1.0)).collect())
    }

    /// Whether nothing is widened.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// v += sum_r (t_r - 1) u_r u_r' v. Directions are orthogonal, so that one may follow the other.
    pub fn apply(&self, v: &mut Vector) {
        for (direction, beyond) in &self.0 {
            widen(direction.lanes(), *beyond, v.lanes_mut());
        }
    }
}

/// v += `beyond` u u' v.
#[multiversion(targets = "simd")]
fn widen(u: &[Lanes], beyond: f64, v: &mut [Lanes]) {
    let dot = u.iter().zip(&*v).fold(Lanes::ZERO, |sum, (u, v)| sum + *u * *v).sum();
    let along = beyond * dot;
    for (v, u) in v.iter_mut().zip(u) {
        *v += *u * along;
    }
}
