//! A batch: as many chains as fit the device's bindings, with their buffers and counts.

use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use wgpu::BufferUsages;

use super::half_precision::Packer;
use super::kernels::{Kernels, MOVERS, POOLED, TransitionShaders};
use super::landed::LandedDraws;
use super::messages::{Chain, Dispatch, Pooling, StepSize, TransitionStatistics};
use super::slot::Slot;
use super::streaming::DeviceSums;
use crate::engine::Counters;
use crate::engine::host::Chains;
use crate::gpu::{ComputeKernel, Gpu, GpuError, Readback, Submission};
use crate::nuts::State;
use crate::nuts::adaptation::Moments;

/// Limit on the bytes of the draws of one dispatch of every batch, all batches together, unless a single draw of all
/// chains takes more: memory that a device copies to takes half a second a gigabyte to allocate.
const DRAWS: u64 = 192 << 20;

/// Limit on the draws of each chain in a dispatch.
const ROOM: u64 = 256;

/// Draws of each chain in the first dispatch; each later one has room for twice as many as were last needed.
const FIRST_ROOM: u32 = 8;

/// Draws that are copied to the host, over those that are expected.
const MARGIN: f64 = 1.0625;

/// Chains that share buffers and dispatches.
#[derive(Debug)]
pub struct DeviceBatch {
    /// Index of the first chain among all chains.
    first: usize,
    chains: Vec<Chain>,
    workgroups: u32,
    vector: usize,
    vectors: wgpu::Buffer,
    /// Draws of each chain that the buffers hold, and that the next dispatch may write.
    most: u32,
    room: u32,
    /// Draws of the chain that made most, per iteration of the budget, in the last dispatch that wrote any;
    /// `None` if it is not known.
    pace: Option<f64>,
    states: Readback,
    /// Whether draws of the phase are packed.
    packs: bool,
    slots: [Slot; 2],
    pooling: wgpu::Buffer,
    pooled: Readback,
    pool: wgpu::BindGroup,
    /// The sums over draws, if the device sums up draws in place of writing them.
    pub device_sums: Option<DeviceSums>,
    /// Transitions of the phase that each chain has made, as counted so far.
    made: Vec<u32>,
    gradients: u64,
    divergences: u64,
}

/// Number of chains of each batch, at most `largest` and as even as possible.
pub fn sizes(chains: usize, largest: usize) -> impl Iterator<Item = usize> {
    let batches = chains.div_ceil(largest);
    (0..batches).map(move |batch| chains / batches + usize::from(batch < chains % batches))
}

/// Largest number of chains of a batch.
pub fn largest(gpu: &Gpu, shaders: &TransitionShaders) -> usize {
    let own = (shaders.lie.size() * shaders.vectors as usize).max(shaders.sums_lie.size() * shaders.sums);
    let chain = own.max(shaders.kept).max(shaders.scratch).max(32) as u64 * 4;
    let dispatched = u64::from(gpu.limits().max_compute_workgroups_per_dimension) * u64::from(shaders.team.teams);
    let beside = shaders.lie.beside as u64;
    ((gpu.largest_binding() / chain).min(dispatched) / beside * beside).max(1) as usize
}

