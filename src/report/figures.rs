//! The figures, a file each: what is kept of a run, and how runs are put side by side.

pub mod autocorrelation;
pub mod energy;
pub mod ess;
pub mod forest;
pub mod funnel;
mod least_squares;
pub mod marginal;
pub mod modes;
pub mod pairs;
pub mod predictive;
pub mod rank;
pub mod stuck_chains;
pub mod throughput;
pub mod trace;
