//! Metrics that depend on the position: the interface between a model's curvature and the integrator that follows it.

use std::ops::Range;

/// A metric whose block of *locations* depends on the other coordinates, the *scales*, alone. With its factor,
/// G = L L', momenta p of the locations are whitened as w = L^-1 p.
///
/// All slices have an entry for each coordinate of theta; only those that are named are read or written.
pub trait Metric: Clone + Send {
    /// The coordinates that are scales; all others are locations.
    fn scales(&self) -> Range<usize>;

    /// Factorizes G at the scales of `theta`. Where that cannot be done, what follows is not finite.
    fn factorize(&mut self, theta: &[f64]);

    /// log det G.
    fn log_determinant(&self) -> f64;

    /// p = L w of the locations.
    fn momentum(&mut self, whitened: &[f64], momentum: &mut [f64]);

    /// w = L^-1 p of the locations.
    fn whiten(&mut self, momentum: &[f64], whitened: &mut [f64]);

    /// v = G^-1 p = L'^-1 w of the locations.
    fn velocity(&mut self, whitened: &[f64], velocity: &mut [f64]);

    /// The derivatives of v' G v / 2 by the scales, at fixed velocities: the forces of the kinetic energy
    /// p' G^-1 p / 2 upon the scales.
    fn kinetic_force(&mut self, velocity: &[f64], force: &mut [f64]);

    /// The derivatives of -log det G / 2 by the scales.
    fn determinant_force(&mut self, force: &mut [f64]);
}
