//! What a fitted model says in numbers that people ask for: effects of columns, shares of variance, pooling, and the
//! probabilities of hypotheses.

mod column;
mod error;
mod hypothesis;
mod variance;

pub use column::{ColumnEffect, column_effects, curve, explaining, levels};
pub use error::EffectError;
pub use hypothesis::Hypothesis;
pub use variance::{PoolingFactor, VarianceShares};

use serde::Serialize;

use crate::diagnostics::{self, quantile};

/// A quantity of every draw, summarized.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
    /// The quantile at 5 %.
    pub q05: f64,
    /// The quantile at 95 %.
    pub q95: f64,
}

impl Estimate {
    /// Of the values in every draw.
    pub fn of(values: &[f64]) -> Estimate {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Estimate {
            mean: diagnostics::mean(values),
            sd: diagnostics::sd(values),
            q05: quantile(&sorted, 0.05),
            q95: quantile(&sorted, 0.95),
        }
    }
}

/// The probability of direction (Makowski et al. 2019): that the quantity has the sign that it has in most draws.
pub fn probability_of_direction(values: &[f64]) -> f64 {
    let share = |is: fn(&f64) -> bool| values.iter().filter(|value| is(value)).count() as f64 / values.len() as f64;
    share(|value| *value > 0.0).max(share(|value| *value < 0.0))
}
