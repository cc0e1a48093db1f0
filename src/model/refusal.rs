//! Refusals: why something cannot be done for a model, and what to do instead. Whoever cannot do everything has a function
//! `admits`, which is asked before any work begins and looks at every part of a term: a new one is a compile error there.

use super::Model;
use crate::family::Family;

/// Why something cannot be done for a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It can be done for Gaussian outcomes only.
    #[error("{what} needs Gaussian outcomes, and this model's are {family}; {remedy}")]
    Family {
        /// What cannot be done.
        what: &'static str,
        /// The family of the outcomes.
        family: &'static str,
        /// What to change.
        remedy: &'static str,
    },
    /// The grid of the exact posterior has an axis for every coefficient, and would become too large.
    #[error(
        "the exact posterior is for an intercept and at most one predictor, and this model has {predictors} predictors; sample \
         it instead, for long: `warpnuts sample --chains 64 --draws 10000`"
    )]
    Predictors {
        /// K - 1.
        predictors: usize,
    },
    /// An adapter in software would end the loops of a log density before they are done, and say nothing.
    #[error(
        "{adapter} is software, on which a log density may take {limit} iterations of loops, and that of this model takes up to \
         {iterations}; {remedy}"
    )]
    Loops {
        /// The adapter's name.
        adapter: String,
        /// How many it may be.
        limit: u32,
        /// How many there would be.
        iterations: u32,
        /// What to change.
        remedy: &'static str,
    },
}

impl Refusal {
    /// Refuses `what` unless the outcomes of `model` are Gaussian.
    ///
    /// # Errors
    /// [`Refusal::Family`].
    pub fn unless_gaussian(model: &Model, what: &'static str, remedy: &'static str) -> Result<(), Refusal> {
        let family = model.family();
        if family == Family::Gaussian { Ok(()) } else { Err(Refusal::Family { what, family: family.name(), remedy }) }
    }
}