impl DeviceBatch {
    /// One of `batches` batches, of `chains` chains, the first of which has index `first` among all chains.
    pub fn new(
        gpu: &Gpu,
        shaders: &TransitionShaders,
        Kernels { transition, pool, .. }: &Kernels,
        [fixed, likelihood, metric]: [&wgpu::Buffer; 3],
        [batches, first, chains]: [usize; 3],
    ) -> Result<DeviceBatch, GpuError> {
        let (count, chains, vector) = (chains, chains as u64, shaders.lie.size());
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        let stride = (vector * shaders.vectors as usize) as u64 * 4;
        let vectors = gpu.buffer("the chains' vectors", shaders.lie.whole(count) as u64 * stride, storage)?;
        let state_bytes = chains * size_of::<Chain>() as u64;
        let chain_states = Readback::new(gpu, "the chains' states", state_bytes)?;
        let device_sums = DeviceSums::new(gpu, shaders, count)?;
        let most = if device_sums.is_some() { 1 } else { ROOM };
        let row = (shaders.kept * size_of::<f32>()).max(size_of::<TransitionStatistics>()) as u64;
        let room = (DRAWS / batches as u64).min(gpu.largest_binding()) / (chains * row);
        let room = room.clamp(1, most);
        let scratch = gpu.buffer("the lanes' memory", chains * shaders.scratch as u64 * 4, storage)?;
        let own = [(4, chain_states.output()), (5, &vectors), (12, &scratch)];
        let bindings = [&[(0, fixed), (1, likelihood), (3, metric)], &own[..]].concat();
        let slot = || Slot::new(gpu, transition, &bindings, device_sums.as_ref(), [chains, room, shaders.kept as u64]);
        let slots = [slot()?, slot()?];
        let chunks = chains.div_ceil(u64::from(POOLED));
        let pooled = Readback::new(gpu, "pooled moments", chunks * 4 * vector as u64 * 4)?;
        let pooling =
            gpu.buffer("pooling", size_of::<Pooling>() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        let pool = pool.bind(gpu, &[(2, &pooling), (5, &vectors), (6, pooled.output())])?;
        Ok(DeviceBatch {
            first,
            made: vec![0; count],
            chains: vec![Chain::default(); count],
            workgroups: chains.div_ceil(u64::from(shaders.team.teams)) as u32,
            vector,
            vectors,
            most: room as u32,
            room: FIRST_ROOM.min(room as u32),
            pace: None,
            states: chain_states,
            packs: false,
            slots,
            pooling,
            pooled,
            pool,
            device_sums,
            gradients: 0,
            divergences: 0,
        })
    }

    /// Puts chain i into state i of `states`, whose log densities include `constant`.
    pub fn put(
        &mut self,
        gpu: &Gpu,
        put: &ComputeKernel,
        coordinates: &[Option<usize>],
        states: &[State],
        constant: f64,
    ) -> Result<(), GpuError> {
        let mut numbers = vec![0.0f32; states.len() * 2 * self.vector];
        numbers.par_chunks_exact_mut(2 * self.vector).zip(states).for_each(|(numbers, state)| {
            let (position, gradient) = numbers.split_at_mut(self.vector);
            for (at, coordinate) in coordinates.iter().enumerate() {
                if let Some(coordinate) = coordinate {
                    position[at] = state.position[*coordinate] as f32;
                    gradient[at] = state.gradient[*coordinate] as f32;
                }
            }
        });
        for (chain, state) in self.chains.iter_mut().zip(states) {
            *chain = Chain { log_density: (state.log_density - constant) as f32, ..Chain::default() };
        }
        gpu.write(self.states.output(), &self.chains);
        let staged = gpu.table("states on their way", &numbers)?;
        let bound = put.bind(gpu, &[(2, &staged), (5, &self.vectors)])?;
        let workgroups = (numbers.len() as u64 / 4).div_ceil(u64::from(MOVERS));
        let kernels = |pass: &mut wgpu::ComputePass| put.dispatch_all(gpu, pass, &bound, workgroups);
        Submission::start(gpu, |_| {}, kernels, &[], None, &[]).wait(gpu)
    }

    /// The state of each chain after the last phase, with `constant` included in its log density.
    pub fn states(
        &self,
        gpu: &Gpu,
        take: &ComputeKernel,
        coordinates: &[Option<usize>],
        constant: f64,
    ) -> Result<Vec<State>, GpuError> {
        let numbers = self.chains.len() as u64 * 2 * self.vector as u64;
        let bytes = numbers * size_of::<f32>() as u64;
        let readback = Readback::new(gpu, "states on their way", bytes)?;
        let bound = take.bind(gpu, &[(2, readback.output()), (4, self.states.output()), (5, &self.vectors)])?;
        let kernels = |pass: &mut wgpu::ComputePass| {
            take.dispatch_all(gpu, pass, &bound, (numbers / 4).div_ceil(u64::from(MOVERS)))
        };
        Submission::start(gpu, |_| {}, kernels, &[(&readback, bytes)], None, &[]).wait(gpu)?;
        let dim = coordinates.iter().flatten().count();
        readback.read(bytes, |bytes| {
            let rows = bytemuck::cast_slice::<u8, f32>(bytes).par_chunks_exact(2 * self.vector);
            let state = |(numbers, chain): (&[f32], &Chain)| {
                let mut state = State::zeros(dim);
                let (position, gradient) = numbers.split_at(self.vector);
                for (at, coordinate) in coordinates.iter().enumerate() {
                    if let Some(coordinate) = coordinate {
                        state.position[*coordinate] = f64::from(position[at]);
                        state.gradient[*coordinate] = f64::from(gradient[at]);
                    }
                }
                state.log_density = f64::from(chain.log_density) + constant;
                state
            };
            rows.zip(&self.chains).map(state).collect()
        })
    }

    /// The batch's share of all `chains`.
    pub fn of(&self, chains: Chains) -> Chains {
        Chains { first: chains.first + self.first as u32, count: self.chains.len() as u32, ..chains }
    }

    pub fn len(&self) -> usize {
        self.chains.len()
    }

    /// Prepares the chains for a phase that starts with this step size.
    pub fn begin(&mut self, gpu: &Gpu, log_step_size: f32) {
        for chain in &mut self.chains {
            *chain = Chain {
                sample: chain.sample,
                log_density: chain.log_density,
                adaptation: StepSize { error: 0.0, log_step: log_step_size, log_mean: log_step_size },
                ..Chain::default()
            };
        }
        self.made.fill(0);
        (self.gradients, self.divergences) = (0, 0);
        self.packs = false;
        gpu.write(self.states.output(), &self.chains);
    }

    /// Packs the draws of the phase that begins.
    pub fn pack(&mut self, gpu: &Gpu, packer: &Arc<Packer>) -> Result<(), GpuError> {
        let rows = self.chains.len() as u64 * u64::from(self.most);
        self.packs = true;
        self.slots.iter_mut().try_for_each(|slot| slot.pack(gpu, packer, rows))
    }

    /// Submits a dispatch of `run`, whose `room` is an upper limit.
    pub fn submit(&mut self, gpu: &Gpu, transition: &ComputeKernel, slot: usize, run: Dispatch) {
        let chains = self.chains.len() as u64;
        let run = Dispatch {
            first_chain: run.first_chain + self.first as u32,
            chains: chains as u32,
            room: self.room.min(run.room),
            ..run
        };
        // As many draws as at the last pace and a few more: a draw copied in vain costs less than one fetched later.
        let expected = self.pace.map(|pace| pace * f64::from(run.budget));
        let expected = expected.map_or(run.room, |expected| (expected * MARGIN).ceil() as u32);
        let leaves = run.recording == 1 && self.device_sums.is_none();
        let crossing = expected.min(run.room);
        self.slots[slot].submit(gpu, transition, self.workgroups, run, crossing, [leaves, self.packs]);
    }

    /// Waits for a dispatch; returns the time of its kernel, zero if the device cannot measure it.
    pub fn wait(&mut self, gpu: &Gpu, slot: usize) -> Result<Duration, GpuError> {
        self.slots[slot].wait(gpu)
    }

    /// Reads the counts of a dispatch; returns the increments.
    pub fn count(&mut self, slot: usize) -> Result<Counters, GpuError> {
        let slot = &mut self.slots[slot];
        let (arrived, run) = slot.count()?;
        let written = arrived.iter().map(|[written, ..]| *written).max().unwrap_or(0);
        if written > 0 {
            self.room = (2 * written).clamp(FIRST_ROOM.min(self.most), self.most);
            // A dispatch that ran out of room says nothing about its pace.
            self.pace = (written < run.room).then(|| f64::from(written) / f64::from(run.budget.max(1)));
        }
        let mut news = Counters::default();
        let (mut gradients, mut divergences) = (0, 0);
        for (known, [_, made, chain_gradients, chain_divergences]) in self.made.iter_mut().zip(arrived) {
            news.transitions += u64::from(made - *known);
            gradients += u64::from(*chain_gradients);
            divergences += u64::from(*chain_divergences);
            *known = *made;
        }
        news.gradients = gradients - self.gradients;
        news.divergences = divergences - self.divergences;
        (self.gradients, self.divergences) = (gradients, divergences);
        Ok(news)
    }

    /// Calls `take` with the draws of a dispatch, if there are any.
    ///
    /// # Errors
    /// If the device fails.
    pub fn draws<R>(
        &self,
        gpu: &Gpu,
        slot: usize,
        take: impl FnOnce(&LandedDraws) -> R,
    ) -> Result<Option<R>, GpuError> {
        self.slots[slot].draws(gpu, self.packs, self.first, take)
    }

    /// Transitions of the phase that all chains have made, as counted so far.
    pub fn slowest(&self) -> u32 {
        self.made.iter().copied().min().unwrap_or(0)
    }

    /// Transitions of the phase that the chain farthest ahead has made, as counted so far.
    pub fn furthest(&self) -> u32 {
        self.made.iter().copied().max().unwrap_or(0)
    }

    /// The chains after the last phase.
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Copies the chains from the device.
    pub fn fetch(&mut self, gpu: &Gpu) -> Result<&[Chain], GpuError> {
        let bytes = (self.chains.len() * size_of::<Chain>()) as u64;
        Submission::start(gpu, |_| {}, |_| {}, &[(&self.states, bytes)], None, &[]).wait(gpu)?;
        self.chains = self.states.read(bytes, |bytes| bytemuck::cast_slice(bytes).to_vec())?;
        Ok(&self.chains)
    }

    /// Adds the moments of the batch's draws, `draws` of each chain, to `moments`.
    pub fn pool(
        &mut self,
        gpu: &Gpu,
        pool: &ComputeKernel,
        draws: u32,
        coordinates: &[Option<usize>],
        moments: &mut Moments,
    ) -> Result<(), GpuError> {
        let chains = self.chains.len() as u32;
        let chunks = chains.div_ceil(POOLED);
        gpu.write(&self.pooling, &[Pooling { chains, draws: draws as f32 }]);
        let bytes = u64::from(chunks) * 4 * self.vector as u64 * 4;
        let workgroups = (2 * self.vector as u32 / 4).div_ceil(MOVERS);
        let kernels = |pass: &mut wgpu::ComputePass| pool.dispatch(pass, &self.pool, workgroups, chunks);
        Submission::start(gpu, |_| {}, kernels, &[(&self.pooled, bytes)], None, &[]).wait(gpu)?;
        self.pooled.read(bytes, |bytes| {
            let numbers: &[f32] = bytemuck::cast_slice(bytes);
            let dim = coordinates.iter().flatten().count();
            for (chunk, numbers) in numbers.chunks_exact(4 * self.vector).enumerate() {
                let pooled = POOLED.min(chains - chunk as u32 * POOLED);
                let parts = [0, 1, 2, 3].map(|part| {
                    let mut values = vec![0.0; dim];
                    let part = &numbers[part * self.vector..(part + 1) * self.vector];
                    for (number, coordinate) in part.iter().zip(coordinates) {
                        if let Some(coordinate) = coordinate {
                            values[*coordinate] = f64::from(*number);
                        }
                    }
                    values
                });
                moments.join(&Moments::of_parts(f64::from(pooled) * f64::from(draws), parts));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn shards_are_as_even_as_they_can_be() {
        for (chains, largest, even) in [
            (65_536, 52_103, vec![32_768; 2]),
            (7, 3, vec![3, 2, 2]),
            (6, 3, vec![3, 3]),
            (5, 9, vec![5]),
            (1, 1, vec![1]),
        ] {
            assert_eq!(sizes(chains, largest).collect::<Vec<usize>>(), even);
        }
        for chains in 1..200 {
            let sizes: Vec<usize> = sizes(chains, 17).collect();
            assert_eq!((sizes.iter().sum::<usize>(), sizes.len()), (chains, chains.div_ceil(17)));
            assert!(sizes.iter().all(|size| *size <= 17 && size + 1 >= sizes[0]), "{sizes:?}");
        }
    }
}
