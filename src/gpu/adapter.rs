//! The adapters of this machine: names, capabilities, and the choice of one.

use wgpu::{Backends, DeviceType, Features, Instance, InstanceDescriptor, InstanceFlags};

use super::GpuError;

/// Optional features: used where the adapter has them.
pub(super) const USED: Features = Features::SUBGROUP.union(Features::TIMESTAMP_QUERY).union(Features::SHADER_INT64);

/// An adapter before it is opened, with its description.
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

    /// The first adapter whose name contains `name`, ignoring case; without a name, one of the fastest kind. Software
    /// is refused unless `allow_software`.
    ///
    /// # Errors
    /// If there is no adapter, none of that name (the error lists the names), or only software that is not allowed.
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

    /// The driver's name for the adapter.
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

    /// Whether the adapter is a program on the CPU.
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

    /// The smallest and the largest subgroup size, in lanes; `None` without subgroup operations.
    pub fn subgroups(&self) -> Option<(u32, u32)> {
        let sizes = (self.info.subgroup_min_size, self.info.subgroup_max_size);
        self.inner.features().contains(Features::SUBGROUP).then_some(sizes)
    }

    /// Whether shaders may use 64-bit integers.
    pub fn has_int64(&self) -> bool {
        self.inner.features().contains(Features::SHADER_INT64)
    }

    /// Whether kernels can be timed on the device.
    pub fn has_timestamps(&self) -> bool {
        self.inner.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// The adapter's limits.
    pub fn limits(&self) -> wgpu::Limits {
        self.inner.limits()
    }
}

/// The flags of wgpu's instance: none, unless wgpu's own variables (`WGPU_VALIDATION`, `WGPU_DEBUG`,
/// `WGPU_ALLOW_UNDERLYING_NONCOMPLIANT_ADAPTER`) set some.
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
