//! Where trees are built: an engine holds the chains and runs a phase of all of them; draws leave in blocks, as they are
//! made.

pub mod device;
pub mod fallback;
pub mod host;
mod progress;
pub mod sums;
mod worker;

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::density::DensityError;
use crate::faults;
use crate::model::{CoordinatesError, LocationScale, Model};
use crate::nuts::adaptation::{Moments, PositionMoments};
use crate::nuts::{Adapt, State, Statistics, Tuning};

pub use progress::{Counters, Progress};
use sums::{BinGrid, ChainSums};

/// A stretch of transitions of all chains with one tuning.
#[derive(Debug, Clone)]
pub struct Phase {
    /// Transitions of each chain.
    pub transitions: u32,
    /// The kernel's tuning.
    pub tuning: Tuning,
    /// How chains adapt their step sizes; `None` keeps them.
    pub adapt: Option<Adapt>,
    /// Which part of the run this is, and so what becomes of draws.
    pub part: PhaseKind,
    /// Of how many transitions the last one's draw goes to the sink, counted since this part of the run began.
    pub thin: u32,
}

impl Phase {
    /// How many of a chain's first so many transitions have a draw that goes to the sink.
    pub fn kept(&self, transitions: usize) -> usize {
        let thin = self.thin.max(1) as usize;
        if faults::is_planted("thinning-off-by-one") { transitions.div_ceil(thin) } else { transitions / thin }
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseKind {
    /// Draws go into the moments that the next metric is made of; where they are recorded, to the sink as well.
    Warmup {
        /// Whether they are.
        recorded: bool,
    },
    /// Draws go to the sink.
    Sampling,
}

impl PhaseKind {
    /// Whether draws go into moments.
    pub fn learns(self) -> bool {
        self != PhaseKind::Sampling
    }

    /// Whether draws go to the sink.
    pub fn records(self) -> bool {
        self != PhaseKind::Warmup { recorded: false } || faults::is_planted("warm-up-kept")
    }
}

/// What came out of a phase.
#[derive(Debug, Clone)]
pub struct PhaseOutcome {
    /// Transitions that every chain has made: fewer than asked for where the phase was interrupted.
    pub transitions: u32,
    /// Gradients computed, all chains together.
    pub gradients: u64,
    /// Mean acceptance over all transitions.
    pub acceptance: f64,
    /// Transitions that diverged.
    pub divergences: u64,
    /// The log step size each chain has learnt, in the order of the chains.
    pub log_step_sizes: Vec<f64>,
    /// Moments of all draws of all chains, where the phase was one of warm-up.
    pub moments: Moments,
    /// A device that failed in the middle of the phase.
    pub failure: Option<DeviceFailure>,
}

/// A device that failed in the middle of a phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{error}")]
pub struct DeviceFailure {
    /// What happened, in words.
    pub error: String,
    /// Whether the run went on without it; the phase ended with its last finished block otherwise.
    pub resumed: bool,
}

/// Consecutive draws of all chains.
#[derive(Debug, Clone, Copy)]
pub struct DrawBlock<'a> {
    /// Whether these are draws of warm-up.
    pub warmup: bool,
    /// Number of chains.
    pub chains: usize,
    /// The first draw's number since this part of the run began, of those that go to the sink.
    pub first_draw: usize,
    /// Draws of each chain.
    pub draws: usize,
    /// Named variables in the user's units, `[chain][draw][variable]`.
    pub values: &'a [f64],
    /// `[chain][draw]`.
    pub statistics: &'a [Statistics],
}

/// The states of all chains between two transitions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChainStates {
    /// Transitions that every chain has made since the start.
    pub transitions: u32,
    /// Positions, `[chain][coordinate]`, unconstrained and in the sampler's units.
    pub positions: Vec<f64>,
    /// Gradients there.
    pub gradients: Vec<f64>,
    /// Log densities there.
    pub log_densities: Vec<f64>,
}

