//! The driver: walks through the phases of a run and adapts between them. Step sizes adapt chain by chain inside a
//! phase; metric and step size are pooled over all chains between phases, at fixed points, so that nothing depends on
//! scheduling, and a thousand chains adapt well in a hundred transitions.

mod schedule;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::engine::{
    ChainStates, DeviceFailure, DrawSink, Engine, EngineError, Phase, PhaseKind, PhaseOutcome, SinkError, SnapshotPlan,
};
use crate::faults;
use crate::nuts::adaptation::PositionMoments;
use crate::nuts::{Adaptation, FIRST_TOLERANCE, LowRank, eigenvectors};

use schedule::{Stage, StageRole, schedule};

/// Transitions of each chain after warm-up before the first checkpoint is considered.
const FIRST_RUN_LENGTH: u32 = 16;

/// Length, adaptation and thinning of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Transitions of each chain since warm-up.
    pub draws: u32,
    /// Thinning interval: every `thin`-th transition's draw is recorded.
    pub thin: u32,
    /// Target of the mean acceptance.
    pub target_accept: f64,
    /// Largest number of doublings of a trajectory.
    pub max_depth: u32,
    /// The most eigenvectors of the metric's low-rank part.
    pub rank: usize,
    /// The snapshots of a window from which they are learnt.
    pub snapshots: SnapshotPlan,
}

impl Plan {
    /// A plan of `warmup` transitions and `draws` draws under a diagonal metric, as it is by default apart from that.
    pub fn new(warmup: u32, draws: u32) -> Plan {
        Plan { warmup, draws, thin: 1, target_accept: 0.8, max_depth: 10, rank: 0, snapshots: SnapshotPlan::NONE }
    }
}

/// The results of a run, apart from its draws.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Transitions of each chain since warm-up: fewer than planned if the run was interrupted, or had enough draws.
    pub draws: u32,
    /// Whether the run ended before its last draw because the sink's draws were enough.
    pub enough: bool,
    /// The step size after warm-up.
    pub step_size: f64,
    /// The metric after warm-up, as sds in the sampler's units.
    pub scale: Vec<f64>,
    /// The metric's low-rank part.
    pub low_rank: LowRank,
    /// The tolerance of steps that are refined, after warm-up.
    pub tolerance: f64,
    /// Moments of positions over the last window of warm-up, if there was one.
    pub spread: Option<PositionMoments>,
    /// Mean acceptance over all transitions since warm-up.
    pub acceptance: f64,
    /// Divergent transitions, in warm-up and since.
    pub divergences: [u64; 2],
    /// Gradients computed, in warm-up and since.
    pub gradients: [u64; 2],
    /// Time spent, in warm-up and since.
    pub time: [Duration; 2],
    /// The failure of a device during the run.
    pub failure: Option<DeviceFailure>,
}

/// All chains between two transitions, and everything that the run has learned: enough to continue as if nothing had
/// happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whether step size and metric come from another run.
    pub frozen: bool,
    /// Phases of warm-up that are over.
    pub stages: usize,
    /// Transitions of each chain since warm-up.
    pub draws: u32,
    /// The step size of the next phase.
    pub step_size: f64,
    /// The metric of the next phase, as sds in the sampler's units.
    pub scale: Vec<f64>,
    /// The metric's low-rank part.
    pub low_rank: LowRank,
    /// The tolerance of the next phase, for steps that are refined.
    pub tolerance: f64,
    /// Moments of positions over the last window of warm-up, once it is over.
    pub spread: Option<PositionMoments>,
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Divergent transitions, in warm-up and since.
    pub divergences: [u64; 2],
    /// Gradients computed, in warm-up and since.
    pub gradients: [u64; 2],
    /// Mean acceptance over the chains, summed over the transitions since warm-up.
    pub acceptance: f64,
    /// Time spent, in warm-up and since.
    pub time: [Duration; 2],
    /// The states of the chains.
    pub chains: ChainStates,
}

/// Stores checkpoints.
pub trait Checkpointer {
    /// Approximate time from one checkpoint to the next.
    fn interval(&self) -> Duration;

    /// Stores a checkpoint, made after the last block that the run's sink took.
    ///
    /// # Errors
    /// If the checkpoint cannot be stored.
    fn record(&mut self, checkpoint: Checkpoint) -> Result<(), SinkError>;
}

/// The start of a run.
#[derive(Debug, Clone)]
pub enum Start {
    /// Everything is still to be learned.
    Fresh,
    /// Step size and metric come from another run and stay fixed: in warm-up the chains only forget their starting
    /// points, and no chain learns from another.
    Frozen(Tuned),
    /// The run continues from a checkpoint of the same plan.
    Resumed(Checkpoint),
}

