//! MCMC diagnostics as pure functions of draws: do the chains agree, and how many independent draws are they worth?
//!
//! R-hat, effective sample sizes and Monte Carlo standard errors follow Vehtari, Gelman, Simpson, Carpenter and Bürkner
//! (2021), *Rank-normalization, folding, and localization: an improved R-hat for assessing convergence of MCMC*,
//! Bayesian Analysis 16(2), [doi:10.1214/20-BA1221](https://doi.org/10.1214/20-BA1221), called "Vehtari et al." below,
//! and equal ArviZ 1.3 to rounding. Nested R-hat and E-BFMI name their own papers, and so do the diagnostics of
//! importance weights: leave-one-out cross-validation, the comparison of models, and sensitivity to prior and
//! likelihood.
//!
//! One rule holds everywhere: a quantity that the draws do not determine is `NaN`, never a panic. So a draw that is not
//! finite makes every diagnostic `NaN`; effective sample sizes and Monte Carlo errors of chains need 4 draws in each,
//! because each half chain needs two; R-hat also needs two chains. Draws that are known to be independent count for one
//! each.
//!
//! A constant variable has R-hat `NaN` (its constancy may be meant, or every chain may be stuck), every draw effective,
//! and a mean without error. Constant means equal draws, in any unit; for ArviZ, a range below 1e-15.
//!
//! ```
//! use warpnuts::diagnostics::{Series, Summary};
//!
//! // Two chains of four draws each, one chain after the other.
//! let draws = [0.3, -1.1, 0.8, 0.1, -0.4, 1.2, -0.9, 0.2];
//! let summary = Summary::of(Series::new(&draws, 2));
//! assert!((summary.mean - 0.025).abs() < 1e-12);
//! ```

mod autocovariance;
mod compare;
mod energy;
mod ess;
mod independent_chains;
mod independent_draws;
mod loo;
mod many_draws;
mod mcse;
mod moments;
mod nested;
mod pareto;
mod power_scaling;
mod psis;
mod rank;
mod rhat;
mod series;
mod sort;
mod stacking;
mod streaming;
mod summarize;
mod summary;

pub use autocovariance::autocorrelation;
pub use compare::{ComparedModel, compare};
pub use energy::ebfmi;
pub use ess::ess_bulk_and_tail;
pub use independent_draws::summarize_independent;
pub use loo::{Loo, LooObservation, PsisLoo, good_k, loo_observations, relative_efficiency};
pub use moments::{mean, quantile, sd};
pub use nested::nested_rhat;
pub use power_scaling::{PowerScaling, SensitivityDiagnosis};
pub use psis::{Psis, tail_length};
pub use series::Series;
pub(crate) use sort::sorted;
pub use stacking::{Stacking, stack};
pub use streaming::{independent_summary_of, nested_rhat_of, summary_of};
pub use summarize::summarize;
pub use summary::Summary;
