//! The backend of a run: the CPU, densities on a GPU, or whole transitions on a GPU; and the choice of the fastest.

use std::sync::Arc;
use std::time::Duration;

use super::{Sampler, Settings, densities, trial};
use crate::density::cpu::{self, CpuDensity};
use crate::density::gpu::{self, DeviceModel};
use crate::density::location_metric::{self, LocationMetric};
use crate::density::{Density, DensityError};
use crate::engine::device::{self, DeviceEngine};
use crate::engine::fallback::{Fallback, Spare};
use crate::engine::host::{self, Chains, HostEngine};
use crate::engine::{self, EngineError, Progress};
use crate::gpu::{Adapter, Gpu, GpuError};
use crate::model::{Model, Refusal};
use crate::nuts::{Halving, Kernel, Riemannian, Transition, Walnuts};

/// A run that takes less time than this on the CPU ends before a GPU is open.
const SHORT_RUN: Duration = Duration::from_secs(2);

/// Approximate number of gradients of a transition.
const GRADIENTS: f64 = 10.0;

/// Where a run is computed.
#[derive(Debug, Clone)]
pub enum Backend {
    /// Trees, densities and independent draws on the CPU: engine `cpu`.
    Cpu,
    /// Trees on the CPU, densities on a device: engine `gpu-density`.
    GpuDensity {
        /// The device.
        gpu: Arc<Gpu>,
        /// Whether the run goes on on the CPU if the device fails.
        fall_back: bool,
    },
    /// Whole transitions on a device: engine `gpu`.
    Gpu {
        /// The device.
        gpu: Arc<Gpu>,
        /// Whether the run goes on on the CPU if the device fails.
        fall_back: bool,
    },
}

/// The engine asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// The fastest for the run, as measured.
    Auto,
    /// [`Backend::Cpu`].
    Cpu,
    /// [`Backend::GpuDensity`].
    GpuDensity,
    /// [`Backend::Gpu`].
    Gpu,
}

