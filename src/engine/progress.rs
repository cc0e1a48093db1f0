//! Progress of a run, and the request to stop it: a few counters that every thread may read at any time.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Counters of a run, over all chains; shared by the workers that count and the threads that show or stop the run.
#[derive(Debug, Default)]
pub struct Progress {
    transitions: AtomicU64,
    gradients: AtomicU64,
    divergences: AtomicU64,
    /// Sum of acceptances, in millionths.
    acceptance: AtomicU64,
    /// Bits of the step size of the latest transition.
    step_size: AtomicU64,
    stop: AtomicBool,
    reached: OnceLock<Reached>,
}

/// A number of transitions, and the function to call when it is reached.
struct Reached(u64, Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "at {} transitions", self.0)
    }
}

/// The counters at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// Transitions done.
    pub transitions: u64,
    /// Gradients computed.
    pub gradients: u64,
    /// Divergent transitions.
    pub divergences: u64,
    /// Sum of acceptances over transitions.
    pub acceptance: f64,
    /// Step size of a recent transition.
    pub step_size: f64,
}

impl Progress {
    /// Adds `more` to the counters.
    pub fn add(&self, more: Counters) {
        let before = self.transitions.fetch_add(more.transitions, Relaxed);
        self.gradients.fetch_add(more.gradients, Relaxed);
        self.divergences.fetch_add(more.divergences, Relaxed);
        self.acceptance.fetch_add((more.acceptance * 1e6) as u64, Relaxed);
        if more.transitions > 0 {
            self.step_size.store(more.step_size.to_bits(), Relaxed);
        }
        if let Some(Reached(at, call)) = self.reached.get()
            && (before..before + more.transitions).contains(&(at - 1))
        {
            call();
        }
    }

    /// Makes the thread that counts transition number `transition`, from 1, call `call`: for tests that stop or disturb
    /// a run at a known point. Only the first request counts.
    pub fn call_at(&self, transition: u64, call: impl Fn() + Send + Sync + 'static) {
        self.reached.get_or_init(|| Reached(transition, Box::new(call)));
    }

    /// Subtracts transitions that were lost and have to be made again.
    pub fn take_back(&self, transitions: u64) {
        self.transitions.fetch_sub(transitions, Relaxed);
    }

    /// The current counters.
    pub fn snapshot(&self) -> Counters {
        Counters {
            transitions: self.transitions.load(Relaxed),
            gradients: self.gradients.load(Relaxed),
            divergences: self.divergences.load(Relaxed),
            acceptance: self.acceptance.load(Relaxed) as f64 * 1e-6,
            step_size: f64::from_bits(self.step_size.load(Relaxed)),
        }
    }

    /// Asks the engine to end after the current block.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Whether the run was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }
}
