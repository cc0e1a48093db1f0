//! The design: the outcome and the coefficients' columns, row by row, in the sampler's units.

use super::Scaling;
use crate::data::Dataset;

/// A view of the data in the units of a [`Scaling`].
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) scaling: &'a Scaling,
}

impl Design<'_> {
    /// The outcome of row `i`, without its offset.
    pub fn outcome(&self, i: usize) -> f64 {
        let known = self.dataset.offset().map_or(0.0, |offset| offset[i]);
        (self.dataset.outcome()[i] - known - self.scaling.outcome_shift) / self.scaling.outcome_scale
    }

    /// The root of the weight of row `i`: its noise has sd eps over this.
    pub fn root_weight(&self, i: usize) -> f64 {
        self.dataset.weights().map_or(1.0, |weights| weights[i].sqrt())
    }

    /// The variance of row `i` that is known beside the noise.
    pub fn known_variance(&self, i: usize) -> f64 {
        self.dataset.errors().map_or(0.0, |errors| (errors[i] / self.scaling.outcome_scale).powi(2))
    }

    /// The value of coefficient `k`'s column in row `i`: 1 for the intercept.
    pub fn column(&self, k: usize, i: usize) -> f64 {
        if k == 0 { 1.0 } else { self.dataset.predictor(k - 1)[i] / self.scaling.predictors[k - 1] }
    }
}
