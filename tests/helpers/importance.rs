//! What tests of importance sampling and of stacking share.

use statrs::distribution::{ContinuousCDF, Normal};

/// Asserts that two numbers are equal to `tolerance`, relative to `theirs` or to 1.
#[track_caller]
pub fn close(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    let is_close = ours == theirs || (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0);
    assert!(is_close, "{what}: {ours} is not {theirs} to {tolerance}");
}

/// Normal draws, one at the middle of each of `count` equally probable intervals, in an order without pattern.
pub fn normal_draws(mean: f64, sd: f64, count: u64) -> Vec<f64> {
    let normal = Normal::new(mean, sd).unwrap();
    // Coprime to every count in use.
    let place = |i: u64| i * 7919 % count;
    (0..count).map(|i| normal.inverse_cdf((place(i) as f64 + 0.5) / count as f64)).collect()
}
