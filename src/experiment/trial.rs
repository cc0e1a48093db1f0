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

/// So many tries are made; none starts after this time.
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
    let tuning = Tuning::new(vec![1.0; model.dim()], STEP, 1);
    let part = PhaseKind::Warmup { recorded: false };
    let mut phase = Phase::new(1, tuning, part);
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
    let make = |transitions| {
        phase.transitions = transitions;
        time(&phase)
    };
    fastest_try(&mut 1, (TRIES, TRY), make, |_| begin.elapsed() >= LONGEST)
}

/// The work per second in the fastest of several tries, because others use the machine, too. `make` makes so many
/// transitions, and returns their work and their time; their number grows until a try takes about as long as it is to
/// take. `is_known` says that the rate so far is enough to know.
///
/// # Errors
/// Those of `make`.
pub fn fastest_try<E>(
    transitions: &mut u32,
    (tries, each): (usize, Duration),
    mut make: impl FnMut(u32) -> Result<(f64, Duration), E>,
    is_known: impl Fn(f64) -> bool,
) -> Result<f64, E> {
    let (mut fastest, mut made) = (0.0f64, 0);
    while made < tries && !is_known(fastest) {
        let (work, time) = make(*transitions)?;
        fastest = fastest.max(work / time.as_secs_f64());
        // At the fastest pace, so that other work on the machine does not make tries longer.
        let wanted = fastest * each.as_secs_f64();
        if work >= 0.5 * wanted {
            made += 1;
        } else {
            *transitions = (f64::from(*transitions) * (wanted / work).clamp(2.0, 64.0)) as u32;
        }
    }
    Ok(fastest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Dataset;

    /// A machine that makes a million a second, but stops for a second at these tries.
    fn told(stops: &[usize], is_known: impl Fn(f64) -> bool) -> (f64, usize, u32) {
        let (mut calls, mut transitions) = (0, 1);
        let make = |transitions: u32| {
            calls += 1;
            let stop = Duration::from_secs(u64::from(stops.contains(&calls)));
            Ok::<_, EngineError>((f64::from(transitions), Duration::from_micros(transitions.into()) + stop))
        };
        let fastest = fastest_try(&mut transitions, (3, Duration::from_millis(10)), make, is_known).unwrap();
        (fastest, calls, transitions)
    }

    #[test]
    fn a_pause_of_the_machine_does_not_count() {
        // 1, 64 and 4096 transitions, then three times 10,000; a pause at the very first makes a try of it.
        for stop in 0..=6 {
            let (fastest, calls, transitions) = told(&[stop], |_| false);
            assert!((fastest - 1e6).abs() < 1.0 && calls == 6, "{stop}: {fastest} after {calls}");
            assert!(transitions.abs_diff(10_000) <= 1, "{stop}: {transitions}");
        }
        let (fastest, calls, transitions) = told(&[1], |rate| rate > 1e5);
        assert!((fastest - 1e6).abs() < 1.0 && (calls, transitions) == (2, 64), "{fastest} after {calls}");
    }

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
