//! The Poisson family with logarithmic link: the mean of a count is e^eta. Twin of shaders/family/poisson.wgsl.
//!
//! ```text
//! log p = sum_i { k_i eta_i - e^{eta_i} - log k_i! }
//! ```
//!
//! Rows of the same eta are one row of their sums, and known parts of eta are numbers of rows: k of E rows have the log
//! likelihood k (d - e^d + 1) about its largest value, with d = eta - log(k/E); if k is 0, -e^d with d = eta + log E.

use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur, ln_gamma};

use super::{Distribution, Link, LogLikelihoodSum, MOST_NUMBERS, OutcomeKind, OutcomeRow, quantile_of_counts};
use crate::lanes::Lanes;
use crate::math::exp;

/// A Poisson distribution of mean e^eta.
#[derive(Debug, Clone, Copy)]
pub struct Poisson;

impl Distribution for Poisson {
    const NAME: &'static str = "poisson";
    const DISPERSIONS: &'static [&'static str] = &[];
    const LINK: Link = Link::Log;
    const OUTCOMES: OutcomeKind = OutcomeKind::Count;
    const IS_LOCATION_SCALE: bool = false;
    const MERGES: bool = true;
    const NUMBERS: usize = MOST_NUMBERS;
    const WGSL: &'static str = include_str!("../../shaders/family/poisson.wgsl");
    type Sums = LogLikelihoodSum;

    #[inline(always)]
    fn at(_dispersions: &[f64]) -> Poisson {
        Poisson
    }

    /// k, its factor of e^d, and the eta of the largest value.
    fn numbers(row: &OutcomeRow) -> [f64; MOST_NUMBERS] {
        match row.outcome {
            0.0 => [0.0, 1.0, -row.size.ln()],
            k => [k, k, (k / row.size).ln()],
        }
    }

    fn with_offset_in_size(row: OutcomeRow) -> (OutcomeRow, f64) {
        (OutcomeRow { size: row.offset.exp(), offset: 0.0, ..row }, row.outcome * row.offset)
    }

    fn saturated(row: &OutcomeRow) -> f64 {
        if row.outcome == 0.0 { 0.0 } else { row.outcome * ((row.outcome / row.size).ln() - 1.0) }
    }

    fn constant(outcome: f64, _size: f64) -> f64 {
        -ln_gamma(outcome + 1.0)
    }

    #[inline(always)]
    fn row(
        &self,
        [k, factor, most]: [Lanes; MOST_NUMBERS],
        eta: Lanes,
        _weight: Lanes,
        sums: &mut LogLikelihoodSum,
    ) -> Lanes {
        let d = eta - most;
        let expected = factor * d.map(exp);
        sums.0 += k * (d + 1.0) - expected;
        k - expected
    }

    fn device_sum(sums: &LogLikelihoodSum) -> f64 {
        sums.0.sum()
    }

    fn log_density(&self, outcome: f64, _size: f64, eta: f64) -> f64 {
        outcome * eta - eta.exp() - ln_gamma(outcome + 1.0)
    }

    fn moments(&self, _size: f64, eta: f64) -> [f64; 2] {
        [eta.exp(), eta.exp()]
    }

    fn quantile(&self, _size: f64, eta: f64, deviate: f64) -> f64 {
        let mean = eta.exp();
        quantile_of_counts(deviate, f64::MAX, [mean, mean.sqrt()], |k| checked_gamma_ur(k + 1.0, mean).unwrap_or(1.0))
    }

    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        let mean = eta.exp();
        let smaller = if outcome > 0.0 { checked_gamma_ur(outcome, mean).unwrap_or(0.0) } else { 0.0 };
        let larger = checked_gamma_lr(outcome + 1.0, mean).unwrap_or(0.0);
        [smaller, self.log_density(outcome, size, eta).exp(), larger]
    }
}
