//! Engines timed side by side on one machine: gradients alone, and trees from draws of the posterior on; for as many
//! numbers of chains as a budget of time and memory allows.
//!
//! A cell is a likelihood and a number of chains. In each, all engines are alive at once and take turns, repeat after
//! repeat, so that a machine that slows down slows all of them; a figure is the median of the repeats, and a ratio the
//! median of the repeats' ratios.

mod cell;
mod gradients;
mod kept;
mod lane_time;
mod report;
mod sampling;
mod simulated;
mod subject;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::density::Likelihood;
use crate::density::cpu::CpuDensity;
use crate::engine::{EngineError, Progress};
use crate::experiment::{Backend, Settings, sample};
use crate::model::Model;
use crate::nuts::State;
use crate::summary::counted;

use cell::Cell;
pub use report::{AdapterSummary, Bench, LeftOut, Machine, Rate, Split, Timing};
pub use simulated::simulate;
use subject::Subject;

/// What to time.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Numbers of chains.
    pub chains: Vec<u32>,
    /// Ways to compute the likelihood.
    pub likelihoods: Vec<Likelihood>,
    /// About how long it all may take, once everything is ready.
    pub budget: Duration,
    /// The seed of every random number.
    pub seed: u64,
}

/// Whoever watches.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Is told what is being timed.
    pub tell: &'a dyn Fn(&str),
    /// Says whether to stop, with what was measured so far.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// Where all chains start, and how they walk: what a warm-up has learnt.
struct Warm {
    /// Draws.
    states: Vec<State>,
    scale: Vec<f64>,
    step_size: f64,
    leapfrogs_per_draw: f64,
}

/// Chains of the warm-up.
const WARM_CHAINS: u32 = 64;

/// Its transitions.
const WARMUP: u32 = 300;

/// The most coordinates that draws to start from may have: 1 GiB with their gradients.
const COORDINATES: usize = 1 << 26;

/// Times `backends` on `model`, cell after cell, from few chains to many.
///
/// # Errors
/// When the model cannot be sampled, or does not fit onto a device. A cell that fails is left out, with its reason.
pub fn run(model: &Arc<Model>, backends: &[Backend], plan: &Plan, watch: Watch) -> Result<Bench, EngineError> {
    let start = Instant::now();
    let mut chains = plan.chains.clone();
    chains.sort_unstable();
    chains.dedup();
    (watch.tell)("warming up");
    let most = chains.last().copied().unwrap_or(1);
    let warm = warm_up(model, most, plan.seed)?;
    (watch.tell)("compiling");
    let mut subjects = Vec::new();
    for likelihood in &plan.likelihoods {
        let of = backends.iter().map(|backend| Subject::new(backend, model, *likelihood));
        subjects.push(of.collect::<Result<Vec<Subject>, EngineError>>()?);
    }
    let mut bench = Bench::new(model, backends, plan, &warm);
    let kinds = subjects.len();
    // What drivers take to compile is no matter of the cells.
    let ready = Instant::now();
    let cells = chains.iter().flat_map(|chains| (0..kinds).map(|likelihood| (*chains, likelihood)));
    let cells: Vec<(u32, usize)> = cells.collect();
    for (i, (chains, likelihood)) in cells.iter().copied().enumerate() {
        if (watch.is_stopped)() {
            bench.interrupted = true;
            break;
        }
        let left = plan.budget.saturating_sub(ready.elapsed());
        let weights: f64 = cells[i..].iter().map(|(chains, _)| weight(*chains)).sum();
        let share = left.mul_f64(weight(chains) / weights);
        let over = plan.likelihoods[likelihood];
        (watch.tell)(&format!(
            "{} of {}: {} over {}, {:.0} s left",
            i + 1,
            cells.len(),
            counted(u64::from(chains), "chain"),
            report::name(over),
            left.as_secs_f64()
        ));
        let settings = Settings { chains, likelihood: over, seed: plan.seed, ..Settings::default() };
        let cell = Cell { model, settings, warm: &warm, share, is_stopped: watch.is_stopped };
        cell.run(&mut subjects[likelihood], &mut bench);
    }
    bench.wall_seconds = start.elapsed().as_secs_f64();
    Ok(bench)
}

/// How much of the budget a cell wants: what many chains do not need, they leave to the cells behind them.
fn weight(chains: u32) -> f64 {
    f64::from(chains).sqrt().sqrt()
}

/// Samples on the CPU, over groups, where it is fastest; the posterior is the same everywhere.
fn warm_up(model: &Arc<Model>, most: u32, seed: u64) -> Result<Warm, EngineError> {
    let dim = model.layout().dim();
    let wanted = (most as usize).min(COORDINATES / dim).max(1);
    let chains = WARM_CHAINS;
    let draws = (wanted as u32).div_ceil(chains);
    let settings = Settings { chains, warmup: WARMUP, draws, seed, ..Settings::default() };
    let sampled = sample(model.clone(), settings, Arc::new(Progress::default()))?;
    let (values, drawn) = (sampled.draws.values(), (chains * draws) as usize);
    let mut named = vec![0.0; dim];
    let mut density = CpuDensity::new(model, Likelihood::Groups);
    let mut gradient = vec![0.0; dim];
    let mut state = |place: usize| {
        for (variable, value) in named.iter_mut().enumerate() {
            *value = values[variable * drawn + place];
        }
        let mut state = State::zeros(dim);
        model.unconstrain(&named, &mut state.position);
        state.log_density = density.log_density(&state.position, &mut gradient);
        state.gradient.copy_from_slice(&gradient);
        state
    };
    // One of each chain first: consecutive draws of a chain lie close together.
    let places = (0..drawn).map(|i| i % chains as usize * draws as usize + i / chains as usize);
    Ok(Warm {
        states: places.take(wanted).map(&mut state).collect(),
        leapfrogs_per_draw: sampled.run.gradients[1] as f64 / drawn as f64,
        scale: sampled.run.scale,
        step_size: sampled.run.step_size,
    })
}
