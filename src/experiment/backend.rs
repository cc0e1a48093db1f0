//! Where a run computes: on the CPU, or with its densities on a GPU; and which of them suits a run.

use std::sync::Arc;
use std::time::Duration;

use super::cost::Costs;
use super::{Settings, densities};
use crate::density::DensityError;
use crate::density::cpu::{self, CpuDensity};
use crate::density::gpu::{self, DeviceModel};
use crate::engine::device::{self, DeviceEngine};
use crate::engine::fallback::{Fallback, Spare};
use crate::engine::host::{Chains, HostEngine};
use crate::engine::{self, EngineError, Progress};
use crate::gpu::{Adapter, Gpu, GpuError};
use crate::model::{Model, Refusal};

/// A run that takes less than this on the CPU is over before a GPU is open.
const SHORT_RUN: Duration = Duration::from_secs(2);

/// About how many gradients a transition takes.
const GRADIENTS: f64 = 10.0;

/// Where a run computes.
#[derive(Debug, Clone)]
pub enum Backend {
    /// Trees and densities on the CPU: engine `cpu`.
    Cpu,
    /// Trees on the CPU, densities on a device: engine `gpu-density`.
    GpuDensity {
        /// The device.
        gpu: Arc<Gpu>,
        /// Whether the run goes on on the CPU where the device fails.
        fall_back: bool,
    },
    /// Whole transitions on a device: engine `gpu`.
    Gpu {
        /// The device.
        gpu: Arc<Gpu>,
        /// Whether the run goes on on the CPU where the device fails.
        fall_back: bool,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// Whatever suits the run, by measuring.
    Auto,
    /// [`Backend::Cpu`].
    Cpu,
    /// [`Backend::GpuDensity`].
    GpuDensity,
    /// [`Backend::Gpu`].
    Gpu,
}

/// What was chosen, and why.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Where to compute.
    pub backend: Backend,
    /// Why, in a few words.
    pub reason: String,
    /// How long kernels ran to find that out.
    pub measured: Duration,
}

impl Backend {
    /// `cpu`, `gpu-density` or `gpu`.
    pub fn name(&self) -> &'static str {
        match self {
            Backend::Cpu => "cpu",
            Backend::GpuDensity { .. } => "gpu-density",
            Backend::Gpu { .. } => "gpu",
        }
    }

    /// What it computes on: the processor's name, or the adapter's.
    pub fn device(&self) -> String {
        match self {
            Backend::Cpu => crate::machine::processor(),
            Backend::GpuDensity { gpu, .. } | Backend::Gpu { gpu, .. } => {
                format!("{} ({}, {})", gpu.adapter().name(), gpu.adapter().backend(), gpu.adapter().driver())
            }
        }
    }

    /// Whether `model` can be sampled here.
    ///
    /// # Errors
    /// A model that cannot.
    pub fn admits(&self, model: &Model) -> Result<(), Refusal> {
        match self {
            Backend::Cpu => cpu::admits(model),
            Backend::GpuDensity { gpu, .. } => gpu::admits(gpu, model),
            Backend::Gpu { gpu, .. } => device::kernels::admits(gpu, model),
        }
    }

    /// The device it computes on, if it is not the CPU.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            Backend::Cpu => None,
            Backend::GpuDensity { gpu, .. } | Backend::Gpu { gpu, .. } => Some(gpu),
        }
    }

    /// The adapter it computes on, if it is not the CPU.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.gpu().map(|gpu| gpu.adapter())
    }

    /// Starts the chains of a run here.
    pub(super) fn start(
        &self,
        model: &Arc<Model>,
        settings: &Settings,
        chains: Chains,
        progress: Arc<Progress>,
    ) -> Result<Box<dyn engine::Engine>, EngineError> {
        let (max_depth, keep) = (settings.max_tree_depth, settings.keep);
        let cpu = || densities::on_host(&CpuDensity::new(model), settings);
        let on_host =
            |densities| HostEngine::new(model.clone(), densities, chains, max_depth, keep, progress.clone()).start();
        Ok(match self {
            Backend::Cpu => Box::new(on_host(cpu())?),
            Backend::GpuDensity { gpu, fall_back } => {
                let device = DeviceModel::new(gpu.clone(), model)?;
                let engine = on_host(densities::on_device(&device, model, settings)?)?;
                let spare = if *fall_back { cpu() } else { Vec::new() };
                Box::new(engine.with_spare(spare))
            }
            Backend::Gpu { gpu, fall_back } => {
                let plan = device::DevicePlan { chains, max_depth, keep };
                let started = DeviceEngine::start(gpu.clone(), model.clone(), plan, progress.clone());
                if *fall_back {
                    let spare = Spare { model: model.clone(), plan, threads: settings.threads, progress };
                    Box::new(Fallback::new(started, spare)?)
                } else {
                    Box::new(started?)
                }
            }
        })
    }
}

