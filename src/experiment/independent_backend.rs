//! Where independent draws are made: on the CPU, or on a GPU where that makes a long run shorter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::{fastest, gpu_of_auto, is_short};
use super::trial::fastest_try;
use super::{Backend, Choice, Keep, Settings};
use crate::density::DensityError;
use crate::draws::{CompletingSink, Completion};
use crate::engine::independent::IndependentEngine;
use crate::engine::{DrawBlock, EachBlock, Engine, EngineError, Phase, PhaseKind, Progress};
use crate::gpu::Gpu;
use crate::independent::{DeviceDraws, NotOnDevice, Proposal, device};
use crate::model::Model;
use crate::nuts::Tuning;

/// Tries of a trial, and the approximate time of each, on the CPU and on a device: several of its largest dispatches.
const CPU_TRIES: (usize, Duration) = (3, Duration::from_millis(10));
const GPU_TRIES: (usize, Duration) = (3, Duration::from_millis(150));

/// Most chains of a trial: they only number the draws.
const CHAINS_OF_TRIAL: u32 = 64;

/// The engine of independent draws from `proposal` on `backend`. If its device fails during the run, the CPU goes on.
///
/// # Errors
/// If the device cannot make these draws, or fails.
pub fn engine(
    backend: &Backend,
    proposal: Arc<Proposal>,
    model: &Arc<Model>,
    settings: &Settings,
    progress: Arc<Progress>,
) -> Result<IndependentEngine, EngineError> {
    let gpu = match backend {
        Backend::Gpu { gpu, .. } => Some(gpu),
        Backend::Cpu | Backend::GpuDensity { .. } => None,
    };
    let mut device = gpu.map(|gpu| DeviceDraws::new(gpu.clone(), proposal.clone())).transpose()?;
    if settings.keep != Keep::Hyper {
        let with_effects = |device: DeviceDraws| device.with_effects(model, draws(settings) as usize);
        device = device.map(with_effects).transpose().map_err(NotOnDevice::from)?;
    }
    let (chains, keep, threads) = (settings.chain_range(), settings.keep, settings.threads);
    let engine = IndependentEngine::new(model.clone(), proposal, chains, keep, threads, progress);
    Ok(engine.with_device(device))
}

/// Chooses the backend for independent draws of `model`: a GPU, not a software adapter, if the run would take long on
/// the CPU and the GPU is faster. `adapter` is a part of its name.
///
/// # Errors
/// If a GPU was asked for by name, and cannot be used.
pub fn choose_for_independent(
    adapter: Option<&str>,
    proposal: &Arc<Proposal>,
    model: &Arc<Model>,
    settings: &Settings,
) -> Result<Choice, DensityError> {
    let cpu = |reason: String| Ok(Choice { backend: Backend::Cpu, reason, measured: Duration::ZERO });
    if let Err(no) = device::admits(model) {
        return cpu(no.to_string());
    }
    let is_short = |rate: f64| adapter.is_none() && is_short(draws(settings), rate);
    let trial = DrawTrial::start(&Backend::Cpu, proposal, model, settings);
    let on_cpu = trial.and_then(|mut trial| trial.lengthen(CPU_TRIES, is_short)).unwrap_or(0.0);
    if is_short(on_cpu) {
        return cpu("a short run".to_string());
    }
    match gpu_of_auto(adapter)? {
        Ok(gpu) => Ok(faster_for_independent(gpu, proposal, model, settings)),
        Err(reason) => cpu(reason),
    }
}

