//! The result of leaving rows out of one run, row by row or set by set.

use std::collections::BTreeMap;

use serde::Serialize;

use super::LooError;
use super::refit::Refit;
use crate::data::Dataset;
use crate::diagnostics::{self, LooObservation, good_k};

/// How well what was left out is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeftOutUnit {
    /// The log of its density given what was not left out.
    pub elpd: f64,
    /// How much less that is than given everything; `NaN` where it was not computed.
    pub p: f64,
    /// k-hat; `NaN` where no importance sampling was done.
    pub pareto_k: f64,
    /// The Monte Carlo standard error of `elpd`, of refits; else `NaN`.
    pub error: f64,
    /// The largest R-hat of a hyperparameter, of refits; else `NaN`.
    pub rhat: f64,
}

impl LeftOutUnit {
    /// By importance sampling.
    pub fn of_importance(observation: &LooObservation) -> LeftOutUnit {
        let LooObservation { elpd_loo, p_loo, pareto_k } = *observation;
        LeftOutUnit { elpd: elpd_loo, p: p_loo, pareto_k, error: f64::NAN, rhat: f64::NAN }
    }

    /// By a refit.
    pub fn of_refit(refit: &Refit) -> LeftOutUnit {
        let Refit { elpd, error, rhat } = *refit;
        LeftOutUnit { elpd, p: f64::NAN, pareto_k: f64::NAN, error, rhat }
    }

    /// The same unit, with what a refit says of it.
    pub fn refitted(&self, refit: &Refit) -> LeftOutUnit {
        let Refit { elpd, error, rhat } = *refit;
        // Given everything it is as likely as before.
        LeftOutUnit { elpd, p: self.p + self.elpd - elpd, error, rhat, ..*self }
    }

    /// Whether importance sampling cannot be relied on: k-hat is unknown, or above `good_k`.
    pub fn is_unreliable(&self, good_k: f64) -> bool {
        !self.is_refit() && (self.pareto_k.is_nan() || self.pareto_k > good_k)
    }

    /// Whether it was refitted.
    pub fn is_refit(&self) -> bool {
        !self.error.is_nan()
    }
}

/// Sums over everything that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CrossValidation {
    /// Expected log predictive density; larger is better.
    pub elpd: f64,
    /// Its standard error over data sets like this one.
    pub se: f64,
    /// The effective number of parameters; `NaN` where it was not computed.
    pub p: f64,
    /// Its standard error.
    pub se_p: f64,
    /// The largest k-hat at which importance sampling is reliable with so many draws.
    pub good_k: f64,
    /// Units by importance sampling with a larger k-hat, or none.
    pub unreliable: usize,
    /// Units that were refitted.
    pub refitted: usize,
    /// The largest R-hat of the refits; `NaN` without any.
    pub largest_rhat: f64,
    /// The Monte Carlo standard error of `elpd` that is due to refits.
    pub error: f64,
}

impl CrossValidation {
    /// Sums `units`; importance sampling was done with `draws` draws.
    pub fn of(units: &[LeftOutUnit], draws: usize) -> CrossValidation {
        let count = units.len() as f64;
        let sum_and_error = |of: fn(&LeftOutUnit) -> f64| {
            let values: Vec<f64> = units.iter().map(of).collect();
            (values.iter().sum::<f64>(), (count - 1.0).sqrt() * diagnostics::sd(&values))
        };
        let ((elpd, se), (p, se_p)) = (sum_and_error(|unit| unit.elpd), sum_and_error(|unit| unit.p));
        let good_k = good_k(draws);
        let refits = || units.iter().filter(|unit| unit.is_refit());
        CrossValidation {
            elpd,
            se,
            p,
            se_p,
            good_k,
            unreliable: units.iter().filter(|unit| unit.is_unreliable(good_k)).count(),
            refitted: refits().count(),
            largest_rhat: refits().map(|unit| unit.rhat).fold(f64::NAN, f64::max),
            error: refits().map(|unit| unit.error * unit.error).sum::<f64>().sqrt(),
        }
    }
}

/// Checks that two data sets have the same outcomes at the same rows of a file.
///
/// # Errors
/// If they differ: then nothing can be compared.
pub fn check_same_rows(first: &Dataset, data: &Dataset) -> Result<(), LooError> {
    let differ = |problem: String| Err(LooError::OtherRows { problem });
    let [theirs, ours] = [first, data].map(|data| {
        let rows = (0..data.n_observations()).map(|i| (data.row_of(i), data.outcome()[i]));
        rows.collect::<BTreeMap<usize, f64>>()
    });
    if theirs.len() != ours.len() {
        return differ(format!("one has {} rows, another {}", theirs.len(), ours.len()));
    }
    match theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours) {
        Some(((row, _), (other, _))) if row != other => differ(format!("row {} of the file is not in both", row + 1)),
        Some(((row, one), (_, other))) => {
            differ(format!("the outcome of row {} of the file is {one} in one and {other} in another", row + 1))
        }
        None => Ok(()),
    }
}
