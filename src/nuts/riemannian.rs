//! Steps under a Riemannian metric whose block for the locations depends on the scales alone: explicit, symplectic and
//! reversible, because the energy splits into three parts whose flows are exact (hierarchical RMHMC: Kailas, Vihola and
//! Wallin 2026, arXiv 2604.09832; before it the semi-separable HMC of Zhang and Sutton 2014).
//!
//! With s for the scales, x for the locations, M for the scales' constant block and G(s) for the locations',
//!
//! ```text
//! H = {- log p(s, x) + log det G(s) / 2} + {p_s' M^-1 p_s / 2} + {p_x' G(s)^-1 p_x / 2}
//! kick     p -= h d/d(s, x) of the first
//! drift    s += h M^-1 p_s
//! carry    x += h v, p_s += h (v' dG/ds v) / 2, with v = G(s)^-1 p_x, which stays
//! ```
//!
//! and a step is half a kick, half a drift, a carry, half a drift, half a kick. A point keeps p_x beside its position,
//! and for the scales the force of the determinant.

use super::integrator::{Advance, Integrator, PhasePoint};
use super::leapfrog::square;
use super::tuning::Tuning;
use crate::density::metric::Metric;
use crate::faults;
use crate::lanes::Vector;
use crate::random::StreamKey;

/// Steps under a metric that follows the curvature.
#[derive(Debug, Clone)]
pub struct Riemannian<M> {
    metric: M,
    /// The square roots of the entries of M^-1; those of locations are not used.
    scale: Vector,
    velocity: Vector,
    force: Vector,
}

impl<M: Metric> Riemannian<M> {
    /// Steps of `dim` coordinates, with the identity for M.
    pub fn new(dim: usize, metric: M) -> Riemannian<M> {
        let scale = Vector::from(&vec![1.0; dim][..]);
        Riemannian { metric, scale, velocity: Vector::zeros(dim), force: Vector::zeros(dim) }
    }

    /// Half a kick by the gradient and the determinant's force.
    fn kick(&self, step: f64, point: &mut PhasePoint) {
        let PhasePoint { momentum, gradient, beside, .. } = point;
        let scales = self.metric.scales();
        let half = 0.5 * step;
        for i in scales.clone() {
            momentum[i] += half * self.scale[i] * (gradient[i] + beside[i]);
        }
        for i in (0..scales.start).chain(scales.end..gradient.len()) {
            beside[i] += half * gradient[i];
        }
    }

    /// Half a drift of the scales.
    fn drift(&self, step: f64, point: &mut PhasePoint) {
        for i in self.metric.scales() {
            point.position[i] += 0.5 * step * self.scale[i] * point.momentum[i];
        }
    }

    /// The whole move of the locations, which pushes the scales.
    fn carry(&mut self, step: f64, point: &mut PhasePoint) {
        if !faults::is_planted("metric-of-the-start") {
            self.metric.factorize(&point.position);
        }
        self.metric.whiten(&point.beside, &mut point.momentum);
        self.metric.velocity(&point.momentum, &mut self.velocity);
        self.metric.kinetic_force(&self.velocity, &mut self.force);
        let scales = self.metric.scales();
        for i in (0..scales.start).chain(scales.end..point.position.len()) {
            point.position[i] += step * self.velocity[i];
        }
        for i in scales {
            point.momentum[i] += step * self.scale[i] * self.force[i];
        }
    }

    /// The energy where the metric has been factorized.
    fn energy(&self, point: &PhasePoint) -> f64 {
        let determinant = if faults::is_planted("determinant-forgotten") { 0.0 } else { self.metric.log_determinant() };
        0.5 * (square(point.momentum.lanes()) + determinant) - point.log_density
    }
}

impl<M: Metric> Integrator for Riemannian<M> {
    fn configure(&mut self, tuning: &Tuning) {
        self.scale.copy_from_slice(&tuning.scale);
    }

    fn begin(&mut self, _: StreamKey, point: &mut PhasePoint) {
        self.metric.factorize(&point.position);
        self.metric.momentum(&point.momentum, &mut point.beside);
        self.metric.determinant_force(&mut point.beside);
        point.energy = self.energy(point);
    }

    fn start(&mut self, step: f64, point: &mut PhasePoint) {
        self.kick(step, point);
        self.drift(step, point);
        self.carry(step, point);
        self.drift(step, point);
    }

    fn wants<'a>(&'a self, point: &'a PhasePoint) -> &'a [f64] {
        &point.position
    }

    fn give(&mut self, step: f64, log_density: f64, gradient: &[f64], point: &mut PhasePoint) -> Advance {
        point.log_density = log_density;
        point.gradient.copy_from_slice(gradient);
        self.metric.factorize(&point.position);
        self.metric.determinant_force(&mut point.beside);
        self.kick(step, point);
        self.metric.whiten(&point.beside, &mut point.momentum);
        point.energy = self.energy(point);
        Advance::Arrived
    }
}