/// The backend chosen, and the reason.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The backend.
    pub backend: Backend,
    /// The reason, in a few words.
    pub reason: String,
    /// Time that kernels ran to measure rates.
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

    /// The processor's name, or the adapter's name, backend and driver.
    pub fn device(&self) -> String {
        match self.adapter() {
            None => crate::machine::processor(),
            Some(adapter) => format!("{} ({}, {})", adapter.name(), adapter.backend(), adapter.driver()),
        }
    }

    /// Whether this backend can sample `model`.
    ///
    /// # Errors
    /// If it cannot.
    pub fn admits(&self, model: &Model) -> Result<(), Refusal> {
        match self {
            Backend::Cpu => cpu::admits(model),
            Backend::GpuDensity { gpu, .. } => gpu::admits(gpu, model),
            Backend::Gpu { gpu, .. } => device::kernels::admits(gpu, model),
        }
    }

    /// The device; `None` for the CPU.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            Backend::Cpu => None,
            Backend::GpuDensity { gpu, .. } | Backend::Gpu { gpu, .. } => Some(gpu),
        }
    }

    /// The device's adapter; `None` for the CPU.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.gpu().map(|gpu| gpu.adapter())
    }

    /// Starts the chains of a run on this backend.
    pub(super) fn start(
        &self,
        model: &Arc<Model>,
        settings: &Settings,
        chains: Chains,
        progress: Arc<Progress>,
    ) -> Result<Box<dyn engine::Engine>, EngineError> {
        let (max_depth, keep) = (settings.max_tree_depth, settings.keep);
        let cpu = || host::on_cpu(&CpuDensity::new(model), settings.threads, chains.count);
        let on_host = OnHost { model, settings, chains, progress: &progress };
        Ok(match self {
            Backend::Cpu => on_host.start(cpu(), Vec::new())?,
            Backend::GpuDensity { gpu, fall_back } => {
                let device = DeviceModel::new(gpu.clone(), model)?;
                let spare = if *fall_back { cpu() } else { Vec::new() };
                on_host.start(densities::on_device(&device, model, settings)?, spare)?
            }
            Backend::Gpu { gpu, fall_back } => {
                let rank = settings.rank(model);
                let plan = device::DevicePlan { chains, max_depth, keep, rank };
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

/// A run whose trees grow on the host.
struct OnHost<'a> {
    model: &'a Arc<Model>,
    settings: &'a Settings,
    chains: Chains,
    progress: &'a Arc<Progress>,
}

impl OnHost<'_> {
    /// Starts the chains with the kernel of the run's sampler; `spare` densities are for when the first ones fail.
    fn start(
        &self,
        densities: Vec<Box<dyn Density>>,
        spare: Vec<Box<dyn Density>>,
    ) -> Result<Box<dyn engine::Engine>, EngineError> {
        let (dim, max_depth) = (self.model.dim(), self.settings.max_tree_depth);
        match self.settings.sampler {
            Sampler::Nuts | Sampler::Independent => self.with(Transition::new(dim, max_depth), densities, spare),
            Sampler::Walnuts => {
                let steps = Walnuts::new(dim, Halving::Random);
                self.with(Transition::over(steps, dim, max_depth), densities, spare)
            }
            Sampler::Riemannian => {
                location_metric::admits(self.model).map_err(DensityError::from)?;
                let steps = Riemannian::new(dim, LocationMetric::new(self.model));
                self.with(Transition::over(steps, dim, max_depth), densities, spare)
            }
        }
    }

    /// Starts the chains with `kernel`.
    fn with<K: Kernel + Clone + Send + 'static>(
        &self,
        kernel: K,
        densities: Vec<Box<dyn Density>>,
        spare: Vec<Box<dyn Density>>,
    ) -> Result<Box<dyn engine::Engine>, EngineError> {
        let OnHost { model, settings, chains, progress } = *self;
        let (model, progress) = (model.clone(), progress.clone());
        let engine = HostEngine::with_kernel(model, densities, chains, kernel, settings.keep, progress);
        Ok(Box::new(engine.start()?.with_spare(spare)))
    }
}

/// Expected gradients per second of `backend` in a run of `model`.
///
/// # Errors
/// If a chain finds no starting point, the device fails, or the device has too little memory.
pub fn rate(backend: &Backend, model: &Arc<Model>, settings: &Settings) -> Result<f64, EngineError> {
    let settings = trial::settings_of_trial(settings, model, backend.gpu().is_some());
    let mut engine = backend.start(model, &settings, settings.chain_range(), Arc::default())?;
    trial::rate_of(&mut *engine, model, &settings)
}

/// Chooses the backend on which to sample `model` with `settings`. `adapter` is a part of an adapter's name. Software
/// adapters are used only if `allow_software`, and never by [`EngineChoice::Auto`].
///
/// # Errors
/// If a GPU was asked for, by engine or by name, and cannot be used.
pub fn choose(
    engine: EngineChoice,
    adapter: Option<&str>,
    allow_software: bool,
    model: &Arc<Model>,
    settings: &Settings,
) -> Result<Choice, DensityError> {
    cpu::admits(model)?;
    settings.sampler.admits(model)?;
    if settings.sampler.is_local() && (engine == EngineChoice::Gpu || adapter.is_some() && engine == EngineChoice::Auto)
    {
        return Err(Refusal::OnHost { sampler: settings.sampler.to_string() }.into());
    }
    // Before a device is looked for, which there may not be.
    match engine {
        EngineChoice::GpuDensity => gpu::admits_coordinates(model, gpu::ENGINE)?,
        EngineChoice::Gpu => gpu::admits_coordinates(model, device::kernels::ENGINE)?,
        EngineChoice::Auto | EngineChoice::Cpu => {}
    }
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
        EngineChoice::Auto if settings.sampler.is_local() => {
            cpu(format!("the engine of --sampler {}", settings.sampler))
        }
        EngineChoice::Auto => {
            let alone = match gpu::admits_coordinates(model, "a GPU") {
                Ok(()) => None,
                Err(Refusal::CountsOnDevice { .. }) => Some("the only engine that takes counts so large"),
                Err(_) => Some("the only engine that integrates out effects of several factors"),
            };
            if let (Some(alone), None) = (alone, adapter) {
                return cpu(alone.to_string());
            }
            // The run itself reports a chain without a starting point. An engine that refuses the model has no rate.
            let tried = |backend: &Backend| rate(backend, model, settings).unwrap_or(0.0);
            let on_cpu = tried(&Backend::Cpu);
            if is_short(settings.transitions() * GRADIENTS, on_cpu) && adapter.is_none() {
                return cpu("a short run".to_string());
            }
            let gpu = match gpu_of_auto(adapter)? {
                Ok(gpu) => gpu,
                Err(reason) => return cpu(reason),
            };
            let on = |fall_back| {
                [Backend::GpuDensity { gpu: gpu.clone(), fall_back }, Backend::Gpu { gpu: gpu.clone(), fall_back }]
            };
            let rates = on(false).map(|backend| tried(&backend));
            if let Err(error) = gpu.check() {
                return cpu(format!("{} cannot be used: {error}", gpu.adapter().name()));
            }
            let candidates = [(on_cpu, Backend::Cpu)].into_iter().chain(rates.into_iter().zip(on(true)));
            let candidates: Vec<(f64, Backend)> = candidates.collect();
            let expected = candidates.iter().map(|(rate, backend)| format!("{} {rate:.2e}", backend.name()));
            let reason = format!("leapfrogs/s expected: {}", expected.collect::<Vec<_>>().join(", "));
            let measured = gpu.meter().reading().kernel;
            let backend = fastest(candidates).unwrap_or(Backend::Cpu);
            Ok(Choice { backend, reason, measured })
        }
    }
}

