//! The Gaussian family: outcomes are normal about eta, with sd eps. Twin of shaders/family/gaussian.wgsl.
//!
//! ```text
//! log p = sum_i { - log 2 pi / 2 - log eps - (y_i - eta_i)^2 / (2 eps^2) }
//! ```

use std::f64::consts::TAU;

use super::Distribution;
use crate::lanes::Lanes;
use crate::math::ln;
use crate::random::{Purpose, StreamKey};

/// A normal distribution about eta.
#[derive(Debug, Clone, Copy)]
pub struct Gaussian {
    eps: f64,
    /// 1 / eps^2.
    precision: f64,
}

/// The residual sum of squares.
#[derive(Debug, Clone, Copy)]
pub struct SquaredResiduals(pub Lanes);

impl Default for SquaredResiduals {
    fn default() -> SquaredResiduals {
        SquaredResiduals(Lanes::ZERO)
    }
}

impl Distribution for Gaussian {
    const NAME: &'static str = "gaussian";
    const DISPERSIONS: &'static [&'static str] = &["eps"];
    const IS_LOCATION_SCALE: bool = true;
    const WGSL: &'static str = include_str!("../../shaders/family/gaussian.wgsl");
    const DEVICE_SUMS: u32 = 1;
    type Sums = SquaredResiduals;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> Gaussian {
        let eps = dispersions[0];
        Gaussian { eps, precision: 1.0 / (eps * eps) }
    }

    #[inline(always)]
    fn row(&self, outcome: Lanes, eta: Lanes, _weight: Lanes, sums: &mut SquaredResiduals) -> Lanes {
        let residual = outcome - eta;
        sums.0 += residual * residual;
        residual
    }

    #[inline(always)]
    fn unit(&self) -> f64 {
        self.precision
    }

    #[inline(always)]
    fn finish(
        &self,
        sums: &SquaredResiduals,
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        let scaled = sums.0.sum() * self.precision;
        by_log_dispersions[0] += scaled - observations;
        -0.5 * scaled - observations * log_dispersions[0]
    }

    // Both arguments are rounded, so that noise / e^{2 log_eps} is not quite 1, and N times the difference matters.
    fn device_constant(observations: f64, noise: f64, log_eps: f64) -> f64 {
        -(observations * (0.5 * noise / (2.0 * log_eps).exp() + log_eps))
    }

    fn constant(outcomes: &[f64]) -> f64 {
        -0.5 * outcomes.len() as f64 * TAU.ln()
    }

    fn log_densities(&self, outcomes: &[f64], etas: &[f64], out: &mut [f64]) {
        let constant = -0.5 * TAU.ln() - self.eps.ln();
        for ((out, eta), outcome) in out.iter_mut().zip(etas).zip(outcomes) {
            let z = (outcome - eta) / self.eps;
            *out = constant - 0.5 * z * z;
        }
    }

    fn replicate(&self, key: &StreamKey, etas: &[f64], out: &mut [f64]) {
        key.normals(Purpose::Replicate, out);
        for (out, eta) in out.iter_mut().zip(etas) {
            *out = eta + self.eps * *out;
        }
    }
}

impl Gaussian {
    /// log p(outcome | eta, sd), with every constant.
    pub fn log_density(outcome: f64, eta: f64, sd: f64) -> f64 {
        let z = (outcome - eta) / sd;
        -0.5 * TAU.ln() - ln(sd) - 0.5 * z * z
    }
}

/// Normal distributions about eta: row i has the variance eps^2 + se_i^2, where se_i is known. On the host only.
///
/// ```text
/// log p = sum_i { - log 2 pi / 2 - log v_i / 2 - (y_i - eta_i)^2 / (2 v_i) },    v_i = eps^2 + se_i^2
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GaussianWithErrors {
    /// eps^2.
    variance: f64,
}

/// The sums of (y_i - eta_i)^2 / v_i, of log v_i, and of eps^2 / v_i times the excess of the former over 1.
#[derive(Debug, Clone, Copy)]
pub struct ScaledResiduals {
    squares: Lanes,
    log_variances: Lanes,
    by_log_eps: Lanes,
}

impl Default for ScaledResiduals {
    fn default() -> ScaledResiduals {
        ScaledResiduals { squares: Lanes::ZERO, log_variances: Lanes::ZERO, by_log_eps: Lanes::ZERO }
    }
}

impl GaussianWithErrors {
    /// The distributions at this eps.
    #[inline(always)]
    pub fn at(eps: f64) -> GaussianWithErrors {
        GaussianWithErrors { variance: eps * eps }
    }

    /// Adds a row with the variance `known` beside eps^2 in each lane to `sums`, and returns d log p / d eta. A row of
    /// `weight` 0, not 1, is padding, as in [`Distribution::row`].
    #[inline(always)]
    pub fn row(&self, outcome: Lanes, eta: Lanes, known: Lanes, weight: Lanes, sums: &mut ScaledResiduals) -> Lanes {
        let (variance, residual) = (known + self.variance, outcome - eta);
        let derivative = residual / variance;
        let square = residual * derivative;
        sums.squares += square;
        sums.log_variances += variance.map(ln) * weight;
        sums.by_log_eps += (square + -1.0) / variance * weight;
        derivative
    }

    /// The log likelihood of all rows from their `sums`, without the constant of [`Gaussian`], and its derivative by
    /// log eps.
    pub fn finish(&self, sums: &ScaledResiduals) -> (f64, f64) {
        let log_likelihood = -0.5 * (sums.squares.sum() + sums.log_variances.sum());
        (log_likelihood, self.variance * sums.by_log_eps.sum())
    }

    /// log p(outcome | eta) of each row, whose known error is in `errors`, with every constant.
    pub fn log_densities(&self, outcomes: &[f64], etas: &[f64], errors: &[f64], out: &mut [f64]) {
        for (((out, eta), outcome), error) in out.iter_mut().zip(etas).zip(outcomes).zip(errors) {
            let variance = self.variance + error * error;
            *out = -0.5 * (TAU.ln() + variance.ln() + (outcome - eta).powi(2) / variance);
        }
    }

    /// Draws an outcome for each of `etas`, as [`Distribution::replicate`].
    pub fn replicate(&self, key: &StreamKey, etas: &[f64], errors: &[f64], out: &mut [f64]) {
        key.normals(Purpose::Replicate, out);
        for ((out, eta), error) in out.iter_mut().zip(etas).zip(errors) {
            *out = eta + (self.variance + error * error).sqrt() * *out;
        }
    }
}
