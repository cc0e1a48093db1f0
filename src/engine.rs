//! Where trees are built: an engine holds the chains and runs a phase of all of them; draws leave in blocks, as they are
//! made.

pub mod device;
pub mod fallback;
pub mod host;
mod lane;
mod progress;
pub mod sums;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::density::DensityError;
use crate::model::{CoordinatesError, Unit};
use crate::nuts::adaptation::{Moments, Spread};
use crate::nuts::{State, Statistics};

pub use progress::{Progress, Snapshot};
use sums::{ChainSums, Grid};

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
    /// Which part of the run this is, and so what becomes of draws.
    pub part: Part,
    /// Of how many transitions the last one's draw goes to the sink, counted since this part of the run began.
    pub thin: u32,
}

impl Phase {
    /// How many of a chain's first so many transitions have a draw that goes to the sink.
    pub fn kept(&self, transitions: usize) -> usize {
        transitions / self.thin.max(1) as usize
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Draws go into the moments that the next metric is made of; where they are recorded, to the sink as well.
    Warmup {
        /// Whether they are.
        recorded: bool,
    },
    /// Draws go to the sink.
    Sampling,
}

impl Part {
    /// Whether draws go into moments.
    pub fn learns(self) -> bool {
        self != Part::Sampling
    }

    /// Whether draws go to the sink.
    pub fn records(self) -> bool {
        self != Part::Warmup { recorded: false }
    }
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
    /// Moments of all draws of all chains, where the phase was one of warm-up.
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

/// All chains between two transitions, and all that a run has learnt so far: enough to go on from there as if nothing
/// had happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whether step size and metric are those of another run.
    pub frozen: bool,
    /// Stages of warm-up that are over.
    pub stages: usize,
    /// Transitions of each chain since warm-up.
    pub draws: u32,
    /// The step size of the next phase.
    pub step_size: f64,
    /// The metric of the next phase, as sds in the sampler's units.
    pub scale: Vec<f64>,
    /// Where the chains were in the last window of warm-up, if one is over.
    pub spread: Option<Spread>,
    /// Transitions of each chain in warm-up.
    pub warmup: u32,
    /// Divergent transitions, in warm-up and since.
    pub divergences: [u64; 2],
    /// Gradients computed, in warm-up and since.
    pub gradients: [u64; 2],
    /// Mean acceptance over the chains, summed over the transitions since warm-up.
    pub acceptance: f64,
    /// Time spent, in warm-up and since.
    pub time: [Duration; 2],
    /// The chains.
    pub chains: Standing,
}

/// Where the chains stand between two transitions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Transitions that every chain has made since the start.
    pub transitions: u32,
    /// Positions, `[chain][coordinate]`, unconstrained and in the sampler's units.
    pub positions: Vec<f64>,
    /// Gradients there.
    pub gradients: Vec<f64>,
    /// Log densities there.
    pub log_densities: Vec<f64>,
}

impl Standing {
    /// Of chains that have made `transitions`, in their order.
    pub fn of<'a>(transitions: u32, states: impl ExactSizeIterator<Item = &'a State>) -> Standing {
        let mut standing = Standing { transitions, ..Standing::default() };
        let (chains, mut states) = (states.len(), states.peekable());
        if let Some(state) = states.peek() {
            let numbers = chains * state.position.len();
            standing.positions.reserve_exact(numbers);
            standing.gradients.reserve_exact(numbers);
        }
        for state in states {
            standing.positions.extend_from_slice(&state.position);
            standing.gradients.extend_from_slice(&state.gradient);
            standing.log_densities.push(state.log_density);
        }
        standing
    }

    /// The state of each chain.
    pub fn states(&self) -> impl Iterator<Item = State> {
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

/// Where draws go as they are made.
pub trait Sink {
    /// Learns, before the last stage of warm-up, where the chains were in the last window, if there was one; of a run that goes
    /// on behind it, or that has another's step size and metric, before everything.
    fn warmed(&mut self, spread: &Spread) {
        let _ = spread;
    }

    /// In which units, in the user's, each variable of draws since warm-up is kept in 16 bits: an engine may let draws leave
    /// as offsets from the mean in sds, rounded to f16. `None` where more of them is kept.
    fn units(&self) -> Option<&[Unit]> {
        None
    }

    /// Whether blocks of the next stage of warm-up are wanted, too.
    fn wants_warmup(&self) -> bool {
        false
    }

    /// In which unit draws are to be summed up, where sums are wanted in their stead. Of an engine that makes none it takes blocks
    /// as ever.
    fn grid(&self) -> Option<&Grid> {
        None
    }

    /// Takes sums over all draws that the next chains have made in a phase.
    fn take_sums(&mut self, chains: &ChainSums) {
        let _ = chains;
    }

    /// Takes, behind the sums of all chains, how many of those draws fell into each bin, `[variable][bin]`.
    fn take_histograms(&mut self, counts: &[u32]) {
        let _ = counts;
    }

    /// Takes the next block; blocks of warm-up, where they are wanted, come before all others.
    ///
    /// # Errors
    /// When it cannot be kept; the run ends with what was kept before.
    fn take(&mut self, block: &Block) -> Result<(), SinkError>;

    /// How often, at about, the sink wants to know where the chains stand; `None` never.
    fn checkpoint_interval(&self) -> Option<Duration> {
        None
    }

    /// Learns where the chains stand behind the last block it took.
    ///
    /// # Errors
    /// When that cannot be kept.
    fn checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        let _ = checkpoint;
        Ok(())
    }
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
    fn run(&mut self, phase: &Phase, sink: &mut dyn Sink) -> Result<PhaseOutcome, EngineError>;

    /// Where the chains stand behind the last phase.
    ///
    /// # Errors
    /// When the device that holds them fails.
    fn standing(&mut self) -> Result<Standing, EngineError>;

    /// Puts the chains where they stood when each had made `draws` transitions since warm-up.
    ///
    /// # Errors
    /// When the device that holds them fails.
    fn resume(&mut self, standing: &Standing, draws: usize) -> Result<(), EngineError>;
}
