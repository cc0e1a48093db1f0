//! A whole run: a model, settings and a place to compute become draws in memory, and everything there is to tell about
//! them.

mod backend;
mod coordinates;
pub(crate) mod densities;
mod identity;
mod merge;
mod starts;
mod stored;
pub(crate) mod trial;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::draws::{CompletingSink, Completion, Draws, Memory, Precision, StreamingSink, Totals};
use crate::driver::{self, Checkpointer, Plan, RunOutcome, Start, Tuned};
use crate::engine::host::Chains;
use crate::engine::sums::{BINS, DrawSums};
use crate::engine::{DrawSink, EngineError, Progress};
use crate::mode::Landscape;
use crate::model::Likelihood;
use crate::model::Model;

pub use crate::engine::Keep;
pub(crate) use backend::fastest;
pub use backend::{Backend, Choice, EngineChoice, choose, rate};
pub use coordinates::suited;
pub use identity::{Difference, Identity};
pub use merge::{MergeError, Merging};
pub use stored::{Interrupted, Keeping, resume, sample_into};

/// From so many chains on their spread says how large errors are, and short chains share starting points.
pub const MANY_CHAINS: u32 = 64;

/// Shorter chains have too few draws to compare their own variance with that between them, as R-hat does: it is above
/// 1.01 even for chains that have long converged, where a draw is worth a fifth of an independent one.
const SHORT_CHAIN: u32 = 1000;

/// How to run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How many chains.
    pub chains: u32,
    /// Global number of the first one: the same in a shard as in the whole experiment.
    pub first_chain: u32,
    /// Transitions of each chain before draws are kept.
    pub warmup: u32,
    /// Draws of each chain.
    pub draws: u32,
    /// The seed of every random number.
    pub seed: u64,
    /// The mean acceptance to aim at.
    pub target_accept: f64,
    /// The most doublings of a trajectory.
    pub max_tree_depth: u32,
    /// How the likelihood is computed: what a run tells of its model, which alone decides.
    pub likelihood: Likelihood,
    /// Which variables are kept.
    pub keep: Keep,
    /// Of how many transitions after warm-up one is kept as a draw.
    pub thin: u32,
    /// Chains of the whole experiment, where this run is a shard of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_of: Option<u32>,
    /// Whether transitions of warm-up are recorded like draws, in a store.
    #[serde(default)]
    pub save_warmup: bool,
    /// Whether each observation's log likelihood under each draw is kept, in a store.
    pub log_likelihood: bool,
    /// Whether a replicate of each observation is kept with each draw, in a store.
    pub posterior_predictive: bool,
    /// How exactly draws are kept.
    pub draw_precision: Precision,
    /// How many lanes work at once. No draw depends on it, and no store tells of it: it is the machine's, not the run's.
    #[serde(skip_deserializing, default = "crate::machine::threads")]
    pub threads: usize,
}

impl Default for Settings {
    /// 16 chains of 1000 warm-up transitions and 1000 draws of everything, on all cores.
    fn default() -> Settings {
        Settings {
            chains: 16,
            first_chain: 0,
            warmup: 1000,
            draws: 1000,
            seed: 1,
            target_accept: 0.8,
            max_tree_depth: 10,
            likelihood: Likelihood::Groups,
            keep: Keep::All,
            thin: 1,
            shard_of: None,
            save_warmup: false,
            log_likelihood: false,
            posterior_predictive: false,
            draw_precision: Precision::F64,
            threads: crate::machine::threads(),
        }
    }
}

impl Settings {
    /// The same for a run of `model`.
    fn of(self, model: &Model) -> Settings {
        Settings { likelihood: model.likelihood(), ..self }
    }

    /// How many variables of `model` are kept of each draw.
    pub fn variables(&self, model: &Model) -> usize {
        self.keep.variables(model)
    }

    /// What completes draws of `model` on their way to where they are kept, if an engine hands over only a part of each.
    fn completion(&self, model: &Model) -> Option<Completion> {
        (self.keep.sampled(model) < self.variables(model))
            .then(|| Completion::new(model, self.seed, self.first_chain, self.thin))
    }

    /// A run's memory at its peak beside a store, in bytes: its chains' states, and what one diagnosed variable takes.
    pub fn memory_beside_store(&self, model: &Model) -> u128 {
        // The draws, and two numbers of half their size for each.
        let variable = u128::from(self.chains) * u128::from(self.draws) * size_of::<f64>() as u128;
        self.memory_of_chains(model).max(2 * variable)
    }

    /// The same where draws are summed up: each chain's state, and its sums where the host makes them.
    pub fn memory_of_sums(&self, model: &Model) -> u128 {
        let variables = model.layout().dim();
        let threads = rayon::current_num_threads() as u128;
        let histograms = (threads + 1) * (variables * BINS * size_of::<u64>()) as u128;
        self.memory_of_chains(model)
            + u128::from(self.chains) * (variables * size_of::<DrawSums>()) as u128
            + histograms
    }