/// The results of adaptation in warm-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The step size.
    pub step_size: f64,
    /// The metric, as sds in the sampler's units.
    pub scale: Vec<f64>,
    /// The metric's low-rank part.
    pub low_rank: LowRank,
    /// The tolerance, for steps that are refined.
    pub tolerance: f64,
    /// Moments of positions over the last window, if there was one.
    pub spread: Option<PositionMoments>,
}

impl Tuned {
    /// The results of adaptation up to a checkpoint.
    pub fn of(checkpoint: &Checkpoint) -> Tuned {
        let Checkpoint { step_size, scale, low_rank, tolerance, spread, .. } = checkpoint.clone();
        Tuned { step_size, scale, low_rank, tolerance, spread }
    }
}

/// Runs the whole plan on `engine`: warm-up, then draws into `sink`.
///
/// # Errors
/// If the engine or the sink fails; the sink keeps what it took before.
pub fn run(
    engine: &mut dyn Engine,
    dim: usize,
    plan: &Plan,
    sink: &mut dyn DrawSink,
) -> Result<RunOutcome, EngineError> {
    run_from(Start::Fresh, engine, dim, plan, sink, None)
}

/// Runs the plan from another `start`, with checkpoints if there is a `checkpointer`.
///
/// # Errors
/// As [`run`].
pub fn run_from(
    start: Start,
    engine: &mut dyn Engine,
    dim: usize,
    plan: &Plan,
    sink: &mut dyn DrawSink,
    mut checkpointer: Option<&mut dyn Checkpointer>,
) -> Result<RunOutcome, EngineError> {
    let fresh =
        Checkpoint { step_size: 1.0, scale: vec![1.0; dim], tolerance: FIRST_TOLERANCE, ..Checkpoint::default() };
    let mut done = match start {
        Start::Fresh => fresh,
        Start::Frozen(Tuned { step_size, scale, low_rank, tolerance, spread }) => {
            Checkpoint { frozen: true, step_size, scale, low_rank, tolerance, spread, ..fresh }
        }
        Start::Resumed(checkpoint) => {
            engine.resume(&checkpoint.chains, checkpoint.draws as usize)?;
            checkpoint
        }
    };
    if let Some(spread) = &done.spread {
        sink.warmed(spread);
    }
    let adaptation = Adaptation { target_accept: plan.target_accept, max_depth: plan.max_depth };
    let mut failure = None;
    let stages = if done.frozen { schedule::frozen(plan.warmup) } else { schedule(plan.warmup) };
    let mut checkpointed = Instant::now();
    for Stage { role, transitions } in stages.into_iter().skip(done.stages) {
        let is_far = matches!(role, StageRole::Initial | StageRole::Approach);
        let learns = !matches!(role, StageRole::Approach | StageRole::Arrival | StageRole::Frozen);
        let long_trees =
            matches!(role, StageRole::LastWindow | StageRole::Final | StageRole::Arrival | StageRole::Frozen);
        let learns_eigenvectors = plan.rank > 0 && matches!(role, StageRole::Window | StageRole::LastWindow);
        let phase = Phase {
            transitions,
            tuning: match role {
                StageRole::Approach => {
                    adaptation.tuning((vec![1.0; dim], &LowRank::default()), 1.0, done.tolerance, true)
                }
                _ => {
                    adaptation.tuning((done.scale.clone(), &done.low_rank), done.step_size, done.tolerance, !long_trees)
                }
            },
            adapt: (role != StageRole::Frozen).then(|| adaptation.adapt(is_far)),
            part: PhaseKind::Warmup { recorded: sink.wants_warmup() },
            thin: plan.thin,
            snapshots: if learns_eigenvectors { plan.snapshots } else { SnapshotPlan::NONE },
        };
        let outcome = count(&mut done, &mut failure, 0, engine, &phase, sink)?;
        done.warmup += outcome.transitions;
        if is_over(&failure) {
            return Ok(run_outcome(done, failure));
        }
        if outcome.transitions < transitions {
            break;
        }
        done.stages += 1;
        if learns {
            done.step_size = Adaptation::pooled_step_size(&outcome.log_step_sizes);
        }
        let learns_tolerance = matches!(role, StageRole::Window | StageRole::LastWindow);
        if let Some(range) = outcome.energy_range.filter(|_| learns_tolerance) {
            done.tolerance = Adaptation::update_tolerance(done.tolerance, range);
        }
        match role {
            StageRole::Initial => {
                Adaptation::update_metric(&mut done.scale, &outcome.moments);
                done.step_size = Adaptation::first_step_size(dim);
            }
            StageRole::Window => Adaptation::update_metric(&mut done.scale, &outcome.moments),
            StageRole::LastWindow => {
                Adaptation::update_metric(&mut done.scale, &outcome.moments);
                sink.warmed(done.spread.insert(outcome.moments.spread()));
            }
            StageRole::Approach | StageRole::Arrival | StageRole::Frozen | StageRole::Final => {}
        }
        if learns_eigenvectors {
            done.low_rank = eigenvectors::learn(&done.scale, &outcome.snapshots, plan.rank);
        }
        checkpoint_if_due(&done, &mut checkpointed, engine, &mut checkpointer)?;
    }
    let mut phase = Phase {
        transitions: 0,
        tuning: adaptation.tuning((done.scale.clone(), &done.low_rank), done.step_size, done.tolerance, false),
        adapt: None,
        part: PhaseKind::Sampling,
        thin: plan.thin,
        snapshots: SnapshotPlan::NONE,
    };
    // A run that was stopped in warm-up comes here too, but a stopped engine makes no draws.
    let mut length = FIRST_RUN_LENGTH;
    loop {
        let place = sink.judge().map(|judge| plan.thin * judge.place_after(done.draws / plan.thin));
        let left = place.unwrap_or(plan.draws) - done.draws;
        phase.transitions = if checkpointer.is_some() { length.min(left) } else { left };
        let began = Instant::now();
        let outcome = count(&mut done, &mut failure, 1, engine, &phase, sink)?;
        let took = began.elapsed();
        done.draws += outcome.transitions;
        if outcome.transitions < phase.transitions || is_over(&failure) || done.draws == plan.draws {
            return Ok(run_outcome(done, failure));
        }
        // Judged before the checkpoint at this place: a run that is resumed from there did not have enough draws.
        if place == Some(done.draws)
            && let Some(judge) = sink.judge()
            && judge.is_enough()?
        {
            return Ok(RunOutcome { enough: true, ..run_outcome(done, failure) });
        }
        checkpoint_if_due(&done, &mut checkpointed, engine, &mut checkpointer)?;
        if let Some(checkpointer) = &checkpointer {
            let interval = checkpointer.interval().as_secs_f64();
            let fitting = f64::from(phase.transitions) * interval / took.as_secs_f64().max(1e-6);
            length = (fitting as u32).clamp(1, length.saturating_mul(8));
        }
    }
}

