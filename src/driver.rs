//! The driver: walks through the phases of a run and adapts between them. Step sizes adapt chain by chain inside a phase;
//! metric and step size are pooled over all chains between phases, at fixed places, so that nothing depends on
//! scheduling, and a thousand chains adapt well in a hundred transitions.

mod schedule;

use std::time::{Duration, Instant};

use crate::engine::{Adapt, Engine, EngineError, Phase, PhaseOutcome, Sink};
use crate::nuts::adaptation::Moments;

pub use schedule::{Stage, schedule};

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
    };
    let env = |name: &str, default: f64| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    for (stage, transitions) in schedule(plan.warmup) {
        phase.transitions = transitions;
        phase.max_depth = if stage == Stage::Initial { plan.max_depth.min(env("D0", 10.0) as u32) } else { plan.max_depth };
        let gain = match stage {
            Stage::Initial => env("G0", 20.0),
            Stage::Window => env("G1", 5.0),
            Stage::Final => env("G2", 5.0),
        };
        phase.adapt = Some(Adapt { target: plan.target_accept, gain });
        let start = Instant::now();
        let outcome = engine.run(&phase, sink)?;
        if std::env::var("TRACE").is_ok() {
            eprintln!("{stage:?} {transitions} eps0 {:.3} acc {:.3} grads/tr {:.2} div {} -> eps {:.3}", phase.step_size, outcome.acceptance, outcome.gradients as f64 / outcome.transitions as f64 / outcome.log_step_sizes.len() as f64, outcome.divergences, pooled_step_size(&outcome));
        }
        run.count(0, &outcome, start.elapsed());
        run.warmup += outcome.transitions;
        phase.step_size = pooled_step_size(&outcome);
        if stage != Stage::Final {
            phase.scale = metric(&outcome.moments);
        }
        if stage == Stage::Initial {
            phase.step_size = env("E1", 1.0) * (dim as f64).powf(-0.25);
        }
        if outcome.transitions < transitions {
            break;
        }
    }
    phase.adapt = None;
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
    }
}

/// The geometric mean of the step sizes that the chains have learnt.
fn pooled_step_size(outcome: &PhaseOutcome) -> f64 {
    let logs = &outcome.log_step_sizes;
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

/// The metric's scale from the moments of a window.
fn metric(moments: &Moments) -> Vec<f64> {
    let n = moments.count();
    let fisher = std::env::var("FISHER").is_ok();
    moments
        .position_variance()
        .zip(moments.gradient_variance())
        .map(|(v, g)| {
            let ex: f64 = std::env::var("EX").map_or(0.5, |v| v.parse().unwrap()); let var = if fisher { v.powf(ex) / g.powf(1.0 - ex) } else { v };
            let r: f64 = std::env::var("REG").map_or(1e-3, |v| v.parse().unwrap());
            ((n * var + 5.0 * r) / (n + 5.0)).sqrt()
        })
        .collect()
}
