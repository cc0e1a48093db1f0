//! A posterior for nuts-rs: a log density in theta, and the named variables at a theta.

pub trait Posterior: Clone {
    /// D, the number of unconstrained coordinates, and of named variables.
    fn dim(&self) -> usize;

    /// Log density at `theta`, up to a constant, and its gradient.
    fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64;

    /// The named variables at `theta`, in the order of [`Model::names`](warpnuts::model::Model::names).
    fn constrain(&self, theta: &[f64], named: &mut [f64]);
}
