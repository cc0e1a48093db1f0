//! An experiment of warpnuts, on one worker.

use std::sync::Arc;

use anyhow::Result;
use warpnuts::density::Density;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{Keep, Progress};
use warpnuts::model::{Likelihood, Model};

use crate::outcome::{CHAINS, Clock, DRAWS, MAX_DEPTH, Outcome, TARGET_ACCEPT, WARMUP};

pub fn sample(model: &Arc<Model>, likelihood: Likelihood, seed: u64) -> Result<Outcome> {
    let dim = model.layout().dim();
    let workers: Vec<Box<dyn Density>> = vec![Box::new(CpuDensity::new(&model.over(likelihood)?))];
    let chains = Chains { seed, first: 0, count: CHAINS as u32, per_superchain: 1 };
    let plan = Plan {
        warmup: WARMUP as u32,
        draws: DRAWS as u32,
        thin: 1,
        target_accept: TARGET_ACCEPT,
        max_depth: MAX_DEPTH,
    };

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
        values: sink.values().to_vec(),
    })
}
