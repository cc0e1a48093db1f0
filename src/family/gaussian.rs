//! The Gaussian family: outcomes are normal about eta, with sd eps. Twin of shaders/family/gaussian.wgsl.
//!
//! ```text
//! log p = sum_i { - log 2 pi / 2 - log eps - (y_i - eta_i)^2 / (2 eps^2) }
//! ```

use std::f64::consts::TAU;

use super::Distribution;
use crate::lanes::Lanes;
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
