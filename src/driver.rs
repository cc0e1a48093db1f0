//! The driver: walks through the phases of a run and adapts between them. Step sizes adapt chain by chain inside a phase;
//! metric and step size are pooled over all chains between phases, at fixed places, so that nothing depends on
//! scheduling, and a thousand chains adapt well in a hundred transitions.

mod schedule;

use std::time::{Duration, Instant};

use crate::engine::{Adapt, DeviceFailure, Engine, EngineError, Phase, PhaseOutcome, Sink};
use crate::math::exp;
use crate::nuts::adaptation::Moments;

use schedule::{Role, Stage, schedule};

/// Doublings of a trajectory until the last window: short trajectories explore as much a gradient, and the windows that
/// are made of them only serve the next.
const SHORT_TREES: u32 = 3;

/// How far acceptance moves the log step size while a chain is still far out, and afterwards.
const INITIAL_GAIN: f64 = 20.0;
const GAIN: f64 = 5.0;

/// The metric is regularized as if so many draws of this variance had been seen.
const PRIOR_DRAWS: f64 = 5.0;
const PRIOR_VARIANCE: f64 = 1e-3;

/// How long to run, and how to adapt.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Transitions of each chain before draws are kept.
    pub warmup: u32,
    /// Draws of each chain.
    pub draws: u32,
    /// The mean acceptance to aim at.
    pub target_accept: f64,
    /// The most doublings of a trajectory.
    pub max_depth: u32,
}

/// What there is to tell about a run beside its draws.
#[derive(Debug, Clone)]
pub struct Run {
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Draws of each chain: fewer than planned where the run was interrupted.
    pub draws: u32,
    /// The step size of all draws.
    pub step_size: f64,
    /// The metric of all draws, as sds in the sampler's units.
    pub scale: Vec<f64>,
    /// Mean acceptance over all draws.
    pub acceptance: f64,
    /// Divergent transitions, in warm-up and among the draws.
    pub divergences: [u64; 2],
    /// Gradients computed, in warm-up and for the draws.
    pub gradients: [u64; 2],
    /// Time spent, in warm-up and on the draws.
    pub time: [Duration; 2],
    /// A device that failed in the middle of the run.
    pub failure: Option<DeviceFailure>,
}

/// Runs the whole plan on `engine`: warm-up, then draws into `sink`.
///
/// # Errors
/// When the engine or the sink fails; what the sink took before stays with it.
pub fn run(engine: &mut dyn Engine, dim: usize, plan: &Plan, sink: &mut dyn Sink) -> Result<Run, EngineError> {
    let mut phase = Phase {
        transitions: 0,
        scale: vec![1.0; dim],
        step_size: 1.0,
        adapt: None,
        max_depth: plan.max_depth,
        sampling: false,
    };
    let mut run = Run {
        warmup: 0,
        draws: 0,
        step_size: phase.step_size,
        scale: Vec::new(),
        acceptance: f64::NAN,
        divergences: [0; 2],
        gradients: [0; 2],
        time: [Duration::ZERO; 2],
        failure: None,
    };
    for Stage { role, transitions } in schedule(plan.warmup) {
        phase.transitions = transitions;
        let gain = if role == Role::Initial { INITIAL_GAIN } else { GAIN };
        phase.adapt = Some(Adapt { target: plan.target_accept, gain });
        let long_trees = matches!(role, Role::LastWindow | Role::Final);
        phase.max_depth = if long_trees { plan.max_depth } else { plan.max_depth.min(SHORT_TREES) };
        let start = Instant::now();
        let outcome = engine.run(&phase, sink)?;
        run.count(0, &outcome, start.elapsed());
        run.warmup += outcome.transitions;
        if run.is_over() {
            return Ok(run);
        }
        if outcome.transitions < transitions {
            break;
        }
        phase.step_size = pooled_step_size(&outcome);
        match role {
            Role::Initial => {
                update_metric(&mut phase.scale, &outcome.moments);
                // What was learnt under the identity says little now: where the metric fits, steps go as D^(-1/4)
                // (Beskos et al. 2013).
                phase.step_size = 1.0 / (dim as f64).sqrt().sqrt();
            }
            Role::Window | Role::LastWindow => {
                update_metric(&mut phase.scale, &outcome.moments);
                sink.warmed(&outcome.moments);
            }
            Role::Final => {}
        }
    }
    phase.adapt = None;
    phase.max_depth = plan.max_depth;
    phase.sampling = true;
    phase.transitions = plan.draws;
    let start = Instant::now();
    let outcome = engine.run(&phase, sink)?;
    run.count(1, &outcome, start.elapsed());
    run.draws = outcome.transitions;
    run.acceptance = outcome.acceptance;
    run.step_size = phase.step_size;
    run.scale = phase.scale;
    Ok(run)
}

impl Run {
    fn count(&mut self, part: usize, outcome: &PhaseOutcome, time: Duration) {
        self.divergences[part] += outcome.divergences;
        self.gradients[part] += outcome.gradients;
        self.time[part] += time;
        if outcome.failure.is_some() {
            self.failure.clone_from(&outcome.failure);
        }
    }

    /// Whether a device has failed, and the run did not go on without it.
    fn is_over(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| !failure.resumed)
    }
}

/// The geometric mean of the step sizes that the chains have learnt.
fn pooled_step_size(outcome: &PhaseOutcome) -> f64 {
    let logs = &outcome.log_step_sizes;
    exp(logs.iter().sum::<f64>() / logs.len() as f64)
}

/// Sets the metric from the moments of a window: the variance under which draws and gradients spread alike, the
/// geometric mean of a coordinate's variance and of its gradient's inverse variance, which minimizes the Fisher
/// divergence from a standard normal (Tran and Kleppe 2024; Seyboldt, Carlson and Carpenter 2026). For a normal
/// posterior it stands between the marginal and the conditional variance, and it is already good where chains have not
/// yet come to rest. Regularized towards a small number, as Stan does.
fn update_metric(scale: &mut [f64], moments: &Moments) {
    let n = moments.count();
    for ((scale, position), gradient) in
        scale.iter_mut().zip(moments.position_variance()).zip(moments.gradient_variance())
    {
        let variance = (position / gradient).sqrt();
        if variance.is_finite() && variance > 0.0 {
            *scale = ((n * variance + PRIOR_DRAWS * PRIOR_VARIANCE) / (n + PRIOR_DRAWS)).sqrt();
        }
    }
}
