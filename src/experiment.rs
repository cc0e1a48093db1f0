//! A whole run: from a model, settings and a backend to draws, with all that is known about them.

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

/// With at least this many chains, errors come from the spread over the chains, and short chains share starting points.
pub const MANY_CHAINS: u32 = 64;

/// Shorter chains have too few draws for R-hat, which compares their own variance with the variance between them: it is
/// above 1.01 even for chains that have long converged, if a draw is worth a fifth of an independent one.
const SHORT_CHAIN: u32 = 1000;

/// The settings of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Number of chains.
    pub chains: u32,
    /// Number of the first chain among those of the whole experiment; this run may be a shard.
    pub first_chain: u32,
    /// Warm-up transitions of each chain.
    pub warmup: u32,
    /// Draws of each chain.
    pub draws: u32,
    /// The seed of every random number.
    pub seed: u64,
    /// Target of the mean acceptance.
    pub target_accept: f64,
    /// Most doublings of a trajectory.
    pub max_tree_depth: u32,
    /// How the likelihood is computed: a record of the model's choice, which alone counts.
    pub likelihood: Likelihood,
    /// The variables to keep.
    pub keep: Keep,
    /// Thinning interval: every `thin`-th transition after warm-up is kept as a draw.
    pub thin: u32,
    /// Number of chains of the whole experiment, if this run is a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_of: Option<u32>,
    /// Whether the store records warm-up transitions, like draws.
    #[serde(default)]
    pub save_warmup: bool,
    /// Whether the store keeps each observation's log likelihood for each draw.
    pub log_likelihood: bool,
    /// Whether the store keeps a replicate of each observation for each draw.
    pub posterior_predictive: bool,
    /// Precision of the draws kept.
    pub draw_precision: Precision,
    /// Number of workers. No draw depends on it, and no store records it: it is the machine's, not the run's.
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
    /// These settings for a run of `model`.
    fn of(self, model: &Model) -> Settings {
        Settings { likelihood: model.likelihood(), ..self }
    }

    /// Number of `model`'s variables that are kept of each draw.
    pub fn variables(&self, model: &Model) -> usize {
        self.keep.variables(model)
    }

    /// The completion of draws on their way to the sink, if the engine makes only a part of each draw.
    fn completion(&self, model: &Model) -> Option<Completion> {
        (self.keep.sampled(model) < self.variables(model))
            .then(|| Completion::new(model, self.seed, self.first_chain, self.thin))
    }

    /// A run's peak memory in bytes, its store aside: the states of its chains, and the work on one diagnosed variable.
    pub fn memory_beside_store(&self, model: &Model) -> u128 {
        // The draws of a variable, and two numbers of half their size for each draw.
        let variable = u128::from(self.chains) * u128::from(self.draws) * size_of::<f64>() as u128;
        self.memory_of_chains(model).max(2 * variable)
    }

    /// Peak memory of a run whose draws are summed, in bytes: its chains' states, and sums if made on the host.
    pub fn memory_of_sums(&self, model: &Model) -> u128 {
        let variables = model.layout().dim();
        let threads = rayon::current_num_threads() as u128;
        let histograms = (threads + 1) * (variables * BINS * size_of::<u64>()) as u128;
        self.memory_of_chains(model)
            + u128::from(self.chains) * (variables * size_of::<DrawSums>()) as u128
            + histograms
    }

    /// Position, gradient, and running means and squares of both, in bytes.
    fn memory_of_chains(&self, model: &Model) -> u128 {
        u128::from(self.chains) * 6 * model.dim() as u128 * size_of::<f64>() as u128
    }

    /// Size of a run's store on disk, in bytes, if nothing compresses.
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

    /// Upper bound of the size of draws as text, in bytes: about twenty a number, and sixty for each draw's statistics.
    pub fn text(&self, model: &Model) -> u128 {
        let line = self.variables(model) * 20 + 60;
        u128::from(self.chains) * u128::from(self.draws) * line as u128
    }

    /// Number of each chain's warm-up draws that are recorded.
    pub fn recorded_warmup(&self) -> u32 {
        if self.save_warmup { self.warmup / self.thin } else { 0 }
    }

    /// Number of consecutive chains that share a starting point, so that nested R-hat can show whether many short
    /// chains have forgotten it: 1 unless there are 64 chains or more of fewer than 1000 draws, and otherwise about the
    /// square root of their number, as a power of two that divides it (and the number of the first chain).
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

    /// The settings of shard `number` of `count`, counted from 1, of an experiment with these settings; chains that
    /// share a starting point stay together. `None` if there are too few chains.
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

    /// Number of transitions of all chains, including those between thinned draws.
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

/// A run's draws, with all that is known about them.
#[derive(Debug, Clone)]
pub struct Sampled<D = Draws> {
    /// The model.
    pub model: Arc<Model>,
    /// The modes of its marginal density, once they have been searched for.
    pub landscape: OnceLock<Landscape>,
    /// The settings of the run.
    pub settings: Settings,
    /// The engine: `cpu`, `gpu-density` or `gpu`.
    pub engine: String,
    /// Name of the processor or of the device's adapter.
    pub device: String,
    /// Names of the variables that were kept, in order.
    pub names: Vec<String>,
    /// Their draws, or sums of their draws.
    pub draws: D,
    /// The outcome that the driver returned.
    pub run: RunOutcome,
    /// Whether the run was stopped before its last draw.
    pub interrupted: bool,
    /// Time from before the first starting point to after the last draw.
    pub wall: Duration,
}

/// Samples `model` on the CPU. `progress` counts transitions, and can stop the run early.
///
/// # Errors
/// If a chain finds no starting point.
pub fn sample(model: Arc<Model>, settings: Settings, progress: Arc<Progress>) -> Result<Sampled, EngineError> {
    sample_on(&Backend::Cpu, model, settings, progress)
}

/// Samples `model` on `backend`. `progress` counts transitions, and can stop the run early. If a device fails during
/// the run, the draws so far are returned, with the failure in [`RunOutcome`].
///
/// # Errors
/// If a chain finds no starting point, or a device fails before the first draw and the run cannot go on without it.
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

/// Samples `model` on `backend`, and keeps [`Totals`] instead of draws. With `learnt`, uses the step size and metric of
/// another run.
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

/// The sink of a run's draws and of its checkpoints.
struct RunOutput<'a> {
    sink: &'a mut dyn DrawSink,
    checkpointer: Option<&'a mut dyn Checkpointer>,
}

impl<'a> RunOutput<'a> {
    /// Output into `sink`, without checkpoints.
    fn of(sink: &'a mut dyn DrawSink) -> RunOutput<'a> {
        RunOutput { sink, checkpointer: None }
    }
}

/// Runs the driver on the engine of `backend`. A device failure before the first draw is an error.
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
    // A streaming sink completes draws itself.
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
    /// The modes of the model's marginal density; searches for them at the first call.
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
    // Chains and sinks took more memory than the remaining work.
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
