//! The result of leaving rows out of one run, row by row or set by set.

use std::collections::BTreeMap;

use super::LooError;
use super::refit::Refit;
use crate::data::Dataset;
use crate::diagnostics::{Loo, LooObservation};

/// How well what was left out is predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeftOutUnit {
    /// Its elpd, p and k-hat: `NaN` where they were not computed.
    pub observation: LooObservation,
    /// The refit that `elpd_loo` is of, if there was one.
    pub refit: Option<Refit>,
}

impl LeftOutUnit {
    /// By importance sampling.
    pub fn of_importance(observation: LooObservation) -> LeftOutUnit {
        LeftOutUnit { observation, refit: None }
    }

    /// By a refit.
    pub fn of_refit(refit: Refit) -> LeftOutUnit {
        let observation = LooObservation { elpd_loo: refit.elpd, p_loo: f64::NAN, pareto_k: f64::NAN };
        LeftOutUnit { observation, refit: Some(refit) }
    }

    /// The same unit, with what a refit says of it.
    pub fn refitted(&self, refit: Refit) -> LeftOutUnit {
        let LooObservation { elpd_loo, p_loo, pareto_k } = self.observation;
        // Given everything it is as likely as before.
        let p_loo = p_loo + elpd_loo - refit.elpd;
        LeftOutUnit { observation: LooObservation { elpd_loo: refit.elpd, p_loo, pareto_k }, refit: Some(refit) }
    }

    /// Whether importance sampling alone says so, and cannot be relied on.
    pub fn is_unreliable(&self, good_k: f64) -> bool {
        self.refit.is_none() && !self.observation.is_reliable(good_k)
    }
}

/// Sums over everything that was left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossValidation {
    /// elpd and p with their standard errors; p is `NaN` where it was not computed.
    pub sums: Loo,
    /// Units by importance sampling alone whose k-hat is too large, or unknown.
    pub unreliable: usize,
    /// Units that were refitted.
    pub refitted: usize,
    /// The largest R-hat of the refits; `NaN` without any.
    pub largest_rhat: f64,
    /// The Monte Carlo standard error of elpd that is due to refits.
    pub error: f64,
}

impl CrossValidation {
    /// Sums `units`; importance sampling was done with `draws` draws.
    pub fn of(units: &[LeftOutUnit], draws: usize) -> CrossValidation {
        let observations: Vec<LooObservation> = units.iter().map(|unit| unit.observation).collect();
        let sums = Loo::of(&observations, draws);
        let refits = || units.iter().filter_map(|unit| unit.refit);
        CrossValidation {
            sums,
            unreliable: units.iter().filter(|unit| unit.is_unreliable(sums.good_k)).count(),
            refitted: refits().count(),
            largest_rhat: refits().map(|refit| refit.rhat).fold(f64::NAN, f64::max),
            error: refits().map(|refit| refit.error * refit.error).sum::<f64>().sqrt(),
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