/// The GPU that `auto` may take, or why there is none. `adapter` is a part of its name.
///
/// # Errors
/// If it was asked for by name, and there is none of that name.
pub(super) fn gpu_of_auto(adapter: Option<&str>) -> Result<Result<Arc<Gpu>, String>, DensityError> {
    let found = match Adapter::choose(adapter, false) {
        Ok(found) => found,
        Err(GpuError::Software { name }) => return Ok(Err(format!("no GPU, only {name}, which is software"))),
        Err(GpuError::NoAdapter) => return Ok(Err("no GPU".to_string())),
        Err(other) => return Err(other.into()),
    };
    let name = found.name().to_string();
    Ok(Gpu::open(found).map_err(|error| format!("{name} cannot be used: {error}")))
}

/// Whether so much work is a short run, at so much work a second on the CPU.
pub(super) fn is_short(work: f64, rate: f64) -> bool {
    work < SHORT_RUN.as_secs_f64() * rate
}

/// The candidate with the highest rate; the first of equals.
pub(crate) fn fastest<T>(candidates: impl IntoIterator<Item = (f64, T)>) -> Option<T> {
    candidates.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, fastest)| fastest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::model::{Centering, Coordinates};

    #[test]
    fn the_fastest_is_taken_and_of_equals_the_simpler() {
        let takes = |cpu, gpu_density, gpu| fastest([(cpu, "cpu"), (gpu_density, "gpu-density"), (gpu, "gpu")]);
        assert_eq!(takes(3.0, 1.0, 2.0), Some("cpu"));
        assert_eq!(takes(1.0, 3.0, 2.0), Some("gpu-density"));
        assert_eq!(takes(1.0, 2.0, 3.0), Some("gpu"));
        assert_eq!(takes(2.0, 0.0, 2.0), Some("cpu"));
    }

    #[test]
    fn a_run_of_two_seconds_is_not_short() {
        assert!(is_short(4000.0, 2001.0) && !is_short(4000.0, 2000.0) && !is_short(1.0, 0.0));
    }

    #[test]
    fn a_run_is_as_long_as_the_transitions_between_its_draws() {
        let dataset = Arc::new(Dataset::radon().unwrap());
        let coordinates = Coordinates::joint(Centering::NonCentered, dataset.n_coefficients());
        let model = Arc::new(Model::builder(dataset).coordinates(coordinates).build());
        let reason = |thin| {
            let settings = Settings { chains: 4, warmup: 10, draws: 10, thin, ..Settings::default() };
            choose(EngineChoice::Auto, None, false, &model, &settings).unwrap().reason
        };
        // 800 gradients, and 400 million: the former take less than two seconds on any machine, the latter more.
        assert_eq!(reason(1), "a short run");
        assert_ne!(reason(1_000_000), "a short run");
    }
}
