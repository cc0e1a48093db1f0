//! Monte Carlo standard errors: the errors of estimates that are due to the finite number of draws.

use super::autocovariance::Autocovariance;
use super::ess::ess;
use super::moments::{mean, sum, variance};
use super::rhat::Variances;
use super::series::Series;

/// The mean of all draws pooled, and their moments about it.
pub(super) struct PooledMoments {
    pub mean: f64,
    pub sd: f64,
    /// Mean of (x - mean)^2.
    second: f64,
    /// Mean of (x - mean)^4.
    fourth: f64,
}

impl PooledMoments {
    pub(super) fn of(series: Series) -> Self {
        let draws = series.values();
        // Rounding would move the mean of a constant series away from its value.
        let mean = if series.is_constant() { draws.first().copied().unwrap_or(f64::NAN) } else { mean(draws) };
        let of_squares =
            |term: fn(f64) -> f64| sum(draws, |draw| term((draw - mean) * (draw - mean))) / draws.len() as f64;
        let (second, fourth) = (of_squares(|square| square), of_squares(|square| square * square));
        Self { mean, sd: variance(draws, mean).sqrt(), second, fourth }
    }

    pub(super) fn mcse_mean(&self, ess_mean: f64) -> f64 {
        self.sd / ess_mean.sqrt()
    }

    /// By the delta method: sqrt((m4 - m2^2) / ESS / (4 m2)), where m2 and m4 are the central moments.
    pub(super) fn mcse_sd(&self, ess_of_squares: f64) -> f64 {
        ((self.fourth - self.second.powi(2)) / ess_of_squares / (4.0 * self.second)).sqrt()
    }

    /// Effective sample size of the mean of (x - mean)^2.
    pub(super) fn ess_of_squares(&self, halves: Series, autocovariance: &mut Autocovariance) -> f64 {
        let squares: Vec<f64> = halves.values().iter().map(|draw| (draw - self.mean).powi(2)).collect();
        let squares = Series::new(&squares, halves.chains());
        ess(squares, &Variances::of(squares), autocovariance)
    }
}
