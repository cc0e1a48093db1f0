//! The negative binomial family with logarithmic link (NB2): the mean of a count is m = e^eta, its variance
//! m + m^2 / shape.
//!
//! With p = m / (m + a) for the shape a, a count k is k "successes" beside a "failures" of logit x = eta - log a:
//!
//! ```text
//! log p = sum_i { log G(k_i + a) - log G(a) - log k_i! + k_i log p_i + a log(1 - p_i) }
//! ```

use statrs::function::beta::checked_beta_reg;
use statrs::function::gamma::{digamma, ln_gamma};

use super::{AboutCentre, CountOf, Distribution, Link, MOST_NUMBERS, OutcomeKind, quantile_of_counts};
use crate::lanes::Lanes;
use crate::math::{exp, ln};

/// A negative binomial distribution of mean e^eta.
#[derive(Debug, Clone, Copy)]
pub struct NegBinomial {
    shape: f64,
    log_shape: f64,
}

/// The sums of the log likelihood but for the gamma functions, of log(1 - p), and of the derivatives by eta.
#[derive(Debug, Clone, Copy)]
pub struct OverdispersedSums {
    values: Lanes,
    log_failures: Lanes,
    slopes: Lanes,
}

impl Default for OverdispersedSums {
    fn default() -> OverdispersedSums {
        OverdispersedSums { values: Lanes::ZERO, log_failures: Lanes::ZERO, slopes: Lanes::ZERO }
    }
}

/// log G(k + a) - log G(a) - k log a, and the derivative of the first two by a; without loss of digits for large a.
fn rising(k: f64, a: f64) -> [f64; 2] {
    if k <= FEW {
        // The logarithm of a (a + 1) ... (a + k - 1).
        let (mut sum, mut slope, mut j) = (0.0, 0.0, 0.0);
        while j < k {
            sum += (j / a).ln_1p();
            slope += 1.0 / (a + j);
            j += 1.0;
        }
        return [sum, slope];
    }
    if a < LARGE {
        return [ln_gamma(k + a) - ln_gamma(a) - k * a.ln(), digamma(k + a) - digamma(a)];
    }
    // Stirling's series of both, in which the large terms cancel by hand.
    let (sum, inverse) = (k + a, 1.0 / a);
    let log = (k / a).ln_1p();
    let correction = |x: f64| 1.0 / (12.0 * x);
    let value = (sum - 0.5) * log - k + correction(sum) - correction(a);
    [value, log + 0.5 * (inverse - 1.0 / sum) + (inverse * inverse - (sum * sum).recip()) / 12.0]
}

/// Counts up to this are taken term by term.
const FEW: f64 = 32.0;

/// From this shape on, logarithms of the gamma function are Stirling's.
const LARGE: f64 = 1e5;

impl Distribution for NegBinomial {
    const NAME: &'static str = "negbinomial";
    const DISPERSIONS: &'static [&'static str] = &["shape"];
    const LINK: Link = Link::Log;
    const OUTCOMES: OutcomeKind = OutcomeKind::Count;
    const IS_LOCATION_SCALE: bool = false;
    const COUNTS: bool = true;
    const WGSL: &'static str = include_str!("../../shaders/family/negbinomial.wgsl");
    const DEVICE_SUMS: u32 = 3;
    type Sums = OverdispersedSums;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> NegBinomial {
        NegBinomial { shape: dispersions[0], log_shape: dispersions[0].ln() }
    }

    fn constant(outcome: f64, _size: f64) -> f64 {
        -ln_gamma(outcome + 1.0)
    }

    #[inline(always)]
    fn row(&self, [k, ..]: [Lanes; MOST_NUMBERS], eta: Lanes, weight: Lanes, sums: &mut OverdispersedSums) -> Lanes {
        let x = eta + -self.log_shape;
        let small = x.map(|x| exp(-x.abs()));
        let log = small.map(|small| ln(1.0 + small));
        // log p and log(1 - p).
        let (success, failure) = (x.map(|x| x.min(0.0)) - log, x.map(|x| -x.max(0.0)) - log);
        let mut share = Lanes::ZERO;
        for (share, (x, small)) in share.0.iter_mut().zip(x.0.iter().zip(small.0)) {
            *share = if *x > 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
        }
        // About k log(a / (k + a)) would be nearer to 0; f64 has the digits.
        let slope = (k - (k + self.shape) * share) * weight;
        sums.values += (k * success + failure * self.shape) * weight;
        sums.log_failures += failure * weight;
        sums.slopes += slope;
        slope
    }

    fn finish(
        &self,
        sums: &OverdispersedSums,
        counts: &[CountOf],
        _observations: f64,
        _log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        let a = self.shape;
        let (mut value, mut by_shape) = (sums.values.sum(), sums.log_failures.sum());
        for CountOf { outcome, rows } in counts {
            let [log, slope] = rising(*outcome, a);
            value += rows * (log + outcome * self.log_shape);
            by_shape += rows * slope;
        }
        by_log_dispersions[0] += a * by_shape - sums.slopes.sum();
        value
    }

    fn device_sum(sums: &OverdispersedSums) -> f64 {
        sums.values.sum()
    }

    fn device_constant(&self, about: &AboutCentre) -> f64 {
        let of =
            |CountOf { outcome, rows }: &CountOf| rows * (rising(*outcome, self.shape)[0] + outcome * self.log_shape);
        about.rows * about.centre + about.counts.iter().map(of).sum::<f64>()
    }

    fn log_density(&self, outcome: f64, _size: f64, eta: f64) -> f64 {
        let (a, x) = (self.shape, eta - self.log_shape);
        let log = (-x.abs()).exp().ln_1p();
        let [rise, _] = rising(outcome, a);
        rise + outcome * (self.log_shape + x.min(0.0) - log) - a * (x.max(0.0) + log) - ln_gamma(outcome + 1.0)
    }

    fn moments(&self, _size: f64, eta: f64) -> [f64; 2] {
        let mean = eta.exp();
        [mean, mean + mean * mean / self.shape]
    }

    fn quantile(&self, size: f64, eta: f64, deviate: f64) -> f64 {
        let [mean, variance] = self.moments(size, eta);
        let failure = self.shape / (self.shape + mean);
        let cdf = |k: f64| checked_beta_reg(self.shape, k + 1.0, failure).unwrap_or(1.0);
        quantile_of_counts(deviate, f64::MAX, [mean, variance.sqrt()], cdf)
    }

    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        let mean = eta.exp();
        let [failure, success] = [self.shape, mean].map(|part| part / (self.shape + mean));
        let smaller = if outcome > 0.0 { checked_beta_reg(self.shape, outcome, failure).unwrap_or(0.0) } else { 0.0 };
        let larger = checked_beta_reg(outcome + 1.0, self.shape, success).unwrap_or(0.0);
        [smaller, self.log_density(outcome, size, eta).exp(), larger]
    }
}
