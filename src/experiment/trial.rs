//! How fast an engine is for a run, by trying: it starts as the run would, and makes a few short transitions. Effects
//! of collapsed models, which the host draws after any engine, are no part of it.

use std::time::{Duration, Instant};

use super::Settings;
use super::densities::transition_memory;
use crate::draws::Memory;
use crate::engine::{Engine, EngineError, Phase, PhaseKind};
use crate::model::Model;
use crate::nuts::Tuning;

/// Doublings of a trajectory that is timed, with steps so small that it neither turns back nor diverges.
const DEPTH: u32 = 3;
const STEP: f64 = 1e-6;

/// A try takes about this long, unless one transition of all chains takes longer.
const TRY: Duration = Duration::from_millis(2);

/// The fastest of so many tries counts, or of those that have ended by then: others use the machine, too.
const TRIES: usize = 4;
const LONGEST: Duration = Duration::from_millis(100);

/// More chains make no engine faster: those of a worker of the CPU, which takes one after the other, and of a device,
/// if there is room.
const A_WORKER: u32 = 4;
const ON_DEVICE: u32 = 1 << 16;
const ROOM: usize = 1 << 30;

/// The run's settings, with as many chains as are worth a trial.
pub fn settings_of_trial(settings: &Settings, model: &Model, on_device: bool) -> Settings {
    let enough = if on_device {
        (ROOM / transition_memory(model, settings)).clamp(1, ON_DEVICE as usize) as u32
    } else {
        A_WORKER.saturating_mul(settings.threads as u32)
    };
    Settings { chains: settings.chains.min(enough), ..*settings }
}

/// Gradients a second of an engine that stands ready with the chains of a trial.
pub fn rate_of(engine: &mut dyn Engine, model: &Model, settings: &Settings) -> Result<f64, EngineError> {
    let tuning = Tuning { scale: vec![1.0; model.dim()], step_size: STEP, max_depth: 1 };
    let part = PhaseKind::Warmup { recorded: false };
    let mut phase = Phase { transitions: 1, tuning, adapt: None, part, thin: 1 };
    let mut nothing = Memory::new(0, 0, 0);
    let mut time = |phase: &Phase| -> Result<(f64, Duration), EngineError> {
        let start = Instant::now();
        let outcome = engine.run(phase, &mut nothing)?;
        outcome.failure.map_or(Ok(()), Err)?;
        Ok((outcome.gradients as f64, start.elapsed()))
    };
    // The first time, drivers compile.
    time(&phase)?;
    phase.tuning.max_depth = DEPTH.min(settings.max_tree_depth);
    let begin = Instant::now();
    let (mut fastest, mut tries) = (0.0f64, 0);
    while tries < TRIES && begin.elapsed() < LONGEST {
        let (gradients, time) = time(&phase)?;
        fastest = fastest.max(gradients / time.as_secs_f64());
        // At the fastest pace: what others had of the machine does not make a try long.
        let share = gradients / fastest / TRY.as_secs_f64();
        if share >= 0.5 {
            tries += 1;
        } else {
            phase.transitions = phase.transitions.saturating_mul(share.recip().clamp(2.0, 64.0) as u32);
        }
    }
    Ok(fastest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Dataset;

    #[test]
    fn a_trial_has_the_chains_of_the_run_where_they_are_few() {
        let model = Model::builder(Arc::new(Dataset::radon().unwrap())).build();
        let chains = |chains, on_device| {
            let settings = Settings { chains, threads: 2, ..Settings::default() };
            settings_of_trial(&settings, &model, on_device).chains
        };
        assert_eq!([chains(3, false), chains(3, true), chains(1000, true)], [3, 3, 1000]);
        assert_eq!(chains(1_000_000, false), 8);
        assert!((4096..=65_536).contains(&chains(1_000_000, true)));
    }
}
