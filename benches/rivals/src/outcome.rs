//! The experiment that every program runs, and its outcome.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

pub const CHAINS: usize = 4;
pub const WARMUP: usize = 1000;
pub const DRAWS: usize = 1000;
pub const TARGET_ACCEPT: f64 = 0.8;
pub const MAX_DEPTH: u32 = 10;

/// The outcome of one program's experiment.
pub struct Outcome {
    /// Time from before the starting points to the last draw in memory, as named variables.
    pub time: Elapsed,
    /// Gradients computed, in warm-up and for the draws; for independent draws, densities of proposals.
    pub gradients: [u64; 2],
    /// Leapfrog steps of the draws.
    pub leapfrogs: u64,
    /// Mean step size of the draws.
    pub step_size: f64,
    /// Mean over the draws of the mean over the trajectory of min(1, exp(H0 - H)).
    pub acceptance: f64,
    /// Divergences among the draws.
    pub divergences: u64,
    /// Draws of each chain.
    pub draws: usize,
    /// Named variables, or the leading ones of them, `[variable][chain][draw]`.
    pub values: Vec<f64>,
}

/// Wall time, and CPU time of this process. They differ if other programs use the core.
#[derive(Clone, Copy)]
pub struct Elapsed {
    pub wall: Duration,
    pub process: Duration,
}

/// A running clock.
pub struct Clock(Instant, ProcessTime);

impl Clock {
    pub fn start() -> Clock {
        Clock(Instant::now(), ProcessTime::now())
    }

    pub fn elapsed(&self) -> Elapsed {
        Elapsed { wall: self.0.elapsed(), process: self.1.elapsed() }
    }
}
