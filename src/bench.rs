//! Engines timed side by side on one machine: gradients alone, and transitions that start from posterior draws, for as
//! many numbers of chains as a budget of time and memory allows.
//!
//! A cell is a model, a likelihood and a number of chains. In each cell all engines are alive at once and take turns,
//! repeat after repeat, so that a machine that slows down slows all of them. A figure is the median of the repeats, a
//! ratio the median of the repeats' ratios.

mod cell;
mod cell_draws;
mod gradients;
mod independent;
mod report;
mod sampling;
mod scaling;
mod simulated;
mod target;
mod timing;
mod worker_time;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::density::cpu::CpuDensity;
use crate::engine::{EngineError, Progress};
use crate::experiment::{Backend, Settings, sample};
use crate::model::Likelihood;
use crate::model::Model;
use crate::nuts::State;
use crate::summary::counted;

use cell::Cell;
pub use independent::{CertifiedModel, run_independent};
pub use report::{AdapterSummary, Bench, Machine, Modelled};
pub use scaling::{Along, AutoChoice, ScalingCurve};
pub use simulated::simulate;
use target::BenchTarget;
pub use timing::{IndependentTiming, NotMeasured, Rate, TimeSplit, Timing};

/// The cells to time, and the budget.
#[derive(Debug, Clone)]
pub struct BenchPlan {
    /// Numbers of chains.
    pub chains: Vec<u32>,
    /// Ways to compute the likelihood.
    pub likelihoods: Vec<Likelihood>,
    /// Approximate duration of the bench, without preparation.
    pub budget: Duration,
    /// The seed of every random number.
    pub seed: u64,
}

/// Callbacks of a bench.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Shows a line of progress.
    pub report: &'a dyn Fn(&str),
    /// Whether to stop and keep the measurements so far.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// Starting states and tuning of all chains, from a warm-up.
struct Warm {
    /// Posterior draws.
    states: Vec<State>,
    scale: Vec<f64>,
    step_size: f64,
    leapfrogs_per_draw: f64,
}

/// The effort spent on draws to start from.
struct WarmUp {
    chains: u32,
    transitions: u32,
    /// The largest number of draws.
    states: usize,
}

/// The effort for a single model, and for each of several models, where less time is left.
const WARM_UP: WarmUp = WarmUp { chains: 64, transitions: 300, states: usize::MAX };
const SHORT_WARM_UP: WarmUp = WarmUp { chains: 16, transitions: 150, states: 256 };

/// The most coordinates of all starting draws together: 1 GiB with their gradients.
const COORDINATES: usize = 1 << 26;

/// A model prepared for all engines.
struct PreparedModel {
    /// The model with each likelihood.
    models: Vec<Arc<Model>>,
    warm: Warm,
    /// The engines for each likelihood.
    targets: Vec<Vec<BenchTarget>>,
}

/// Times `backends` on each of `models`, model after model, from few chains to many.
///
/// # Errors
/// If a model cannot be sampled, or does not fit onto a device. A cell that fails is listed with its reason.
pub fn run(models: &[Arc<Model>], backends: &[Backend], plan: &BenchPlan, watch: Watch) -> Result<Bench, EngineError> {
    let start = Instant::now();
    let mut chains = plan.chains.clone();
    chains.sort_unstable();
    chains.dedup();
    let mut bench = Bench::new(backends, plan);
    let of_model = chains.iter().flat_map(|chains| (0..plan.likelihoods.len()).map(|likelihood| (*chains, likelihood)));
    let of_model: Vec<(u32, usize)> = of_model.collect();
    let cells: Vec<(usize, (u32, usize))> =
        (0..models.len()).flat_map(|model| of_model.iter().map(move |cell| (model, *cell))).collect();
    let weight = |(model, (chains, _)): &(usize, (u32, usize))| weight(*chains) * models[*model].layout().dim() as f64;
    let mut ready: Option<(usize, PreparedModel)> = None;
    // Preparing the first model does not count as time spent on cells, nor does compilation by drivers.
    let (mut begin, mut compiling) = (None, Duration::ZERO);
    for (i, cell) in cells.iter().enumerate() {
        if (watch.is_stopped)() {
            bench.interrupted = true;
            break;
        }
        let (number, (chains_of, likelihood)) = *cell;
        let (model, over) = (&models[number], plan.likelihoods[likelihood]);
        let spent = |begin: Option<Instant>, compiling| {
            begin.map_or(Duration::ZERO, |begin| begin.elapsed().saturating_sub(compiling))
        };
        let is_ready = ready.as_ref().is_some_and(|(of, _)| *of == number);
        if !is_ready && spent(begin, compiling) > plan.budget && !cell::ignores_time() {
            let (groups, predictors) = shape(model);
            let left_out = |backend: &Backend| NotMeasured {
                likelihood: over,
                groups,
                predictors,
                chains: chains_of,
                engine: backend.name(),
                what: "all",
                reason: "the budget was spent before".to_string(),
            };
            bench.left_out.extend(backends.iter().map(left_out));
            continue;
        }
        if !is_ready {
            let made = make_ready(model, backends, plan, &chains, models.len() > 1, watch)?;
            bench.models.push(Modelled::of(model, Some(made.0.warm.step_size)));
            ready = Some((number, made.0));
            compiling = if begin.is_some() { compiling + made.1 } else { compiling };
        }
        let begin = *begin.get_or_insert_with(Instant::now);
        let Some((_, ready)) = &mut ready else { continue };
        let left = plan.budget.saturating_sub(spent(Some(begin), compiling));
        let weights: f64 = cells[i..].iter().map(weight).sum();
        // Half of it evenly: a small cell beside large ones would have no time at all.
        let share = left.mul_f64(0.5 * (weight(cell) / weights + 1.0 / (cells.len() - i) as f64));
        (watch.report)(&format!(
            "{} of {}: {}{} over {}, {:.0} s left",
            i + 1,
            cells.len(),
            if models.len() > 1 {
                format!("{} groups, {} predictors, ", shape(model).0, shape(model).1)
            } else {
                String::new()
            },
            counted(u64::from(chains_of), "chain"),
            over,
            left.as_secs_f64()
        ));
        let settings = Settings { chains: chains_of, likelihood: over, seed: plan.seed, ..Settings::default() };
        let model = &ready.models[likelihood];
        let cell = Cell { model, settings, warm: &ready.warm, share, is_stopped: watch.is_stopped };
        cell.run(&mut ready.targets[likelihood], &mut bench);
    }
    bench.bends = scaling::of(&bench.timings);
    bench.wall_seconds = start.elapsed().as_secs_f64();
    Ok(bench)
}

