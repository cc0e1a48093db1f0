//! The Gaussian family: outcomes are normal about eta, with sd eps. Twin of shaders/family/gaussian.wgsl.
//!
//! ```text
//! log p = sum_i { - log 2 pi / 2 - log eps - (y_i - eta_i)^2 / (2 eps^2) }
//! ```

use std::f64::consts::TAU;

use super::outcome::below;
use super::{AboutCentre, CountOf, Distribution, Link, MOST_NUMBERS, OutcomeKind};
use crate::lanes::Lanes;
use crate::math::ln;

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
    const DISPERSIONS: &'static [&'static str] = &["sigma"];
    const LINK: Link = Link::Identity;
    const OUTCOMES: OutcomeKind = OutcomeKind::Real;
    const IS_LOCATION_SCALE: bool = true;
    const WGSL: &'static str = include_str!("../../shaders/family/gaussian.wgsl");
    type Sums = SquaredResiduals;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> Gaussian {
        let eps = dispersions[0];
        Gaussian { eps, precision: 1.0 / (eps * eps) }
    }

    fn row_constant() -> f64 {
        -0.5 * TAU.ln()
    }

    fn begin(within: f64) -> SquaredResiduals {
        let mut sum = Lanes::ZERO;
        sum.0[0] = within;
        SquaredResiduals(sum)
    }

    #[inline(always)]
    fn row(
        &self,
        [outcome, ..]: [Lanes; MOST_NUMBERS],
        eta: Lanes,
        _weight: Lanes,
        sums: &mut SquaredResiduals,
    ) -> Lanes {
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
        _counts: &[CountOf],
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        let scaled = sums.0.sum() * self.precision;
        by_log_dispersions[0] += scaled - observations;
        -0.5 * scaled - observations * log_dispersions[0]
    }

    fn device_sum(sums: &SquaredResiduals) -> f64 {
        sums.0.sum()
    }

    // Both numbers are rounded, so that noise / e^{2 log_eps} is not quite 1, and N times the difference matters.
    fn device_constant(&self, about: &AboutCentre) -> f64 {
        let log_eps = about.log_dispersions[0];
        -(about.rows * (0.5 * about.centre / (2.0 * log_eps).exp() + log_eps))
    }

    fn log_density(&self, outcome: f64, _size: f64, eta: f64) -> f64 {
        let z = (outcome - eta) / self.eps;
        -0.5 * TAU.ln() - ln(self.eps) - 0.5 * z * z
    }

    fn moments(&self, _size: f64, eta: f64) -> [f64; 2] {
        [eta, self.eps * self.eps]
    }

    fn quantile(&self, _size: f64, eta: f64, deviate: f64) -> f64 {
        eta + self.eps * deviate
    }

    fn around(&self, outcome: f64, _size: f64, eta: f64) -> [f64; 3] {
        let residual = (outcome - eta) / self.eps;
        [below(residual), 0.0, below(-residual)]
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
}
