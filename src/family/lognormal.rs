//! The lognormal family: logarithms of outcomes are normal about eta, with sd sigma. Everything but the Jacobian is
//! that of the Gaussian, of the logarithms.
//!
//! ```text
//! log p = sum_i { - log 2 pi / 2 - log sigma - (log y_i - eta_i)^2 / (2 sigma^2) - log y_i }
//! ```

use super::{AboutCentre, CountOf, Distribution, Gaussian, Link, MOST_NUMBERS, OutcomeKind, SquaredResiduals};
use crate::lanes::Lanes;

/// A lognormal distribution about eta.
#[derive(Debug, Clone, Copy)]
pub struct Lognormal {
    of_logarithms: Gaussian,
}

impl Distribution for Lognormal {
    const NAME: &'static str = "lognormal";
    const DISPERSIONS: &'static [&'static str] = Gaussian::DISPERSIONS;
    const LINK: Link = Link::Identity;
    const OUTCOMES: OutcomeKind = OutcomeKind::Positive;
    const IS_LOCATION_SCALE: bool = true;
    const WGSL: &'static str = Gaussian::WGSL;
    type Sums = SquaredResiduals;

    #[inline(always)]
    fn at(dispersions: &[f64]) -> Lognormal {
        Lognormal { of_logarithms: Gaussian::at(dispersions) }
    }

    fn working(outcome: f64) -> f64 {
        outcome.ln()
    }

    fn row_constant() -> f64 {
        Gaussian::row_constant()
    }

    fn constant(outcome: f64, _size: f64) -> f64 {
        -outcome.ln()
    }

    fn begin(within: f64) -> SquaredResiduals {
        Gaussian::begin(within)
    }

    #[inline(always)]
    fn row(&self, numbers: [Lanes; MOST_NUMBERS], eta: Lanes, weight: Lanes, sums: &mut SquaredResiduals) -> Lanes {
        self.of_logarithms.row(numbers, eta, weight, sums)
    }

    #[inline(always)]
    fn unit(&self) -> f64 {
        self.of_logarithms.unit()
    }

    #[inline(always)]
    fn finish(
        &self,
        sums: &SquaredResiduals,
        counts: &[CountOf],
        observations: f64,
        log_dispersions: &[f64],
        by_log_dispersions: &mut [f64],
    ) -> f64 {
        self.of_logarithms.finish(sums, counts, observations, log_dispersions, by_log_dispersions)
    }

    fn device_sum(sums: &SquaredResiduals) -> f64 {
        Gaussian::device_sum(sums)
    }

    fn device_constant(&self, about: &AboutCentre) -> f64 {
        self.of_logarithms.device_constant(about)
    }

    fn log_density(&self, outcome: f64, size: f64, eta: f64) -> f64 {
        self.of_logarithms.log_density(outcome.ln(), size, eta) - outcome.ln()
    }

    fn moments(&self, size: f64, eta: f64) -> [f64; 2] {
        let [_, variance] = self.of_logarithms.moments(size, eta);
        let mean = (eta + 0.5 * variance).exp();
        [mean, mean * mean * variance.exp_m1()]
    }

    fn quantile(&self, size: f64, eta: f64, deviate: f64) -> f64 {
        self.of_logarithms.quantile(size, eta, deviate).exp()
    }

    fn around(&self, outcome: f64, size: f64, eta: f64) -> [f64; 3] {
        self.of_logarithms.around(outcome.ln(), size, eta)
    }
}
