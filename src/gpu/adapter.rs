//! The adapters of this machine: what they are called, what they can do, and which one to take.

use wgpu::{Backends, DeviceType, Features, Instance, InstanceDescriptor, InstanceFlags};

use super::GpuError;

/// The features that are used where they are there, and done without where not.
pub(super) const USED: Features = Features::SUBGROUP.union(Features::TIMESTAMP_QUERY).union(Features::SHADER_INT64);

/// An adapter, and what is known of it before it is opened.
#[derive(Debug, Clone)]
pub struct Adapter {
    pub(super) inner: wgpu::Adapter,
    info: wgpu::AdapterInfo,
}

impl Adapter {
    /// All adapters of this machine, the fastest kind first.
    pub fn all() -> Vec<Adapter> {
        let mut descriptor = InstanceDescriptor::new_without_display_handle();
        descriptor.backends = Backends::PRIMARY;
        descriptor.flags = flags();
        let instance = Instance::new(descriptor);
        let mut adapters: Vec<Adapter> = pollster::block_on(instance.enumerate_adapters(Backends::PRIMARY))
            .into_iter()
            .map(|inner| Adapter { info: inner.get_info(), inner })
            .collect();
        adapters.sort_by_key(|adapter| rank(adapter.info.device_type));
        adapters
    }

    /// The adapter to take: the first one whose name contains `name` where there is one, or the fastest kind, and no
    /// software unless it is named or allowed.
    ///
    /// # Errors
    /// When there is none; the error says which there are.
    pub fn choose(name: Option<&str>, allow_software: bool) -> Result<Adapter, GpuError> {
        let mut adapters = Adapter::all();
        if adapters.is_empty() {
            return Err(GpuError::NoAdapter);
        }
        let position = match name {
            None => 0,
            Some(wanted) => {
                let is_wanted = |adapter: &Adapter| adapter.name().to_lowercase().contains(&wanted.to_lowercase());
                adapters.iter().position(is_wanted).ok_or_else(|| GpuError::NotFound {
                    wanted: wanted.to_string(),
                    there: adapters.iter().map(Adapter::name).collect::<Vec<_>>().join("; "),
                })?
            }
        };
        let adapter = adapters.swap_remove(position);
        if adapter.is_software() && !allow_software {
            return Err(GpuError::Software { name: adapter.name().to_string() });
        }
        Ok(adapter)
    }

    /// What the driver calls it.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `unknown`.
    pub fn kind(&self) -> &'static str {
        match self.info.device_type {
            DeviceType::DiscreteGpu => "discrete GPU",
            DeviceType::IntegratedGpu => "integrated GPU",
            DeviceType::VirtualGpu => "virtual GPU",
            DeviceType::Cpu => "software",
            DeviceType::Other => "unknown",
        }
    }

    /// Whether it is a program that runs on the CPU.
    pub fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    /// `Vulkan`, `Metal` or `Dx12`.
    pub fn backend(&self) -> String {
        format!("{:?}", self.info.backend)
    }

    /// The driver's name and version.
    pub fn driver(&self) -> String {
        format!("{} {}", self.info.driver, self.info.driver_info).trim().to_string()
    }

    /// The smallest and the largest subgroup; `None` without subgroup operations.
    pub fn subgroups(&self) -> Option<(u32, u32)> {
        let sizes = (self.info.subgroup_min_size, self.info.subgroup_max_size);
        self.inner.features().contains(Features::SUBGROUP).then_some(sizes)
    }

    /// Whether it has 64-bit integers.
    pub fn has_int64(&self) -> bool {
        self.inner.features().contains(Features::SHADER_INT64)
    }

    /// Whether kernels can be timed on the device.
    pub fn has_timestamps(&self) -> bool {
        self.inner.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// What it allows.
    pub fn limits(&self) -> wgpu::Limits {
        self.inner.limits()
    }
}

/// The flags of wgpu's instance: none, unless its own variables (`WGPU_VALIDATION`, `WGPU_DEBUG`,
/// `WGPU_ALLOW_UNDERLYING_NONCOMPLIANT_ADAPTER`) say otherwise.
pub fn flags() -> InstanceFlags {
    InstanceFlags::empty().with_env()
}

fn rank(kind: DeviceType) -> u32 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}
