//! Experiments of warpnuts, on one worker.

use std::sync::Arc;

use anyhow::Result;
use warpnuts::density::Density;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{Keep, Progress};
use warpnuts::experiment::{self, Sampler, Settings};
use warpnuts::model::{Likelihood, Model};

use crate::outcome::{CHAINS, Clock, DRAWS, MAX_DEPTH, Outcome, TARGET_ACCEPT, WARMUP};

pub fn sample(model: &Arc<Model>, likelihood: Likelihood, seed: u64) -> Result<Outcome> {
    let dim = model.layout().dim();
    let workers: Vec<Box<dyn Density>> = vec![Box::new(CpuDensity::new(&model.over(likelihood)?))];
    let chains = Chains { seed, first: 0, count: CHAINS as u32, per_superchain: 1 };
    let plan = Plan { target_accept: TARGET_ACCEPT, max_depth: MAX_DEPTH, ..Plan::new(WARMUP as u32, DRAWS as u32) };

    let start = Clock::start();
    let progress = Arc::new(Progress::default());
    let mut engine = HostEngine::new(model.clone(), workers, chains, MAX_DEPTH, Keep::All, progress).start()?;
    let mut sink = Memory::new(dim, CHAINS, DRAWS);
    let run = driver::run(&mut engine, dim, &plan, &mut sink)?;
    let time = start.elapsed();

    Ok(Outcome {
        time,
        gradients: run.gradients,
        leapfrogs: sink.statistics().iter().map(|draw| u64::from(draw.n_steps)).sum(),
        step_size: run.step_size,
        acceptance: run.acceptance,
        divergences: run.divergences[1],
        draws: DRAWS,
        values: sink.values().to_vec(),
    })
}

/// Independent draws, `draws` in each of as many rows as the others have chains: the search for modes and the proposal
/// are timed as theirs are warm-ups.
pub fn independent(model: &Arc<Model>, draws: usize, keep: Keep, seed: u64) -> Result<Outcome> {
    let settings = Settings {
        sampler: Sampler::Independent,
        seed,
        chains: CHAINS as u32,
        draws: draws as u32,
        threads: 1,
        keep,
        ..Settings::default()
    };
    let start = Clock::start();
    let sampled = experiment::sample(model.clone(), settings, Arc::new(Progress::default()))?;
    let time = start.elapsed();
    Ok(Outcome {
        time,
        gradients: sampled.run.gradients,
        leapfrogs: 0,
        step_size: 0.0,
        acceptance: sampled.run.acceptance,
        divergences: 0,
        draws,
        values: sampled.draws.values().to_vec(),
    })
}
