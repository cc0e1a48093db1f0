//! Log densities and gradients of many positions: the interface between a model and the algorithms that evaluate it.

pub mod collapsed;
pub mod conditional;
pub mod cpu;
mod dispatch;
pub mod gpu;
mod hierarchy;
mod lane_matrix;
pub mod location_metric;
pub mod metric;
mod mixed;
pub(crate) mod priors;
pub(crate) mod qr;
mod quadratic;
mod rows;

use crate::gpu::GpuError;
use crate::model::Refusal;
pub(crate) use mixed::{HyperPriors, ReducedGroup, reduced_groups};

/// Positions to be evaluated in place, each of `dim` unconstrained coordinates, in the sampler's units.
pub trait Batch {
    /// The number of positions.
    fn len(&self) -> usize;

    /// Whether there is no position.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Position `i`.
    fn position(&self, i: usize) -> &[f64];
}

impl<P: AsRef<[f64]>> Batch for Vec<P> {
    fn len(&self) -> usize {
        self.len()
    }

    fn position(&self, i: usize) -> &[f64] {
        self[i].as_ref()
    }
}

/// The evaluations of a batch: a log density and a row of `dim` gradient entries for each position.
#[derive(Debug, Clone)]
pub struct Evaluations {
    dim: usize,
    log_density: Vec<f64>,
    gradient: Vec<f64>,
}

impl Evaluations {
    /// Room for the evaluations of `capacity` positions.
    pub fn with_capacity(capacity: usize, dim: usize) -> Evaluations {
        Evaluations { dim, log_density: vec![0.0; capacity], gradient: vec![0.0; capacity * dim] }
    }

    /// Log density of position `i`, every constant included, in the sampler's units.
    pub fn log_density(&self, i: usize) -> f64 {
        self.log_density[i]
    }

    /// Gradient at position `i`.
    pub fn gradient(&self, i: usize) -> &[f64] {
        &self.gradient[i * self.dim..(i + 1) * self.dim]
    }

    /// The log density and the gradient of position `i`, to be written.
    pub fn row_mut(&mut self, i: usize) -> (&mut f64, &mut [f64]) {
        (&mut self.log_density[i], &mut self.gradient[i * self.dim..(i + 1) * self.dim])
    }
}

/// Why a batch could not be evaluated. A log density that is not finite is returned as such, without an error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DensityError {
    /// The device that computes the density failed.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// The density does not admit the model.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Log density and gradient of many positions.
pub trait Density: Send {
    /// D, the number of unconstrained coordinates.
    fn dim(&self) -> usize;

    /// The best number of positions per call: 1 where positions are evaluated one after the other.
    fn width(&self) -> usize;

    /// Evaluates position `i` of `at` into row `i` of `out`, which must have room for all positions.
    ///
    /// # Errors
    /// If the device that computes the density fails; never because of a position.
    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError>;
}
