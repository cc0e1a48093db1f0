//! Predictive checks: does the model make data like these?
//!
//! Residuals of each row in a few hundred draws, divided by the sd that the model takes their noise to have, or the
//! normal scores of their ranks, are held against standard normal deviates, which they are if the model is right: with
//! the parameters of a draw from the posterior, a statistic of the residuals is then distributed as that of a
//! replicate. A posterior predictive p-value with such realized discrepancies (Gelman, Meng and Stern, 1996, "Posterior
//! predictive assessment of model fitness via realized discrepancies", Statistica Sinica 6, 733-807) is below alpha
//! with a chance of 2 alpha at most.

mod advice;
mod bounds;
mod factors;
mod families;
mod findings;
mod levels;
mod moments;
mod noise_by_level;
mod outcomes;
mod power;
mod residuals;
mod rows;
mod statistics;
mod transforms;

pub use advice::{can_check, sentences, summarize};
pub use bounds::{OutcomeGrid, OutcomePile};
pub use factors::{FactorNoise, NoisyLevel};
pub use findings::{Findings, NoiseTrend};
pub use levels::{CheckedLevel, by_level};
pub use outcomes::{Calibrated, Frequency, frequencies, shares};
pub use power::OutcomeFunction;
pub use residuals::Residuals;
pub use rows::ResidualChecks;
pub use statistics::CheckedStatistic;
pub use transforms::transforms;

/// About how many draws of a run are looked at.
pub const DRAWS: usize = 500;

/// The most rows that are looked at; of more, as many are chosen at random.
pub const ROWS: usize = 10_000;

/// The same for outcomes that are not Gaussian, whose ranks take longer.
pub const ROWS_OF_FAMILIES: usize = 2_500;
