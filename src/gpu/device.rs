//! An opened adapter: the device, its queue, and the first thing that went wrong with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wgpu::{BufferUsages, DeviceDescriptor, ErrorFilter, Features, MemoryHints, PollType, SubmissionIndex};

use super::{Adapter, GpuError};

/// No submission of warpnuts takes nearly as long on a working device.
const PATIENCE: Duration = Duration::from_secs(120);

/// A device that computes, shared by everything that lives on it.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: Adapter,
    /// How many lanes of a subgroup may add up together; `None` where they have to use a workgroup's memory.
    subgroup: Option<u32>,
    failure: Arc<Failure>,
}

/// The first failure that was reported outside any scope; later ones follow from it.
#[derive(Debug, Default)]
struct Failure(Mutex<Option<GpuError>>);

impl Failure {
    /// Keeps `error` if it is the first; returns the first.
    fn report(&self, error: GpuError) -> GpuError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error).clone()
    }

    fn get(&self) -> Option<GpuError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Gpu {
    /// Opens `adapter`; with `subgroups` false, without the subgroup operations that it may have.
    ///
    /// # Errors
    /// When the driver gives no device.
    pub fn open(adapter: Adapter, subgroups: bool) -> Result<Arc<Gpu>, GpuError> {
        let mut features = adapter.inner.features() & super::adapter::USED;
        features.set(Features::SUBGROUP, subgroups && features.contains(Features::SUBGROUP));
        let descriptor = DeviceDescriptor {
            label: Some("warpnuts"),
            required_features: features,
            required_limits: adapter.inner.limits(),
            memory_hints: MemoryHints::Performance,
            ..DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.inner.request_device(&descriptor))
            .map_err(|error| GpuError::Open { name: adapter.name().to_string(), reason: error.to_string() })?;
        let failure = Arc::new(Failure::default());
        let lost = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.report(GpuError::Lost { reason: format!("{reason:?} {message}").trim().to_string() });
        });
        let uncaptured = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            uncaptured.report(error.into());
        }));
        // Lanes that lie side by side in a subgroup of any size the device may choose.
        let smallest = adapter.subgroups().map(|(smallest, _)| smallest.min(32));
        let subgroup = smallest.filter(|size| features.contains(Features::SUBGROUP) && size.is_power_of_two());
        Ok(Arc::new(Gpu { device, queue, adapter, subgroup, failure }))
    }

    /// What was opened.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// How many lanes can add up without a workgroup's memory; `None` where subgroups are missing or switched off.
    pub fn subgroup(&self) -> Option<u32> {
        self.subgroup
    }

    /// What the device allows.
    pub fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    /// Whether kernels are timed on the device.
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// The most bytes a buffer that a shader reads or writes may have.
    pub fn largest_binding(&self) -> u64 {
        let limits = self.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// A buffer of `bytes` zeros, called `what` in errors.
    ///
    /// # Errors
    /// When it is larger than the device allows, or its memory is full.
    pub fn buffer(&self, what: &str, bytes: u64, usage: BufferUsages) -> Result<wgpu::Buffer, GpuError> {
        let limit =
            if usage.contains(BufferUsages::STORAGE) { self.largest_binding() } else { self.limits().max_buffer_size };
        if bytes > limit {
            let remedy = "run fewer chains at once, or use --engine cpu".to_string();
            return Err(GpuError::TooLarge { what: what.to_string(), bytes, limit, remedy });
        }
        self.guarded(|| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(what),
                size: bytes.max(16).next_multiple_of(4),
                usage,
                mapped_at_creation: usage.contains(BufferUsages::MAP_WRITE),
            })
        })
    }

    /// A buffer that holds `content` for shaders to read.
    ///
    /// # Errors
    /// When it is larger than the device allows, or its memory is full.
    pub fn table<T: bytemuck::NoUninit>(&self, what: &str, content: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(content);
        let buffer = self.buffer(
            what,
            bytes.len() as u64,
            BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC,
        )?;
        self.queue.write_buffer(&buffer, 0, bytes);
        Ok(buffer)
    }

    /// Sends `content` to the beginning of `buffer`, before whatever is submitted next.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, content: &[T]) {
        self.queue.write_buffer(buffer, 0, bytemuck::cast_slice(content));
    }

    /// Sends rows of `length` numbers to `buffer`, where they begin `stride` bytes from each other.
    ///
    /// # Errors
    /// When the device has no room for them on their way.
    pub fn scatter(&self, buffer: &wgpu::Buffer, stride: u64, rows: &[f32], length: usize) -> Result<(), GpuError> {
        let staged = self.table("numbers on their way", rows)?;
        let bytes = 4 * length as u64;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        for row in 0..(rows.len() / length) as u64 {
            encoder.copy_buffer_to_buffer(&staged, row * bytes, buffer, row * stride, bytes);
        }
        self.queue.submit([encoder.finish()]);
        self.check()
    }

    /// Makes something on the device, with what goes wrong as an error.
    ///
    /// # Errors
    /// When the device reports one.
    pub fn guarded<T>(&self, make: impl FnOnce() -> T) -> Result<T, GpuError> {
        let validation = self.device.push_error_scope(ErrorFilter::Validation);
        let memory = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(ErrorFilter::Internal);
        let made = make();
        let errors = [internal, memory, validation].map(|scope| pollster::block_on(scope.pop()));
        match errors.into_iter().flatten().next() {
            Some(error) => Err(error.into()),
            None => self.check().map(|()| made),
        }
    }

    /// Whether nothing has gone wrong so far.
    ///
    /// # Errors
    /// The first failure that was reported.
    pub fn check(&self) -> Result<(), GpuError> {
        self.failure.get().map_or(Ok(()), Err)
    }

    /// From now on nothing is right, and `error` is why, unless something was wrong before.
    pub(super) fn fail(&self, error: GpuError) -> GpuError {
        self.failure.report(error)
    }

    /// Waits until `submission` is done and its callbacks have been called.
    pub(super) fn wait(&self, submission: SubmissionIndex) -> Result<(), GpuError> {
        let waited = self.device.poll(PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) });
        self.check()?;
        match waited {
            Ok(_) => Ok(()),
            Err(error) => Err(GpuError::Lost { reason: error.to_string() }),
        }
    }

    /// Gives the device up, as a driver would in the middle of a run: everything on it fails from now on.
    pub fn lose(&self) {
        self.device.destroy();
    }
}
