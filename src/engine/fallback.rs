//! The device engine with the CPU as its fallback: if the device fails, the draws that it has handed over are kept, and
//! every chain continues on the host.
//!
//! A chain continues from its state at the last checkpoint in memory: at the start of the current phase, or at the last
//! request for states since. From there it makes the draws that are missing, with random numbers that no recorded draw
//! has used, so that they are as valid as the draws before them. A phase of warm-up is made again, except for draws
//! already recorded.

use std::sync::Arc;

use rayon::prelude::*;

use super::device::{self, DeviceEngine};
use super::host::{self, HostEngine};
use super::{ChainStates, DeviceFailure, DrawSink, Engine, EngineError, Phase, PhaseOutcome, Progress};
use crate::density::cpu::CpuDensity;
use crate::model::Model;
use crate::nuts::State;

/// Chains whose states a thread evaluates at once.
const STATES: usize = 64;

/// Everything needed to continue on the host.
#[derive(Debug, Clone)]
pub struct Spare {
    /// The model.
    pub model: Arc<Model>,
    /// The plan of the device engine.
    pub plan: device::DevicePlan,
    /// Number of threads on the host.
    pub threads: usize,
    /// Counters of the run.
    pub progress: Arc<Progress>,
}

/// Whole transitions on a device, or on the host after the device has failed.
pub struct Fallback {
    now: Now,
    spare: Spare,
    /// The last states copied from the device; `None` if the chains are still at their starting points.
    last: Option<ChainStates>,
    /// The failure of a device that never started.
    failure: Option<DeviceFailure>,
}

/// The engine that holds the chains.
enum Now {
    Device(Box<DeviceEngine>),
    Host(Box<HostEngine>),
}

impl Fallback {
    /// Continues with the `started` engine, or on the host if the device failed to start.
    ///
    /// # Errors
    /// If a chain finds no starting point.
    pub fn new(started: Result<DeviceEngine, EngineError>, spare: Spare) -> Result<Fallback, EngineError> {
        let (now, failure) = match started {
            Ok(engine) => (Now::Device(Box::new(engine)), None),
            Err(EngineError::Density(error)) => {
                let failure = DeviceFailure { error: error.to_string(), resumed: true };
                (Now::Host(Box::new(spare.go_on(None)?)), Some(failure))
            }
            Err(other) => return Err(other),
        };
        Ok(Fallback { now, spare, last: None, failure })
    }
}

impl Spare {
    /// The host's engine, with its chains in these states, or at their starting points without states.
    fn go_on(&self, states: Option<&ChainStates>) -> Result<HostEngine, EngineError> {
        let device::DevicePlan { chains, max_depth, keep, .. } = self.plan;
        let (model, progress) = (self.model.clone(), self.progress.clone());
        let density = CpuDensity::new(&model);
        let densities = host::on_cpu(&density, self.threads, chains.count);
        let engine = HostEngine::new(model, densities, chains, max_depth, keep, progress);
        match states {
            None => engine.start(),
            Some(states) => Ok(engine.start_from(&self.evaluated(&density, states))),
        }
    }

    /// These states, with log densities and gradients evaluated on the host.
    fn evaluated(&self, density: &CpuDensity, states: &ChainStates) -> Vec<State> {
        let dim = self.model.dim();
        let states = states.positions.par_chunks(STATES * dim).map(|positions| {
            let mut density = density.clone();
            positions.chunks_exact(dim).map(|position| State::at(position, &mut density)).collect::<Vec<State>>()
        });
        states.collect::<Vec<Vec<State>>>().into_iter().flatten().collect()
    }
}

impl Engine for Fallback {
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError> {
        let counted = self.spare.progress.snapshot().transitions;
        let (engine, mut outcome) = match &mut self.now {
            Now::Host(engine) => {
                let mut outcome = engine.run(phase, sink)?;
                outcome.failure = self.failure.take();
                return Ok(outcome);
            }
            Now::Device(engine) => {
                let made = engine.finished().0;
                if made > self.last.as_ref().map_or(0, |last| last.transitions)
                    && let Ok(states) = engine.states()
                {
                    self.last = Some(states);
                }
                let outcome = engine.run(phase, sink)?;
                (engine, outcome)
            }
        };
        if outcome.failure.is_none() || self.spare.progress.is_stopped() {
            return Ok(outcome);
        }
        let kept = u64::from(outcome.transitions) * u64::from(self.spare.plan.chains.count);
        let lost = self.spare.progress.snapshot().transitions.saturating_sub(counted + kept);
        self.spare.progress.take_back(lost);
        let (transitions, drawn) = engine.finished();
        let mut host = Box::new(self.spare.go_on(self.last.as_ref())?.having_made(transitions, drawn));
        let left = Phase { transitions: phase.transitions - outcome.transitions, ..phase.clone() };
        let rest = host.run(&left, sink)?;
        self.now = Now::Host(host);
        let failure = outcome.failure.take().map(|failure| DeviceFailure { resumed: true, ..failure });
        Ok(PhaseOutcome { failure, ..joined(outcome, rest) })
    }

    fn states(&mut self) -> Result<ChainStates, EngineError> {
        match &mut self.now {
            Now::Device(engine) => Ok(self.last.insert(engine.states()?).clone()),
            Now::Host(engine) => engine.states(),
        }
    }

    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError> {
        match &mut self.now {
            Now::Device(engine) => {
                self.last = Some(states.clone());
                engine.resume(states, draws)
            }
            Now::Host(engine) => engine.resume(states, draws),
        }
    }
}

/// The outcome of a phase that began on the device and ended on the host; step sizes and moments are the host's.
fn joined(device: PhaseOutcome, host: PhaseOutcome) -> PhaseOutcome {
    let transitions = device.transitions + host.transitions;
    let mut snapshots = device.snapshots.clone();
    snapshots.join(&host.snapshots);
    let sum = |of: &PhaseOutcome| if of.transitions == 0 { 0.0 } else { of.acceptance * f64::from(of.transitions) };
    PhaseOutcome {
        transitions,
        gradients: device.gradients + host.gradients,
        divergences: device.divergences + host.divergences,
        acceptance: (sum(&device) + sum(&host)) / f64::from(transitions),
        snapshots,
        ..host
    }
}
