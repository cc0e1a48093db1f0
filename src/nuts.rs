//! The No-U-Turn Sampler as a state machine that is given gradients: steps, trees, adaptation.
//!
//! Hoffman and Gelman (2014), with Betancourt's (2017) multinomial sampling from the trajectory and biased progression,
//! and Stan's three U-turn checks per join. Momenta are whitened: w = M^{-1/2} p is standard normal under the metric M.
//! So kinetic energies and U-turn checks are plain dot products, and the metric appears only as `scale` (the estimated
//! sds of the posterior) and as the eigenvectors of its low-rank part, which turn momenta into velocities and gradients
//! into forces.

pub mod adaptation;
pub mod eigenvectors;
mod integrator;
mod kernel;
mod leapfrog;
mod low_rank;
mod riemannian;
mod statistics;
mod subtree;
mod transition;
mod tuning;
mod walnuts;
mod weight;

pub use integrator::{Advance, Integrator, PhasePoint};
pub use kernel::{Kernel, State, Step, Wanted};
pub use leapfrog::Leapfrog;
pub use low_rank::{Correction, LowRank};
pub use riemannian::Riemannian;
pub use statistics::{Kind, Statistic, Statistics};
pub use transition::{MAX_ENERGY_ERROR, Transition};
pub use tuning::{Adapt, Adaptation, FIRST_TOLERANCE, RANGE_QUANTILE, Refinement, Tuning};
pub use walnuts::{Halving, Walnuts};
