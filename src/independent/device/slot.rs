//! The buffers of one dispatch of independent draws. While one dispatch runs, the host processes the output of another.

use std::time::{Duration, Instant};

use bytemuck::cast_slice;
use wgpu::BufferUsages;

use super::DrawnRow;
use super::effects::EffectsKernel;
use crate::gpu::{Clock, ComputeKernel, Gpu, GpuError, Readback, Submission};
use crate::independent::proposal::about_mode::IndependentRun;
use crate::random::StreamKey;

/// The buffers of a dispatch.
#[derive(Debug)]
pub struct DrawSlot {
    run: wgpu::Buffer,
    keys: wgpu::Buffer,
    drawn: Readback,
    draw: wgpu::BindGroup,
    /// The group effects, if they are wanted.
    effects: Option<(Readback, wgpu::BindGroup)>,
    clock: Option<Clock>,
    under_way: Option<UnderWay>,
}

/// A dispatch under way.
#[derive(Debug)]
struct UnderWay {
    submission: Submission,
    keys: Vec<StreamKey>,
    /// Time of its submission.
    host: Duration,
}

/// What has come back of a dispatch: its draws and the times of host, waiting and kernels.
pub struct Landed {
    pub keys: Vec<StreamKey>,
    pub times: [Duration; 3],
}

impl DrawSlot {
    /// Buffers for `rows` draws by `kernel`, with the tables of `shared`.
    ///
    /// # Errors
    /// If the device has no room for the buffers.
    pub fn new(
        gpu: &Gpu,
        kernel: &ComputeKernel,
        shared: &[(u32, &wgpu::Buffer)],
        rows: usize,
    ) -> Result<DrawSlot, GpuError> {
        let written = |usage| usage | BufferUsages::COPY_DST;
        let run = gpu.buffer("run", size_of::<IndependentRun>() as u64, written(BufferUsages::UNIFORM))?;
        let keys = gpu.buffer("keys", (rows * size_of::<[u32; 2]>()) as u64, written(BufferUsages::STORAGE))?;
        let drawn = Readback::new(gpu, "draws", (rows * size_of::<DrawnRow>()) as u64)?;
        let own = [(0, &run), (2, &keys), (3, drawn.output())];
        let draw = kernel.bind(gpu, &[shared, &own].concat())?;
        Ok(DrawSlot { draw, run, keys, drawn, effects: None, clock: Clock::new(gpu)?, under_way: None })
    }

    /// Buffers for the effects of up to `rows` draws, by `kernel`.
    ///
    /// # Errors
    /// If the device has no room for the buffers.
    pub fn add_effects(&mut self, gpu: &Gpu, kernel: &EffectsKernel, rows: usize) -> Result<(), GpuError> {
        let effects = Readback::new(gpu, "effects", kernel.bytes(rows))?;
        let own = [(0, &self.run), (2, &self.keys), (3, self.drawn.output()), (4, effects.output())];
        let bound = kernel.bind(gpu, &own)?;
        self.effects = Some((effects, bound));
        Ok(())
    }

    /// Drops the buffers of effects.
    pub fn drop_effects(&mut self) {
        self.effects = None;
    }

    /// Submits a dispatch of `run` for `keys`: `kernel` in so many `workgroups`, then `effects`.
    pub fn submit(
        &mut self,
        gpu: &Gpu,
        run: IndependentRun,
        keys: Vec<StreamKey>,
        (kernel, workgroups): (&ComputeKernel, u32),
        effects: Option<&EffectsKernel>,
    ) {
        let began = Instant::now();
        gpu.write(&self.run, &[run]);
        let places: Vec<[u32; 2]> = keys.iter().map(|key| [key.chain, key.transition]).collect();
        gpu.write(&self.keys, &places);
        let effects = effects.zip(self.effects.as_ref());
        let mut readbacks = vec![(&self.drawn, (keys.len() * size_of::<DrawnRow>()) as u64)];
        readbacks.extend(effects.map(|(kernel, (effects, _))| (effects, kernel.bytes(keys.len()))));
        let kernels = |pass: &mut wgpu::ComputePass| {
            kernel.dispatch(pass, &self.draw, workgroups, 1);
            if let Some((kernel, (_, bound))) = effects {
                kernel.dispatch(gpu, pass, bound, keys.len());
            }
        };
        let submission = Submission::start(gpu, |_| {}, kernels, &readbacks, self.clock.as_ref(), &[]);
        self.under_way = Some(UnderWay { submission, keys, host: began.elapsed() });
    }

    /// Waits for the dispatch, and passes its draws, and its effects, to `read`; `None` if there is none.
    ///
    /// # Errors
    /// If the device fails.
    pub fn land(
        &mut self,
        gpu: &Gpu,
        effects: Option<&EffectsKernel>,
        read: impl FnOnce(&[DrawnRow], &[f32]),
    ) -> Result<Option<Landed>, GpuError> {
        let Some(UnderWay { submission, keys, host }) = self.under_way.take() else { return Ok(None) };
        let waiting = Instant::now();
        submission.wait(gpu)?;
        let landed = Instant::now();
        let rows = (keys.len() * size_of::<DrawnRow>()) as u64;
        self.drawn.read(rows, |drawn| match effects.zip(self.effects.as_ref()) {
            Some((kernel, (effects, _))) => {
                effects.read(kernel.bytes(keys.len()), |effects| read(cast_slice(drawn), cast_slice(effects)))
            }
            None => {
                read(cast_slice(drawn), &[]);
                Ok(())
            }
        })??;
        let kernel = self.clock.as_ref().map_or(Ok(Duration::ZERO), Clock::read)?;
        Ok(Some(Landed { keys, times: [host + landed.elapsed(), landed - waiting, kernel] }))
    }
}
