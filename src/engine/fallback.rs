//! The device engine with the CPU behind it: where the device fails, what has left it stays as it is, and every chain goes on
//! on the host from there.
//!
//! Of a chain, what leaves the device for sure are its hyperparameters: with every draw, and at the end of every phase of
//! warm-up. It goes on from those of its last finished draw, with effects drawn from their exact conditional normal: a Gibbs
//! step, under which the posterior stays what it is, so that the draws behind it are as valid as those before. (A marginal
//! chain is nothing but its hyperparameters.) A phase of warm-up that was under way is made again.

use std::sync::Arc;

use rayon::prelude::*;

use super::device::{self, DeviceEngine, Finished};
use super::host::HostEngine;
use super::{DeviceFailure, Engine, EngineError, Phase, PhaseOutcome, Progress, Sink, Standing};
use crate::density::collapsed::ConditionalEffects;
use crate::density::cpu::CpuDensity;
use crate::density::{Density, DensityError};
use crate::model::Model;
use crate::nuts::State;
use crate::random::Place;

/// Chains whose states a thread makes at once.
const STATES: usize = 64;

/// What is needed to go on on the host.
#[derive(Debug, Clone)]
pub struct Spare {
    /// The posterior.
    pub model: Arc<Model>,
    /// What the device was to do; its draws hold all hyperparameters at least.
    pub plan: device::Plan,
    /// How many lanes go on.
    pub threads: usize,
    /// What counts along.
    pub progress: Arc<Progress>,
}

/// Whole transitions on a device, and on the host where that fails.
pub struct Fallback {
    now: Now,
    spare: Spare,
    /// The failure of a device that never started.
    failure: Option<DensityError>,
}

/// Where the chains are.
enum Now {
    Device(Box<DeviceEngine>),
    Host(Box<HostEngine>),
}

impl Fallback {
    /// Goes on with what has `started`, or on the host where the device has failed at that.
    ///
    /// # Errors
    /// When a chain finds no starting point.
    pub fn new(started: Result<DeviceEngine, EngineError>, spare: Spare) -> Result<Fallback, EngineError> {
        let (now, failure) = match started {
            Ok(engine) => (Now::Device(Box::new(engine)), None),
            Err(EngineError::Density(error)) => {
                let nothing = Finished { transitions: 0, drawn: 0, hyperparameters: &[] };
                (Now::Host(Box::new(spare.go_on(nothing)?)), Some(error))
            }
            Err(other) => return Err(other),
        };
        Ok(Fallback { now, spare, failure })
    }
}

impl Spare {
    /// The host's engine, with its chains where those of the device were.
    fn go_on(&self, finished: Finished) -> Result<HostEngine, EngineError> {
        let device::Plan { chains, max_depth, variables, .. } = self.plan;
        let (model, progress) = (self.model.clone(), self.progress.clone());
        let density = CpuDensity::new(&model);
        let lanes = self.threads.clamp(1, chains.count as usize);
        let densities = (0..lanes).map(|_| Box::new(density.clone()) as Box<dyn Density>).collect();
        let engine = if finished.hyperparameters.is_empty() {
            HostEngine::new(model, densities, chains, max_depth, variables, progress).start()?
        } else {
            let states = self.states(&density, finished);
            HostEngine::new(model, densities, chains, max_depth, variables, progress).start_from(&states)
        };
        Ok(engine.having_made(finished.transitions, finished.drawn))
    }

    /// Each chain's state: its hyperparameters, and effects drawn from their conditional normal.
    fn states(&self, density: &CpuDensity, finished: Finished) -> Vec<State> {
        let Finished { transitions, hyperparameters, .. } = finished;
        let layout = self.model.layout();
        let (width, dim) = (layout.hyperparameters(), self.model.dim());
        let effects = ConditionalEffects::new(&self.model);
        let states = hyperparameters.par_chunks(STATES * width).enumerate().map(|(part, chains)| {
            let (mut effects, mut density) = (effects.clone(), density.clone());
            let (mut named, mut theta, mut gradient) = (vec![0.0; layout.dim()], vec![0.0; dim], vec![0.0; dim]);
            let mut state = |(chain, hyperparameters): (usize, &[f64])| {
                let number = self.plan.chains.first + (part * STATES + chain) as u32;
                let place = Place { seed: self.plan.chains.seed, chain: number, transition: transitions };
                named[..width].copy_from_slice(hyperparameters);
                effects.draw(&place, &mut named);
                self.model.unconstrain(&named, &mut theta);
                let mut state = State::zeros(dim);
                state.log_density = density.log_density(&theta, &mut gradient);
                state.position.copy_from_slice(&theta);
                state.gradient.copy_from_slice(&gradient);
                state
            };
            chains.chunks_exact(width).enumerate().map(&mut state).collect::<Vec<State>>()
        });
        states.collect::<Vec<Vec<State>>>().concat()
    }
}

impl Engine for Fallback {
    fn run(&mut self, phase: &Phase, sink: &mut dyn Sink) -> Result<PhaseOutcome, EngineError> {
        let resumed = |error: DensityError| Some(DeviceFailure { error, resumed: true });
        let counted = self.spare.progress.snapshot().transitions;
        let (engine, mut outcome) = match &mut self.now {
            Now::Host(engine) => {
                let mut outcome = engine.run(phase, sink)?;
                outcome.failure = self.failure.take().and_then(resumed);
                return Ok(outcome);
            }
            Now::Device(engine) => {
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
        let mut host = Box::new(self.spare.go_on(engine.finished())?);
        let left = Phase { transitions: phase.transitions - outcome.transitions, ..phase.clone() };
        let rest = host.run(&left, sink)?;
        self.now = Now::Host(host);
        let failure = outcome.failure.take().and_then(|failure| resumed(failure.error));
        Ok(PhaseOutcome { failure, ..joined(outcome, rest) })
    }

    fn standing(&mut self) -> Result<Standing, EngineError> {
        match &mut self.now {
            Now::Device(engine) => engine.standing(),
            Now::Host(engine) => engine.standing(),
        }
    }

    fn resume(&mut self, standing: &Standing, draws: usize) -> Result<(), EngineError> {
        match &mut self.now {
            Now::Device(engine) => engine.resume(standing, draws),
            Now::Host(engine) => engine.resume(standing, draws),
        }
    }
}

/// What came out of a phase that began on the device and ended on the host; chains learn what they learn on the host.
fn joined(device: PhaseOutcome, host: PhaseOutcome) -> PhaseOutcome {
    let transitions = device.transitions + host.transitions;
    let sum = |of: &PhaseOutcome| if of.transitions == 0 { 0.0 } else { of.acceptance * f64::from(of.transitions) };
    PhaseOutcome {
        transitions,
        gradients: device.gradients + host.gradients,
        divergences: device.divergences + host.divergences,
        acceptance: (sum(&device) + sum(&host)) / f64::from(transitions),
        ..host
    }
}
