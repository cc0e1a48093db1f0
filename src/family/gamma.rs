//! The gamma family with logarithmic link: the mean of an outcome is e^eta, its shape is that of all. Twin of
//! shaders/family/gamma.wgsl.
//!
//! ```text
//! log p = sum_i { a log a - log G(a) + a (d_i - e^{d_i}) - log y_i },    d_i = log y_i - eta_i
//! ```

use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur, digamma, ln_gamma};

use super::outcome::rank_of;
use super::{AboutCentre, CountOf, Distribution, Link, MOST_NUMBERS, OutcomeKind};
use crate::lanes::Lanes;
use crate::math::exp;

/// A gamma distribution of mean e^eta.
#[derive(Debug, Clone, Copy)]
pub struct Gamma {
    shape: f64,
}

/// The sum of e^d - 1 - d.
#[derive(Debug, Clone, Copy)]
pub struct ExcessSum(Lanes);

impl Default for ExcessSum {
    fn default() -> ExcessSum {
        ExcessSum(Lanes::ZERO)
    }
}

/// a log a - a - log G(a), and log a - digamma(a).
fn of_shape(a: f64) -> [f64; 2] {
    if a < 1e6 {
        return [a * a.ln() - a - ln_gamma(a), a.ln() - digamma(a)];
    }
    // Stirling's series, whose next terms are below 1e-18.
    let inverse = 1.0 / a;
    [0.5 * (a / std::f64::consts::TAU).ln() - inverse / 12.0, inverse * (0.5 + inverse / 12.0)]
}

impl Distribution for Gamma {
    const NAME: &'static str = "gamma";
    const DISPERSIONS: &'static [&'static str] = &["shape"];
    const LINK: Link = Link::Log;
    const OUTCOMES: OutcomeKind = OutcomeKind::Positive;
    const IS_LOCATION_SCALE: bool = false;
    const IS_LOCATION: bool = true;
    const WGSL: &'static str = include_str!("../../shaders/family/gamma.wgsl");
    type Sums = ExcessSum;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> Gamma {
        Gamma { shape: dispersions[0] }
    }

    fn working(outcome: f64) -> f64 {
        outcome.ln()
    }

    fn constant(outcome: f64, _size: f64) -> f64 {
        -outcome.ln()
    }

    #[inline(always)]
    fn row(&self, [log, ..]: [Lanes; MOST_NUMBERS], eta: Lanes, _weight: Lanes, sums: &mut ExcessSum) -> Lanes {
        let d = log - eta;
        let grown = d.map(exp) + -1.0;
        sums.0 += grown - d;
        grown
    }

    #[inline(always)]
    fn unit(&self) -> f64 {
        self.shape
    }

    fn finish(
        &self,
        sums: &ExcessSum,
        _counts: &[CountOf],
        observations: f64,
        _log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        let (excess, [alone, slope]) = (sums.0.sum(), of_shape(self.shape));
        by_log_dispersions[0] += self.shape * (observations * slope - excess);
        observations * alone - self.shape * excess
    }

    fn device_sum(sums: &ExcessSum) -> f64 {
        sums.0.sum()
    }

    fn device_constant(&self, about: &AboutCentre) -> f64 {
        let [alone, _] = of_shape(self.shape);
        about.rows * (alone - self.shape * about.centre)
    }

    fn log_density(&self, outcome: f64, _size: f64, eta: f64) -> f64 {
        let (log, [alone, _]) = (outcome.ln(), of_shape(self.shape));
        let d = log - eta;
        alone - self.shape * (d.exp_m1() - d) - log
    }

    fn moments(&self, _size: f64, eta: f64) -> [f64; 2] {
        let mean = eta.exp();
        [mean, mean * mean / self.shape]
    }

    fn quantile(&self, _size: f64, eta: f64, deviate: f64) -> f64 {
        eta.exp() * standard_quantile(self.shape, deviate)
    }

    fn around(&self, outcome: f64, _size: f64, eta: f64) -> [f64; 3] {
        let x = self.shape * outcome * (-eta).exp();
        let [smaller, larger] = [checked_gamma_lr(self.shape, x), checked_gamma_ur(self.shape, x)];
        [smaller.unwrap_or(0.0), 0.0, larger.unwrap_or(0.0)]
    }
}

/// The quantile of a gamma distribution of mean 1 at the rank of a standard normal deviate.
fn standard_quantile(shape: f64, deviate: f64) -> f64 {
    // Bisection of the logarithm, by the smaller tail, so that neither end loses digits.
    let is_upper = deviate > 0.0;
    let target = rank_of(-deviate.abs());
    let is_below = |log: f64| {
        let x = shape * log.exp();
        match is_upper {
            true => checked_gamma_ur(shape, x).is_ok_and(|tail| tail > target),
            false => checked_gamma_lr(shape, x).is_ok_and(|tail| tail < target),
        }
    };
    // Wilson and Hilferty's approximation, and a bracket about it.
    let ninth = 1.0 / (9.0 * shape);
    let guess = 3.0 * (1.0 - ninth + deviate * ninth.sqrt()).max(1e-3).ln();
    let (mut low, mut high, mut step) = (guess - 1e-2, guess + 1e-2, 2e-2);
    while !is_below(low) && low > -700.0 {
        (high, low, step) = (low, low - step, 2.0 * step);
    }
    while is_below(high) && high < 700.0 {
        (low, high, step) = (high, high + step, 2.0 * step);
    }
    while high - low > 1e-12 * high.abs().max(1.0) {
        let middle = 0.5 * (low + high);
        if is_below(middle) { low = middle } else { high = middle }
    }
    high.exp()
}
