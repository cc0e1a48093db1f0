//! One round trip to the device: numbers go up, kernels run, numbers come back, in one submission and one wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wgpu::{BufferUsages, MapMode};

use super::{Gpu, GpuError};

/// Where the time of round trips goes; shared by all who make them.
#[derive(Debug, Default)]
pub struct Meter {
    trips: AtomicU64,
    /// Nanoseconds of the host's work around them: conversion, recording, submission.
    host: AtomicU64,
    /// Nanoseconds of waiting.
    wait: AtomicU64,
    /// Nanoseconds of kernels, where the device can tell.
    kernel: AtomicU64,
}

/// What a [`Meter`] shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// How many round trips were made.
    pub trips: u64,
    /// The host's work around them: conversion, recording, submission.
    pub host: Duration,
    /// Waiting for transfers and kernels.
    pub wait: Duration,
    /// Kernels alone; zero where the device cannot tell.
    pub kernel: Duration,
}

impl Meter {
    /// What was counted so far.
    pub fn reading(&self) -> Reading {
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        Reading {
            trips: self.trips.load(Ordering::Relaxed),
            host: time(&self.host),
            wait: time(&self.wait),
            kernel: time(&self.kernel),
        }
    }
}

/// Buffers for round trips, made once: one end of each transfer is the host's, the other the device's.
#[derive(Debug)]
pub struct Exchange {
    gpu: Arc<Gpu>,
    upload: wgpu::Buffer,
    input: wgpu::Buffer,
    output: wgpu::Buffer,
    readback: wgpu::Buffer,
    clock: Option<Clock>,
    meter: Arc<Meter>,
}

/// The device's clock, read before and after the kernels.
#[derive(Debug)]
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: wgpu::Buffer,
    /// Nanoseconds a tick.
    period: f64,
}

/// Bytes of two timestamps.
const TIMESTAMPS: u64 = 16;

impl Exchange {
    /// Room for round trips of up to `up` and `down` bytes, counted by `meter`.
    ///
    /// # Errors
    /// When the device has no room for them.
    pub fn new(gpu: Arc<Gpu>, up: u64, down: u64, meter: Arc<Meter>) -> Result<Exchange, GpuError> {
        let upload = gpu.buffer("upload", up, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC)?;
        let input = gpu.buffer("input", up, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        let output = gpu.buffer("output", down, BufferUsages::STORAGE | BufferUsages::COPY_SRC)?;
        let readback = gpu.buffer("readback", down, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        let clock = if gpu.has_timestamps() { Some(Clock::new(&gpu)?) } else { None };
        Ok(Exchange { gpu, upload, input, output, readback, clock, meter })
    }

    /// What goes up, as shaders read it.
    pub fn input(&self) -> &wgpu::Buffer {
        &self.input
    }

    /// What comes back, as shaders write it.
    pub fn output(&self) -> &wgpu::Buffer {
        &self.output
    }

    /// Sends `numbers` up, runs the kernels that `record` dispatches, and has `read` look at the first `down` numbers that
    /// came back.
    ///
    /// # Errors
    /// When the device fails; it is not tried again.
    pub fn round_trip(
        &mut self,
        numbers: &[f32],
        down: usize,
        record: impl FnOnce(&mut wgpu::ComputePass),
        read: impl FnOnce(&[f32]),
    ) -> Result<(), GpuError> {
        self.gpu.check()?;
        self.try_round_trip(numbers, down, record, read).map_err(|error| self.gpu.fail(error))
    }

    fn try_round_trip(
        &mut self,
        numbers: &[f32],
        down: usize,
        record: impl FnOnce(&mut wgpu::ComputePass),
        read: impl FnOnce(&[f32]),
    ) -> Result<(), GpuError> {
        let start = Instant::now();
        let gpu = &self.gpu;
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        let (up, down) = (bytes.len() as u64, 4 * down as u64);
        let refused = |error: wgpu::MapRangeError| GpuError::Refused { reason: error.to_string() };
        self.upload.slice(..up).get_mapped_range_mut().map_err(refused)?.copy_from_slice(bytes);
        self.upload.unmap();

        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        encoder.copy_buffer_to_buffer(&self.upload, 0, &self.input, 0, up);
        {
            let timestamp_writes = self.clock.as_ref().map(|clock| wgpu::ComputePassTimestampWrites {
                query_set: &clock.queries,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            record(&mut pass);
        }
        encoder.copy_buffer_to_buffer(&self.output, 0, &self.readback, 0, down);
        let mapped = Mapped::default();
        if let Some(clock) = &self.clock {
            encoder.resolve_query_set(&clock.queries, 0..2, &clock.resolved, 0);
            encoder.copy_buffer_to_buffer(&clock.resolved, 0, &clock.readback, 0, TIMESTAMPS);
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        mapped.ask(&self.upload, MapMode::Write);
        mapped.ask(&self.readback, MapMode::Read);
        if let Some(clock) = &self.clock {
            mapped.ask(&clock.readback, MapMode::Read);
        }
        let submitted = Instant::now();
        gpu.wait(submission)?;
        mapped.wait(gpu)?;
        let waited = Instant::now();

        read(bytemuck::cast_slice(&self.readback.slice(..down).get_mapped_range().map_err(refused)?));
        self.readback.unmap();
        if let Some(clock) = &self.clock {
            let ticks: [u64; 2] =
                bytemuck::pod_read_unaligned(&clock.readback.slice(..TIMESTAMPS).get_mapped_range().map_err(refused)?);
            clock.readback.unmap();
            let time = ticks[1].saturating_sub(ticks[0]) as f64 * clock.period;
            self.meter.kernel.fetch_add(time as u64, Ordering::Relaxed);
        }
        let host = (submitted - start) + waited.elapsed();
        self.meter.trips.fetch_add(1, Ordering::Relaxed);
        self.meter.host.fetch_add(host.as_nanos() as u64, Ordering::Relaxed);
        self.meter.wait.fetch_add((waited - submitted).as_nanos() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Clock {
    fn new(gpu: &Gpu) -> Result<Clock, GpuError> {
        let queries = gpu.guarded(|| {
            gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            })
        })?;
        Ok(Clock {
            queries,
            resolved: gpu.buffer("timestamps", TIMESTAMPS, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?,
            readback: gpu.buffer("timestamps", TIMESTAMPS, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?,
            period: f64::from(gpu.queue.get_timestamp_period()),
        })
    }
}

/// Buffers that are to be mapped when the device is done with them.
#[derive(Debug, Default)]
struct Mapped {
    asked: std::cell::Cell<u32>,
    /// How many are mapped, and in the high half, how many cannot be.
    answers: Arc<AtomicU32>,
}

impl Mapped {
    const FAILED: u32 = 1 << 16;

    fn ask(&self, buffer: &wgpu::Buffer, mode: MapMode) {
        self.asked.set(self.asked.get() + 1);
        let answers = self.answers.clone();
        buffer.slice(..).map_async(mode, move |mapped| {
            answers.fetch_add(if mapped.is_ok() { 1 } else { Mapped::FAILED }, Ordering::Release);
        });
    }

    /// The submission is done; but where another thread has seen that first, it may still be on its way with the answers.
    fn wait(&self, gpu: &Gpu) -> Result<(), GpuError> {
        loop {
            let answers = self.answers.load(Ordering::Acquire);
            if answers >= Mapped::FAILED {
                gpu.check()?;
                return Err(GpuError::Lost { reason: "what it computed could not be read back".to_string() });
            }
            if answers == self.asked.get() {
                return Ok(());
            }
            std::thread::yield_now();
            gpu.check()?;
        }
    }
}
