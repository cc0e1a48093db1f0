//! The speed of an engine for a run, by a trial: the engine starts as in the run, and makes a few short transitions.
//! Effects of collapsed models are left out, because the host draws them whatever the engine.

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

/// Approximate time of a try, unless one transition of all chains takes longer.
const TRY: Duration = Duration::from_millis(2);

/// The fastest of so many tries counts, because others use the machine, too; no try starts after this time.
const TRIES: usize = 4;
const LONGEST: Duration = Duration::from_millis(100);

/// Chains beyond which engines get no faster: for each worker of the CPU, which advances one chain after the other, and
/// on a device; and the most memory for the transitions of the latter, in bytes.
const A_WORKER: u32 = 4;
const ON_DEVICE: u32 = 1 << 16;
const ROOM: usize = 1 << 30;

/// The run's settings, with the number of chains that a trial needs.
pub fn settings_of_trial(settings: &Settings, model: &Model, on_device: bool) -> Settings {
    let enough = if on_device {
        (ROOM / transition_memory(model, settings)).clamp(1, ON_DEVICE as usize) as u32
    } else {
        A_WORKER.saturating_mul(settings.threads as u32)
    };
    Settings { chains: settings.chains.min(enough), ..*settings }
}

/// Gradients per second of an engine that has been started with the chains of a trial.
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
    // Drivers compile during the first run.
    time(&phase)?;
    phase.tuning.max_depth = DEPTH.min(settings.max_tree_depth);
    let begin = Instant::now();
    let (mut fastest, mut tries) = (0.0f64, 0);
    while tries < TRIES && begin.elapsed() < LONGEST {
        let (gradients, time) = time(&phase)?;
        fastest = fastest.max(gradients / time.as_secs_f64());
        // At the fastest pace, so that other work on the machine does not make tries longer.
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