    /// Position, gradient, and the running mean and squares of both.
    fn memory_of_chains(&self, model: &Model) -> u128 {
        u128::from(self.chains) * 6 * model.dim() as u128 * size_of::<f64>() as u128
    }

    /// What a store of a run takes on disk, in bytes, if nothing in it can be compressed.
    pub fn disk(&self, model: &Model) -> u128 {
        const STATISTICS: usize = 4 * 8 + 2 * 8 + 2;
        if self.keep == Keep::Summary {
            return 0;
        }
        let real = self.draw_precision.bytes();
        let observations = usize::from(self.log_likelihood) + usize::from(self.posterior_predictive);
        let observed = observations * model.dataset().n_observations() * real.max(size_of::<f32>());
        let named = self.variables(model) * real + STATISTICS;
        let warmup = self.recorded_warmup() as usize * named;
        u128::from(self.chains) * (warmup as u128 + u128::from(self.draws) * (named + observed) as u128)
    }

    /// About how many bytes draws take as text, at most: twenty a number, sixty for the statistics of each.
    pub fn text(&self, model: &Model) -> u128 {
        let line = self.variables(model) * 20 + 60;
        u128::from(self.chains) * u128::from(self.draws) * line as u128
    }

    /// Draws of each chain that are recorded in warm-up.
    pub fn recorded_warmup(&self) -> u32 {
        if self.save_warmup { self.warmup / self.thin } else { 0 }
    }

    /// How many consecutive chains share a starting point, so that nested R-hat can tell what many short chains have
    /// forgotten: 1 unless there are 64 chains or more of fewer than 1000 draws, and then about the square root of their
    /// number, as a power of two that divides it (and the number of the first chain).
    pub fn chains_per_superchain(&self) -> u32 {
        let chains = self.shard_of.unwrap_or(self.chains);
        if chains < MANY_CHAINS || self.draws >= SHORT_CHAIN {
            return 1;
        }
        let divides = |size: u32| {
            chains.is_multiple_of(size) && self.chains.is_multiple_of(size) && self.first_chain.is_multiple_of(size)
        };
        let sizes = (0..31).map(|power| 1u32 << power);
        sizes.take_while(|size| u64::from(*size).pow(2) <= u64::from(chains) && divides(*size)).last().unwrap_or(1)
    }

    /// The part of an experiment of all these chains that is shard `number` of `count`, counted from 1: chains that share
    /// their starting points stay together. `None` where there are not chains enough.
    pub fn shard(self, number: u32, count: u32) -> Option<Settings> {
        let together = self.chains_per_superchain();
        let superchains = u64::from(self.chains / together);
        let bound = |shard: u32| (superchains * u64::from(shard) / u64::from(count.max(1))) as u32 * together;
        let (first, behind) = (bound(number.checked_sub(1)?), bound(number));
        (number <= count && behind > first).then_some(Settings {
            first_chain: self.first_chain + first,
            chains: behind - first,
            shard_of: Some(self.chains),
            ..self
        })
    }

    /// Transitions of all chains together, of those too whose draws are left out.
    pub fn transitions(&self) -> f64 {
        let each = f64::from(self.warmup) + f64::from(self.draws) * f64::from(self.thin);
        f64::from(self.chains) * each
    }

    fn chain_range(&self) -> Chains {
        Chains {
            seed: self.seed,
            first: self.first_chain,
            count: self.chains,
            per_superchain: self.chains_per_superchain(),
        }
    }

    fn plan(&self) -> Plan {
        Plan {
            warmup: self.warmup,
            draws: self.draws * self.thin,
            thin: self.thin,
            target_accept: self.target_accept,
            max_depth: self.max_tree_depth,
        }
    }
}

/// What a run has drawn.
#[derive(Debug, Clone)]
pub struct Sampled<D = Draws> {
    /// The posterior that was sampled.
    pub model: Arc<Model>,
    /// The modes of its marginal density, once somebody has asked for them.
    pub landscape: OnceLock<Landscape>,
    /// How it was sampled.
    pub settings: Settings,
    /// Where it was sampled: `cpu`, `gpu-density` or `gpu`.
    pub engine: String,
    /// The processor's name, or the adapter's.
    pub device: String,
    /// The variables that were kept, in order.
    pub names: Vec<String>,
    /// Their draws, or what is left of them.
    pub draws: D,
    /// What the driver tells.
    pub run: RunOutcome,
    /// Whether the run was stopped before its last draw.
    pub interrupted: bool,
    /// From before the first starting point to after the last draw.
    pub wall: Duration,
}

/// Samples `model` on the CPU.
///
/// `progress` counts along, and stops the run early where it is told to.
///
/// # Errors
/// When a chain finds no starting point.
pub fn sample(model: Arc<Model>, settings: Settings, progress: Arc<Progress>) -> Result<Sampled, EngineError> {
    sample_on(&Backend::Cpu, model, settings, progress)
}

