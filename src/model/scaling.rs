//! The sampler's units, an exact change of variables: outcomes in millions and predictors in millionths then sample as
//! well as standardized ones.
//!
//! With y = y0 + s y' and x_k = s_k x'_k a coefficient is beta_k = (s / s_k) beta'_k, the intercept y0 + s beta'_0, and
//! priors are scaled alike. Predictors are never shifted: this would change the meaning of the intercept and its prior.

use crate::data::Dataset;

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
