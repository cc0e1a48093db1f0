//! Sampling: whole transitions of all chains that start from posterior draws, with the tuning of the warm-up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Warm;
use super::cell_draws::CellDraws;
use super::target::{BenchTarget, Started};
use super::worker_time::WorkerTime;
use crate::engine::{Engine, EngineError, Phase, PhaseKind};
use crate::experiment::Settings;
use crate::model::Model;
use crate::nuts::Tuning;

/// An engine's transitions in a cell.
pub struct Sampling {
    engine: Box<dyn Engine>,
    phase: Phase,
    chains: f64,
    workers: f64,
    /// The recorded draws.
    pub kept: CellDraws,
    /// Leapfrogs a second of each repeat.
    pub leapfrogs: Vec<f64>,
    /// Draws a second of each repeat.
    pub draws: Vec<f64>,
    /// The split of the repeats' time.
    pub time: WorkerTime,
}

impl Sampling {
    /// Starts all chains and runs them for about a `slice`, so that chains that began together spread out and engines
    /// find their block length. Also returns the seconds of a transition.
    pub fn start(
        target: &BenchTarget,
        model: &Arc<Model>,
        settings: &Settings,
        warm: &Warm,
        slice: Duration,
    ) -> Result<(Sampling, f64), EngineError> {
        let Started { engine, workers, meter } = target.start(model, settings, warm)?;
        let phase = Phase::new(
            1,
            Tuning::new(warm.scale.clone(), warm.step_size, settings.max_tree_depth),
            PhaseKind::Sampling,
        );
        let kept = CellDraws::new(settings.chains as usize, model.layout().hyperparameters());
        let mut sampling = Sampling {
            engine,
            phase,
            chains: f64::from(settings.chains),
            workers: workers as f64,
            kept,
            leapfrogs: Vec::new(),
            draws: Vec::new(),
            time: WorkerTime::start(None, target),
        };
        // The first transition is slow.
        sampling.repeat()?;
        let (mut spent, slice) = (0.0, slice.as_secs_f64());
        let transition = loop {
            let start = Instant::now();
            sampling.repeat()?;
            let seconds = start.elapsed().as_secs_f64();
            spent += seconds;
            let (made, transition) = (sampling.phase.transitions, seconds / f64::from(sampling.phase.transitions));
            sampling.phase.transitions = ((slice / transition) as u32).min(4 * made).max(1);
            if spent >= slice {
                break transition;
            }
        };
        sampling.phase.transitions = ((slice / transition) as u32).max(1);
        sampling.leapfrogs.clear();
        sampling.draws.clear();
        sampling.kept.clear();
        sampling.time = WorkerTime::start(meter, target);
        Ok((sampling, transition))
    }

    /// Runs some transitions of all chains.
    pub fn repeat(&mut self) -> Result<(), EngineError> {
        let start = Instant::now();
        let outcome = self.engine.run(&self.phase, &mut self.kept.sink())?;
        let seconds = start.elapsed().as_secs_f64();
        outcome.failure.map_or(Ok(()), Err)?;
        self.leapfrogs.push(outcome.gradients as f64 / seconds);
        self.draws.push(f64::from(outcome.transitions) * self.chains / seconds);
        self.time.add(seconds * self.workers);
        Ok(())
    }

    /// The draws of each chain in a repeat.
    pub fn draws_per_chain(&self) -> u32 {
        self.phase.transitions
    }
}
