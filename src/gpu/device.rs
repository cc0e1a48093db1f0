//! An opened adapter: the device, its queue, and the first failure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wgpu::{BufferUsages, DeviceDescriptor, ErrorFilter, Features, MemoryHints, PollType, SubmissionIndex};

use super::{Adapter, GpuError, Meter, Switches};

/// Timeout of a submission; on a working device, none takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// An opened device, shared by everything that computes on it.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: Adapter,
    switches: Switches,
    target: Target,
    failure: Arc<FirstFailure>,
    meter: Arc<Meter>,
    pipelines: Mutex<Pipelines>,
}

/// The pipelines that a device has compiled, with the bindings that each uses: by entry point, source, and the names
/// and bits of `override` constants.
type Pipelines = HashMap<(String, String, Vec<(String, u64)>), (wgpu::ComputePipeline, Vec<u32>)>;

/// What kernels are compiled for: how lanes exchange numbers, and what the device's compiler supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Lanes of a team in a subgroup; `None` where lanes exchange numbers through a workgroup's memory.
    pub subgroup: Option<u32>,
    /// Whether every subgroup is exactly one team, so that its lanes may vote.
    pub whole: bool,
    /// Lanes of a workgroup that several teams share.
    pub workgroup: u32,
    /// Whether shaders may use 64-bit integers.
    pub int64: bool,
    /// Whether the device is software; its compiler takes minutes for unrolled loops.
    pub software: bool,
    /// Whether each chain has a lane to itself, where the model admits this.
    pub alone: bool,
}

impl Target {
    /// Default of `workgroup`.
    pub const WORKGROUP: u32 = 128;

    /// Smallest number of chains for which a lane each is faster than a team each.
    pub const ALONE: u32 = 5_000;

    /// This threshold if a lane also draws the effects of all groups, one group after the other.
    pub const ALONE_WITH_EFFECTS: u32 = 200_000;
}

/// The first failure that was reported outside any error scope; later failures follow from it.
#[derive(Debug, Default)]
struct FirstFailure(Mutex<Option<GpuError>>);

