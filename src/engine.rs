//! Engines: an engine holds all chains and runs a phase of them; draws go to a sink in blocks, as they are made.

pub mod device;
pub mod fallback;
pub mod host;
pub mod independent;
mod progress;
pub mod sums;
mod worker;

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::density::DensityError;
use crate::faults;
use crate::independent::{DrawnEffects, NoProposal, NotOnDevice};
use crate::model::{CoordinatesError, LocationScale, Model};
use crate::nuts::adaptation::{Moments, PositionMoments};
use crate::nuts::eigenvectors::Snapshots;
use crate::nuts::{Adapt, State, Statistics, Tuning};

pub use progress::{Counters, Progress};
use sums::{BinGrid, ChainSums};

/// Consecutive transitions of all chains with one tuning.
#[derive(Debug, Clone)]
pub struct Phase {
    /// Transitions of each chain.
    pub transitions: u32,
    /// The kernel's tuning.
    pub tuning: Tuning,
    /// The chains' adaptation of their step sizes; `None` keeps them fixed.
    pub adapt: Option<Adapt>,
    /// The part of the run, which decides what becomes of draws.
    pub part: PhaseKind,
    /// Thinning interval, counted from the start of this part of the run: every `thin`-th transition's draw is
    /// recorded.
    pub thin: u32,
    /// The snapshots that the outcome has.
    pub snapshots: SnapshotPlan,
}

/// The snapshots of a phase: the states of the first chains, after evenly spaced transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPlan {
    /// Number of chains.
    pub chains: u32,
    /// Number of states of each chain.
    pub each: u32,
}

impl SnapshotPlan {
    /// No states.
    pub const NONE: SnapshotPlan = SnapshotPlan { chains: 0, each: 0 };

    /// About `states` states of `chains` chains.
    pub fn about(states: usize, chains: u32) -> SnapshotPlan {
        let states = states as u32;
        let chains = chains.min(states);
        SnapshotPlan { chains, each: states.div_ceil(chains.max(1)) }
    }
}

impl Phase {
    /// A phase with fixed step sizes, without thinning and snapshots.
    pub fn new(transitions: u32, tuning: Tuning, part: PhaseKind) -> Phase {
        Phase { transitions, tuning, adapt: None, part, thin: 1, snapshots: SnapshotPlan::NONE }
    }

    /// The number of transitions before snapshot `i` of a chain, counted from 1; all of them if there are no snapshots.
    pub fn place_of_snapshot(&self, i: u32) -> u32 {
        let each = u64::from(self.snapshots.each.min(self.transitions));
        if each == 0 { self.transitions } else { (u64::from(self.transitions) * u64::from(i)).div_ceil(each) as u32 }
    }

    /// Whether there is a snapshot of the engine's chain `chain` after `made` transitions of the phase.
    pub fn has_snapshot(&self, chain: usize, made: u32) -> bool {
        let each = u64::from(self.snapshots.each.min(self.transitions));
        let before = |made: u32| (u64::from(made) * each) / u64::from(self.transitions.max(1));
        chain < self.snapshots.chains as usize && before(made) > before(made - 1)
    }

