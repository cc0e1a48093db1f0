//! Parts of tests of whole runs: a model, a driver over a host engine, and draws in memory.

use std::sync::Arc;

use crate::helpers::models;
use warpnuts::data::Dataset;
use warpnuts::density::Density;
use warpnuts::density::cpu::CpuDensity;
use warpnuts::diagnostics::{Summary, summarize};
use warpnuts::draws::Memory;
use warpnuts::driver::{self, Plan, RunOutcome};
use warpnuts::engine::host::{Chains, HostEngine};
use warpnuts::engine::{DrawSink, Keep, Progress};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Priors, Scaling};

/// `dataset`'s model with these centerings of intercept and slope, in standardized units.
pub fn model(dataset: &Arc<Dataset>, priors: Priors, effects: [Centering; 2]) -> Arc<Model> {
    let parameterization = Coordinates::Joint { centering: effects.to_vec(), likelihood: Likelihood::Groups };
    Arc::new(models::posterior(dataset.clone(), priors, parameterization, Scaling::standardizing(dataset)))
}

/// The radon model, with the same centering of both coefficients.
pub fn radon(effect: Centering) -> Arc<Model> {
    model(&Arc::new(Dataset::radon().unwrap()), Priors::default(), [effect; 2])
}

/// `count` chains from the first, each with its own starting point.
pub fn chains(seed: u64, count: u32) -> Chains {
    Chains { seed, first: 0, count, per_superchain: 1 }
}

/// The usual plan.
pub fn plan(warmup: u32, draws: u32) -> Plan {
    Plan::new(warmup, draws)
}

/// `count` densities of `model`, for as many workers.
pub fn densities(model: &Model, count: usize) -> Vec<Box<dyn Density>> {
    let density = CpuDensity::new(model);
    (0..count).map(|_| Box::new(density.clone()) as Box<dyn Density>).collect()
}

/// Runs `plan` over `densities` into `sink`.
pub fn run_into(
    sink: &mut dyn DrawSink,
    model: &Arc<Model>,
    densities: Vec<Box<dyn Density>>,
    chains: Chains,
    plan: Plan,
    progress: Arc<Progress>,
) -> RunOutcome {
    let dim = model.layout().dim();
    let mut engine =
        HostEngine::new(model.clone(), densities, chains, plan.max_depth, Keep::All, progress).start().unwrap();
    driver::run(&mut engine, dim, &plan, sink).unwrap()
}

/// Runs `plan` on `worker_count` workers, and keeps all draws.
pub fn run(model: &Arc<Model>, worker_count: usize, chains: Chains, plan: Plan) -> (RunOutcome, Memory) {
    let mut draws = Memory::new(model.layout().dim(), chains.count as usize, plan.draws as usize);
    let run = run_into(&mut draws, model, densities(model, worker_count), chains, plan, Arc::default());
    (run, draws)
}

/// A summary of each variable.
pub fn summaries(draws: &Memory) -> Vec<Summary> {
    summarize(&draws.values(), draws.variables(), draws.chains())
}

/// Mean leapfrog steps per draw.
pub fn leapfrogs(draws: &Memory) -> f64 {
    let steps: u64 = draws.statistics().iter().map(|statistics| u64::from(statistics.n_steps)).sum();
    steps as f64 / draws.statistics().len() as f64
}
