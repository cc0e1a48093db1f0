//! The leapfrog step in whitened momenta: half a kick, a drift, a new gradient, half a kick.

use bytemuck::{cast_slice, cast_slice_mut};
use multiversion::multiversion;

use super::integrator::{Advance, Integrator, PhasePoint};
use super::low_rank::Correction;
use super::tuning::Tuning;
use crate::lanes::{LANES, Lanes, Vector};
use crate::random::StreamKey;

/// The leapfrog under a metric that stays as it is. Where that has a low-rank part, points keep the whitened force
/// beside their gradients.
#[derive(Debug, Clone)]
pub struct Leapfrog {
    /// The square roots of the inverse metric's entries, its low-rank part aside.
    scale: Vector,
    correction: Correction,
    /// The whitened momentum, corrected.
    corrected: Vector,
}

impl Leapfrog {
    /// The leapfrog of `dim` coordinates under the identity metric.
    pub fn new(dim: usize) -> Leapfrog {
        Leapfrog {
            scale: Vector::from(&vec![1.0; dim][..]),
            correction: Correction::default(),
            corrected: Vector::zeros(dim),
        }
    }

    /// The whitened force at a point whose metric has a low-rank part: F' g.
    fn whiten(&self, point: &mut PhasePoint) {
        let PhasePoint { gradient, beside, .. } = point;
        multiply(self.scale.lanes(), gradient.lanes(), beside.lanes_mut());
        self.correction.apply(beside);
    }

    /// Half a kick and the drift of a step.
    #[inline]
    pub fn depart(&mut self, step: f64, point: &mut PhasePoint) {
        let PhasePoint { position, momentum, gradient, beside, .. } = point;
        if !self.correction.is_identity() {
            advance(0.5 * step, beside.lanes(), momentum.lanes_mut());
            self.corrected.lanes_mut().copy_from_slice(momentum.lanes());
            self.correction.apply(&mut self.corrected);
            drift(step, self.scale.lanes(), self.corrected.lanes(), position.lanes_mut());
            return;
        }
        kick_and_drift(step, self.scale.lanes(), gradient.lanes(), momentum.lanes_mut(), position.lanes_mut());
    }

    /// The other half of the kick, and the energy at the step's end.
    #[inline]
    pub fn arrive(&self, step: f64, log_density: f64, gradient: &[f64], point: &mut PhasePoint) {
        if !self.correction.is_identity() {
            point.gradient.copy_from_slice(gradient);
            self.whiten(point);
            advance(0.5 * step, point.beside.lanes(), point.momentum.lanes_mut());
            point.log_density = log_density;
            point.energy = 0.5 * square(point.momentum.lanes()) - log_density;
            return;
        }
        let PhasePoint { momentum, gradient: kept, .. } = point;
        let kinetic = 0.5 * kick(step, self.scale.lanes(), gradient, momentum.lanes_mut(), kept.lanes_mut());
        point.log_density = log_density;
        point.energy = kinetic - log_density;
    }
}

impl Integrator for Leapfrog {
    fn configure(&mut self, tuning: &Tuning) {
        self.scale.copy_from_slice(&tuning.scale);
        self.correction = tuning.correction.clone();
    }

    fn begin(&mut self, _: StreamKey, point: &mut PhasePoint) {
        point.energy = 0.5 * square(point.momentum.lanes()) - point.log_density;
        if !self.correction.is_identity() {
            self.whiten(point);
        }
    }

    #[inline]
    fn start(&mut self, step: f64, point: &mut PhasePoint) {
        self.depart(step, point);
    }

    #[inline]
    fn wants<'a>(&'a self, point: &'a PhasePoint) -> &'a [f64] {
        &point.position
    }

    #[inline]
    fn give(&mut self, step: f64, log_density: f64, gradient: &[f64], point: &mut PhasePoint) -> Advance {
        self.arrive(step, log_density, gradient, point);
        Advance::Arrived
    }
}

/// Half a kick, then a drift: w += (h/2) s g, q += h s w, with `step` h (negative backward) and `scale` s.
///
/// The loop is elementwise over whole chunks: without a sum, a compiler vectorizes it best.
#[multiversion(targets = "simd")]
fn kick_and_drift(step: f64, scale: &[Lanes], gradient: &[Lanes], momentum: &mut [Lanes], position: &mut [Lanes]) {
    let (scale, gradient): (&[f64], &[f64]) = (cast_slice(scale), cast_slice(gradient));
    let (momentum, position): (&mut [f64], &mut [f64]) = (cast_slice_mut(momentum), cast_slice_mut(position));
    for (((s, g), w), q) in scale.iter().zip(gradient).zip(momentum).zip(position) {
        let s = s * step;
        *w += s * g * 0.5;
        *q += s * *w;
    }
}

/// Half a kick with the `gradient` at the new position, which is copied to `kept`; returns twice the kinetic energy,
/// w'w.
#[multiversion(targets = "simd")]
fn kick(step: f64, scale: &[Lanes], gradient: &[f64], momentum: &mut [Lanes], kept: &mut [Lanes]) -> f64 {
    let half = 0.5 * step;
    let mut square = Lanes::ZERO;
    let mut one = |s: &Lanes, g: &[f64], w: &mut Lanes, kept: &mut Lanes| {
        *kept = Lanes::load(g, 0.0);
        *w += *s * half * *kept;
        square += *w * *w;
    };
    let mut rest = scale.iter().zip(momentum).zip(kept);
    let mut chunks = gradient.chunks_exact(LANES);
    for (g, ((s, w), kept)) in chunks.by_ref().zip(rest.by_ref()) {
        one(s, g, w, kept);
    }
    if let Some(((s, w), kept)) = rest.next() {
        one(s, chunks.remainder(), w, kept);
    }
    square.sum()
}

/// The product of each two entries.
#[multiversion(targets = "simd")]
fn multiply(a: &[Lanes], b: &[Lanes], product: &mut [Lanes]) {
    for ((product, a), b) in product.iter_mut().zip(a).zip(b) {
        *product = *a * *b;
    }
}

/// w += h f.
#[multiversion(targets = "simd")]
fn advance(step: f64, force: &[Lanes], momentum: &mut [Lanes]) {
    for (w, f) in momentum.iter_mut().zip(force) {
        *w += *f * step;
    }
}

/// q += h s w.
#[multiversion(targets = "simd")]
fn drift(step: f64, scale: &[Lanes], momentum: &[Lanes], position: &mut [Lanes]) {
    for ((q, s), w) in position.iter_mut().zip(scale).zip(momentum) {
        *q += *s * *w * step;
    }
}

/// v'v.
#[multiversion(targets = "simd")]
pub fn square(v: &[Lanes]) -> f64 {
    v.iter().fold(Lanes::ZERO, |sum, v| sum + *v * *v).sum()
}