    /// Number of recorded draws among a chain's first `transitions` transitions of this part of the run.
    pub fn kept(&self, transitions: usize) -> usize {
        let thin = self.thin.max(1) as usize;
        if faults::is_planted("thinning-off-by-one") { transitions.div_ceil(thin) } else { transitions / thin }
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseKind {
    /// Draws go into the moments from which the next metric is computed, and to the sink if they are recorded.
    Warmup {
        /// Whether draws are recorded.
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

/// The result of a phase.
#[derive(Debug, Clone)]
pub struct PhaseOutcome {
    /// Transitions that every chain has made: fewer than asked for if the phase was interrupted.
    pub transitions: u32,
    /// Gradients computed by all chains together.
    pub gradients: u64,
    /// Mean acceptance over all transitions.
    pub acceptance: f64,
    /// Transitions that diverged.
    pub divergences: u64,
    /// The log step size that each chain has learned, in the order of the chains.
    pub log_step_sizes: Vec<f64>,
    /// Moments of all draws of all chains, after a phase of warm-up.
    pub moments: Moments,
    /// The phase's snapshots.
    pub snapshots: Snapshots,
    /// The range of energies in a trajectory, at a quantile over the transitions, after a phase of warm-up of a kernel
    /// that refines its steps.
    pub energy_range: Option<f64>,
    /// The failure of a device during the phase.
    pub failure: Option<DeviceFailure>,
}

/// The failure of a device during a phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{error}")]
pub struct DeviceFailure {
    /// The error in words.
    pub error: String,
    /// Whether the run went on without the device; otherwise the phase ended with its last finished block.
    pub resumed: bool,
}

/// Consecutive draws of all chains.
#[derive(Debug, Clone, Copy)]
pub struct DrawBlock<'a> {
    /// Whether the draws are from warm-up.
    pub warmup: bool,
    /// Number of chains.
    pub chains: usize,
    /// Number of the first draw among the recorded draws of this part of the run.
    pub first_draw: usize,
    /// Draws of each chain.
    pub draws: usize,
    /// Named variables in the user's units, `[chain][draw][variable]`.
    pub values: &'a [f64],
    /// The group effects of a collapsed model, if the engine has drawn them: the variables after those of `values`.
    pub effects: Option<&'a DrawnEffects>,
    /// Statistics of the transitions, `[chain][draw]`.
    pub statistics: &'a [Statistics],
}

/// The states of all chains between two transitions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChainStates {
    /// Transitions that every chain has made since the start.
    pub transitions: u32,
    /// Positions, `[chain][coordinate]`, unconstrained and in the sampler's units.
    pub positions: Vec<f64>,
    /// Gradients of the log density, `[chain][coordinate]`.
    pub gradients: Vec<f64>,
    /// Log densities, `[chain]`.
    pub log_densities: Vec<f64>,
}

impl ChainStates {
    /// The states of chains that have made `transitions` transitions, in the order of the chains.
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

/// A sink's failure to keep a block.
#[derive(Debug, thiserror::Error)]
#[error("the draws could not be kept: {0}")]
pub struct SinkError(#[source] pub std::io::Error);

/// The variables that are kept of each draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// All D variables.
    All,
    /// The hyperparameters mu, sigma and eps; no group effects.
    Hyper,
    /// All variables, but only their sums and histograms over the draws.
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
    /// Number of named variables of `model` that are kept of each draw: the leading ones.
    pub fn variables(self, model: &Model) -> usize {
        match self {
            Keep::All | Keep::Summary => model.layout().dim(),
            Keep::Hyper => model.layout().hyperparameters(),
        }
    }

    /// Number of variables that an engine hands over: for a collapsed model the hyperparameters, since a later sink
    /// completes its draws.
    pub fn sampled(self, model: &Model) -> usize {
        self.variables(model).min(model.dim())
    }
}

/// Takes draws as they are made.
pub trait DrawSink {
    /// Receives the moments of positions over the last window of warm-up: before the last phase of warm-up, or before
    /// everything else in a run that is resumed after that window or is frozen. Not called if there was no such window.
    fn warmed(&mut self, spread: &PositionMoments);

    /// Whether blocks of the next phase of warm-up are wanted, too.
    fn wants_warmup(&self) -> bool;

    /// Location and scale of each variable, in the user's units, for draws after warm-up that are kept in 16 bits: an
    /// engine may round draws to f16 as offsets from the mean in sds. `None` if more bits are kept.
    fn units(&self) -> Option<&[LocationScale]>;

    /// Takes the next block; blocks of warm-up, if wanted, come before all others.
    ///
    /// # Errors
    /// If the block cannot be kept; the run ends with the blocks before it.
    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError>;

    /// The receiver of sums, for an engine that sums up draws itself; `None` if draws are wanted.
    fn sums(&mut self) -> Option<&mut dyn SumSink>;

    /// The judge of the draws so far; `None` if all planned draws are wanted.
    fn judge(&mut self) -> Option<&mut dyn Judge> {
        None
    }
}

/// Judges at fixed places whether a run has enough draws.
pub trait Judge {
    /// The first number of recorded draws of each chain, above `draws`, at which to judge.
    fn place_after(&self, draws: u32) -> u32;

    /// Whether the draws so far are enough, so that the run ends.
    ///
    /// # Errors
    /// If the draws cannot be read.
    fn is_enough(&mut self) -> Result<bool, SinkError>;
}

/// A sink that calls a function with each block of draws after warm-up, and wants nothing else.
pub struct EachBlock<F>(pub F);

impl<F: FnMut(&DrawBlock) -> Result<(), SinkError>> DrawSink for EachBlock<F> {
    fn warmed(&mut self, _: &PositionMoments) {}

    fn wants_warmup(&self) -> bool {
        false
    }

    fn units(&self) -> Option<&[LocationScale]> {
        None
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        (self.0)(block)
    }
}

/// Takes sums over draws from an engine, in place of the draws.
pub trait SumSink {
    /// The bins and the location and scale of each variable.
    fn grid(&self) -> &BinGrid;

    /// Takes the next chains' sums over all their draws of a phase.
    fn take_sums(&mut self, chains: &ChainSums);

    /// Takes the histograms of these draws, `[variable][bin]`, after the sums of all chains.
    fn take_histograms(&mut self, counts: &[u32]);
}

/// Errors that end a phase early.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device that evaluates densities failed.
    #[error(transparent)]
    Density(#[from] DensityError),
    /// The device failed during a phase.
    #[error(transparent)]
    Failure(#[from] DeviceFailure),
    /// The draws could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Draws cannot be independent.
    #[error("draws cannot be independent: {0}; use --sampler nuts")]
    Independent(#[from] NoProposal),
    /// A device makes no independent draws.
    #[error("draws cannot be independent on a device: {0}; use --engine cpu")]
    NotOnDevice(#[from] NotOnDevice),
    /// The likelihood needs effects that are integrated out.
    #[error(transparent)]
    Coordinates(#[from] CoordinatesError),
    /// A chain found no starting point with a finite log density.
    #[error(
        "chain {chain} found no starting point with a finite log density in {attempts} attempts; look for extreme values in the data, or for priors that contradict it"
    )]
    Start {
        /// The chain's global number.
        chain: u32,
        /// Number of points tried.
        attempts: u32,
    },
}

/// Holds the chains and runs their phases.
pub trait Engine {
    /// Runs a phase of all chains, from their current states.
    ///
    /// # Errors
    /// If densities cannot be evaluated or draws cannot be kept.
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError>;

    /// The states of the chains after the last phase.
    ///
    /// # Errors
    /// If the device that holds the states fails.
    fn states(&mut self) -> Result<ChainStates, EngineError>;

    /// Sets the chains' states, in which each chain had made `draws` transitions since warm-up.
    ///
    /// # Errors
    /// If the device that holds the states fails.
    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError>;
}