/// Warms up and compiles; also returns the time that compilation took.
fn make_ready(
    model: &Arc<Model>,
    backends: &[Backend],
    plan: &BenchPlan,
    chains: &[u32],
    one_of_several: bool,
    watch: Watch,
) -> Result<(PreparedModel, Duration), EngineError> {
    (watch.report)("warming up");
    let most = chains.last().copied().unwrap_or(1);
    let effort = if one_of_several { SHORT_WARM_UP } else { WARM_UP };
    let warm = warm_up(effort, model, most, plan.seed)?;
    (watch.report)("compiling");
    let start = Instant::now();
    let (mut overs, mut targets) = (Vec::new(), Vec::new());
    for likelihood in &plan.likelihoods {
        let model = Arc::new(model.over(*likelihood)?);
        let of = backends.iter().map(|backend| BenchTarget::new(backend, &model));
        targets.push(of.collect::<Result<Vec<BenchTarget>, EngineError>>()?);
        overs.push(model);
    }
    Ok((PreparedModel { models: overs, warm, targets }, start.elapsed()))
}

/// The numbers of groups and of predictors.
fn shape(model: &Model) -> (usize, usize) {
    (model.layout().groups, model.dataset().predictor_names().len())
}

/// A cell's relative share of the budget. Time that a cell does not need goes to the cells after it.
fn weight(chains: u32) -> f64 {
    f64::from(chains).sqrt().sqrt()
}

/// Draws from the CPU engine over groups, where sampling is fastest; the posterior is the same everywhere.
fn warm_up(
    WarmUp { chains, transitions, states }: WarmUp,
    model: &Arc<Model>,
    most: u32,
    seed: u64,
) -> Result<Warm, EngineError> {
    let dim = model.layout().dim();
    let wanted = (most as usize).min(states).min(COORDINATES / dim).max(1);
    let draws = (wanted as u32).div_ceil(chains);
    let settings = Settings { chains, warmup: transitions, draws, seed, ..Settings::default() };
    let sampled = sample(model.clone(), settings, Arc::new(Progress::default()))?;
    let (values, drawn) = (sampled.draws.values(), (chains * draws) as usize);
    let mut named = vec![0.0; dim];
    let (mut density, mut position) = (CpuDensity::new(model), vec![0.0; model.dim()]);
    let mut state = |place: usize| {
        for (variable, value) in named.iter_mut().enumerate() {
            *value = values[variable * drawn + place];
        }
        model.unconstrain(&named, &mut position);
        State::at(&position, &mut density)
    };
    // One draw of each chain first: consecutive draws of a chain are close together.
    let places = (0..drawn).map(|i| i % chains as usize * draws as usize + i / chains as usize);
    Ok(Warm {
        states: places.take(wanted).map(&mut state).collect(),
        leapfrogs_per_draw: sampled.run.gradients[1] as f64 / drawn as f64,
        scale: sampled.run.scale,
        step_size: sampled.run.step_size,
    })
}