/// The faster of the CPU and `gpu` for independent draws of `model`.
pub fn faster_for_independent(
    gpu: Arc<Gpu>,
    proposal: &Arc<Proposal>,
    model: &Arc<Model>,
    settings: &Settings,
) -> Choice {
    let measured =
        |backend: &Backend, tries| DrawTrial::start(backend, proposal, model, settings)?.lengthen(tries, |_| false);
    let backend = Backend::Gpu { gpu: gpu.clone(), fall_back: true };
    let on_cpu = measured(&Backend::Cpu, CPU_TRIES).unwrap_or(0.0);
    let (backend, reason) = match measured(&backend, GPU_TRIES) {
        Ok(on_gpu) => {
            let reason = format!("draws/s expected: cpu {on_cpu:.2e}, gpu {on_gpu:.2e}");
            (fastest([(on_cpu, Backend::Cpu), (on_gpu, backend)]).unwrap_or(Backend::Cpu), reason)
        }
        Err(EngineError::NotOnDevice(no)) => (Backend::Cpu, format!("{} cannot be used: {no}", gpu.adapter().name())),
        Err(error) => (Backend::Cpu, format!("{} cannot be used: {error}", gpu.adapter().name())),
    };
    Choice { backend, reason, measured: gpu.meter().reading().kernel }
}

/// Draws of a run, of all chains together.
fn draws(settings: &Settings) -> f64 {
    f64::from(settings.chains) * f64::from(settings.draws)
}

/// Independent draws that are made as in a run, with the variables that are kept, and dropped: to find out how many a
/// second there are.
pub struct DrawTrial {
    engine: IndependentEngine,
    completion: Option<Completion>,
    phase: Phase,
    chains: u32,
    variables: usize,
    threads: usize,
}

impl DrawTrial {
    /// A trial of draws from `proposal` on `backend`.
    ///
    /// # Errors
    /// If the device cannot make these draws, or fails.
    pub fn start(
        backend: &Backend,
        proposal: &Arc<Proposal>,
        model: &Arc<Model>,
        settings: &Settings,
    ) -> Result<DrawTrial, EngineError> {
        let chains = settings.chains.min(CHAINS_OF_TRIAL);
        let of_each = (draws(settings) / f64::from(chains)).min(f64::from(u32::MAX)) as u32;
        let settings = Settings { chains, draws: of_each, ..*settings };
        let tuning = Tuning::new(vec![1.0; model.dim()], 0.0, 0);
        Ok(DrawTrial {
            engine: engine(backend, proposal.clone(), model, &settings, Arc::default())?,
            completion: settings.completion(model),
            phase: Phase::new(1, tuning, PhaseKind::Sampling),
            chains,
            variables: settings.variables(model),
            threads: settings.threads,
        })
    }

    /// Makes draws; returns how many a second, of all chains together.
    ///
    /// # Errors
    /// If the device fails.
    pub fn repeat(&mut self) -> Result<f64, EngineError> {
        let (draws, time) = self.make()?;
        Ok(draws / time.as_secs_f64())
    }

    /// Makes ever more draws at once, until so many tries took about so long, or `is_known` says that the rate so far
    /// is enough to know. Returns the highest rate.
    ///
    /// # Errors
    /// If the device fails.
    pub fn lengthen(&mut self, tries: (usize, Duration), is_known: impl Fn(f64) -> bool) -> Result<f64, EngineError> {
        let mut transitions = self.phase.transitions;
        let make = |transitions| {
            self.phase.transitions = transitions;
            self.make()
        };
        fastest_try(&mut transitions, tries, make, is_known)
    }

    /// Makes draws; returns how many, of all chains together, and the time.
    fn make(&mut self) -> Result<(f64, Duration), EngineError> {
        let mut nothing = EachBlock(|_: &DrawBlock| Ok(()));
        let began = Instant::now();
        let outcome = match self.completion.clone() {
            None => self.engine.run(&self.phase, &mut nothing)?,
            Some(completion) => {
                let mut completing = CompletingSink::new(&mut nothing, completion, self.variables, self.threads);
                self.engine.run(&self.phase, &mut completing)?
            }
        };
        let time = began.elapsed();
        outcome.failure.map_or(Ok(()), Err)?;
        Ok((f64::from(outcome.transitions) * f64::from(self.chains), time))
    }
}
