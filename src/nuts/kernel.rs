//! A sampler as a kernel: one transition of one chain, as a state machine that is given gradients.

use crate::density::Batch;
use crate::density::cpu::CpuDensity;
use crate::lanes::Vector;
use crate::random::StreamKey;

use super::{Refinement, Statistics, Tuning};

/// A position with its log density and gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Theta, unconstrained, in the sampler's units.
    pub position: Vector,
    /// Gradient of the log density.
    pub gradient: Vector,
    /// Log density, in the sampler's units.
    pub log_density: f64,
}

impl State {
    /// A state of `dim` zeros, with log density minus infinity.
    pub fn zeros(dim: usize) -> State {
        State { position: Vector::zeros(dim), gradient: Vector::zeros(dim), log_density: f64::NEG_INFINITY }
    }

    /// The state at a position, evaluated by `density`.
    pub fn at(position: &[f64], density: &mut CpuDensity) -> State {
        let mut state = State::zeros(position.len());
        state.position.copy_from_slice(position);
        state.log_density = density.log_density(position, &mut state.gradient);
        state
    }

    /// Copies a position, its gradient and its log density.
    pub fn set(&mut self, position: &Vector, gradient: &Vector, log_density: f64) {
        self.position.lanes_mut().copy_from_slice(position.lanes());
        self.gradient.lanes_mut().copy_from_slice(gradient.lanes());
        self.log_density = log_density;
    }
}

/// A kernel's answer to a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another gradient is wanted.
    Continue,
    /// The transition is over; its sample is the draw.
    Done,
}

/// A transition as a state machine: it wants a gradient at a position, is given one, and so on until it ends in a draw.
/// Buffers are made once and reused for every transition.
pub trait Kernel {
    /// Sets the tuning of the next transitions, as far as the buffers allow.
    fn configure(&mut self, tuning: &Tuning);

    /// Starts the transition of `key` at `from`, which ends in a draw after some calls of [`give`](Kernel::give).
    fn begin(&mut self, key: StreamKey, from: &State, step_size: f64);

    /// The position at which a gradient is wanted.
    fn wants(&self) -> &[f64];

    /// Takes the log density and its gradient at the wanted position.
    fn give(&mut self, log_density: f64, gradient: &[f64]) -> Step;

    /// The draw, once the transition is done.
    fn sample(&self) -> &State;

    /// Statistics of the transition, once it is done.
    fn statistics(&self) -> Statistics;

    /// How far the steps were refined, once the transition is done; `None` if they never are.
    fn refinement(&self) -> Option<Refinement>;
}

/// Kernels that all want a gradient, as the batch of their positions.
pub struct Wanted<'a, K>(pub &'a [K]);

impl<K: Kernel> Batch for Wanted<'_, K> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn position(&self, i: usize) -> &[f64] {
        self.0[i].wants()
    }
}