/// Runs a phase, and counts it in `part`: 0 is warm-up, 1 the rest.
fn count(
    done: &mut Checkpoint,
    failure: &mut Option<DeviceFailure>,
    part: usize,
    engine: &mut dyn Engine,
    phase: &Phase,
    sink: &mut dyn DrawSink,
) -> Result<PhaseOutcome, EngineError> {
    let began = Instant::now();
    let outcome = engine.run(phase, sink)?;
    if !faults::is_planted("uncounted-divergence") {
        done.divergences[part] += outcome.divergences;
    }
    done.gradients[part] += outcome.gradients;
    done.time[part] += began.elapsed();
    if part == 1 && outcome.transitions > 0 {
        done.acceptance += outcome.acceptance * f64::from(outcome.transitions);
    }
    if outcome.failure.is_some() {
        failure.clone_from(&outcome.failure);
    }
    Ok(outcome)
}

/// Whether a device has failed, and the run did not go on without it.
fn is_over(failure: &Option<DeviceFailure>) -> bool {
    failure.as_ref().is_some_and(|failure| !failure.resumed)
}

/// Records a checkpoint if the last one is old enough.
fn checkpoint_if_due(
    done: &Checkpoint,
    checkpointed: &mut Instant,
    engine: &mut dyn Engine,
    checkpointer: &mut Option<&mut dyn Checkpointer>,
) -> Result<(), EngineError> {
    if let Some(checkpointer) = checkpointer
        && checkpointed.elapsed() >= checkpointer.interval()
    {
        let draws = done.draws.saturating_sub(faults::is_planted("stale-checkpoint").into());
        checkpointer.record(Checkpoint { chains: engine.states()?, draws, ..done.clone() })?;
        *checkpointed = Instant::now();
    }
    faults::point_at("after-phase", u64::from(done.draws));
    Ok(())
}

/// The results of a run that has come this far.
fn run_outcome(done: Checkpoint, failure: Option<DeviceFailure>) -> RunOutcome {
    RunOutcome {
        warmup: done.warmup,
        draws: done.draws,
        enough: false,
        step_size: done.step_size,
        acceptance: done.acceptance / f64::from(done.draws),
        scale: done.scale,
        low_rank: done.low_rank,
        tolerance: done.tolerance,
        spread: done.spread,
        divergences: done.divergences,
        gradients: done.gradients,
        time: done.time,
        failure,
    }
}
