//! The log density and its gradient on the CPU, in f64, one position after the other: priors, hierarchy, and the
//! likelihood over groups, over rows, or collapsed; and the log density of a formula's model.

use std::marker::PhantomData;
use std::ops::Range;

use super::collapsed::{self, Collapsed};
use super::dispatch::{ForCoefficients, dispatch};
use super::hierarchy::GivenEffects;
use super::hierarchy::diagonal::Diagonal;
use super::mixed::{self, MixedDensity};
use super::priors::LogPrior;
use super::qr::QrTable;
use super::rows::RowTable;
use super::{Batch, Density, DensityError, Evaluations, quadratic};
use crate::family::{Distribution, Gaussian, MOST_DISPERSIONS};
use crate::model::{Coordinates, Likelihood, Model, Refusal, Role, Structure};

/// The posterior's log density on one CPU core, one position after the other.
#[derive(Debug, Clone)]
pub struct CpuDensity {
    dim: usize,
    posterior: Posterior,
}

#[derive(Debug, Clone)]
enum Posterior {
    Quadratic(Joint, QrTable),
    Rows(Joint, RowTable),
    Collapsed(Box<Collapsed>),
    Mixed(Box<MixedDensity>),
}

/// Whether the CPU computes the log density of `model`. A device computes the same log densities.
///
/// # Errors
/// If the family is not Gaussian, with a likelihood over groups or with effects integrated out; or if effects of
/// several factors are to be integrated out.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    match (model.structure(), model.coordinates()) {
        (Structure::Formula(_), _) => mixed::admits(model),
        (Structure::Shorthand(_), Coordinates::Collapsed) => collapsed::admits(model),
        (Structure::Shorthand(_), Coordinates::Joint { centering: _, likelihood: Likelihood::Groups }) => {
            quadratic::admits(model)
        }
        (Structure::Shorthand(_), Coordinates::Joint { centering: _, likelihood: Likelihood::Observations }) => Ok(()),
    }
}

/// Approximate operations of a gradient of a formula's model with its effects integrated out, and over its rows.
pub fn operations(model: &Model) -> [f64; 2] {
    mixed::operations(model)
}

/// The rows of the likelihood of a formula's model, where those of equal eta are merged.
pub fn likelihood_rows(model: &Model) -> usize {
    mixed::likelihood_rows(model)
}

impl CpuDensity {
    /// The log density of `model`, which the CPU [`admits`], in the sampler's units, including every constant.
    pub fn new(model: &Model) -> CpuDensity {
        debug_assert_eq!(admits(model), Ok(()));
        let posterior = match (model.layout().mixed(), model.coordinates()) {
            (Some(map), _) => Posterior::Mixed(Box::new(MixedDensity::new(model, map))),
            (None, Coordinates::Collapsed) => Posterior::Collapsed(Box::new(Collapsed::new(model))),
            (None, Coordinates::Joint { likelihood: Likelihood::Groups, .. }) => {
                Posterior::Quadratic(Joint::new(model), QrTable::new(model))
            }
            (None, Coordinates::Joint { likelihood: Likelihood::Observations, .. }) => {
                Posterior::Rows(Joint::new(model), RowTable::new(model))
            }
        };
        CpuDensity { dim: model.dim(), posterior }
    }

    /// Log density at `theta`, and its gradient.
    pub fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        match &mut self.posterior {
            Posterior::Quadratic(joint, table) => {
                let family = PhantomData::<Gaussian>;
                dispatch(joint.coefficients, JointDensity { joint, table: &*table, theta, gradient, family })
            }
            Posterior::Rows(joint, table) => {
                let family = PhantomData::<Gaussian>;
                dispatch(joint.coefficients, JointDensity { joint, table, theta, gradient, family })
            }
            Posterior::Collapsed(collapsed) => {
                dispatch(collapsed.coefficients(), WithoutEffects { collapsed, theta, gradient })
            }
            Posterior::Mixed(mixed) => mixed.log_density(theta, gradient),
        }
    }
}

impl Density for CpuDensity {
    fn dim(&self) -> usize {
        self.dim
    }

    fn width(&self) -> usize {
        1
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        for i in 0..at.len() {
            let (log_density, gradient) = out.row_mut(i);
            *log_density = self.log_density(at.position(i), gradient);
        }
        Ok(())
    }
}

/// A posterior whose effects are coordinates, without its likelihood.
#[derive(Debug, Clone)]
struct Joint {
    priors: LogPrior,
    hierarchy: Diagonal,
    coefficients: usize,
    dispersions: Range<usize>,
    observations: f64,
}

impl Joint {
    fn new(model: &Model) -> Joint {
        Joint {
            priors: LogPrior::new(model),
            hierarchy: Diagonal::new(model),
            coefficients: model.layout().coefficients,
            dispersions: model.layout().block(Role::Dispersion).theta.clone(),
            observations: model.dataset().n_observations() as f64,
        }
    }

    /// Log density at `theta`, and its gradient, for `k` coefficients, K, with the likelihood of `table`. `M` is at
    /// least K, and `C` chunks of lanes hold the scales and dispersions.
    #[inline(always)]
    fn log_density<F: Distribution, T: GivenEffects<F>, const M: usize, const C: usize>(
        &self,
        k: usize,
        table: T,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> f64 {
        let (scales, log_prior) = self.priors.at::<C>(theta, gradient);
        let mut dispersions = [0.0; MOST_DISPERSIONS];
        for (i, dispersion) in dispersions[..F::DISPERSIONS.len()].iter_mut().enumerate() {
            *dispersion = scales.get(k + i);
        }
        let family = F::at(&dispersions[..F::DISPERSIONS.len()]);
        let at = self.hierarchy.at::<M, C>(k, theta, &scales);
        let (sums, own) = table.sums(&self.hierarchy, k, &at, &family, theta, gradient);
        let log_effects = self.hierarchy.finish(k, &at, &sums, theta, gradient);
        let here = self.dispersions.clone();
        log_prior + log_effects + family.finish(&own, &[], self.observations, &theta[here.clone()], &mut gradient[here])
    }
}

/// The log density of a joint posterior, with the likelihood of `table`.
struct JointDensity<'a, F, T> {
    joint: &'a Joint,
    table: T,
    theta: &'a [f64],
    gradient: &'a mut [f64],
    family: PhantomData<F>,
}

impl<F: Distribution, T: GivenEffects<F>> ForCoefficients for JointDensity<'_, F, T> {
    type Out = f64;

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) -> f64 {
        self.joint.log_density::<F, T, M, C>(k, self.table, self.theta, self.gradient)
    }
}

/// The log density with the effects integrated out.
struct WithoutEffects<'a> {
    collapsed: &'a Collapsed,
    theta: &'a [f64],
    gradient: &'a mut [f64],
}

impl ForCoefficients for WithoutEffects<'_> {
    type Out = f64;

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) -> f64 {
        self.collapsed.log_density::<M, C>(k, self.theta, self.gradient)
    }
}
