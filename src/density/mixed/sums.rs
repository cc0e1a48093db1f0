//! Sums over levels, in the same order on every processor.

use multiversion::multiversion;

use crate::lanes::{LANES, Lanes};

/// Adds `factor` times `from` to `to`.
pub fn add_multiple(factor: f64, from: &[f64], to: &mut [f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

/// u' v.
#[multiversion(targets = "simd")]
pub fn dot(u: &[f64], v: &[f64]) -> f64 {
    let mut sum = Lanes::ZERO;
    for (u, v) in u.chunks(LANES).zip(v.chunks(LANES)) {
        sum += Lanes::load(u, 0.0) * Lanes::load(v, 0.0);
    }
    sum.sum()
}

/// The sum of u.
#[multiversion(targets = "simd")]
pub fn sum(u: &[f64]) -> f64 {
    let mut sum = Lanes::ZERO;
    u.chunks(LANES).for_each(|u| sum += Lanes::load(u, 0.0));
    sum.sum()
}
