//! A physical device: how it is chosen, its properties, and how it is opened.

use std::ffi::CStr;

use anyhow::{Result, anyhow, bail};
use ash::{ext, khr, vk};
use warpnuts::gpu::Target;

use crate::watched::at;

/// Calls Vulkan, after printing the name of the call.
///
/// # Errors
/// The result code, and the name of the call.
pub fn call<T>(name: &str, call: impl FnOnce() -> Result<T, vk::Result>) -> Result<T> {
    at(name);
    call().map_err(|code| anyhow!("{code:?} in {name}"))
}

/// A device that is not opened yet.
pub struct Card {
    /// The loader, which has to stay loaded.
    _entry: ash::Entry,
    /// The device's instance.
    pub instance: ash::Instance,
    /// The handle.
    pub physical: vk::PhysicalDevice,
    /// The properties and limits.
    pub properties: vk::PhysicalDeviceProperties,
    /// The queue families.
    pub families: Vec<vk::QueueFamilyProperties>,
    features: vk::PhysicalDeviceFeatures,
    extensions: Vec<String>,
    driver: String,
    subgroup: u32,
    /// The smallest and the largest subgroup, if the driver reports them.
    sizes: Option<(u32, u32)>,
    /// Whether wgpu would let kernels use subgroups.
    subgroups: bool,
}

impl Card {
    /// The first device whose name contains `name`; without one the first discrete GPU, or else the first device.
    ///
    /// # Errors
    /// If there is none.
    pub fn choose(name: Option<&str>) -> Result<Card> {
        at("loading Vulkan");
        // SAFETY: the library is the system's Vulkan loader, whose initialisation has no further conditions.
        let entry = unsafe { ash::Entry::load() }.map_err(|error| anyhow!("there is no Vulkan loader ({error})"))?;
        // SAFETY: the call only returns a number.
        let version = call("vkEnumerateInstanceVersion", || unsafe { entry.try_enumerate_instance_version() })?;
        if version.is_none_or(|version| version < vk::API_VERSION_1_1) {
            bail!("the Vulkan loader is older than 1.1");
        }
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let create = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: `create` is complete and outlives the call, like all structures below.
        let instance = call("vkCreateInstance", || unsafe { entry.create_instance(&create, None) })?;
        // SAFETY: the instance lives; it is never destroyed.
        let all = call("vkEnumeratePhysicalDevices", || unsafe { instance.enumerate_physical_devices() })?;
        // SAFETY: the handles belong to this instance.
        let described = all.into_iter().map(|it| (it, unsafe { instance.get_physical_device_properties(it) }));
        let mut all: Vec<_> = described.collect();
        let names: Vec<String> = all.iter().map(|(_, properties)| text(properties.device_name_as_c_str())).collect();
        let position = match name {
            Some(part) => names.iter().position(|name| name.to_lowercase().contains(&part.to_lowercase())),
            None => {
                let discrete = |properties: &vk::PhysicalDeviceProperties| {
                    properties.device_type == vk::PhysicalDeviceType::DISCRETE_GPU
                };
                all.iter().position(|(_, properties)| discrete(properties)).or((!all.is_empty()).then_some(0))
            }
        };
        let (physical, properties) = match position {
            Some(position) => all.swap_remove(position),
            None if names.is_empty() => bail!("Vulkan finds none"),
            None => bail!("none has {} in its name; there are: {}", name.unwrap_or(""), names.join("; ")),
        };
        if properties.api_version < vk::API_VERSION_1_1 {
            bail!("{} has no Vulkan 1.1", text(properties.device_name_as_c_str()));
        }
        Card::describe(entry, instance, physical, properties)
    }

