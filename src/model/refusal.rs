//! Refusals: why something cannot be done for a model, and what to do instead. Whatever has limits has a function
//! `admits`, called before any work begins, which matches every part of a term: a new part is a compile error there.

use super::{Model, Term};
use crate::family::Family;

/// Why effects cannot be integrated out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCollapse {
    /// Outcomes are not normal given eta.
    #[error("where outcomes, or their logarithms, are normal, and this model's are {family}")]
    Family {
        /// The family of the outcomes.
        family: &'static str,
    },
    /// Rows whose variances are known in part have no sufficient statistics.
    #[error(
        "where rows have the variance sigma^2 over their weights, and here each has a known error beside sigma (--se --with-sigma)"
    )]
    KnownErrors,
    /// Nor have rows whose variances depend on coefficients.
    #[error("where rows have the variance sigma^2 over their weights, and here sigma has a formula")]
    SigmaFormula,
    /// Too many effects hang together.
    #[error("of levels that rows connect together {most} at most, and here {effects}")]
    Effects {
        /// The number of effects.
        effects: usize,
        /// The most.
        most: usize,
    },
}

/// Why something cannot be done for a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The operation is for Gaussian outcomes only.
    #[error("{what} needs Gaussian outcomes, and this model's are {family}; {remedy}")]
    Family {
        /// The operation.
        what: &'static str,
        /// The family of the outcomes.
        family: &'static str,
        /// What to change.
        remedy: &'static str,
    },
    /// Effects cannot be integrated out.
    #[error(
        "--parameterization marginal integrates out effects, {0}; use partial, non-centered or centered, or one for each term"
    )]
    NotCollapsed(NoCollapse),
    /// Modes are searched for where effects can be integrated out.
    #[error("a search for modes integrates out effects, {0}; sample it instead: `warpnuts sample`")]
    Modes(NoCollapse),
    /// Devices sum over all numbers below a count.
    #[error("{what} takes {family} counts up to {largest}, and this data set has larger ones; use --engine cpu")]
    CountsOnDevice {
        /// The engine.
        what: &'static str,
        /// The family of the outcomes.
        family: &'static str,
        /// The largest count.
        largest: u32,
    },
    /// The operation is for the shorthand's models only.
    #[error("{what} is for models of --group, --outcome and --predictor, and this one is a formula's; {remedy}")]
    Formula {
        /// The operation.
        what: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A device integrates out the effects of one factor only.
    #[error(
        "{what} integrates out the effects of one factor, with 8 columns that vary at most, and --parameterization marginal needs more \
         of this formula; use --parameterization partial, or --engine cpu"
    )]
    Collapsed {
        /// The engine.
        what: &'static str,
    },
    /// The grid of the exact posterior has an axis for every coefficient, and would be too large.
    #[error(
        "the exact posterior is for an intercept and at most one predictor, and this model has {predictors} predictors; sample \
         it instead, for long: `warpnuts sample --chains 64 --draws 10000`"
    )]
    Predictors {
        /// The number of predictors, K - 1.
        predictors: usize,
    },
    /// A formula's model has no exact posterior.
    #[error(
        "the exact posterior of a formula's model is for one factor, at most four sds, correlations and sigma together, normal \
         priors of coefficients, and priors of sds without bounds, and {why}; sample it instead: `warpnuts sample`"
    )]
    Exact {
        /// What the model has.
        why: String,
    },
    /// The metric of a sampler is that of centered effects.
    #[error(
        "--sampler riemannian follows the curvature of centered effects, and this model is {parameterization}; use --parameterization \
         centered, or --sampler walnuts"
    )]
    Centered {
        /// The parameterization.
        parameterization: String,
    },
    /// A sampler's trees grow on the host.
    #[error("--sampler {sampler} has no kernels for a device; use --engine cpu, or gpu-density for gradients alone")]
    OnHost {
        /// The sampler.
        sampler: String,
    },
    /// A search for modes would take long.
    #[error(
        "a search for the modes of this model would take too long, for so many effects hang together; sample it instead: \
         `warpnuts sample`"
    )]
    Search,
    /// A software adapter would end the loops of a log density early, without an error.
    #[error(
        "{adapter} is software, on which a log density may take {limit} iterations of loops, and that of this model takes up to \
         {iterations}; {remedy}"
    )]
    Loops {
        /// The adapter's name.
        adapter: String,
        /// The largest number of iterations that the adapter allows.
        limit: u32,
        /// The largest number of iterations that the model needs.
        iterations: u32,
        /// What to change.
        remedy: &'static str,
    },
}

impl Refusal {
    /// The shorthand's term, if `model` is the shorthand's; otherwise refuses `what`.
    ///
    /// # Errors
    /// [`Refusal::Formula`] if the model is a formula's.
    pub fn unless_shorthand<'a>(
        model: &'a Model,
        what: &'static str,
        remedy: &'static str,
    ) -> Result<&'a Term, Refusal> {
        model.shorthand().map(|shorthand| &shorthand.term).ok_or(Refusal::Formula { what, remedy })
    }

    /// Refuses `what` unless the outcomes of `model` are Gaussian.
    ///
    /// # Errors
    /// [`Refusal::Family`] if they are not.
    pub fn unless_gaussian(model: &Model, what: &'static str, remedy: &'static str) -> Result<(), Refusal> {
        let family = model.family();
        if family == Family::Gaussian { Ok(()) } else { Err(Refusal::Family { what, family: family.name(), remedy }) }
    }
}
