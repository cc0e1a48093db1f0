//! The figures, a file each: the part of a run that a figure needs, and the figure of all runs.

pub mod autocorrelation;
pub mod average_effects;
pub mod columns;
pub mod correlation;
pub mod energy;
pub mod ess;
pub mod forest;
pub mod funnel;
mod least_squares;
pub mod marginal;
pub mod modes;
pub mod pairs;
pub mod predictive;
pub mod predictive_checks;
pub mod rank;
pub mod stuck_chains;
pub mod throughput;
pub mod trace;
