//! Student's t family: outcomes are about eta with scale sigma and nu degrees of freedom. Twin of
//! shaders/family/student.wgsl.
//!
//! ```text
//! log p = sum_i { log G((nu+1)/2) - log G(nu/2) - log(nu pi)/2 - log sigma - (nu+1)/2 log(1 + z_i^2/nu) }
//! z_i   = (y_i - eta_i) / sigma
//! ```

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::gamma::{digamma, ln_gamma};

use super::outcome::rank_of;
use super::{AboutCentre, CountOf, Distribution, Link, MOST_NUMBERS, OutcomeKind};
use crate::lanes::Lanes;
use crate::math::ln;

/// Student's t distribution about eta.
#[derive(Debug, Clone, Copy)]
pub struct Student {
    sigma: f64,
    nu: f64,
    /// sigma^2 nu.
    width: f64,
}

/// The sums of log(1 + z^2/nu), and of z^2 / (nu + z^2).
#[derive(Debug, Clone, Copy)]
pub struct TailSums {
    logs: Lanes,
    shares: Lanes,
}

impl Default for TailSums {
    fn default() -> TailSums {
        TailSums { logs: Lanes::ZERO, shares: Lanes::ZERO }
    }
}

/// More degrees of freedom than these are taken for these many, where the distribution is normal to ten digits and the
/// difference of two logarithms of the gamma function would lose them.
const MOST_DEGREES: f64 = 1e10;

/// log G(x + 1/2) - log G(x), and its derivative.
fn half_step(x: f64) -> [f64; 2] {
    if x < 1e4 {
        return [ln_gamma(x + 0.5) - ln_gamma(x), digamma(x + 0.5) - digamma(x)];
    }
    // Its asymptotic series, whose next terms are below 1e-20.
    let inverse = 1.0 / x;
    let cube = inverse * inverse * inverse;
    [0.5 * x.ln() - inverse / 8.0 + cube / 192.0, inverse * (0.5 + inverse / 8.0) - cube * inverse / 64.0]
}

impl Distribution for Student {
    const NAME: &'static str = "student";
    const DISPERSIONS: &'static [&'static str] = &["sigma", "nu"];
    const LINK: Link = Link::Identity;
    const OUTCOMES: OutcomeKind = OutcomeKind::Real;
    const IS_LOCATION_SCALE: bool = true;
    const WGSL: &'static str = include_str!("../../shaders/family/student.wgsl");
    const DEVICE_SUMS: u32 = 2;
    type Sums = TailSums;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> Student {
        let [sigma, nu] = [dispersions[0], dispersions[1].min(MOST_DEGREES)];
        Student { sigma, nu, width: sigma * sigma * nu }
    }

    fn row_constant() -> f64 {
        -0.5 * PI.ln()
    }

    #[inline(always)]
    fn row(&self, [outcome, ..]: [Lanes; MOST_NUMBERS], eta: Lanes, weight: Lanes, sums: &mut TailSums) -> Lanes {
        let residual = outcome - eta;
        let square = residual * residual;
        let all = square + self.width;
        sums.logs += (all * (1.0 / self.width)).map(ln) * weight;
        sums.shares += square / all;
        residual / all
    }

    #[inline(always)]
    fn unit(&self) -> f64 {
        self.nu + 1.0
    }

    fn finish(
        &self,
        sums: &TailSums,
        _counts: &[CountOf],
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        let (nu, half) = (self.nu, 0.5 * (self.nu + 1.0));
        let (logs, shares) = (sums.logs.sum(), sums.shares.sum());
        let [step, slope] = half_step(0.5 * nu);
        by_log_dispersions[0] += 2.0 * half * shares - observations;
        by_log_dispersions[1] += 0.5 * observations * (nu * slope - 1.0) - 0.5 * nu * logs + half * shares;
        observations * (step - 0.5 * nu.ln() - log_dispersions[0]) - half * logs
    }

    fn device_sum(sums: &TailSums) -> f64 {
        sums.logs.sum()
    }

    fn device_constant(&self, about: &AboutCentre) -> f64 {
        let [step, _] = half_step(0.5 * self.nu);
        about.rows * (step - 0.5 * self.nu.ln() - self.sigma.ln() - 0.5 * (self.nu + 1.0) * about.centre)
    }

    fn log_density(&self, outcome: f64, _size: f64, eta: f64) -> f64 {
        let z = (outcome - eta) / self.sigma;
        let [step, _] = half_step(0.5 * self.nu);
        step - 0.5 * (self.nu * PI).ln() - self.sigma.ln() - 0.5 * (self.nu + 1.0) * (z * z / self.nu).ln_1p()
    }

    /// The variance is infinite with two degrees of freedom or fewer.
    fn moments(&self, _size: f64, eta: f64) -> [f64; 2] {
        let variance = if self.nu > 2.0 { self.nu / (self.nu - 2.0) } else { f64::INFINITY };
        [eta, self.sigma * self.sigma * variance]
    }

    fn quantile(&self, _size: f64, eta: f64, deviate: f64) -> f64 {
        // By the symmetry, from the lower tail, where no digits are lost.
        let below = |t: StudentsT| t.inverse_cdf(rank_of(-deviate.abs()));
        let standard = StudentsT::new(0.0, 1.0, self.nu).map_or(-deviate.abs(), below);
        eta + self.sigma * standard.abs().copysign(deviate)
    }

    fn around(&self, outcome: f64, _size: f64, eta: f64) -> [f64; 3] {
        let t = (outcome - eta) / self.sigma;
        // By the symmetry, as of the quantile.
        let tail = StudentsT::new(0.0, 1.0, self.nu).map_or(0.5, |standard| standard.cdf(-t.abs()));
        if t < 0.0 { [tail, 0.0, 1.0 - tail] } else { [1.0 - tail, 0.0, tail] }
    }
}
