//! The device engine: whole transitions on a GPU. Phases, adaptation between them, progress and draws are the host's; a
//! dispatch moves every chain on.

mod batch;
mod dispatches;
mod half_precision;
mod initial_states;
pub mod kernels;
mod landed;
pub mod messages;
mod metric;
mod plan;
mod reorder_buffer;
mod slot;
mod streaming;
pub mod vectors;

use std::sync::Arc;

use super::sums::BinGrid;
use super::{
    ChainStates, Counters, DeviceFailure, DrawSink, Engine, EngineError, Phase, PhaseKind, PhaseOutcome, Progress,
    SumSink,
};
use crate::density::DensityError;
use crate::density::gpu::mixed_shape::MixedShape;
use crate::density::gpu::mixed_tables::MixedTables;
use crate::density::gpu::tables::Tables;
use crate::gpu::{Gpu, GpuError, Meter};
use crate::math::ln;
use crate::model::{Likelihood, Model};
use crate::nuts::State;
use crate::nuts::adaptation::Moments;
use crate::nuts::eigenvectors::Snapshots;

use batch::DeviceBatch;
use dispatches::{FIRST_BUDGET, SOFTWARE_BUDGET};
use half_precision::Packer;
use initial_states::starting_states;
use kernels::{Kernels, TransitionShaders, table_of_rows};
use metric::DeviceMetric;
pub use plan::{Compiled, DevicePlan};
use reorder_buffer::{ReorderBuffer, ReorderRoom};

/// Whole transitions on a device.
pub struct DeviceEngine {
    model: Arc<Model>,
    gpu: Arc<Gpu>,
    shaders: TransitionShaders,
    kernels: Arc<Kernels>,
    batches: Vec<DeviceBatch>,
    seed: u64,
    first: u32,
    chains: usize,
    variables: usize,
    progress: Arc<Progress>,
    meter: Arc<Meter>,
    budget: u32,
    /// Whether the budget follows the time that dispatches take.
    adaptive: bool,
    metric: DeviceMetric,
    /// Packs draws, once their location and scale are known.
    packer: Option<Arc<Packer>>,
    /// The constant that the device omits from log densities.
    constant: f64,
    transitions: u32,
    drawn: usize,
    /// The transitions of the phase at which all chains wait for a snapshot, or for the end.
    waiting_place: u32,
    /// The phase's snapshots so far.
    snapshots: Snapshots,
    /// Buffers for draws, reused from phase to phase.
    room: ReorderRoom,
    /// Draws in the first half of a chain, if draws are summed up.
    half: u32,
}

impl DeviceEngine {
    /// Starts the plan's chains of `model` on `gpu`.
    ///
    /// # Errors
    /// If a chain finds no starting point, or the device has no memory for the chains.
    pub fn start(
        gpu: Arc<Gpu>,
        model: Arc<Model>,
        plan: DevicePlan,
        progress: Arc<Progress>,
    ) -> Result<DeviceEngine, EngineError> {
        let compiled = Compiled::new(&gpu, &model, &plan)?;
        DeviceEngine::start_compiled(compiled, gpu, model, plan, progress)
    }

    /// Starts with shaders that were compiled for this model and for a plan that differs only in its chains.
    ///
    /// # Errors
    /// As [`start`](DeviceEngine::start).
    pub fn start_compiled(
        compiled: Compiled,
        gpu: Arc<Gpu>,
        model: Arc<Model>,
        plan: DevicePlan,
        progress: Arc<Progress>,
    ) -> Result<DeviceEngine, EngineError> {
        let Compiled { shaders, kernels } = compiled;
        let DevicePlan { chains, keep, rank, .. } = plan;
        let device = |error: GpuError| EngineError::Density(DensityError::Device(error));
        let (fixed, likelihood_table, constant) = tables(&gpu, &model, &shaders).map_err(device)?;
        let metric = DeviceMetric::new(&gpu, &shaders.lie, rank).map_err(device)?;
        let count = chains.count as usize;
        let sizes: Vec<usize> = batch::sizes(count, batch::largest(&gpu, &shaders)).collect();
        let mut batches = Vec::new();
        let mut first = 0;
        for chains in &sizes {
            let tables = [&fixed, &likelihood_table, &metric.buffer];
            let batch = DeviceBatch::new(&gpu, &shaders, &kernels, tables, [sizes.len(), first, *chains]);
            batches.push(batch.map_err(device)?);
            first += chains;
        }
        let coordinates = shaders.lie.coordinates();
        // Batch by batch: the states of a million chains take gigabytes.
        for batch in &mut batches {
            let states = starting_states(&model, batch.of(chains))?;
            batch.put(&gpu, &kernels.put, &coordinates, &states, constant).map_err(device)?;
        }
        let adaptive = !gpu.adapter().is_software();
        Ok(DeviceEngine {
            constant,
            variables: keep.sampled(&model),
            model,
            shaders,
            kernels,
            batches,
            seed: chains.seed,
            first: chains.first,
            chains: count,
            progress,
            meter: Meter::part_of(gpu.meter()),
            budget: if adaptive { FIRST_BUDGET } else { SOFTWARE_BUDGET },
            adaptive,
            metric,
            packer: None,
            transitions: 0,
            drawn: 0,
            waiting_place: 0,
            snapshots: Snapshots::default(),
            room: ReorderRoom::default(),
            half: 0,
            gpu,
        })
    }

