//! A whole run: from a model, settings and a backend to draws, with all that is known about them.

mod backend;
mod coordinates;
pub(crate) mod densities;
pub(crate) mod diagnosis;
mod goal;
mod identity;
mod independent_backend;
mod judged;
mod merge;
mod settings;
mod starts;
mod stored;
pub(crate) mod trial;
mod weights;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::draws::{CompletingSink, Draws, Memory, StreamingSink, Totals};
use crate::driver::{self, Checkpointer, RunOutcome, Start, Tuned};
use crate::engine::{DrawSink, Engine, EngineError, Progress};
use crate::independent::Proposal;
use crate::mode::Landscape;
use crate::model::Model;
use crate::nuts::{FIRST_TOLERANCE, LowRank};

use judged::JudgedSink;
use weights::with_learnt_weights;

pub use crate::engine::Keep;
pub(crate) use backend::fastest;
pub use backend::{Backend, Choice, EngineChoice, choose, rate};
pub use coordinates::{is_admitted, suited, suited_to_formula};
pub use goal::{ESS_LIMIT, Goal};
pub use identity::{Difference, Identity};
pub(crate) use independent_backend::DrawTrial;
pub use independent_backend::{choose_for_independent, faster_for_independent};
pub use merge::{MergeError, Merging};
pub use settings::{MANY_CHAINS, MetricShape, Sampler, Settings};
pub use stored::{Interrupted, Keeping, resume, sample_into};

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
    /// Whether the run was stopped before its last draw, and before its goal.
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
    let model = with_learnt_weights(backend, model, &settings, &progress)?;
    let variables = settings.variables(&model);
    let (chain_count, draw_count) = (settings.chains as usize, settings.draws as usize);
    let mut draws = Memory::rounded(model.clone(), settings.draw_precision, variables, chain_count, draw_count);
    let landscape = Landscape::of(&model);
    let (beginning, _) = Beginning::of(None);
    let mut judged = JudgedSink::new(&mut draws, settings);
    let run = run(backend, &model, &landscape, &settings, beginning, RunOutput::of(&mut judged), progress)?;
    draws.shrink_to_fit();
    Ok(sampled(backend, model, landscape, settings, Draws::Memory(draws), run, began.elapsed()))
}

/// What is known before a run begins.
#[derive(Debug, Clone)]
pub enum Known {
    /// For chains, the step size and metric of another run: nothing is learnt.
    Tuning(Tuned),
    /// For independent draws, their proposal, and the time of the search for modes and for the proposal, which counts
    /// as the run's.
    Proposal(Arc<Proposal>, Duration),
}

/// Samples `model` on `backend`, and keeps [`Totals`] instead of draws.
///
/// # Errors
/// As [`sample_on`].
pub fn sample_summed(
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    known: Option<Known>,
    progress: Arc<Progress>,
) -> Result<Sampled<Totals>, EngineError> {
    let began = Instant::now();
    let settings = settings.of(&model);
    let model = with_learnt_weights(backend, model, &settings, &progress)?;
    let (chains, draws) = (settings.chains as usize, settings.draws as usize);
    let mut sums =
        StreamingSink::new(&model, chains, draws, settings.chains_per_superchain(), settings.completion(&model));
    let (beginning, before) = Beginning::of(known);
    let landscape = beginning.landscape(&model);
    let run = run(backend, &model, &landscape, &settings, beginning, RunOutput::of(&mut sums), progress)?;
    let totals = sums.finish(draws);
    Ok(sampled(backend, model, landscape, settings, totals, run, before + began.elapsed()))
}

/// How a run begins.
enum Beginning {
    /// At the start of its chains, or where it was.
    At(Box<Start>),
    /// With the proposal of its independent draws.
    With(Arc<Proposal>),
}

impl Beginning {
    /// The beginning with what is `known`, and the time that this took.
    fn of(known: Option<Known>) -> (Beginning, Duration) {
        match known {
            None => (Beginning::At(Box::new(Start::Fresh)), Duration::ZERO),
            Some(Known::Tuning(learnt)) => (Beginning::At(Box::new(Start::Frozen(learnt))), Duration::ZERO),
            Some(Known::Proposal(proposal, time)) => (Beginning::With(proposal), time),
        }
    }

    /// The modes of `model`, which a proposal knows.
    fn landscape(&self, model: &Model) -> Landscape {
        match self {
            Beginning::At(_) => Landscape::of(model),
            Beginning::With(proposal) => proposal.landscape().clone(),
        }
    }
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
    beginning: Beginning,
    RunOutput { sink, checkpointer }: RunOutput,
    progress: Arc<Progress>,
) -> Result<RunOutcome, EngineError> {
    let (start, proposal) = match beginning {
        Beginning::At(start) => (*start, None),
        Beginning::With(proposal) => (Start::Fresh, Some(proposal)),
    };
    let (mut engine, start) = match settings.sampler {
        Sampler::Nuts | Sampler::Walnuts | Sampler::Riemannian => {
            (backend.start(model, settings, settings.chain_range(), progress)?, start)
        }
        Sampler::Independent => {
            let built = || Proposal::certified(model, landscape).map(Arc::new);
            independent(backend, proposal.map_or_else(built, Ok)?, model, settings, start, progress)?
        }
    };
    let moves = settings.sampler.has_chains() && !matches!(start, Start::Resumed(_));
    if moves && landscape.is_split() {
        engine.resume(&starts::where_the_mass_is(model, landscape, settings.chain_range()), 0)?;
    }
    let plan = settings.plan(model);
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

/// The engine of independent draws, and the start of a run on it: what a warm-up would learn is known.
fn independent(
    backend: &Backend,
    proposal: Arc<Proposal>,
    model: &Arc<Model>,
    settings: &Settings,
    start: Start,
    progress: Arc<Progress>,
) -> Result<(Box<dyn Engine>, Start), EngineError> {
    let start = match start {
        Start::Resumed(checkpoint) => Start::Resumed(checkpoint),
        Start::Fresh | Start::Frozen(_) => {
            let spread = proposal.spread().clone();
            let scale = spread.variance.iter().map(|variance| variance.sqrt()).collect();
            let (low_rank, tolerance) = (LowRank::default(), FIRST_TOLERANCE);
            Start::Frozen(Tuned { step_size: 0.0, scale, low_rank, tolerance, spread: Some(spread) })
        }
    };
    Ok((Box::new(independent_backend::engine(backend, proposal, model, settings, progress)?), start))
}

impl<D> Sampled<D> {
    /// The name of the run, as [`Sampler::run_name`] has it.
    pub fn name(&self) -> String {
        self.settings.sampler.run_name(&self.model.parameterization()).to_string()
    }

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
    let interrupted = run.draws < settings.draws && !run.enough;
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
