//! Integrators of Hamilton's equations in whitened momenta: the steps of a trajectory.

use super::leapfrog::{kick, kick_and_drift};
use crate::lanes::{Lanes, Vector};

/// A point of a trajectory, with its gradient.
#[derive(Debug, Clone)]
pub struct PhasePoint {
    /// Theta, unconstrained, in the sampler's units.
    pub position: Vector,
    /// The whitened momentum w.
    pub momentum: Vector,
    /// The gradient of the log density.
    pub gradient: Vector,
}

impl PhasePoint {
    /// A point of `dim` coordinates, all 0.
    pub fn zeros(dim: usize) -> PhasePoint {
        PhasePoint { position: Vector::zeros(dim), momentum: Vector::zeros(dim), gradient: Vector::zeros(dim) }
    }
}

/// One step of a trajectory, in two halves with a gradient between them. `step` is negative backward; `scale` holds the
/// square roots of the inverse metric's entries.
pub trait Integrator {
    /// Moves the point to the position at which a gradient is wanted.
    fn start(step: f64, scale: &[Lanes], point: &mut PhasePoint);

    /// Ends the step with the `gradient` at the new position, and stores it in the point; returns twice the kinetic
    /// energy, w'w.
    fn end(step: f64, scale: &[Lanes], gradient: &[f64], point: &mut PhasePoint) -> f64;
}

/// The leapfrog: half a kick, a drift, half a kick.
#[derive(Debug, Clone, Copy)]
pub struct Leapfrog;

impl Integrator for Leapfrog {
    fn start(step: f64, scale: &[Lanes], point: &mut PhasePoint) {
        let PhasePoint { position, momentum, gradient } = point;
        kick_and_drift(step, scale, gradient.lanes(), momentum.lanes_mut(), position.lanes_mut());
    }

    fn end(step: f64, scale: &[Lanes], gradient: &[f64], point: &mut PhasePoint) -> f64 {
        kick(step, scale, gradient, point.momentum.lanes_mut(), point.gradient.lanes_mut())
    }
}
