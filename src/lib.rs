//! warpnuts samples Bayesian hierarchical linear regressions with the No-U-Turn Sampler, thousands of chains at once.
//!
//! Data flow in one direction, and a module imports only modules before it:
//!
//! ```text
//! CSV -> data -> formula -> family -> model -> gpu -> density -> mode -> nuts -> independent -> engine -> driver -> draws -> diagnostics -> experiment -> exact -> summary -> predict -> loo, sensitivity, effects, checks -> verify, bench -> report
//! ```
//!
//! - [`data`]: a file becomes a [`Dataset`](data::Dataset), sorted by group.
//! - [`formula`]: a formula, and its columns over a data set's rows.
//! - [`family`]: the distributions of an outcome given its linear predictor, one file each.
//! - [`model`]: a data set, a family, a term and priors become a [`Model`](model::Model) over theta.
//! - [`gpu`]: adapters, devices, compute kernels, and transfers to and from a device.
//! - [`density`]: log densities and gradients at many positions.
//! - [`mode`]: posterior modes, the mass around each, and warnings about them.
//! - [`nuts`]: a transition as a kernel that is given gradients, over an integrator; adaptation during warm-up.
//! - [`independent`]: independent draws, where effects and means are integrated out and few scales are left.
//! - [`engine`]: runs a phase of all chains, and passes on draws in blocks.
//! - [`driver`]: walks through the phases of a run, and adapts between them.
//! - [`draws`]: sinks, which receive draws as they are made: memory, a store on disk, or streaming sums.
//! - [`diagnostics`]: pure functions of draws, or of their sums.
//! - [`experiment`]: a whole run in one call.
//! - [`exact`]: the posterior by quadrature, without Monte Carlo, for one predictor or none.
//! - [`summary`]: the summary of a run, and whether to trust the run.
//! - [`predict`]: the expectation and the outcome at new rows.
//! - [`loo`]: how well a model predicts rows that it has not seen.
//! - [`sensitivity`]: how much a posterior leans on its priors, and how much on the data.
//! - [`effects`]: effects of columns, shares of variance, pooling, and hypotheses.
//! - [`checks`]: whether a model makes data like those that it was fitted to.
//! - [`verify`]: a run compared with the exact posterior.
//! - [`mod@bench`]: engines timed side by side.
//! - [`report`]: a run in figures, on one page.
//!
//! Outside this order are [`random`] (counter-based random numbers), [`math`] (exponential and logarithm with equal
//! bits everywhere), [`lanes`] (vectors of eight numbers), [`machine`] (processor and memory) and [`faults`] (for
//! tests, absent from a release).
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use warpnuts::data::Dataset;
//! use warpnuts::engine::Progress;
//! use warpnuts::experiment::{Keep, Settings, sample};
//! use warpnuts::model::{Centering, Coordinates, Model};
//! use warpnuts::summary::RunSummary;
//!
//! let dataset = Arc::new(Dataset::radon()?);
//! let coordinates = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
//! let model = Arc::new(Model::builder(dataset).coordinates(coordinates).build());
//! let settings = Settings { chains: 8, ..Settings::default() };
//!
//! let sampled = sample(model, settings, Arc::new(Progress::default()))?;
//! let summary = RunSummary::of(&sampled);
//! let sigma_b = summary.parameters.get("sigma_b").ok_or("radon has a slope")?;
//! assert!(summary.is_trustworthy());
//! assert!((sigma_b.mean - 0.26).abs() < 5.0 * sigma_b.mcse_mean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bench;
pub mod checks;
pub mod data;
pub mod density;
pub mod diagnostics;
pub mod draws;
pub mod driver;
pub mod effects;
pub mod engine;
pub mod exact;
pub mod experiment;
pub mod family;
pub mod faults;
pub mod formula;
pub mod gpu;
pub mod independent;
pub mod lanes;
pub mod loo;
pub mod machine;
pub mod math;
pub mod mode;
pub mod model;
pub mod nuts;
pub mod predict;
pub mod random;
pub mod report;
pub mod sensitivity;
pub mod summary;
pub mod verify;
