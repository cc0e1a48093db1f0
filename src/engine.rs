//! Where trees are built: an engine holds the chains and runs a phase of all of them; draws leave in blocks, as they are
//! made.

pub mod device;
pub mod fallback;
pub mod host;
mod lane;
mod progress;

use crate::density::DensityError;
use crate::nuts::Statistics;
use crate::nuts::adaptation::Moments;

pub use progress::{Progress, Snapshot};

/// A stretch of transitions of all chains with one metric.
#[derive(Debug, Clone)]
pub struct Phase {
    /// Transitions of each chain.
    pub transitions: u32,
    /// The metric, as sds: the square roots of the entries of the diagonal inverse metric.
    pub scale: Vec<f64>,
    /// The step size, or that with which each chain begins to adapt.
    pub step_size: f64,
    /// How chains adapt their step sizes; `None` keeps them.
    pub adapt: Option<Adapt>,
    /// The most doublings of a trajectory.
    pub max_depth: u32,
    /// Whether draws go to the sink, rather than into the moments the next metric is made of.
    pub sampling: bool,
}

/// How a chain adapts its step size in a phase; see [`StepSize`](crate::nuts::adaptation::StepSize).
#[derive(Debug, Clone, Copy)]
pub struct Adapt {
    /// The mean acceptance that is aimed at.
    pub target: f64,
    /// How far an error in acceptance moves the log step size.
    pub gain: f64,
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
    /// Moments of all draws of all chains, where draws did not go to the sink.
    pub moments: Moments,
    /// A device that failed in the middle of the phase.
    pub failure: Option<DeviceFailure>,
}

/// A device that failed in the middle of a phase.
#[derive(Debug, Clone)]
pub struct DeviceFailure {
    /// What happened.
    pub error: DensityError,
    /// Whether the run went on without it; the phase ended with its last finished block otherwise.
    pub resumed: bool,
}

/// Consecutive draws of all chains.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Number of chains.
    pub chains: usize,
    /// The first draw's number since sampling began.
    pub first_draw: usize,
    /// Draws of each chain.
    pub draws: usize,
    /// Named variables in the user's units, `[chain][draw][variable]`.
    pub values: &'a [f64],
    /// `[chain][draw]`.
    pub statistics: &'a [Statistics],
}

/// Why a sink would not take a block.
#[derive(Debug, thiserror::Error)]
#[error("the draws could not be kept: {0}")]
pub struct SinkError(#[source] pub std::io::Error);

/// Where draws go as they are made.
pub trait Sink {
    /// Learns, before the first block, the moments of positions in the last window of warm-up, if there was one.
    fn warmed(&mut self, moments: &Moments) {
        let _ = moments;
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// When it cannot be kept; the run ends with what was kept before.
    fn take(&mut self, block: &Block) -> Result<(), SinkError>;
}

/// Why a phase ended early.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device that evaluates densities failed.
    #[error(transparent)]
    Density(#[from] DensityError),
    /// The draws could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
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
    fn run(&mut self, phase: &Phase, sink: &mut dyn Sink) -> Result<PhaseOutcome, EngineError>;
}
