//! The design: the outcome and the coefficients' columns, row by row, in the sampler's units.

use super::Scaling;
use crate::data::Dataset;
use crate::family::{Family, OutcomeRow};

/// A view of the data in the units of a [`Scaling`].
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) scaling: &'a Scaling,
    pub(super) family: Family,
}

impl Design<'_> {
    /// The outcome of row `i`, or its logarithm, without its offset.
    pub fn outcome(&self, i: usize) -> f64 {
        let outcome = self.family.working(self.dataset.outcome()[i]);
        (outcome - self.offset(i) - self.scaling.outcome_shift) / self.scaling.outcome_scale
    }

    /// Row `i` as its family knows it: with an outcome without its offset, where outcomes may be shifted, or with the
    /// offset beside it.
    pub fn outcome_row(&self, i: usize) -> OutcomeRow {
        if self.family.is_location() {
            return OutcomeRow { outcome: self.outcome(i), size: 1.0, offset: 0.0 };
        }
        OutcomeRow {
            outcome: self.dataset.outcome()[i],
            size: self.dataset.trials().map_or(1.0, |trials| trials[i]),
            offset: self.offset(i) + self.scaling.outcome_shift,
        }
    }

    /// The known part of the linear predictor of row `i`, in the user's unit.
    fn offset(&self, i: usize) -> f64 {
        self.dataset.offset().map_or(0.0, |offset| offset[i])
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
