//! The place of each outcome in its predictive distribution, given all other rows.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::residuals::Residuals;
use crate::diagnostics::Psis;

/// The probability integral transform (PIT) of each row's outcome: the probability of a smaller outcome of the row,
/// given all other rows, and of a part of equal ones. It is the mean over draws of Phi(residual), with the weights of
/// Pareto-smoothed importance sampling by which leave-one-out cross-validation takes the row out of the posterior
/// (Gelman, Dey and Chang, 1992, "Model determination using predictive distributions"). Uniform on (0, 1) if the model
/// makes such data.
pub fn transforms(residuals: &Residuals) -> Vec<f64> {
    let normal = Normal::standard();
    let room = || (residuals.room(), Psis::default(), vec![0.0; residuals.draws()]);
    let rows = residuals.rows().par_iter().map_init(room, |(room, psis, log_weights), row| {
        residuals.evaluate(*row, room);
        residuals.minus_log_densities(*row, room, log_weights);
        psis.smooth(log_weights, 1.0);
        room.observed.iter().zip(&*log_weights).map(|(z, weight)| weight.exp() * normal.cdf(*z)).sum()
    });
    rows.collect()
}
