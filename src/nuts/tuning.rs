//! Adaptation of NUTS from phase to phase of warm-up: the step size and the metric, pooled over all chains.

use super::adaptation::Moments;
use super::low_rank::{Correction, LowRank};
use crate::faults;
use crate::math::exp;

/// Doublings of a trajectory before the last window: short trajectories explore as much per gradient, and these windows
/// only serve the next one.
const SHORT_TREES: u32 = 3;

/// The gain of a chain that is still far from the typical set, and the gain afterwards.
const INITIAL_GAIN: f64 = 20.0;
const GAIN: f64 = 5.0;

/// The tolerance of energies before anything is known of them.
pub const FIRST_TOLERANCE: f64 = 0.3;

/// The range of energies in a trajectory to which the tolerance is tuned, and the quantile, over transitions, of which
/// that is said.
const ENERGY_RANGE: f64 = 0.6;
pub const RANGE_QUANTILE: f64 = 0.9;

/// The metric is regularized as if this many draws of this variance had been seen.
const PRIOR_DRAWS: f64 = 5.0;
const PRIOR_VARIANCE: f64 = 1e-3;

/// The tuning of all chains' transitions in a phase.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// The metric, as sds: the square roots of the entries of the diagonal inverse metric.
    pub scale: Vec<f64>,
    /// The correction by the metric's low-rank part.
    pub correction: Correction,
    /// The step size, or the step size at which each chain begins to adapt.
    pub step_size: f64,
    /// Largest number of doublings of a trajectory.
    pub max_depth: u32,
    /// The largest difference of energies between the ends of a step that is refined where it must be.
    pub tolerance: f64,
}

impl Tuning {
    /// A tuning with a diagonal metric, for steps that are never refined.
    pub fn new(scale: Vec<f64>, step_size: f64, max_depth: u32) -> Tuning {
        Tuning { scale, correction: Correction::default(), step_size, max_depth, tolerance: f64::INFINITY }
    }
}

/// How far a transition's steps were refined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// The share of steps that needed no halving.
    pub whole: f64,
    /// The difference between the highest and the lowest energy of the trajectory.
    pub energy_range: f64,
}

/// A chain's adaptation of its step size in a phase; see [`StepSize`](super::adaptation::StepSize).
#[derive(Debug, Clone, Copy)]
pub struct Adapt {
    /// Target of the mean acceptance.
    pub target: f64,
    /// How far an error in acceptance moves the log step size.
    pub gain: f64,
}

/// Adaptation of NUTS in warm-up.
#[derive(Debug, Clone, Copy)]
pub struct Adaptation {
    /// Target of the mean acceptance.
    pub target_accept: f64,
    /// Largest number of doublings of a trajectory.
    pub max_depth: u32,
}

impl Adaptation {
    /// The tuning of a phase with this metric and step size; a phase that only serves the next one has `short`
    /// trajectories.
    pub fn tuning(
        &self,
        (scale, low_rank): (Vec<f64>, &LowRank),
        step_size: f64,
        tolerance: f64,
        short: bool,
    ) -> Tuning {
        let max_depth = if short { self.max_depth.min(SHORT_TREES) } else { self.max_depth };
        Tuning { scale, correction: Correction::new(low_rank), step_size, max_depth, tolerance }
    }

    /// The adaptation of step sizes, for chains that may still be `far` from the typical set, or not.
    pub fn adapt(&self, far: bool) -> Adapt {
        Adapt { target: self.target_accept, gain: if far { INITIAL_GAIN } else { GAIN } }
    }

    /// The step size after a metric was learned under the identity, whose own step size says little: with a metric that
    /// fits, step sizes go as D^(-1/4) (Beskos et al. 2013).
    pub fn first_step_size(dim: usize) -> f64 {
        1.0 / (dim as f64).sqrt().sqrt()
    }

    /// The tolerance with which energies range over 0.6 in a trajectory, at the [quantile](RANGE_QUANTILE) that was
    /// `energy_range` with the last `tolerance` (Bou-Rabee, Carpenter, Kleppe and Liu 2026, appendix C).
    pub fn update_tolerance(tolerance: f64, energy_range: f64) -> f64 {
        let updated = tolerance * ENERGY_RANGE / energy_range;
        if updated.is_finite() && updated > 0.0 { updated } else { tolerance }
    }

    /// The geometric mean of the chains' step sizes.
    pub fn pooled_step_size(log_step_sizes: &[f64]) -> f64 {
        exp(log_step_sizes.iter().sum::<f64>() / log_step_sizes.len() as f64)
    }

    /// Updates the metric from the moments of a window. The variance of a coordinate becomes the geometric mean of its
    /// variance and of its gradient's inverse variance: draws and gradients then spread alike, and the Fisher
    /// divergence from a standard normal is minimal (Tran and Kleppe 2024; Seyboldt, Carlson and Carpenter 2026). For a
    /// normal posterior the result lies between the marginal and the conditional variance, and it is already good
    /// before the chains have settled. It is regularized towards a small number, as in Stan.
    pub fn update_metric(scale: &mut [f64], moments: &Moments) {
        let n = moments.count();
        for ((scale, position), gradient) in
            scale.iter_mut().zip(moments.position_variance()).zip(moments.gradient_variance())
        {
            let variance = (position / gradient).sqrt();
            if variance.is_finite() && variance > 0.0 {
                let variance = (n * variance + PRIOR_DRAWS * PRIOR_VARIANCE) / (n + PRIOR_DRAWS);
                *scale = if faults::is_planted("metric-not-squared") { variance } else { variance.sqrt() };
            }
        }
    }
}
