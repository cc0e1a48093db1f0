//! Sigma as a formula has it: the logarithm of each row's sigma is a linear predictor of its own.
//!
//! ```text
//! log sigma_i = Z_i c
//! ```
//!
//! The intercept is sampled at the means of the other columns, as that of eta is.

use serde::{Deserialize, Serialize};

use super::Scaling;
use super::affine::Affine;
use super::linear::{self, Linear};
use super::prior::{Shape, VariablePrior};
use crate::data::Dataset;
use crate::family::Family;
use crate::math::exp;

/// The degrees of freedom, and the scale, of the default prior of a log sigma, as in brms.
const DEGREES: f64 = 3.0;
const SCALE: f64 = 2.5;

/// The formula of sigma.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SigmaFormula {
    /// The formula as text: `sigma ~ 1 + lab`.
    pub formula: String,
    /// The columns, numbered as those of eta, the intercept first if there is one.
    pub columns: Vec<usize>,
    /// Whether each coefficient is the log sigma of a level: without an intercept, one of these columns is 1 in each
    /// row.
    pub of_level: Vec<bool>,
    /// The prior of each coefficient, in the user's units; of the intercept at the means of the other columns.
    pub priors: Vec<VariablePrior>,
    /// The means of the columns at which the prior of the intercept is meant, if they are those of other data.
    #[serde(skip)]
    pub means_elsewhere: Option<Vec<f64>>,
}

/// The coefficients of log sigma among the hyperparameters.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSigmaMap {
    /// Index of the first coefficient, in theta and among the named variables.
    pub first: usize,
    /// Log sigma, in the sampler's units, where all coefficients are 0 there.
    pub base: f64,
    /// The coefficients.
    pub coefficients: Linear,
}

impl SigmaFormula {
    /// The formula with its columns in `dataset`, and default priors: where all columns are 0 or at their means, log
    /// sigma has Student's t distribution with 3 degrees of freedom and scale 2.5 about the logarithm of `typical`, a
    /// sigma that suits the outcome; a coefficient has Normal(0, 1 / sd(x)).
    pub fn new(formula: String, columns: Vec<usize>, dataset: &Dataset, typical: f64) -> SigmaFormula {
        let standard = Scaling::standardizing(dataset);
        let of_level = levels(&columns, dataset);
        let prior = |(k, of_level): (&usize, &bool)| match (*k, *of_level) {
            (0, _) | (_, true) => {
                VariablePrior { shape: Shape::StudentT(DEGREES), location: typical.ln(), scale: SCALE, half: false }
            }
            (k, false) => VariablePrior::normal(0.0, 1.0 / standard.predictors[k - 1]),
        };
        let priors = columns.iter().zip(&of_level).map(prior).collect();
        SigmaFormula { formula, columns, of_level, priors, means_elsewhere: None }
    }

    /// What is wrong with the structure that a store has, for outcomes of `family`.
    pub(super) fn problem(&self, family: Family) -> Option<&'static str> {
        let SigmaFormula { columns, of_level, priors, .. } = self;
        let is_whole = [of_level.len(), priors.len()].iter().all(|length| *length == columns.len());
        let is_sound = priors.iter().all(|prior| prior.is_sound() && prior.known().is_none());
        let is_there = family.is_location_scale() && !columns.is_empty();
        (!(is_whole && is_sound && is_there)).then_some("its formula of sigma is not one of its family")
    }

    /// The means of the columns, in the user's units, at which the prior of the intercept is meant; 1 for its own.
    pub fn means(&self, dataset: &Dataset) -> Vec<f64> {
        self.means_elsewhere.clone().unwrap_or_else(|| linear::means(&self.columns, dataset))
    }

    /// Writes the sigma of each row of `dataset`, in the user's unit, given the coefficients.
    pub fn sigmas(&self, dataset: &Dataset, coefficients: &[f64], sigmas: &mut [f64]) {
        sigmas.fill(0.0);
        for (column, coefficient) in self.columns.iter().zip(coefficients) {
            match column {
                0 => sigmas.iter_mut().for_each(|log| *log += coefficient),
                k => sigmas.iter_mut().zip(dataset.predictor(k - 1)).for_each(|(log, x)| *log += coefficient * x),
            }
        }
        sigmas.iter_mut().for_each(|sigma| *sigma = exp(*sigma));
    }

    /// The formula whose intercept is meant at the means of this data set's columns.
    pub(super) fn at_means_of(&self, dataset: &Dataset) -> SigmaFormula {
        SigmaFormula { means_elsewhere: Some(self.means(dataset)), ..self.clone() }
    }

    /// The coefficients from hyperparameter `first` on.
    pub(super) fn map(&self, first: usize, dataset: &Dataset, scaling: &Scaling) -> LogSigmaMap {
        let of_outcome = scaling.outcome_scale.ln();
        let units = self.columns.iter().zip(&self.of_level).map(|(k, of_level)| Affine {
            unit: if *k == 0 { 1.0 } else { 1.0 / scaling.predictors[k - 1] },
            shift: if *k == 0 || *of_level { of_outcome } else { 0.0 },
        });
        let coefficients = Linear::new(&self.columns, &self.means(dataset), units.collect(), scaling);
        let has_shift = coefficients.has_intercept || self.of_level.contains(&true);
        LogSigmaMap { first, base: if has_shift { 0.0 } else { -of_outcome }, coefficients }
    }
}

impl LogSigmaMap {
    /// The places of the coefficients, in theta and among the named variables.
    pub fn places(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.coefficients.units.len()
    }
}

/// Which columns are those of a factor's levels, one of which is 1 in every row, where there is no intercept.
fn levels(columns: &[usize], dataset: &Dataset) -> Vec<bool> {
    let rows = dataset.n_observations();
    let is_indicator = |k: &usize| *k > 0 && dataset.predictor(k - 1).iter().all(|x| *x == 0.0 || *x == 1.0);
    let mut found = vec![false; columns.len()];
    if columns.first() == Some(&0) {
        return found;
    }
    let mut sum = vec![0.0; rows];
    // The columns of a factor's levels come one after the other.
    for first in 0..columns.len() {
        sum.fill(0.0);
        for (place, k) in columns.iter().enumerate().skip(first).take_while(|(_, k)| is_indicator(k)) {
            sum.iter_mut().zip(dataset.predictor(k - 1)).for_each(|(sum, x)| *sum += x);
            if sum.iter().any(|sum| *sum > 1.0) {
                break;
            }
            if sum.iter().all(|sum| *sum == 1.0) {
                found[first..=place].fill(true);
                return found;
            }
        }
    }
    found
}
