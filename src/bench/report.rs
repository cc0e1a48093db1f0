//! The results of a bench: the machine, the commit, and all timings.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::BenchPlan;
use super::scaling::{AutoChoice, ScalingCurve};
use super::timing::{IndependentTiming, NotMeasured, RATES, Timing};
use crate::experiment::Backend;
use crate::gpu::Adapter;
use crate::machine;
use crate::model::Model;
use crate::summary::{DataSummary, write_whole};

/// The machine that ran the bench.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Processor and cores.
    pub processor: String,
    /// Threads of the engine `cpu`.
    pub threads: usize,
    /// The widest vector instructions.
    pub vectors: &'static str,
    /// Operating system and architecture.
    pub system: String,
}

/// The GPU adapter of a bench.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterSummary {
    /// The driver's name for the adapter.
    pub name: String,
    /// `discrete GPU`, `software`, ...
    pub kind: &'static str,
    /// `Vulkan`, `Metal` or `Dx12`.
    pub backend: String,
    /// The driver's name and version.
    pub driver: String,
    /// The smallest and the largest subgroup.
    pub subgroups: Option<(u32, u32)>,
    /// Whether kernels can be timed.
    pub timestamps: bool,
}

impl AdapterSummary {
    fn of(adapter: &Adapter) -> AdapterSummary {
        AdapterSummary {
            name: adapter.name().to_string(),
            kind: adapter.kind(),
            backend: adapter.backend(),
            driver: adapter.driver(),
            subgroups: adapter.subgroups(),
            timestamps: adapter.has_timestamps(),
        }
    }
}

/// The contents of `bench.json`, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Bench {
    /// The program's version.
    pub version: &'static str,
    /// The commit of the build, followed by a plus if files had been changed; or `unknown`.
    pub commit: &'static str,
    /// The machine.
    pub machine: Machine,
    /// The adapter, if an engine used one.
    pub adapter: Option<AdapterSummary>,
    /// Why no GPU was used, if none was.
    pub no_gpu: Option<String>,
    /// The models that were sampled, in turn.
    pub models: Vec<Modelled>,
    /// The seed.
    pub seed: u64,
    /// The budget.
    pub budget_seconds: f64,
    /// The elapsed time.
    pub wall_seconds: f64,
    /// Whether the bench was stopped before its last cell.
    pub interrupted: bool,
    /// A row for each engine in each cell.
    pub timings: Vec<Timing>,
    /// A row for each engine, of a bench of independent draws.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub independent: Vec<IndependentTiming>,
    /// Engines without measurements, and why.
    pub left_out: Vec<NotMeasured>,
    /// How the time of a leapfrog grows with each size that was measured several times.
    pub bends: Vec<ScalingCurve>,
    /// Whether `auto` would choose the fastest engine, cell by cell.
    pub choices: Vec<AutoChoice>,
}

/// A model that was sampled.
#[derive(Debug, Clone, Serialize)]
pub struct Modelled {
    /// The data.
    pub data: DataSummary,
    /// The formula, of a model that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// Centered or not, coefficient by coefficient, or marginal.
    pub parameterization: String,
    /// Number of unconstrained coordinates.
    pub dim: usize,
    /// The step size of all transitions; `None` where there are none.
    pub step_size: Option<f64>,
}

impl Modelled {
    pub(super) fn of(model: &Model, step_size: Option<f64>) -> Modelled {
        Modelled {
            data: DataSummary::of(model.dataset()),
            formula: model.mixed().map(|mixed| mixed.line()),
            parameterization: model.parameterization(),
            dim: model.dim(),
            step_size,
        }
    }
}

impl Bench {
    pub(super) fn new(backends: &[Backend], plan: &BenchPlan) -> Bench {
        let adapter = backends.iter().find_map(Backend::adapter).map(AdapterSummary::of);
        Bench {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("WARPNUTS_COMMIT").unwrap_or("unknown"),
            machine: Machine {
                processor: machine::processor_and_cores(),
                threads: machine::threads(),
                vectors: machine::vectors(),
                system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            },
            adapter,
            no_gpu: None,
            models: Vec::new(),
            seed: plan.seed,
            budget_seconds: plan.budget.as_secs_f64(),
            wall_seconds: 0.0,
            interrupted: false,
            timings: Vec::new(),
            independent: Vec::new(),
            left_out: Vec::new(),
            bends: Vec::new(),
            choices: Vec::new(),
        }
    }

    /// Writes a CSV row for each timing; fields that were not measured are empty.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> io::Result<()> {
        let columns = |name: &str| ["", "_smallest", "_largest"].map(|end| format!("{name}{end}"));
        if !self.independent.is_empty() {
            return write_whole(path, |file| {
                let mut csv = csv::Writer::from_writer(file);
                let header = ["engine", "keep", "groups", "predictors", "repeats"].map(String::from);
                let rates = ["draws_per_second", "draws_ratio"].map(columns);
                csv.write_record(header.iter().chain(rates.iter().flatten()))?;
                self.independent.iter().try_for_each(|timing| csv.write_record(timing.record()))?;
                csv.flush()
            });
        }
        let shares = |name: &str| ["host", "transfer", "kernel"].map(|share| format!("{name}_{share}"));
        write_whole(path, |file| {
            let mut csv = csv::Writer::from_writer(file);
            let mut header =
                ["engine", "likelihood", "groups", "predictors", "chains", "repeats"].map(String::from).to_vec();
            for name in RATES {
                header.extend(columns(name));
            }
            header.extend(["leapfrog_nanoseconds", "draws_per_chain", "ess_per_draw"].map(String::from));
            header.extend(shares("gradients").into_iter().chain(shares("sampling")));
            header.push("leapfrogs_expected".to_string());
            csv.write_record(&header)?;
            for timing in &self.timings {
                csv.write_record(timing.record())?;
            }
            csv.flush()
        })
    }
}
