//! The buffers of one dispatch of a batch: its parameters and its output.

use std::sync::Arc;
use std::time::Duration;

use wgpu::BufferUsages;

use super::half_precision::{LandedDraws, Packed, Packer};
use super::messages::{Dispatch, TransitionStatistics};
use super::streaming::DeviceSums;
use crate::gpu::{Clock, ComputeKernel, Gpu, GpuError, Readback, Submission};

/// Bytes before the counts of the chains, and bytes of each chain's counts.
const COUNTS: u64 = 16;
const COUNT: u64 = 16;

/// The buffers of a dispatch.
#[derive(Debug)]
pub struct Slot {
    run: wgpu::Buffer,
    counts: Readback,
    draws: Readback,
    /// The draws in 16 bits, once a phase packs draws.
    packed: Option<Packed>,
    statistics: Readback,
    clock: Option<Clock>,
    bound: wgpu::BindGroup,
    submission: Option<Submission>,
    /// Numbers of a draw.
    kept: u64,
    budget: u32,
    /// Rows of draws that are copied to the host together with the dispatch.
    crossing: u64,
    arrived: Vec<[u32; 4]>,
}

impl Slot {
    /// Buffers for dispatches of `transition`, with the buffers of `shared` in every slot: for `rows` draws of `kept`
    /// numbers from each of `chains` chains, unless draws are summed up.
    pub fn new(
        gpu: &Gpu,
        transition: &ComputeKernel,
        shared: &[(u32, &wgpu::Buffer)],
        device_sums: Option<&DeviceSums>,
        [chains, rows, kept]: [u64; 3],
    ) -> Result<Slot, GpuError> {
        let run = gpu.buffer("run", size_of::<Dispatch>() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        let counts = Readback::new(gpu, "counts", COUNTS + chains * COUNT)?;
        let draws = Readback::new(gpu, "draws", chains * rows * kept * 4)?;
        let rows = if device_sums.is_some() { 0 } else { chains * rows };
        let statistics = Readback::new(gpu, "statistics", rows * size_of::<TransitionStatistics>() as u64)?;
        let mut bindings = [shared, &[(2, &run), (6, counts.output())]].concat();
        match device_sums {
            None => bindings.extend([(7, draws.output()), (8, statistics.output())]),
            Some(device_sums) => bindings.extend(device_sums.bindings()),
        }
        let bound = transition.bind(gpu, &bindings)?;
        let (clock, arrived) = (Clock::new(gpu)?, Vec::new());
        let (packed, submission, budget, crossing) = (None, None, 0, 0);
        Ok(Slot { run, counts, draws, packed, statistics, clock, bound, submission, kept, budget, crossing, arrived })
    }

    /// Makes buffers for up to `rows` packed rows of draws.
    pub fn pack(&mut self, gpu: &Gpu, packer: &Arc<Packer>, rows: u64) -> Result<(), GpuError> {
        if !self.packed.as_ref().is_some_and(|packed| packed.is_by(packer)) {
            self.packed = Some(Packed::new(gpu, packer, [&self.counts, &self.draws], rows)?);
        }
        Ok(())
    }

    /// Submits a dispatch that may write up to `rows` rows of draws. `leaves` says whether draws are copied to the
    /// host, of which the first `crossing` rows come with the dispatch, and `packs` whether they are packed.
    pub fn submit(
        &mut self,
        gpu: &Gpu,
        transition: &ComputeKernel,
        workgroups: u32,
        run: Dispatch,
        [rows, crossing]: [u64; 2],
        [leaves, packs]: [bool; 2],
    ) {
        gpu.write(&self.run, &[run]);
        (self.budget, self.crossing) = (run.budget, crossing);
        let packed = self.packed.as_ref().filter(|_| packs);
        let counts = (&self.counts, COUNTS + u64::from(run.chains) * COUNT);
        let [draws, statistics] = self.rows(packed, crossing);
        let all = [counts, draws, statistics];
        let readbacks = if leaves { &all[..] } else { &all[..1] };
        let before = |encoder: &mut wgpu::CommandEncoder| encoder.clear_buffer(self.counts.output(), 0, Some(COUNTS));
        let kernels = |pass: &mut wgpu::ComputePass| {
            transition.dispatch(pass, &self.bound, workgroups, 1);
            packed.iter().for_each(|packed| packed.dispatch(gpu, pass, rows));
        };
        self.submission = Some(Submission::start(gpu, before, kernels, readbacks, self.clock.as_ref(), &[]));
    }

    /// Waits for the dispatch; returns the time of its kernel, zero if the device cannot measure it.
    pub fn wait(&mut self, gpu: &Gpu) -> Result<Duration, GpuError> {
        let Some(submission) = self.submission.take() else { return Ok(Duration::ZERO) };
        submission.wait(gpu)?;
        self.clock.as_ref().map_or(Ok(Duration::ZERO), Clock::read)
    }

    /// Reads the counts of each of `chains` chains; returns them and the budget of their dispatch.
    pub fn count(&mut self, chains: usize) -> Result<(&[[u32; 4]], u32), GpuError> {
        let bytes = COUNTS + chains as u64 * COUNT;
        self.arrived = self.counts.read(bytes, |bytes| bytemuck::cast_slice(&bytes[COUNTS as usize..]).to_vec())?;
        Ok((&self.arrived, self.budget))
    }

    /// Calls `take` with the draws of the dispatch: the counts, and row by row the draws' numbers and the statistics of
    /// their transitions.
    pub fn draws(
        &self,
        gpu: &Gpu,
        packs: bool,
        take: impl FnOnce(&[[u32; 4]], LandedDraws, &[TransitionStatistics]),
    ) -> Result<(), GpuError> {
        let packed = self.packed.as_ref().filter(|_| packs);
        let written = self.arrived.iter().map(|[written, ..]| u64::from(*written)).sum();
        let [draws, statistics] = self.rows(packed, written);
        if written == 0 || written > self.crossing {
            [draws.0, statistics.0].into_iter().for_each(Readback::discard);
        }
        if written == 0 {
            return Ok(());
        }
        if written > self.crossing {
            // More rows than expected: all are fetched.
            Submission::start(gpu, |_| {}, |_| {}, &[draws, statistics], None, &[]).wait(gpu)?;
        }
        let look = |numbers: LandedDraws| {
            let (readback, bytes) = statistics;
            readback.read(bytes, |statistics| take(&self.arrived, numbers, bytemuck::cast_slice(statistics)))
        };
        match packed {
            Some(packed) => packed.read(written, look)?,
            None => draws.0.read(draws.1, |draws| look(LandedDraws::Positions(bytemuck::cast_slice(draws))))?,
        }
    }

    /// The readbacks of `rows` rows of draws, `packed` or not, and of their statistics, with the bytes of each.
    fn rows<'a>(&'a self, packed: Option<&'a Packed>, rows: u64) -> [(&'a Readback, u64); 2] {
        let draws = packed.map_or((&self.draws, rows * self.kept * 4), |packed| packed.readback(rows));
        [draws, (&self.statistics, rows * size_of::<TransitionStatistics>() as u64)]
    }
}
