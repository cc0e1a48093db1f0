//! Asynchronous work on the device: transfers and kernels in one submission, which is done when its results can be
//! read. Several submissions may be under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wgpu::{BufferUsages, CommandEncoder, ComputePass, MapMode, SubmissionIndex};

use super::{Gpu, GpuError};

/// A buffer that kernels write, and the host's copy of it.
#[derive(Debug)]
pub struct Readback {
    output: wgpu::Buffer,
    readback: wgpu::Buffer,
}

impl Readback {
    /// Buffers of `bytes`, called `what` in errors.
    ///
    /// # Errors
    /// If the device has no room for the buffers.
    pub fn new(gpu: &Gpu, what: &str, bytes: u64) -> Result<Readback, GpuError> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let output = gpu.buffer(what, bytes, usage)?;
        Ok(Readback { output, readback: gpu.buffer(what, bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST)? })
    }

    /// The device's buffer, for shaders to write.
    pub fn output(&self) -> &wgpu::Buffer {
        &self.output
    }

    /// Discards the results, so that the buffer can be used again.
    pub fn discard(&self) {
        self.readback.unmap();
    }

    /// Passes the first `bytes` of the results to `read`.
    ///
    /// # Errors
    /// If there are none yet.
    pub fn read<R>(&self, bytes: u64, read: impl FnOnce(&[u8]) -> R) -> Result<R, GpuError> {
        let view = self.readback.slice(..bytes).get_mapped_range();
        let result = read(&view.map_err(|error| GpuError::Refused { reason: error.to_string() })?);
        self.readback.unmap();
        Ok(result)
    }
}

/// Timestamps of the device before and after the kernels of a submission.
#[derive(Debug)]
pub struct Clock {
    queries: wgpu::QuerySet,
    ticks: Readback,
    /// Nanoseconds per tick.
    period: f64,
}

impl Clock {
    /// Bytes of two timestamps.
    const BYTES: u64 = 16;

    /// A clock; `None` if the device has no timestamps.
    ///
    /// # Errors
    /// If the device has no room for its buffers.
    pub fn new(gpu: &Gpu) -> Result<Option<Clock>, GpuError> {
        if !gpu.has_timestamps() {
            return Ok(None);
        }
        let descriptor = wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count: 2 };
        let queries = gpu.guarded(|| gpu.device.create_query_set(&descriptor))?;
        let resolved = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        let ticks = Readback {
            output: gpu.buffer("timestamps", Clock::BYTES, resolved)?,
            readback: gpu.buffer("timestamps", Clock::BYTES, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?,
        };
        Ok(Some(Clock { queries, ticks, period: f64::from(gpu.queue.get_timestamp_period()) }))
    }

    /// The time that the kernels of the finished submission took.
    ///
    /// # Errors
    /// If no submission is done.
    pub fn read(&self) -> Result<Duration, GpuError> {
        let ticks: [u64; 2] = self.ticks.read(Clock::BYTES, bytemuck::pod_read_unaligned)?;
        Ok(Duration::from_nanos((ticks[1].saturating_sub(ticks[0]) as f64 * self.period) as u64))
    }
}

/// A submission under way.
#[derive(Debug)]
pub struct Submission {
    submission: SubmissionIndex,
    /// Number of buffers to be mapped when the submission is done.
    asked: u32,
    answers: Arc<AtomicU32>,
}

/// Added to `answers` for a buffer that cannot be mapped.
const FAILED: u32 = 1 << 16;

impl Submission {
    /// Submits the commands that `before` records, then the kernels that `kernels` dispatches, timed by `clock`, then
    /// the transfers of each readback's leading bytes. `uploads` are mapped again when the submission is done.
    pub fn start(
        gpu: &Gpu,
        before: impl FnOnce(&mut CommandEncoder),
        kernels: impl FnOnce(&mut ComputePass),
        readbacks: &[(&Readback, u64)],
        clock: Option<&Clock>,
        uploads: &[&wgpu::Buffer],
    ) -> Submission {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        before(&mut encoder);
        let timestamp_writes = clock.map(|clock| wgpu::ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        kernels(&mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes }));
        for (readback, bytes) in readbacks {
            gpu.meter().count_bytes(*bytes);
            encoder.copy_buffer_to_buffer(&readback.output, 0, &readback.readback, 0, *bytes);
        }
        if let Some(clock) = clock {
            encoder.resolve_query_set(&clock.queries, 0..2, &clock.ticks.output, 0);
            encoder.copy_buffer_to_buffer(&clock.ticks.output, 0, &clock.ticks.readback, 0, Clock::BYTES);
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        let mut started = Submission { submission, asked: 0, answers: Arc::default() };
        uploads.iter().for_each(|buffer| started.ask(buffer, MapMode::Write));
        readbacks.iter().for_each(|(readback, _)| started.ask(&readback.readback, MapMode::Read));
        clock.iter().for_each(|clock| started.ask(&clock.ticks.readback, MapMode::Read));
        started
    }

    fn ask(&mut self, buffer: &wgpu::Buffer, mode: MapMode) {
        self.asked += 1;
        let answers = self.answers.clone();
        buffer.slice(..).map_async(mode, move |mapped| {
            answers.fetch_add(if mapped.is_ok() { 1 } else { FAILED }, Ordering::Release);
        });
    }

    /// Waits until the submission is done.
    ///
    /// # Errors
    /// If the device fails.
    pub fn wait(self, gpu: &Gpu) -> Result<(), GpuError> {
        gpu.wait(self.submission)?;
        // Another thread that saw the end of the submission first may still be calling the callbacks.
        loop {
            let answers = self.answers.load(Ordering::Acquire);
            gpu.check()?;
            if answers >= FAILED {
                return Err(GpuError::Lost { reason: "what it computed could not be read back".to_string() });
            }
            if answers == self.asked {
                return Ok(());
            }
            std::thread::yield_now();
        }
    }
}
