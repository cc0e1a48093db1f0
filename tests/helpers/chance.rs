//! What chance allows: limits that a sound program goes beyond in one run of a million. Seeds are fixed, so that no
//! test fails by chance from day to day; a limit says how surely a test passes where other bits are drawn from the same
//! distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// The chance that a test fails where nothing is wrong.
const FALSE_ALARM: f64 = 1e-6;

/// How large the largest of so many standard normal scores may be, however they hang together (Bonferroni's
/// inequality).
pub fn largest(scores: usize) -> f64 {
    Normal::standard().inverse_cdf(1.0 - FALSE_ALARM / (2.0 * scores as f64))
}

/// How large Kolmogorov and Smirnov's statistic may be in the worst of so many columns: sqrt(n) times the largest
/// distance of two distribution functions, which is above d with a chance of 2 exp(-2 d^2).
pub fn kolmogorov_smirnov(columns: usize) -> f64 {
    (0.5 * (2.0 * columns as f64 / FALSE_ALARM).ln()).sqrt()
}

/// The root mean square of standard normal scores, which is between 0.6 and 1.4 but for one run of a million where 80
/// of them or more are independent: those of radon's 170 effects mostly are.
///
/// # Panics
/// Where it is not.
#[track_caller]
pub fn is_near_one(root_mean_square: f64, what: &str) {
    assert!((0.6..1.4).contains(&root_mean_square), "{what}: the scores' root mean square is {root_mean_square:.2}");
}