    /// Puts chain i into state i of `states`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn put(&mut self, states: &[State]) -> Result<(), GpuError> {
        let coordinates = self.shaders.lie.coordinates();
        let mut rest = states;
        for batch in &mut self.batches {
            let (here, after) = rest.split_at(batch.len());
            batch.put(&self.gpu, &self.kernels.put, &coordinates, here, self.constant)?;
            rest = after;
        }
        Ok(())
    }

    /// Transitions of every chain whose draws have all been handed over: since the start, and since warm-up.
    pub fn finished(&self) -> (u32, usize) {
        (self.transitions, self.drawn)
    }

    /// The meter of the dispatches' time.
    pub fn meter(&self) -> Arc<Meter> {
        self.meter.clone()
    }

    /// Fixes the budget of loop iterations of every dispatch. No draw depends on the budget.
    pub fn with_budget(self, budget: u32) -> DeviceEngine {
        DeviceEngine { budget, adaptive: false, ..self }
    }

    /// Moments of all draws of the phase that has ended.
    fn moments(&mut self, draws: u32) -> Result<Moments, GpuError> {
        let coordinates = self.shaders.lie.coordinates();
        let mut moments = Moments::new(self.model.dim());
        for batch in &mut self.batches {
            batch.pool(&self.gpu, &self.kernels.pool, draws, &coordinates, &mut moments)?;
        }
        Ok(moments)
    }

    fn begin(&mut self, phase: &Phase) {
        let coordinates = self.shaders.lie.coordinates();
        self.metric.write(&self.gpu, &coordinates, &phase.tuning);
        let log_step_size = ln(phase.tuning.step_size) as f32;
        self.batches.iter_mut().for_each(|batch| batch.begin(&self.gpu, log_step_size));
    }

    /// Prepares the buffers of sums over draws.
    fn begin_sums(&mut self, grid: &BinGrid) {
        let (coordinates, units) = (self.shaders.sums_lie.coordinates(), self.model.scaled_units(&grid.units));
        self.half = grid.half as u32;
        for device_sums in self.batches.iter().filter_map(|batch| batch.device_sums.as_ref()) {
            device_sums.begin(&self.gpu, &coordinates, &units, &grid.tails);
        }
    }

    /// Hands over the sums of each chain's `draws` draws, of `warmup` or since.
    fn hand_over_sums(&self, warmup: bool, draws: u32, sink: &mut dyn SumSink) -> Result<(), GpuError> {
        let coordinates = self.shaders.sums_lie.coordinates();
        for batch in &self.batches {
            if let Some(device_sums) = &batch.device_sums {
                let counts = [draws, self.half].map(|count| count as usize);
                device_sums.hand_over(&self.gpu, &coordinates, batch.chains(), warmup, counts, sink)?;
            }
        }
        Ok(())
    }

    /// Packs the draws of the phase that begins, if the sink keeps only 16 bits. Recorded draws of warm-up keep 32
    /// bits.
    fn pack(&mut self, phase: &Phase, sink: &dyn DrawSink) -> Result<(), GpuError> {
        let Some(units) = sink.units().filter(|_| phase.part == PhaseKind::Sampling) else { return Ok(()) };
        self.packer = Packer::of(self.packer.take(), &self.gpu, &self.shaders, &self.model, units)?;
        let Some(packer) = &self.packer else { return Ok(()) };
        self.batches.iter_mut().try_for_each(|batch| batch.pack(&self.gpu, packer))
    }

    /// Transitions of each chain in the phase's part of the run.
    fn made(&self, phase: &Phase) -> usize {
        if phase.part.learns() { self.transitions as usize } else { self.drawn }
    }

    /// Counts transitions that every chain has made in the phase.
    fn advance(&mut self, phase: &Phase, transitions: u32) {
        self.transitions += transitions;
        self.drawn += if phase.part.learns() { 0 } else { transitions as usize };
    }

    fn end(&mut self, phase: &Phase) -> Result<PhaseOutcome, GpuError> {
        let mut outcome = PhaseOutcome {
            transitions: self.batches.iter().map(DeviceBatch::slowest).min().unwrap_or(0),
            gradients: 0,
            acceptance: 0.0,
            divergences: 0,
            log_step_sizes: Vec::with_capacity(self.chains),
            moments: Moments::new(self.model.dim()),
            snapshots: std::mem::take(&mut self.snapshots),
            energy_range: None,
            failure: None,
        };
        let mut transitions = 0;
        let warmed = outcome.transitions == phase.transitions && phase.transitions > 0 && phase.part.learns();
        for batch in &mut self.batches {
            for chain in batch.fetch(&self.gpu)? {
                transitions += u64::from(chain.made);
                outcome.gradients += u64::from(chain.gradients);
                outcome.divergences += u64::from(chain.divergences);
                outcome.acceptance += f64::from(chain.acceptance);
                let learnt = f64::from(chain.adaptation.log_mean);
                outcome.log_step_sizes.push(if phase.adapt.is_some() { learnt } else { ln(phase.tuning.step_size) });
            }
        }
        outcome.acceptance /= transitions.max(1) as f64;
        if warmed {
            outcome.moments = self.moments(phase.transitions)?;
        }
        Ok(outcome)
    }
}