impl FirstFailure {
    /// Records `error` if it is the first; returns the first failure.
    fn report(&self, error: GpuError) -> GpuError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error).clone()
    }

    /// Replaces the first failure by `error`, which explains it; returns `error`.
    fn replace(&self, error: GpuError) -> GpuError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(error).clone()
    }

    fn get(&self) -> Option<GpuError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Gpu {
    /// Opens `adapter` with the switches of the environment.
    ///
    /// # Errors
    /// If the driver gives no device, or a switch has an invalid value.
    pub fn open(adapter: Adapter) -> Result<Arc<Gpu>, GpuError> {
        Gpu::open_with(adapter, Switches::from_env()?)
    }

    /// Opens `adapter` with `switches`.
    ///
    /// # Errors
    /// If the driver gives no device, or does not accept the SPIR-V that `switches` ask for.
    pub fn open_with(adapter: Adapter, switches: Switches) -> Result<Arc<Gpu>, GpuError> {
        let mut wanted = super::adapter::USED;
        wanted.set(Features::SUBGROUP, switches.subgroups);
        wanted.set(Features::SHADER_INT64, switches.int64);
        wanted.set(Features::PASSTHROUGH_SHADERS, switches.spirv.is_some());
        let features = adapter.inner.features() & wanted;
        let unopened = |reason: String| GpuError::Open { name: adapter.name().to_string(), reason };
        if switches.spirv.is_some()
            && (adapter.backend() != "Vulkan" || !features.contains(Features::PASSTHROUGH_SHADERS))
        {
            return Err(unopened("WARPNUTS_SPIRV is set, and it takes no SPIR-V; leave that variable out".to_string()));
        }
        let limits = adapter.inner.limits();
        let descriptor = DeviceDescriptor {
            label: Some("warpnuts"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: MemoryHints::Performance,
            ..DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.inner.request_device(&descriptor))
            .map_err(|error| unopened(error.to_string()))?;
        let failure = Arc::new(FirstFailure::default());
        let lost = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.report(GpuError::Lost { reason: format!("{reason:?} {message}").trim().to_string() });
        });
        let uncaptured = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            uncaptured.report(error.into());
        }));
        // A team fits into a subgroup of any size the device may choose.
        let sizes = adapter.subgroups().filter(|_| features.contains(Features::SUBGROUP));
        let subgroup = sizes.map(|(smallest, _)| smallest.min(32)).filter(|size| size.is_power_of_two());
        let most = limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x);
        let target = Target {
            subgroup,
            whole: switches.votes && subgroup.is_some_and(|lanes| sizes == Some((lanes, lanes))),
            workgroup: switches.workgroup.unwrap_or(Target::WORKGROUP).min(most),
            int64: features.contains(Features::SHADER_INT64),
            software: adapter.is_software(),
            alone: switches.alone == Some(0),
        };
        let (meter, pipelines) = (Arc::default(), Mutex::default());
        Ok(Arc::new(Gpu { device, queue, adapter, switches, target, failure, meter, pipelines }))
    }

    /// The adapter that was opened.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The switches with which the adapter was opened.
    pub fn switches(&self) -> Switches {
        self.switches
    }

    /// What kernels on this device are compiled for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The target of kernels that make whole transitions of `chains` chains; with `sums`, they may draw effects too.
    pub fn target_of(&self, chains: u32, sums: bool) -> Target {
        let least = if sums { Target::ALONE_WITH_EFFECTS } else { Target::ALONE };
        Target { alone: chains >= self.switches.alone.unwrap_or(least), ..self.target }
    }

    /// All pipelines that were compiled for the device.
    pub(super) fn pipelines(&self) -> MutexGuard<'_, Pipelines> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The times of all work on the device.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The device's limits.
    pub fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    /// Whether kernels are timed on the device.
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// The largest size of a buffer that a shader reads or writes, in bytes.
    pub fn largest_binding(&self) -> u64 {
        let limits = self.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// A buffer of `bytes` zeros, called `what` in errors.
    ///
    /// # Errors
    /// If it is larger than the device allows, or the device's memory is full.
    pub fn buffer(&self, what: &str, bytes: u64, usage: BufferUsages) -> Result<wgpu::Buffer, GpuError> {
        self.buffer_or(what, bytes, usage, "run fewer chains at once, or use --engine cpu")
    }

    /// The same; `remedy` is what helps if it is larger than the device allows.
    fn buffer_or(&self, what: &str, bytes: u64, usage: BufferUsages, remedy: &str) -> Result<wgpu::Buffer, GpuError> {
        let limit =
            if usage.contains(BufferUsages::STORAGE) { self.largest_binding() } else { self.limits().max_buffer_size };
        if bytes > limit {
            return Err(GpuError::TooLarge { what: what.to_string(), bytes, limit, remedy: remedy.to_string() });
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

    /// A buffer that holds `content` for shaders to read, called `what` in errors.
    ///
    /// # Errors
    /// If it is larger than the device allows, or the device's memory is full.
    pub fn table<T: bytemuck::NoUninit>(&self, what: &str, content: &[T]) -> Result<wgpu::Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(content);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        let buffer = self.buffer_or(what, bytes.len() as u64, usage, "use --engine cpu")?;
        self.queue.write_buffer(&buffer, 0, bytes);
        Ok(buffer)
    }

    /// Writes `content` to the beginning of `buffer`, before the next submission runs.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, content: &[T]) {
        self.queue.write_buffer(buffer, 0, bytemuck::cast_slice(content));
    }

    /// Calls `make`, and returns the device's first error in place of its result.
    ///
    /// # Errors
    /// If the device reports an error, or has failed before.
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

    /// Whether the device works so far.
    ///
    /// # Errors
    /// The first failure that was reported.
    pub fn check(&self) -> Result<(), GpuError> {
        self.failure.get().map_or(Ok(()), Err)
    }

    /// Marks the device as failed because of `error`, unless it failed before; returns the first failure.
    pub(super) fn fail(&self, error: GpuError) -> GpuError {
        self.failure.report(error)
    }

    /// Marks the device as failed because the driver refused a pipeline of kernel `name`; returns the error.
    pub(super) fn refused(&self, name: &str, reason: String) -> GpuError {
        let adapter = format!("{} ({}, {})", self.adapter.name(), self.adapter.backend(), self.adapter.driver());
        let remedy = match self.switches.spirv {
            None if self.adapter.backend() == "Vulkan" => "try WARPNUTS_SPIRV=1.3, or use --engine cpu",
            _ => "use --engine cpu",
        };
        self.failure.replace(GpuError::Pipeline { name: name.to_string(), adapter, reason, remedy })
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

    /// Destroys the device, as a driver might during a run: all its work fails from now on.
    pub fn lose(&self) {
        self.device.destroy();
    }
}
