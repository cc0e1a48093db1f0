//! Posterior modes: the maximum of the non-centered density and of the marginal density, and the path on which the
//! centered density rises without end.
//!
//! A mode depends on the parameterization; a mean does not. The centered density has no mode: where all J effects of
//! coefficient k equal mu\[k\], each has density 1 / (sigma\[k\] sqrt(2 pi)), so that the log density rises by J - 1
//! for each unit that log sigma\[k\] falls (the 1 is the Jacobian's), whatever the data say (see [`path`]).
//!
//! All modes here are modes of densities over theta, which contains the logarithms of scales.

mod landscape;
mod lbfgs;
mod path;
mod profile;
mod starts;

use rayon::prelude::*;

use crate::density::conditional::ConditionalEffects;
use crate::density::cpu::CpuDensity;
use crate::model::{Centering, Coordinates, Model, Role};
use landscape::RUNAWAY;
use lbfgs::{AIM, Maximum, maximize};

pub use landscape::{Landscape, NEGLIGIBLE, Peak, Visits};
pub use lbfgs::GRADIENT_TOLERANCE;
pub use path::{Path, PathPoint, path, spread};
pub(crate) use profile::Cholesky;
pub use starts::admits;

/// Log sigmas, for standardized data, at which searches start. The highest maximum found is the mode.
const STARTS: [f64; 3] = [-0.5, -2.0, -4.0];

/// The maximum of a density.
#[derive(Debug, Clone)]
pub struct Mode {
    /// Position, in the sampler's units.
    pub theta: Vec<f64>,
    /// All D named variables, in the user's units; effects of a collapsed model are their conditional means.
    pub named: Vec<f64>,
    /// Log density at the mode, in the user's units.
    pub log_density: f64,
    /// Largest absolute entry of the gradient at the mode, in the sampler's units.
    pub gradient: f64,
}

/// Why there is no mode.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoMode {
    /// The density rises without end.
    #[error("the density rises as `{name}` goes to 0, without end: there is no mode")]
    Runaway {
        /// The scale that goes to 0.
        name: String,
    },
    /// The search did not converge.
    #[error("the search for the mode came to no end: the gradient is still {gradient:.1e}")]
    Unsettled {
        /// Largest absolute entry of the gradient, in the sampler's units.
        gradient: f64,
    },
}

/// The mode of `model`'s marginal density over its hyperparameters, with effects at their conditional means.
///
/// # Errors
/// If the search does not converge, or leads to a scale of 0.
pub fn marginal(model: &Model) -> Result<Mode, NoMode> {
    let peaks = Landscape::of(model).peaks;
    let highest = peaks.into_iter().max_by(|a, b| a.log_density.total_cmp(&b.log_density));
    let Some(Peak { theta, log_density, gradient, .. }) = highest else {
        return Err(NoMode::Unsettled { gradient: f64::NAN });
    };
    let model = model.collapsed();
    mode(&model, Maximum { theta, log_density, gradient })
}

/// The mode of `model`'s non-centered density, over its hyperparameters and all offsets.
///
/// # Errors
/// As for [`marginal`].
pub fn non_centered(model: &Model) -> Result<Mode, NoMode> {
    let model = model.joint(Centering::NonCentered);
    let mut conditional = ConditionalEffects::new(&model);
    let starts = STARTS.map(|log_sigma| {
        let mut theta = hyperparameters(&model, log_sigma);
        theta.resize(model.dim(), 0.0);
        let mut named = vec![0.0; model.layout().dim()];
        model.constrain(&theta, &mut named);
        conditional.mean(&mut named);
        model.unconstrain(&named, &mut theta);
        theta
    });
    highest(&model, starts.into_iter())
}

/// Hyperparameters with mu = 0, all log sigmas equal to `log_sigma`, and log eps = -0.5, about the outcome's sd.
fn hyperparameters(model: &Model, log_sigma: f64) -> Vec<f64> {
    let layout = model.layout();
    let mut theta = vec![0.0; layout.hyperparameters()];
    for block in layout.blocks() {
        let entry = match block.role {
            Role::Scale => log_sigma,
            Role::Dispersion => -0.5,
            Role::Mean | Role::Population | Role::Correlation | Role::LogSigma | Role::Effects => continue,
        };
        block.theta.clone().for_each(|i| theta[i] = starts::entry(model, i, entry));
    }
    theta
}

/// The highest maximum that searches from all `starts` find.
fn highest(model: &Model, starts: impl Iterator<Item = Vec<f64>>) -> Result<Mode, NoMode> {
    let density = CpuDensity::new(model);
    let starts: Vec<Vec<f64>> = starts.collect();
    let ends = starts.into_par_iter().map_with(density, |density, start| {
        maximize(|theta, gradient| density.log_density(theta, gradient), start, AIM)
    });
    match ends.collect::<Vec<Maximum>>().into_iter().max_by(|a, b| a.log_density.total_cmp(&b.log_density)) {
        Some(top) => mode(model, top),
        None => Err(NoMode::Unsettled { gradient: f64::NAN }),
    }
}

/// The mode at `top`, if `top` is a mode.
fn mode(model: &Model, top: Maximum) -> Result<Mode, NoMode> {
    let layout = model.layout();
    if let Some(scale) = layout.positive_indices().find(|scale| top.theta[*scale] < RUNAWAY) {
        return Err(NoMode::Runaway { name: model.names()[scale].clone() });
    }
    if top.gradient.is_nan() || top.gradient > GRADIENT_TOLERANCE {
        return Err(NoMode::Unsettled { gradient: top.gradient });
    }
    let mut named = vec![0.0; layout.dim()];
    model.constrain(&top.theta, &mut named);
    if *model.coordinates() == Coordinates::Collapsed {
        ConditionalEffects::new(model).mean(&mut named);
    }
    let log_density = top.log_density + model.log_density_offset();
    Ok(Mode { theta: top.theta, named, log_density, gradient: top.gradient })
}
