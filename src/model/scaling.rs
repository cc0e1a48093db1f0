//! The sampler's units, an exact change of variables: outcomes in millions and predictors in millionths then sample as
//! well as standardized ones.
//!
//! With y = y0 + s y' and x_k = s_k x'_k a coefficient is beta_k = (s / s_k) beta'_k, the intercept y0 + s beta'_0, and
//! priors are scaled alike. Predictors are never shifted: this would change the meaning of the intercept and its prior.

use crate::data::Dataset;
use crate::family::{Family, Link};

/// Shift and scale of the outcome, scale of each predictor.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// y0, in the outcome's unit.
    pub outcome_shift: f64,
    /// s, in the outcome's unit; positive.
    pub outcome_scale: f64,
    /// s_k, each in its predictor's unit; positive.
    pub predictors: Vec<f64>,
}

impl Scaling {
    /// The user's own units, for comparison with other implementations.
    pub fn identity(dataset: &Dataset) -> Scaling {
        Scaling { outcome_shift: 0.0, outcome_scale: 1.0, predictors: vec![1.0; dataset.n_coefficients() - 1] }
    }

    /// Units in which the outcome has mean 0 and sd 1, and predictors have sd 1.
    pub fn standardizing(dataset: &Dataset) -> Scaling {
        let (outcome_shift, outcome_scale) = match dataset.offset() {
            None => mean_and_sd(dataset.outcome()),
            Some(offset) => {
                let without = dataset.outcome().iter().zip(offset).map(|(y, known)| y - known);
                mean_and_sd(&without.collect::<Vec<f64>>())
            }
        };
        let predictors = (0..dataset.n_coefficients() - 1).map(|k| mean_and_sd(dataset.predictor(k)).1).collect();
        Scaling { outcome_shift, outcome_scale, predictors }
    }

    /// Units for outcomes of `family`: shift and scale of the outcome, or of its logarithm, as far as the family
    /// admits, and where it does not, a shift of eta to about its mean.
    pub fn of_family(dataset: &Dataset, family: Family) -> Scaling {
        let standard = Scaling::standardizing(dataset);
        let outcomes = dataset.outcome();
        let offset = |i: usize| dataset.offset().map_or(0.0, |offset| offset[i]);
        if family.is_location() {
            let working = outcomes.iter().enumerate().map(|(i, y)| family.working(*y) - offset(i));
            let (outcome_shift, sd) = mean_and_sd(&working.collect::<Vec<f64>>());
            let outcome_scale = if family.is_location_scale() { sd } else { 1.0 };
            return Scaling { outcome_shift, outcome_scale, ..standard };
        }
        let sum: f64 = outcomes.iter().sum();
        let rows = outcomes.len() as f64;
        let outcome_shift = match family.link() {
            Link::Log => (sum / (0..outcomes.len()).map(|i| offset(i).exp()).sum::<f64>()).ln(),
            // Half a success and half a failure more, so that it is finite.
            link => {
                let trials = dataset.trials().map_or(rows, |trials| trials.iter().sum());
                let of_offset = (0..outcomes.len()).map(offset).sum::<f64>() / rows;
                link.at((sum + 0.5) / (trials + 1.0)) - of_offset
            }
        };
        let outcome_shift = if outcome_shift.is_finite() { outcome_shift } else { 0.0 };
        Scaling { outcome_shift, outcome_scale: 1.0, ..standard }
    }

    /// The size of the sampler's unit of coefficient `k`, in the user's units.
    pub fn coefficient_unit(&self, k: usize) -> f64 {
        if k == 0 { self.outcome_scale } else { self.outcome_scale / self.predictors[k - 1] }
    }

    /// The user's value of coefficient `k` where the sampler's is 0.
    pub fn coefficient_shift(&self, k: usize) -> f64 {
        if k == 0 { self.outcome_shift } else { 0.0 }
    }
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}
