//! The buffers of one dispatch of a batch: its parameters and its output.

use std::sync::Arc;
use std::time::Duration;

use wgpu::BufferUsages;

use super::half_precision::{Packed, Packer};
use super::landed::{LandedDraws, RowFormat};
use super::messages::{Dispatch, TransitionStatistics};
use super::streaming::DeviceSums;
use crate::gpu::{Clock, ComputeKernel, Gpu, GpuError, Readback, Submission};

/// Bytes of a chain's counts.
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
    chains: u64,
    /// The parameters of the latest dispatch.
    dispatch: Dispatch,
    /// Draws of each chain that are copied to the host together with the dispatch.
    crossing: u32,
    counted: Vec<[u32; 4]>,
}

impl Slot {
    /// Buffers for dispatches of `transition`, with the buffers of `shared` in every slot: for `rows` draws of `kept`
    /// numbers from each of `chains` chains, unless draws are summed up.
    ///
    /// # Errors
    /// If the device has no memory for the buffers.
    pub fn new(
        gpu: &Gpu,
        transition: &ComputeKernel,
        shared: &[(u32, &wgpu::Buffer)],
        device_sums: Option<&DeviceSums>,
        [chains, rows, kept]: [u64; 3],
    ) -> Result<Slot, GpuError> {
        let run = gpu.buffer("run", size_of::<Dispatch>() as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
        let counts = Readback::new(gpu, "counts", chains * COUNT)?;
        let draws = Readback::new(gpu, "draws", chains * rows * kept * 4)?;
        let rows = if device_sums.is_some() { 0 } else { chains * rows };
        let statistics = Readback::new(gpu, "statistics", rows * size_of::<TransitionStatistics>() as u64)?;
        let mut bindings = [shared, &[(2, &run), (6, counts.output())]].concat();
        match device_sums {
            None => bindings.extend([(7, draws.output()), (8, statistics.output())]),
            Some(device_sums) => bindings.extend(device_sums.bindings()),
        }
        let bound = transition.bind(gpu, &bindings)?;
        Ok(Slot {
            run,
            counts,
            draws,
            packed: None,
            statistics,
            clock: Clock::new(gpu)?,
            bound,
            submission: None,
            kept,
            chains,
            dispatch: Dispatch::default(),
            crossing: 0,
            counted: Vec::new(),
        })
    }

    /// Makes buffers for up to `rows` packed rows of draws.
    ///
    /// # Errors
    /// If the device has no memory for them.
    pub fn pack(&mut self, gpu: &Gpu, packer: &Arc<Packer>, rows: u64) -> Result<(), GpuError> {
        if !self.packed.as_ref().is_some_and(|packed| Arc::ptr_eq(packed.packer(), packer)) {
            self.packed = Some(Packed::new(gpu, packer, [&self.counts, &self.draws], rows)?);
        }
        Ok(())
    }

    /// Submits a dispatch. `leaves` says whether draws are copied to the host, of which the first `crossing` of each
    /// chain come with the dispatch, and `packs` whether they are packed.
    pub fn submit(
        &mut self,
        gpu: &Gpu,
        transition: &ComputeKernel,
        workgroups: u32,
        run: Dispatch,
        crossing: u32,
        [leaves, packs]: [bool; 2],
    ) {
        gpu.write(&self.run, &[run]);
        (self.dispatch, self.crossing) = (run, crossing);
        let packed = self.packed.as_ref().filter(|_| packs);
        let [draws, statistics] = self.rows(packed, crossing);
        let all = [(&self.counts, self.chains * COUNT), draws, statistics];
        let readbacks = if leaves { &all[..] } else { &all[..1] };
        let kernels = |pass: &mut wgpu::ComputePass| {
            transition.dispatch(pass, &self.bound, workgroups, 1);
            packed.iter().for_each(|packed| packed.dispatch(gpu, pass, self.chains * u64::from(run.room)));
        };
        self.submission = Some(Submission::start(gpu, |_| {}, kernels, readbacks, self.clock.as_ref(), &[]));
    }

    /// Waits for the dispatch; returns the time of its kernel, zero if the device cannot measure it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn wait(&mut self, gpu: &Gpu) -> Result<Duration, GpuError> {
        let Some(submission) = self.submission.take() else { return Ok(Duration::ZERO) };
        submission.wait(gpu)?;
        self.clock.as_ref().map_or(Ok(Duration::ZERO), Clock::read)
    }

    /// Reads the counts of each chain; returns them and the parameters of their dispatch.
    ///
    /// # Errors
    /// If they have not landed.
    pub fn count(&mut self) -> Result<(&[[u32; 4]], Dispatch), GpuError> {
        self.counted = self.counts.read(self.chains * COUNT, |bytes| bytemuck::cast_slice(bytes).to_vec())?;
        Ok((&self.counted, self.dispatch))
    }

    /// Calls `take` with the draws of the dispatch, if there are any; `first` is the index of the first chain.
    ///
    /// # Errors
    /// If the device fails.
    pub fn draws<R>(
        &self,
        gpu: &Gpu,
        packs: bool,
        first: usize,
        take: impl FnOnce(&LandedDraws) -> R,
    ) -> Result<Option<R>, GpuError> {
        let packed = self.packed.as_ref().filter(|_| packs);
        let made = self.counted.iter().map(|[made, ..]| *made).max().unwrap_or(0);
        let [draws, statistics] = self.rows(packed, made);
        if made == 0 || made > self.crossing {
            [draws.0, statistics.0].into_iter().for_each(Readback::discard);
        }
        if made == 0 {
            return Ok(None);
        }
        if made > self.crossing {
            // More draws than expected: all are fetched.
            Submission::start(gpu, |_| {}, |_| {}, &[draws, statistics], None, &[]).wait(gpu)?;
        }
        let format = packed.map_or(RowFormat::Positions, |packed| RowFormat::Halves(packed.packer().clone()));
        let counts = &self.counted;
        let taken = draws.0.read(draws.1, |draws| {
            statistics.0.read(statistics.1, |statistics| {
                let (words, statistics) = (bytemuck::cast_slice(draws), bytemuck::cast_slice(statistics));
                take(&LandedDraws { first, counts, format, words, statistics })
            })
        });
        taken?.map(Some)
    }

    /// The readbacks of the first `draws` draws of each chain, `packed` or not, and of their statistics, with the bytes
    /// of each.
    fn rows<'a>(&'a self, packed: Option<&'a Packed>, draws: u32) -> [(&'a Readback, u64); 2] {
        let rows = self.chains * u64::from(draws);
        let numbers = packed.map_or((&self.draws, rows * self.kept * 4), |packed| packed.readback(rows));
        [numbers, (&self.statistics, rows * size_of::<TransitionStatistics>() as u64)]
    }
}
