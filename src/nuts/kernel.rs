//! A sampler as a kernel: one transition of one chain, as a state machine that is given gradients.

use crate::density::Batch;
use crate::density::cpu::CpuDensity;
use crate::lanes::Vector;
use crate::random::StreamKey;

use super::{Statistics, Tuning};

/// A position with what is known there.
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
    /// Room for a state of `dim` coordinates.
    pub fn zeros(dim: usize) -> State {
        State { position: Vector::zeros(dim), gradient: Vector::zeros(dim), log_density: f64::NEG_INFINITY }
    }

    /// What `density` says of a position.
    pub fn at(position: &[f64], density: &mut CpuDensity) -> State {
        let mut state = State::zeros(position.len());
        state.position.copy_from_slice(position);
        state.log_density = density.log_density(position, &mut state.gradient);
        state
    }

    /// Becomes a copy of the parts of another.
    pub fn set(&mut self, position: &Vector, gradient: &Vector, log_density: f64) {
        self.position.lanes_mut().copy_from_slice(position.lanes());
        self.gradient.lanes_mut().copy_from_slice(gradient.lanes());
        self.log_density = log_density;
    }
}

/// What a gradient led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A gradient is wanted at the next position.
    Continue,
    /// The transition is over; its draw is its sample.
    Done,
}

/// A transition that says where it wants a gradient, and is given one, until it yields a draw. Every buffer is made
/// once and used for transition after transition.
pub trait Kernel {
    /// Sets the tuning of the transitions to come, as far as there is room for it.
    fn configure(&mut self, tuning: &Tuning);

    /// Starts the transition of `key` at `from`; ends with a draw after some calls of [`give`](Kernel::give).
    fn begin(&mut self, key: StreamKey, from: &State, step_size: f64);

    /// Where a gradient is wanted.
    fn wants(&self) -> &[f64];

    /// Takes the log density and its gradient at the position that was wanted.
    fn give(&mut self, log_density: f64, gradient: &[f64]) -> Step;

    /// The draw, once the transition is done.
    fn sample(&self) -> &State;

    /// What there is to tell about the transition, once it is done.
    fn statistics(&self) -> Statistics;
}

/// Transitions that all want a gradient, as the batch of their positions.
pub struct Wanted<'a, K>(pub &'a [K]);

impl<K: Kernel> Batch for Wanted<'_, K> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn position(&self, i: usize) -> &[f64] {
        self.0[i].wants()
    }
}
