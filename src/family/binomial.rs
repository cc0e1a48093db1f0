//! The binomial family with logit link: k successes of n trials, each with the probability 1 / (1 + e^-eta). Twin of
//! shaders/family/binomial.wgsl.
//!
//! ```text
//! log p = sum_i { k_i eta_i - n_i log(1 + e^{eta_i}) + log C(n_i, k_i) }
//! ```
//!
//! Rows of the same eta are one row of their sums. Where 0 < k < n, the log likelihood is computed about its largest
//! value, at the share s = k/n and its logit: with d = eta - logit s it is k d - n log(1 + s (e^d - 1)).

use statrs::function::beta::checked_beta_reg;
use statrs::function::gamma::ln_gamma;

use super::{Distribution, Link, LogLikelihoodSum, MOST_NUMBERS, OutcomeKind, OutcomeRow, quantile_of_counts};
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};

/// A binomial distribution of logit eta.
#[derive(Debug, Clone, Copy)]
pub struct Binomial;

impl Distribution for Binomial {
    const NAME: &'static str = "binomial";
    const DISPERSIONS: &'static [&'static str] = &[];
    const LINK: Link = Link::Logit;
    const OUTCOMES: OutcomeKind = OutcomeKind::Successes;
    const IS_LOCATION_SCALE: bool = false;
    const MERGES: bool = true;
    const NUMBERS: usize = MOST_NUMBERS;
    const WGSL: &'static str = include_str!("../../shaders/family/binomial.wgsl");
    type Sums = LogLikelihoodSum;

    #[inline(always)]
    fn at(_dispersions: &[f64]) -> Binomial {
        Binomial
    }

    /// k, n, and the logit of k/n, or 0 where that is infinite.
    fn numbers(row: &OutcomeRow) -> [f64; MOST_NUMBERS] {
        let failures = row.size - row.outcome;
        let logit = if row.outcome > 0.0 && failures > 0.0 { (row.outcome / failures).ln() } else { 0.0 };
        [row.outcome, row.size, logit]
    }

    fn saturated(row: &OutcomeRow) -> f64 {
        most(row)
    }

    fn constant(outcome: f64, size: f64) -> f64 {
        ways(outcome, size)
    }

    #[inline(always)]
    fn row(
        &self,
        [k, n, logit]: [Lanes; MOST_NUMBERS],
        eta: Lanes,
        _weight: Lanes,
        sums: &mut LogLikelihoodSum,
    ) -> Lanes {
        let d = eta - logit;
        let (mut value, mut slope) = (Lanes::ZERO, Lanes::ZERO);
        for lane in 0..LANES {
            let (k, n, d) = (k.0[lane], n.0[lane], d.0[lane]);
            // At either end both shares are 1, and the logit is 0.
            let inside = k > 0.0 && k < n;
            let share = if inside { k / n } else { 1.0 };
            let rest = if inside { 1.0 - share } else { 1.0 };
            // From the side on which e^d is small.
            let small = exp(-d.abs());
            let (near, far) = if d > 0.0 { (rest * small, share) } else { (share * small, rest) };
            let all = near + far;
            let successes = if d > 0.0 { far / all } else { near / all };
            value.0[lane] = (if d > 0.0 { k - n } else { k }) * d - n * ln(all);
            slope.0[lane] = k - n * successes;
        }
        sums.0 += value;
        slope
    }

    fn device_sum(sums: &LogLikelihoodSum) -> f64 {
        sums.0.sum()
    }

    fn log_density(&self, outcome: f64, size: f64, eta: f64) -> f64 {
        let softplus = eta.max(0.0) + (-eta.abs()).exp().ln_1p();
        ways(outcome, size) + outcome * eta - size * softplus
    }

    fn moments(&self, size: f64, eta: f64) -> [f64; 2] {
        moments_of_trials(size, Link::Logit.inverse(eta), Link::Logit.inverse(-eta))
    }

    fn quantile(&self, size: f64, eta: f64, deviate: f64) -> f64 {
        quantile_of_trials(size, Link::Logit.inverse(eta), deviate)
    }

    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        let of_one = [Link::Logit.inverse(eta), Link::Logit.inverse(-eta)];
        around_trials(outcome, size, of_one, || self.log_density(outcome, size, eta))
    }
}

/// log C(n, k).
pub fn ways(k: f64, n: f64) -> f64 {
    if k == 0.0 || k == n { 0.0 } else { ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) }
}

/// The log likelihood where the probability is the share of successes, without log C(n, k).
pub fn most(row: &OutcomeRow) -> f64 {
    let (k, n) = (row.outcome, row.size);
    let part = |count: f64| if count > 0.0 { count * (count / n).ln() } else { 0.0 };
    part(k) + part(n - k)
}

/// The mean and the variance of the successes of n trials, given the probabilities of success and failure.
pub fn moments_of_trials(n: f64, success: f64, failure: f64) -> [f64; 2] {
    [n * success, n * success * failure]
}

/// The quantile of the successes of n trials at the rank of a standard normal deviate.
pub fn quantile_of_trials(n: f64, success: f64, deviate: f64) -> f64 {
    let sd = (n * success * (1.0 - success)).sqrt();
    // The probability of at most k successes.
    let cdf = |k: f64| match k {
        k if k < 0.0 => 0.0,
        k if k >= n => 1.0,
        k => checked_beta_reg(n - k, k + 1.0, 1.0 - success).unwrap_or(1.0),
    };
    quantile_of_counts(deviate, n, [n * success, sd], cdf)
}

/// The probabilities of fewer successes of n trials than k, of k, and of more, given those of success and failure.
pub fn around_trials(k: f64, n: f64, [success, failure]: [f64; 2], log_density: impl Fn() -> f64) -> [f64; 3] {
    if n == 1.0 {
        return if k > 0.0 { [failure, success, 0.0] } else { [0.0, failure, success] };
    }
    let fewer = if k > 0.0 { checked_beta_reg(n - k + 1.0, k, failure).unwrap_or(0.0) } else { 0.0 };
    let more = if k < n { checked_beta_reg(k + 1.0, n - k, success).unwrap_or(0.0) } else { 0.0 };
    [fewer, log_density().exp(), more]
}
