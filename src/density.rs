//! Where log densities and gradients of many positions are computed: the seam between a model and whoever walks on it.

pub mod collapsed;
pub mod cpu;
mod dispatch;
pub mod gpu;
mod hierarchy;
pub(crate) mod priors;
pub(crate) mod qr;
mod quadratic;
mod rows;

use crate::gpu::GpuError;
use crate::model::Refusal;

/// Positions to be evaluated, each of `dim` unconstrained coordinates, in the sampler's units; they stay where they are.
pub trait Batch {
    /// How many positions there are.
    fn len(&self) -> usize;

    /// Whether there is none.
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

/// What a batch evaluates to: a log density and a row of `dim` gradient entries for each position.
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

    /// Where the evaluation of position `i` is to be written.
    pub fn row_mut(&mut self, i: usize) -> (&mut f64, &mut [f64]) {
        (&mut self.log_density[i], &mut self.gradient[i * self.dim..(i + 1) * self.dim])
    }
}

/// Why a batch could not be evaluated. A point without a finite log density is no error: it is a number, not finite.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DensityError {
    /// The device that computes it failed.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// It cannot be computed there at all.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Log density and gradient of many positions.
pub trait Density: Send {
    /// D, the number of unconstrained coordinates.
    fn dim(&self) -> usize;

    /// How many positions a call are best: 1 where they are computed one after the other.
    fn width(&self) -> usize;

    /// Evaluates every position of `at` into the same row of `out`, which must have room for them.
    ///
    /// # Errors
    /// When the device that computes fails; never because of a point.
    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError>;
}
