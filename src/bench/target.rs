//! An engine to be timed: a model prepared for a backend, and the engine's measurements in earlier cells.

use std::sync::Arc;

use super::Warm;
use super::cell_draws::CellDraws;
use crate::density::cpu::CpuDensity;
use crate::density::gpu::DeviceModel;
use crate::density::{Density, DensityError, Evaluations};
use crate::engine::device::{self, Compiled, DeviceEngine};
use crate::engine::host::{self, Chains, HostEngine};
use crate::engine::{Engine, EngineError, Keep, Phase, PhaseKind};
use crate::experiment::densities::{self, transition_memory, workers_and_width};
use crate::experiment::{Backend, Settings};
use crate::gpu::{Gpu, Meter};
use crate::model::Model;
use crate::nuts::{State, Tuning};

/// A model with one likelihood, prepared for a backend.
pub struct BenchTarget {
    /// The engine's name.
    pub name: &'static str,
    ready: PreparedEngine,
    /// Seconds of a batch of gradients over the number of chains, in the latest cell.
    pub gradient_seconds: Option<f64>,
    /// Why the engine is not timed any more.
    pub failure: Option<String>,
}

/// Tables and compiled kernels.
enum PreparedEngine {
    Cpu(Box<CpuDensity>),
    GpuDensity(Arc<DeviceModel>),
    Gpu(Arc<Gpu>, Box<Compiled>),
}

/// An engine that is ready to sample.
pub struct Started {
    pub engine: Box<dyn Engine>,
    /// Threads of the host that drive the engine.
    pub workers: usize,
    /// The clock of the engine's device.
    pub meter: Option<Arc<Meter>>,
}

impl BenchTarget {
    /// Prepares `model` for `backend`, with a first dispatch, at which drivers compile.
    pub fn new(backend: &Backend, model: &Arc<Model>) -> Result<BenchTarget, EngineError> {
        let ready = match backend {
            Backend::Cpu => PreparedEngine::Cpu(Box::new(CpuDensity::new(model))),
            Backend::GpuDensity { gpu, .. } => {
                let device = DeviceModel::new(gpu.clone(), model)?;
                let mut density = device.density(1).map_err(DensityError::from)?;
                let at = vec![vec![0.1; density.dim()]];
                density.evaluate(&at, &mut Evaluations::with_capacity(1, density.dim()))?;
                PreparedEngine::GpuDensity(device)
            }
            Backend::Gpu { gpu, .. } => {
                let plan = plan(&Settings { chains: 1, ..Settings::default() });
                let compiled = Compiled::new(gpu, model, &plan)?;
                let (gpu, model) = (gpu.clone(), model.clone());
                let ready = PreparedEngine::Gpu(gpu.clone(), Box::new(compiled.clone()));
                let mut engine = DeviceEngine::start_compiled(compiled, gpu, model.clone(), plan, Arc::default())?;
                let phase = Phase::new(1, Tuning::new(vec![1.0; model.dim()], 1e-3, 1), PhaseKind::Sampling);
                let outcome = engine.run(&phase, &mut CellDraws::new(1, model.layout().hyperparameters()).sink())?;
                outcome.failure.map_or(Ok(()), Err)?;
                ready
            }
        };
        Ok(BenchTarget { name: backend.name(), ready, gradient_seconds: None, failure: None })
    }

    /// The densities of a run's workers; empty if the engine computes no gradients alone.
    pub fn densities(&self, model: &Model, settings: &Settings) -> Result<Vec<Box<dyn Density>>, DensityError> {
        match &self.ready {
            PreparedEngine::Cpu(density) => Ok(host::on_cpu(density, settings.threads, settings.chains)),
            PreparedEngine::GpuDensity(device) => densities::on_device(device, model, settings),
            PreparedEngine::Gpu(..) => Ok(Vec::new()),
        }
    }

    /// An engine with all chains at their starting states.
    pub fn start(&self, model: &Arc<Model>, settings: &Settings, warm: &Warm) -> Result<Started, EngineError> {
        let device::DevicePlan { chains, max_depth, keep, .. } = plan(settings);
        if let PreparedEngine::Gpu(gpu, compiled) = &self.ready {
            let plan = plan(settings);
            let compiled = match compiled.suits(gpu, model, &plan) {
                true => Compiled::clone(compiled),
                false => Compiled::new(gpu, model, &plan)?,
            };
            let mut engine = DeviceEngine::start_compiled(compiled, gpu.clone(), model.clone(), plan, Arc::default())?;
            let states: Vec<State> = warm.states.iter().cycle().take(settings.chains as usize).cloned().collect();
            engine.put(&states).map_err(DensityError::from)?;
            let meter = Some(engine.meter());
            return Ok(Started { engine: Box::new(engine), workers: 1, meter });
        }
        let (densities, model) = (self.densities(model, settings)?, model.clone());
        let workers = densities.len();
        let engine =
            HostEngine::new(model, densities, chains, max_depth, keep, Arc::default()).start_from(&warm.states);
        Ok(Started { engine: Box::new(engine), workers, meter: self.meter() })
    }

    /// The clock of the gradients' device; `None` on the CPU.
    pub fn meter(&self) -> Option<Arc<Meter>> {
        match &self.ready {
            PreparedEngine::GpuDensity(device) => Some(device.meter().clone()),
            PreparedEngine::Cpu(_) | PreparedEngine::Gpu(..) => None,
        }
    }

    /// If whole transitions run on a device: the lanes that share a chain, and the numbers of a vector in each.
    pub fn team(&self) -> Option<(u32, usize)> {
        match &self.ready {
            PreparedEngine::Gpu(_, compiled) => Some(compiled.team()),
            PreparedEngine::Cpu(_) | PreparedEngine::GpuDensity(_) => None,
        }
    }

    /// Whether the device can time kernels.
    pub fn times_kernels(&self) -> bool {
        match &self.ready {
            PreparedEngine::Cpu(_) => false,
            PreparedEngine::GpuDensity(device) => device.gpu().has_timestamps(),
            PreparedEngine::Gpu(gpu, _) => gpu.has_timestamps(),
        }
    }

    /// The approximate memory of a run on the host, in bytes.
    pub fn memory(&self, model: &Model, settings: &Settings) -> u128 {
        let (chains, dim) = (u128::from(settings.chains), model.dim() as u128);
        // Position, gradient, running moments of both; a block of draws; a batch and its evaluations.
        let states = 12 * chains * dim * 8;
        let transitions = match &self.ready {
            PreparedEngine::Cpu(_) | PreparedEngine::Gpu(..) => 0,
            PreparedEngine::GpuDensity(device) => {
                let (workers, width) = workers_and_width(model, settings, device.largest_width());
                (workers * width * transition_memory(model, settings)) as u128
            }
        };
        states + transitions
    }
}

/// A plan for all chains of a run and all variables of each draw.
fn plan(settings: &Settings) -> device::DevicePlan {
    device::DevicePlan {
        chains: Chains { seed: settings.seed, first: 0, count: settings.chains, per_superchain: 1 },
        max_depth: settings.max_tree_depth,
        keep: Keep::All,
        rank: 0,
    }
}
