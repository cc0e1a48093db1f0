//! Sampling: whole transitions of all chains, from draws of the posterior on, with what the warm-up has learnt.

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
    /// What it has drawn.
    pub kept: CellDraws,
    /// Leapfrogs a second of each repeat.
    pub leapfrogs: Vec<f64>,
    /// Draws a second of each repeat.
    pub draws: Vec<f64>,
    /// Where the time of the repeats went.
    pub time: WorkerTime,
}

impl Sampling {
    /// Puts all chains where they start, and lets them go for about a `slice`: chains that began together part, engines
    /// find the length of their blocks, and the time of a transition shows, in seconds.
    pub fn start(
        target: &BenchTarget,
        model: &Arc<Model>,
        settings: &Settings,
        warm: &Warm,
        slice: Duration,
    ) -> Result<(Sampling, f64), EngineError> {
        let Started { engine, workers, meter } = target.start(model, settings, warm)?;
        let phase = Phase {
            tuning: Tuning { scale: warm.scale.clone(), step_size: warm.step_size, max_depth: settings.max_tree_depth },
            transitions: 1,
            adapt: None,
            part: PhaseKind::Sampling,
            thin: 1,
        };
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
        // The first of all is slow.
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

    /// Some transitions of all chains.
    pub fn repeat(&mut self) -> Result<(), EngineError> {
        let start = Instant::now();
        let outcome = self.engine.run(&self.phase, &mut self.kept)?;
        let seconds = start.elapsed().as_secs_f64();
        outcome.failure.map_or(Ok(()), Err)?;
        self.leapfrogs.push(outcome.gradients as f64 / seconds);
        self.draws.push(f64::from(outcome.transitions) * self.chains / seconds);
        self.time.add(seconds * self.workers);
        Ok(())
    }

    /// Draws of each chain in a repeat.
    pub fn draws_per_chain(&self) -> u32 {
        self.phase.transitions
    }
}