/// Samples `model` where `backend` computes.
///
/// `progress` counts along, and stops the run early where it is told to. A device that fails in the middle of the run
/// leaves what was drawn, and its failure in [`RunOutcome`].
///
/// # Errors
/// When a chain finds no starting point, or a device fails before the first draw, and the run cannot go on without it.
pub fn sample_on(
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    progress: Arc<Progress>,
) -> Result<Sampled, EngineError> {
    let began = Instant::now();
    let settings = settings.of(&model);
    let variables = settings.variables(&model);
    let (chain_count, draw_count) = (settings.chains as usize, settings.draws as usize);
    let mut draws = Memory::rounded(model.clone(), settings.draw_precision, variables, chain_count, draw_count);
    let landscape = Landscape::of(&model);
    let run = run(backend, &model, &landscape, &settings, Start::Fresh, RunOutput::of(&mut draws), progress)?;
    draws.shrink_to_fit();
    Ok(sampled(backend, model, landscape, settings, Draws::Memory(draws), run, began.elapsed()))
}

/// Samples `model` where `backend` computes, and keeps no draw: only what [`Totals`] say of all of them. With step size and
/// metric of another run, where these are given.
///
/// # Errors
/// As [`sample_on`].
pub fn sample_summed(
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    learnt: Option<Tuned>,
    progress: Arc<Progress>,
) -> Result<Sampled<Totals>, EngineError> {
    let began = Instant::now();
    let settings = settings.of(&model);
    let (chains, draws) = (settings.chains as usize, settings.draws as usize);
    let mut sums =
        StreamingSink::new(&model, chains, draws, settings.chains_per_superchain(), settings.completion(&model));
    let landscape = Landscape::of(&model);
    let start = learnt.map_or(Start::Fresh, Start::Frozen);
    let run = run(backend, &model, &landscape, &settings, start, RunOutput::of(&mut sums), progress)?;
    let totals = sums.finish(draws);
    Ok(sampled(backend, model, landscape, settings, totals, run, began.elapsed()))
}

/// Where a run's draws and checkpoints go.
struct RunOutput<'a> {
    sink: &'a mut dyn DrawSink,
    checkpointer: Option<&'a mut dyn Checkpointer>,
}

impl<'a> RunOutput<'a> {
    /// Draws that go into `sink`, without checkpoints.
    fn of(sink: &'a mut dyn DrawSink) -> RunOutput<'a> {
        RunOutput { sink, checkpointer: None }
    }
}

/// Runs the driver on what `backend` has, into an output; nothing drawn before a device failed is an error.
fn run(
    backend: &Backend,
    model: &Arc<Model>,
    landscape: &Landscape,
    settings: &Settings,
    start: Start,
    RunOutput { sink, checkpointer }: RunOutput,
    progress: Arc<Progress>,
) -> Result<RunOutcome, EngineError> {
    let mut engine = backend.start(model, settings, settings.chain_range(), progress)?;
    if landscape.is_split() && !matches!(start, Start::Resumed(_)) {
        engine.resume(&starts::where_the_mass_is(model, landscape, settings.chain_range()), 0)?;
    }
    let plan = settings.plan();
    // What sums draws up completes them itself.
    let run = if let Some(completion) = settings.completion(model).filter(|_| settings.keep != Keep::Summary) {
        let mut completed = CompletingSink::new(sink, completion, settings.variables(model), settings.threads);
        driver::run_from(start, &mut *engine, model.dim(), &plan, &mut completed, checkpointer)?
    } else {
        driver::run_from(start, &mut *engine, model.dim(), &plan, sink, checkpointer)?
    };
    if let Some(failure) = run.failure.as_ref().filter(|failure| !failure.resumed && run.draws < settings.thin) {
        return Err(failure.clone().into());
    }
    Ok(RunOutcome { draws: run.draws / settings.thin, ..run })
}

impl<D> Sampled<D> {
    /// The modes of the model's marginal density, searched for where they are not known yet.
    pub fn landscape(&self) -> &Landscape {
        self.landscape.get_or_init(|| Landscape::of(&self.model))
    }
}

fn sampled<D>(
    backend: &Backend,
    model: Arc<Model>,
    landscape: Landscape,
    settings: Settings,
    draws: D,
    run: RunOutcome,
    wall: Duration,
) -> Sampled<D> {
    // Chains, and what wrote their draws, took more memory than what is left to do.
    crate::machine::give_back_memory();
    let mut names = model.names();
    names.truncate(settings.variables(&model));
    let (engine, device, landscape) = (backend.name().to_string(), backend.device(), landscape.into());
    let interrupted = run.draws < settings.draws;
    Sampled { model, landscape, settings, engine, device, names, draws, run, interrupted, wall }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superchains_are_for_many_short_chains() {
        let size = |chains, first_chain, draws| {
            Settings { chains, first_chain, draws, ..Settings::default() }.chains_per_superchain()
        };
        assert_eq!(size(64, 0, 8), 8);
        assert_eq!(size(10_000, 0, 20), 16);
        assert_eq!(size(1000, 4, 20), 4);
        assert_eq!(size(16, 0, 8), 1);
        assert_eq!(size(64, 0, 1000), 1);
        assert_eq!(size(65, 0, 8), 1);
    }
}
