//! What warm-up learns of NUTS, from phase to phase: the step size and the metric, pooled over all chains.

use super::adaptation::Moments;
use crate::faults;
use crate::math::exp;

/// Doublings of a trajectory until the last window: short trajectories explore as much a gradient, and the windows that
/// are made of them only serve the next.
const SHORT_TREES: u32 = 3;

/// How far acceptance moves the log step size while a chain is still far out, and afterwards.
const INITIAL_GAIN: f64 = 20.0;
const GAIN: f64 = 5.0;

/// The metric is regularized as if so many draws of this variance had been seen.
const PRIOR_DRAWS: f64 = 5.0;
const PRIOR_VARIANCE: f64 = 1e-3;

/// How transitions of all chains are made in a phase.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// The metric, as sds: the square roots of the entries of the diagonal inverse metric.
    pub scale: Vec<f64>,
    /// The step size, or that with which each chain begins to adapt.
    pub step_size: f64,
    /// The most doublings of a trajectory.
    pub max_depth: u32,
}

/// How a chain adapts its step size in a phase; see [`StepSize`](super::adaptation::StepSize).
#[derive(Debug, Clone, Copy)]
pub struct Adapt {
    /// The mean acceptance that is aimed at.
    pub target: f64,
    /// How far an error in acceptance moves the log step size.
    pub gain: f64,
}

/// How NUTS adapts in warm-up.
#[derive(Debug, Clone, Copy)]
pub struct Adaptation {
    /// The mean acceptance that is aimed at.
    pub target_accept: f64,
    /// The most doublings of a trajectory.
    pub max_depth: u32,
}

impl Adaptation {
    /// The tuning of a phase with this metric and step size; one that only serves the next has `short` trajectories.
    pub fn tuning(&self, scale: Vec<f64>, step_size: f64, short: bool) -> Tuning {
        let max_depth = if short { self.max_depth.min(SHORT_TREES) } else { self.max_depth };
        Tuning { scale, step_size, max_depth }
    }

    /// How chains adapt their step sizes, where they may still be `far` from the typical set, and where not.
    pub fn adapt(&self, far: bool) -> Adapt {
        Adapt { target: self.target_accept, gain: if far { INITIAL_GAIN } else { GAIN } }
    }

    /// The step size to begin with where a metric was learnt under the identity, whose step size says little now: where the
    /// metric fits, steps go as D^(-1/4) (Beskos et al. 2013).
    pub fn first_step_size(dim: usize) -> f64 {
        1.0 / (dim as f64).sqrt().sqrt()
    }

    /// The geometric mean of the step sizes that the chains have learnt.
    pub fn pooled_step_size(log_step_sizes: &[f64]) -> f64 {
        exp(log_step_sizes.iter().sum::<f64>() / log_step_sizes.len() as f64)
    }

    /// Sets the metric from the moments of a window: the variance under which draws and gradients spread alike, the
    /// geometric mean of a coordinate's variance and of its gradient's inverse variance, which minimizes the Fisher
    /// divergence from a standard normal (Tran and Kleppe 2024; Seyboldt, Carlson and Carpenter 2026). For a normal
    /// posterior it stands between the marginal and the conditional variance, and it is already good where chains have not
    /// yet come to rest. Regularized towards a small number, as Stan does.
    pub fn update_metric(scale: &mut [f64], moments: &Moments) {
        let n = moments.count();
        for ((scale, position), gradient) in
            scale.iter_mut().zip(moments.position_variance()).zip(moments.gradient_variance())
        {
            let variance = (position / gradient).sqrt();
            if variance.is_finite() && variance > 0.0 {
                *scale = (n * variance + PRIOR_DRAWS * PRIOR_VARIANCE) / (n + PRIOR_DRAWS);
                if !faults::is_planted("metric-not-squared") {
                    *scale = scale.sqrt();
                }
            }
        }
    }
}