/// Chooses where to sample `model` with `settings`. `adapter` is part of the name of the one to take; software is taken
/// only where it is allowed, and never by [`EngineChoice::Auto`].
///
/// # Errors
/// When a GPU was asked for, by engine or by name, and cannot be used.
pub fn choose(
    engine: EngineChoice,
    adapter: Option<&str>,
    allow_software: bool,
    model: &Arc<Model>,
    settings: &Settings,
) -> Result<Choice, DensityError> {
    cpu::admits(model)?;
    let cpu = |reason: String| Ok(Choice { backend: Backend::Cpu, reason, measured: Duration::ZERO });
    let asked_for = |backend: Backend| {
        backend.admits(model)?;
        Ok(Choice { backend, reason: "as asked for".to_string(), measured: Duration::ZERO })
    };
    match engine {
        EngineChoice::Cpu => asked_for(Backend::Cpu),
        EngineChoice::GpuDensity => {
            let gpu = Gpu::open(Adapter::choose(adapter, allow_software)?)?;
            asked_for(Backend::GpuDensity { gpu, fall_back: false })
        }
        EngineChoice::Gpu => {
            let gpu = Gpu::open(Adapter::choose(adapter, allow_software)?)?;
            asked_for(Backend::Gpu { gpu, fall_back: false })
        }
        EngineChoice::Auto => {
            let costs = Costs::of_host(model, settings.threads.min(settings.chains as usize));
            let run = settings.transitions() * GRADIENTS / costs.rates(model, settings).cpu;
            if run < SHORT_RUN.as_secs_f64() && adapter.is_none() {
                return cpu("a short run".to_string());
            }
            let found = match Adapter::choose(adapter, false) {
                Ok(found) => found,
                Err(GpuError::Software { name }) => return cpu(format!("no GPU, only {name}, which is software")),
                Err(GpuError::NoAdapter) => return cpu("no GPU".to_string()),
                Err(other) => return Err(other.into()),
            };
            let name = found.name().to_string();
            let gpu = match Gpu::open(found) {
                Ok(gpu) => gpu,
                Err(error) => return cpu(format!("{name} cannot be used: {error}")),
            };
            let costs = costs.with_device(&gpu, model, settings);
            if let Err(error) = gpu.check() {
                return cpu(format!("{name} cannot be used: {error}"));
            }
            let rates = costs.rates(model, settings);
            let expected = [("cpu", rates.cpu), ("gpu-density", rates.gpu_density), ("gpu", rates.gpu)];
            let expected = expected.map(|(name, rate)| format!("{name} {}", short(rate))).join(", ");
            let reason = format!("leapfrogs/s expected: {expected} (measured: {})", costs.describe());
            let measured = gpu.meter().reading().kernel;
            let backend = match rates.fastest() {
                "gpu" => Backend::Gpu { gpu, fall_back: true },
                "gpu-density" => Backend::GpuDensity { gpu, fall_back: true },
                _ => Backend::Cpu,
            };
            Ok(Choice { backend, reason, measured })
        }
    }
}

/// A rate in as few characters as will do.
fn short(rate: f64) -> String {
    match rate {
        _ if rate >= 1e6 => format!("{:.1} million", rate / 1e6),
        _ if rate >= 1e4 => format!("{:.0} thousand", rate / 1e3),
        _ => format!("{rate:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::model::{Centering, Coordinates};

    #[test]
    fn a_run_is_as_long_as_the_transitions_between_its_draws() {
        let dataset = Arc::new(Dataset::radon().unwrap());
        let coordinates = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
        let model = Arc::new(Model::builder(dataset).coordinates(coordinates).build());
        let reason = |thin| {
            let settings = Settings { chains: 4, warmup: 10, draws: 10, thin, ..Settings::default() };
            choose(EngineChoice::Auto, None, false, &model, &settings).unwrap().reason
        };
        // 800 gradients, and 400 million: on no machine as long as two seconds, and on none as short.
        assert_eq!(reason(1), "a short run");
        assert_ne!(reason(1_000_000), "a short run");
    }
}
