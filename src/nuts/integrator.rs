//! Integrators of Hamilton's equations in whitened momenta: the steps of a trajectory.

use crate::lanes::Vector;
use crate::random::StreamKey;

use super::tuning::{Refinement, Tuning};

/// A point of a trajectory, with its gradient.
#[derive(Debug, Clone)]
pub struct PhasePoint {
    /// Theta, unconstrained, in the sampler's units.
    pub position: Vector,
    /// The whitened momentum w.
    pub momentum: Vector,
    /// The gradient of the log density.
    pub gradient: Vector,
    /// What an integrator keeps beside these, for each coordinate.
    pub beside: Vector,
    /// The log density.
    pub log_density: f64,
    /// The energy H; exp(-H) is the density of position and momentum, up to a constant.
    pub energy: f64,
    /// Log of the point's weight beyond exp(-H), about the trajectory's start: the ratio of the probabilities that
    /// random steps lead from here to there, and from there to here.
    pub log_odds: f64,
    /// Halvings of the step that led here.
    pub halvings: u32,
}

impl PhasePoint {
    /// A point of `dim` coordinates, all 0.
    pub fn zeros(dim: usize) -> PhasePoint {
        PhasePoint {
            position: Vector::zeros(dim),
            momentum: Vector::zeros(dim),
            gradient: Vector::zeros(dim),
            beside: Vector::zeros(dim),
            log_density: 0.0,
            energy: 0.0,
            log_odds: 0.0,
            halvings: 0,
        }
    }

    /// Copies another point of as many coordinates.
    pub fn copy_from(&mut self, other: &PhasePoint) {
        let PhasePoint { position, momentum, gradient, beside, log_density, energy, log_odds, halvings } = other;
        let vectors = [
            (&mut self.position, position),
            (&mut self.momentum, momentum),
            (&mut self.gradient, gradient),
            (&mut self.beside, beside),
        ];
        for (ours, theirs) in vectors {
            ours.lanes_mut().copy_from_slice(theirs.lanes());
        }
        (self.log_density, self.energy, self.log_odds, self.halvings) = (*log_density, *energy, *log_odds, *halvings);
    }
}

/// An integrator's answer to a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// Another gradient is wanted.
    Wants,
    /// The point has made the step.
    Arrived,
    /// The step cannot be made: the energy does not hold.
    Diverged,
    /// The step cannot be made: from its end, the way back would be another one.
    Irreversible,
}

/// One step of a trajectory at a time, as a state machine that is given gradients. `step` is negative backward.
pub trait Integrator {
    /// Sets metric and tolerance of the next steps.
    fn configure(&mut self, tuning: &Tuning);

    /// Begins the trajectory of `key` at a point with position, momentum, gradient and log density; sets the rest.
    fn begin(&mut self, key: StreamKey, point: &mut PhasePoint);

    /// Begins a step from `point`, up to the position at which a gradient is wanted.
    fn start(&mut self, step: f64, point: &mut PhasePoint);

    /// The position at which a gradient is wanted, in a step of `point`.
    fn wants<'a>(&'a self, point: &'a PhasePoint) -> &'a [f64];

    /// Takes log density and gradient at the wanted position. If the step is made, `point` is its end.
    fn give(&mut self, step: f64, log_density: f64, gradient: &[f64], point: &mut PhasePoint) -> Advance;

    /// How far steps were refined since the trajectory began; `None` if they never are.
    fn refinement(&self) -> Option<Refinement> {
        None
    }
}