impl ChainStates {
    /// Of chains that have made `transitions`, in their order.
    pub fn of<'a>(transitions: u32, states: impl Iterator<Item = &'a State>) -> ChainStates {
        let states: Vec<&State> = states.collect();
        let dim = states.first().map_or(0, |state| state.position.len());
        let row_by_row = |of: fn(&State) -> &[f64]| {
            let mut numbers = vec![0.0; states.len() * dim];
            numbers.par_chunks_exact_mut(dim.max(1)).zip(&states).for_each(|(to, state)| to.copy_from_slice(of(state)));
            numbers
        };
        ChainStates {
            transitions,
            positions: row_by_row(|state| &state.position),
            gradients: row_by_row(|state| &state.gradient),
            log_densities: states.iter().map(|state| state.log_density).collect(),
        }
    }

    /// The state of each chain.
    pub fn iter(&self) -> impl Iterator<Item = State> {
        let dim = self.positions.len() / self.log_densities.len().max(1);
        let rows = self.positions.chunks_exact(dim.max(1)).zip(self.gradients.chunks_exact(dim.max(1)));
        rows.zip(&self.log_densities).map(move |((position, gradient), log_density)| {
            let mut state = State::zeros(dim);
            state.position.copy_from_slice(position);
            state.gradient.copy_from_slice(gradient);
            state.log_density = *log_density;
            state
        })
    }
}

/// Why a sink would not take a block.
#[derive(Debug, thiserror::Error)]
#[error("the draws could not be kept: {0}")]
pub struct SinkError(#[source] pub std::io::Error);

/// Which variables of each draw are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// All D of them.
    All,
    /// mu, sigma and eps; no group effects.
    Hyper,
    /// All of them, and of no draw anything but what sums and histograms say.
    Summary,
}

impl fmt::Display for Keep {
    /// `all`, `hyper` or `summary`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Keep::All => "all",
            Keep::Hyper => "hyper",
            Keep::Summary => "summary",
        })
    }
}

impl Keep {
    /// How many named variables of `model`, the leading ones, are kept of each draw.
    pub fn variables(self, model: &Model) -> usize {
        match self {
            Keep::All | Keep::Summary => model.layout().dim(),
            Keep::Hyper => model.layout().hyperparameters(),
        }
    }

    /// How many of them an engine hands over: of a collapsed model the hyperparameters, whose draws are completed on
    /// the way to where they are kept.
    pub fn sampled(self, model: &Model) -> usize {
        self.variables(model).min(model.dim())
    }
}

/// Takes draws as they are made.
pub trait DrawSink {
    /// Learns where the chains were in the last window of warm-up, if there was one: before the last stage of warm-up,
    /// or before everything in a run that goes on after that stage or has another run's step size and metric.
    fn warmed(&mut self, spread: &PositionMoments);

    /// Whether blocks of the next stage of warm-up are wanted, too.
    fn wants_warmup(&self) -> bool;

    /// The location and scale, in the user's units, in which each variable of draws since warm-up is kept in 16 bits:
    /// an engine may hand draws over as offsets from the mean in sds, rounded to f16. `None` where more bits are kept.
    fn units(&self) -> Option<&[LocationScale]>;

    /// Takes the next block; blocks of warm-up, where they are wanted, come before all others.
    ///
    /// # Errors
    /// When it cannot be kept; the run ends with what was kept before.
    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError>;

    /// Where an engine that sums up draws itself hands the sums over in place of blocks; `None` where draws are wanted.
    fn sums(&mut self) -> Option<&mut dyn SumSink>;
}

/// Takes sums of draws that an engine has made in place of the draws.
pub trait SumSink {
    /// The bins and the units of the sums.
    fn grid(&self) -> &BinGrid;

    /// Takes sums over all draws that the next chains have made in a phase.
    fn take_sums(&mut self, chains: &ChainSums);

    /// Takes, after the sums of all chains, how many of those draws fell into each bin, `[variable][bin]`.
    fn take_histograms(&mut self, counts: &[u32]);
}

/// Why a phase ended early.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device that evaluates densities failed.
    #[error(transparent)]
    Density(#[from] DensityError),
    /// The device failed in the middle of a phase.
    #[error(transparent)]
    Failure(#[from] DeviceFailure),
    /// The draws could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The likelihood needs effects that are integrated out.
    #[error(transparent)]
    Coordinates(#[from] CoordinatesError),
    /// No starting point of some chain has a finite log density.
    #[error(
        "chain {chain} found no starting point with a finite log density in {attempts} attempts; look for extreme values in the data, or for priors that contradict it"
    )]
    Start {
        /// The chain's global number.
        chain: u32,
        /// How many points were tried.
        attempts: u32,
    },
}

/// Where trees are built.
pub trait Engine {
    /// Runs a phase of all chains, from where the phase before has left them.
    ///
    /// # Errors
    /// When densities cannot be evaluated or draws cannot be kept.
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError>;

    /// The states of the chains after the last phase.
    ///
    /// # Errors
    /// When the device that holds them fails.
    fn states(&mut self) -> Result<ChainStates, EngineError>;

    /// Puts the chains into these states, in which each had made `draws` transitions since warm-up.
    ///
    /// # Errors
    /// When the device that holds them fails.
    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError>;
}