    fn describe(
        entry: ash::Entry,
        instance: ash::Instance,
        physical: vk::PhysicalDevice,
        properties: vk::PhysicalDeviceProperties,
    ) -> Result<Card> {
        // SAFETY: the handle belongs to this instance, here and below.
        let extensions = call("vkEnumerateDeviceExtensionProperties", || unsafe {
            instance.enumerate_device_extension_properties(physical)
        })?;
        let extensions: Vec<String> = extensions.iter().map(|it| text(it.extension_name_as_c_str())).collect();
        let has = |version: u32, extension: &CStr| {
            properties.api_version >= version || extensions.iter().any(|it| it.as_bytes() == extension.to_bytes())
        };
        let mut subgroup = vk::PhysicalDeviceSubgroupProperties::default();
        let mut sizes = vk::PhysicalDeviceSubgroupSizeControlProperties::default();
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut subgroup);
        let sized = has(vk::API_VERSION_1_3, ext::subgroup_size_control::NAME);
        if sized {
            all = all.push_next(&mut sizes);
        }
        if has(vk::API_VERSION_1_2, khr::driver_properties::NAME) {
            all = all.push_next(&mut driver);
        }
        at("vkGetPhysicalDeviceProperties2");
        // SAFETY: the device knows each structure of the chain.
        unsafe { instance.get_physical_device_properties2(physical, &mut all) };
        // SAFETY: as above.
        let features = unsafe { instance.get_physical_device_features(physical) };
        // SAFETY: as above.
        let families = unsafe { instance.get_physical_device_queue_family_properties(physical) };
        // wgpu's requirements for subgroups in a shader.
        use vk::SubgroupFeatureFlags as Operations;
        let operations = Operations::BASIC
            | Operations::VOTE
            | Operations::ARITHMETIC
            | Operations::BALLOT
            | Operations::SHUFFLE
            | Operations::SHUFFLE_RELATIVE
            | Operations::QUAD;
        let stages = vk::ShaderStageFlags::COMPUTE | vk::ShaderStageFlags::FRAGMENT;
        Ok(Card {
            subgroup: subgroup.subgroup_size,
            sizes: sized.then_some((sizes.min_subgroup_size, sizes.max_subgroup_size)),
            subgroups: sized
                && subgroup.supported_operations.contains(operations)
                && subgroup.supported_stages.contains(stages),
            driver: format!("{} {}", text(driver.driver_name_as_c_str()), text(driver.driver_info_as_c_str())),
            _entry: entry,
            instance,
            physical,
            properties,
            families,
            features,
            extensions,
        })
    }

    /// Whether the device has an extension.
    pub fn has(&self, extension: &CStr) -> bool {
        self.extensions.iter().any(|name| name.as_bytes() == extension.to_bytes())
    }

    /// Whether the device is a program that runs on the CPU.
    pub fn is_software(&self) -> bool {
        self.properties.device_type == vk::PhysicalDeviceType::CPU
    }

    /// The first queue family that computes and does not draw.
    pub fn compute_family(&self) -> Option<u32> {
        let wanted = |family: &vk::QueueFamilyProperties| {
            family.queue_flags & (vk::QueueFlags::COMPUTE | vk::QueueFlags::GRAPHICS) == vk::QueueFlags::COMPUTE
        };
        self.families.iter().position(wanted).map(|family| family as u32)
    }

    /// The target of kernels on this device, as warpnuts derives it from wgpu.
    pub fn target(&self) -> Target {
        let sizes = self.sizes.filter(|_| self.subgroups);
        let subgroup = sizes.map(|(smallest, _)| smallest.min(32)).filter(|size| size.is_power_of_two());
        let limits = &self.properties.limits;
        let most = limits.max_compute_work_group_invocations.min(limits.max_compute_work_group_size[0]);
        Target {
            subgroup,
            whole: subgroup.is_some_and(|lanes| sizes == Some((lanes, lanes))),
            workgroup: Target::WORKGROUP.min(most),
            int64: self.features.shader_int64 == vk::TRUE,
            software: self.is_software(),
            alone: false,
        }
    }

    /// The flags of a pipeline's stage, as in wgpu.
    pub fn stage_flags(&self) -> vk::PipelineShaderStageCreateFlags {
        match self.subgroups {
            true => vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE,
            false => vk::PipelineShaderStageCreateFlags::empty(),
        }
    }

    /// Opens the device with one queue of `family`; with `robust`, all its checks of buffer accesses are enabled, as in
    /// wgpu, and with `statistics`, statistics of pipelines.
    ///
    /// # Errors
    /// If the driver returns no device.
    pub fn open(&self, family: u32, robust: bool, statistics: bool) -> Result<ash::Device> {
        let priorities = [1.0];
        let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(family).queue_priorities(&priorities)];
        let features = vk::PhysicalDeviceFeatures::default()
            .shader_int64(self.features.shader_int64 == vk::TRUE)
            .robust_buffer_access(robust && self.features.robust_buffer_access == vk::TRUE);
        let mut sizes = vk::PhysicalDeviceSubgroupSizeControlFeatures::default().subgroup_size_control(true);
        let mut accesses = vk::PhysicalDeviceRobustness2FeaturesEXT::default();
        let mut executables = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default();
        let mut extensions = Vec::new();
        let mut create = vk::DeviceCreateInfo::default().queue_create_infos(&queues).enabled_features(&features);
        if self.subgroups {
            if self.properties.api_version < vk::API_VERSION_1_3 {
                extensions.push(ext::subgroup_size_control::NAME.as_ptr());
            }
            create = create.push_next(&mut sizes);
        }
        if robust && self.has(ext::robustness2::NAME) {
            let mut there = vk::PhysicalDeviceFeatures2::default().push_next(&mut accesses);
            // SAFETY: the device has the extension of the structure.
            unsafe { self.instance.get_physical_device_features2(self.physical, &mut there) };
            accesses = accesses.robust_image_access2(false).null_descriptor(false);
            extensions.push(ext::robustness2::NAME.as_ptr());
            create = create.push_next(&mut accesses);
        }
        if statistics && self.has(khr::pipeline_executable_properties::NAME) {
            executables = executables.pipeline_executable_info(true);
            extensions.push(khr::pipeline_executable_properties::NAME.as_ptr());
            create = create.push_next(&mut executables);
        }
        let create = create.enabled_extension_names(&extensions);
        // SAFETY: the device has every requested extension and feature.
        call("vkCreateDevice", || unsafe { self.instance.create_device(self.physical, &create, None) })
    }

    /// The device's properties, a line each: a word and a value.
    pub fn lines(&self) -> Vec<(String, String)> {
        let properties = &self.properties;
        let version = |it: u32| {
            format!("{}.{}.{}", vk::api_version_major(it), vk::api_version_minor(it), vk::api_version_patch(it))
        };
        let name = text(properties.device_name_as_c_str());
        let sizes = self.sizes.map_or("sizes not told".to_string(), |(least, most)| format!("{least} to {most}"));
        let yes = |there: bool| if there { "yes" } else { "no" };
        let mut lines = vec![
            ("device".to_string(), format!("{name} ({:?})", properties.device_type)),
            ("driver".to_string(), format!("{} ({:#x})", self.driver.trim(), properties.driver_version)),
            ("Vulkan".to_string(), version(properties.api_version)),
            (
                "subgroups".to_string(),
                format!("{} lanes ({sizes}), of use to kernels: {}", self.subgroup, yes(self.subgroups)),
            ),
            ("shared".to_string(), format!("{} bytes a workgroup", properties.limits.max_compute_shared_memory_size)),
            ("int64".to_string(), yes(self.features.shader_int64 == vk::TRUE).to_string()),
            ("robust".to_string(), yes(self.features.robust_buffer_access == vk::TRUE).to_string()),
        ];
        for (i, family) in self.families.iter().enumerate() {
            let (count, flags, bits) = (family.queue_count, family.queue_flags, family.timestamp_valid_bits);
            lines.push((format!("family {i}"), format!("{flags:?}, {count} queue(s), timestamps of {bits} bits")));
        }
        let extensions = [
            ext::robustness2::NAME,
            khr::pipeline_executable_properties::NAME,
            khr::shader_maximal_reconvergence::NAME,
            ext::subgroup_size_control::NAME,
        ];
        for extension in extensions {
            lines.push((extension.to_string_lossy().into_owned(), yes(self.has(extension)).to_string()));
        }
        lines
    }
}

/// The text in a driver's field of fixed length.
pub fn text<E>(field: Result<&CStr, E>) -> String {
    field.map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}
