//! A round trip to the device: an upload, kernels, and a download, in one submission and one wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wgpu::BufferUsages;

use super::{Clock, Gpu, GpuError, Meter, Readback, Submission};

/// Buffers for round trips, made once: for each transfer, one of the host and one of the device.
#[derive(Debug)]
pub struct Exchange {
    gpu: Arc<Gpu>,
    upload: wgpu::Buffer,
    input: wgpu::Buffer,
    readback: Readback,
    clock: Option<Clock>,
    meter: Arc<Meter>,
}

impl Exchange {
    /// Buffers for up to `up` bytes sent and `down` bytes received; `meter` counts the trips.
    ///
    /// # Errors
    /// If the device has no room for the buffers.
    pub fn new(gpu: Arc<Gpu>, up: u64, down: u64, meter: Arc<Meter>) -> Result<Exchange, GpuError> {
        let upload = gpu.buffer("upload", up, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC)?;
        let input = gpu.buffer("input", up, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
        let readback = Readback::new(&gpu, "output", down)?;
        let clock = Clock::new(&gpu)?;
        Ok(Exchange { gpu, upload, input, readback, clock, meter })
    }

    /// The device's copy of the upload, for shaders to read.
    pub fn input(&self) -> &wgpu::Buffer {
        &self.input
    }

    /// The device's buffer of results, for shaders to write.
    pub fn output(&self) -> &wgpu::Buffer {
        self.readback.output()
    }

    /// Sends `numbers`, runs the kernels that `record` dispatches, and passes the first `down` results to `read`.
    ///
    /// # Errors
    /// If the device fails; the trip is not repeated.
    pub fn round_trip(
        &mut self,
        numbers: &[f32],
        down: usize,
        record: impl FnOnce(&mut wgpu::ComputePass),
        read: impl FnOnce(&[f32]),
    ) -> Result<(), GpuError> {
        self.gpu.check()?;
        let trip = || {
            let start = Instant::now();
            let bytes: &[u8] = bytemuck::cast_slice(numbers);
            let (up, down) = (bytes.len() as u64, 4 * down as u64);
            let view = self.upload.slice(..up).get_mapped_range_mut();
            view.map_err(|error| GpuError::Refused { reason: error.to_string() })?.copy_from_slice(bytes);
            self.upload.unmap();
            let send = |encoder: &mut wgpu::CommandEncoder| {
                encoder.copy_buffer_to_buffer(&self.upload, 0, &self.input, 0, up);
            };
            let readbacks = [(&self.readback, down)];
            let submission =
                Submission::start(&self.gpu, send, record, &readbacks, self.clock.as_ref(), &[&self.upload]);
            let submitted = Instant::now();
            submission.wait(&self.gpu)?;
            let landed = Instant::now();
            self.readback.read(down, |bytes| read(bytemuck::cast_slice(bytes)))?;
            let kernel = self.clock.as_ref().map_or(Ok(Duration::ZERO), Clock::read)?;
            self.meter.count((submitted - start) + landed.elapsed(), landed - submitted, kernel);
            Ok(())
        };
        trip().map_err(|error| self.gpu.fail(error))
    }
}