/// The priors of `model`, the table of its likelihood, and the constant that its log densities omit.
fn tables(
    gpu: &Gpu,
    model: &Model,
    shaders: &TransitionShaders,
) -> Result<(wgpu::Buffer, wgpu::Buffer, f64), GpuError> {
    if let Some(map) = model.layout().mixed() {
        let MixedTables { fixed, likelihood, constant } = MixedTables::of(model, map, &MixedShape::new(model, map));
        let likelihood = gpu.table("the table of rows or groups", &likelihood)?;
        return Ok((gpu.table("priors and terms", &fixed)?, likelihood, constant));
    }
    let tables = Tables::of(model);
    let likelihood = match model.likelihood() {
        Likelihood::Groups => shaders.table_of_groups(gpu, &tables)?,
        Likelihood::Observations => gpu.table("the table of rows", &table_of_rows(model))?,
    };
    Ok((gpu.table("priors", &tables.fixed)?, likelihood, tables.constant))
}

impl Engine for DeviceEngine {
    fn run(&mut self, phase: &Phase, sink: &mut dyn DrawSink) -> Result<PhaseOutcome, EngineError> {
        let sums = self.sums(phase);
        let room = std::mem::take(&mut self.room);
        let reorder = || {
            let log_constant = self.constant + self.model.log_density_offset();
            ReorderBuffer::new(
                self.model.clone(),
                log_constant,
                phase,
                self.made(phase),
                [self.chains, self.variables],
                room,
            )
        };
        let mut reorder = (phase.part.records() && !sums).then(reorder);
        if let Some(sums) = sink.sums().filter(|_| sums) {
            self.begin_sums(sums.grid());
        }
        self.begin(phase);
        let ran = match phase.transitions {
            0 => Ok(()),
            _ => match self.pack(phase, sink) {
                Ok(()) => self.dispatches(phase, &mut reorder, sink),
                Err(error) => Err(EngineError::Density(DensityError::Device(error))),
            },
        };
        if let Some(reorder) = &mut reorder {
            reorder.emit(None, sink, true)?;
        }
        let (dim, left) = (self.model.dim(), reorder.as_ref().map_or(0, ReorderBuffer::left));
        let counters = reorder.as_ref().map_or(Counters::default(), ReorderBuffer::counters);
        self.room = reorder.map_or(ReorderRoom::default(), ReorderBuffer::into_room);
        let failed = |error: DensityError| {
            Ok(PhaseOutcome {
                transitions: left,
                gradients: counters.gradients,
                acceptance: counters.acceptance / counters.transitions as f64,
                divergences: counters.divergences,
                log_step_sizes: Vec::new(),
                moments: Moments::new(dim),
                snapshots: Snapshots::default(),
                energy_range: None,
                failure: Some(DeviceFailure { error: error.to_string(), resumed: false }),
            })
        };
        match ran {
            Ok(()) => {}
            Err(EngineError::Density(error)) => {
                self.advance(phase, left);
                return failed(error);
            }
            Err(other) => return Err(other),
        }
        let outcome = match self.end(phase) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.advance(phase, left);
                return failed(error.into());
            }
        };
        self.advance(phase, outcome.transitions);
        if outcome.transitions > 0
            && let Some(sink) = sink.sums().filter(|_| sums)
        {
            // Sums that were handed over cannot be taken back, so a device that fails here ends the run.
            self.hand_over_sums(phase.part.learns(), outcome.transitions, sink).map_err(DensityError::Device)?;
        }
        Ok(outcome)
    }

    fn states(&mut self) -> Result<ChainStates, EngineError> {
        let (coordinates, device) = (self.shaders.lie.coordinates(), DensityError::Device);
        let mut states = Vec::with_capacity(self.chains);
        for batch in &self.batches {
            states.extend(batch.states(&self.gpu, &self.kernels.take, &coordinates, self.constant).map_err(device)?);
        }
        Ok(ChainStates::of(self.transitions, states.iter()))
    }

    fn resume(&mut self, states: &ChainStates, draws: usize) -> Result<(), EngineError> {
        (self.transitions, self.drawn) = (states.transitions, draws);
        let states: Vec<State> = states.iter().collect();
        self.put(&states).map_err(|error| EngineError::Density(DensityError::Device(error)))
    }
}
