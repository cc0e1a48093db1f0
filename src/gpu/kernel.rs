//! A kernel: a shader's entry point, compiled for one device, once.

use std::borrow::Cow;

use wgpu::{
    BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, ComputePipelineDescriptor,
    PassthroughShaderEntryPoint, PipelineCompilationOptions, PipelineLayout, PipelineLayoutDescriptor, ShaderModule,
    ShaderModuleDescriptor, ShaderModuleDescriptorPassthrough, ShaderRuntimeChecks, ShaderSource, ShaderStages,
};

use super::entry_point::EntryPoint;
use super::{Gpu, GpuError};

/// A compiled entry point; the shader determines the layout of bind group 0.
#[derive(Debug)]
pub struct ComputeKernel {
    pipeline: wgpu::ComputePipeline,
    /// The bindings that the entry point uses.
    bindings: Vec<u32>,
}

impl ComputeKernel {
    /// Entry point `entry` of `source`, with values for its `override` constants; compiled unless the device has it
    /// already.
    ///
    /// # Safety
    /// Every index that the shader forms from its buffers has to be in range, and every loop has to end, unless kernels
    /// are checked ([`Switches::checked`](super::Switches)): then the device ensures both.
    ///
    /// # Errors
    /// If the shader is invalid, or the driver refuses it.
    pub unsafe fn compile(
        gpu: &Gpu,
        entry: &str,
        source: &str,
        overrides: &[(&str, f64)],
    ) -> Result<ComputeKernel, GpuError> {
        let invalid = |reason: String| GpuError::Shader { name: entry.to_string(), reason };
        gpu.check()?;
        let constants = overrides.iter().map(|(name, value)| (name.to_string(), value.to_bits())).collect();
        let key = (entry.to_string(), source.to_string(), constants);
        if let Some((pipeline, bindings)) = gpu.pipelines().get(&key).cloned() {
            return Ok(ComputeKernel { pipeline, bindings });
        }
        let point = EntryPoint::of(source, entry, overrides).map_err(invalid)?;
        let made = gpu.guarded(|| {
            // SAFETY: the caller promises that indices are in range and loops end.
            unsafe { module(gpu, &point, source) }
        });
        let (module, layout) = match made {
            Ok(made) => made.map_err(invalid)?,
            Err(GpuError::Refused { reason }) => return Err(invalid(reason)),
            Err(other) => return Err(other),
        };
        // A module that was compiled here already contains its constants.
        let constants = if layout.is_some() { &[] } else { overrides };
        let pipeline = pipeline(gpu, entry, &module, layout.as_ref(), constants)?;
        let bindings: Vec<u32> = point.bindings.iter().map(|(binding, _)| *binding).collect();
        gpu.pipelines().insert(key, (pipeline.clone(), bindings.clone()));
        Ok(ComputeKernel { pipeline, bindings })
    }

    /// Binds those of `buffers`, each given with its binding, that the shader uses.
    ///
    /// # Errors
    /// If a buffer that the shader uses is missing.
    pub fn bind(&self, gpu: &Gpu, buffers: &[(u32, &wgpu::Buffer)]) -> Result<wgpu::BindGroup, GpuError> {
        let entries: Vec<wgpu::BindGroupEntry> = buffers
            .iter()
            .filter(|(binding, _)| self.bindings.contains(binding))
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: *binding, resource: buffer.as_entire_binding() })
            .collect();
        gpu.guarded(|| {
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &self.pipeline.get_bind_group_layout(0),
                entries: &entries,
            })
        })
    }

    /// Records a dispatch of `x` times `y` workgroups.
    pub fn dispatch(&self, pass: &mut wgpu::ComputePass, bound: &wgpu::BindGroup, x: u32, y: u32) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bound, &[]);
        pass.dispatch_workgroups(x, y, 1);
    }

    /// Records a dispatch of at least `workgroups` workgroups, in rows as long as the device allows.
    pub fn dispatch_all(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass, bound: &wgpu::BindGroup, workgroups: u64) {
        let across = workgroups.min(u64::from(gpu.limits().max_compute_workgroups_per_dimension));
        self.dispatch(pass, bound, across as u32, workgroups.div_ceil(across.max(1)) as u32);
    }
}

/// The pipeline of a module that is presumed valid.
fn pipeline(
    gpu: &Gpu,
    entry: &str,
    module: &ShaderModule,
    layout: Option<&PipelineLayout>,
    constants: &[(&str, f64)],
) -> Result<wgpu::ComputePipeline, GpuError> {
    let descriptor = ComputePipelineDescriptor {
        label: Some(entry),
        layout,
        module,
        entry_point: Some(entry),
        compilation_options: PipelineCompilationOptions { constants, zero_initialize_workgroup_memory: false },
        cache: None,
    };
    match gpu.guarded(|| gpu.device.create_compute_pipeline(&descriptor)) {
        Err(GpuError::Refused { reason }) => Err(GpuError::Shader { name: entry.to_string(), reason }),
        // wgpu marks the device as lost if its driver refuses a pipeline, and does not pass on the reason.
        Err(GpuError::Lost { reason }) => Err(gpu.refused(entry, reason)),
        made => made,
    }
}

/// The module of a shader; where its SPIR-V is written here, also the layout that wgpu would derive.
///
/// # Safety
/// As for [`ComputeKernel::compile`].
unsafe fn module(
    gpu: &Gpu,
    point: &EntryPoint,
    source: &str,
) -> Result<(ShaderModule, Option<PipelineLayout>), String> {
    let (device, switches, entry) = (&gpu.device, gpu.switches(), point.entry);
    let Some(version) = switches.spirv else {
        let checks = if switches.checked { ShaderRuntimeChecks::checked() } else { ShaderRuntimeChecks::unchecked() };
        let descriptor = ShaderModuleDescriptor { label: Some(entry), source: ShaderSource::Wgsl(source.into()) };
        // SAFETY: the caller promises that indices are in range and loops end.
        return Ok((unsafe { device.create_shader_module_trusted(descriptor, checks) }, None));
    };
    let words = point.spirv(version, switches.checked)?;
    let shader = PassthroughShaderEntryPoint { name: entry.into(), workgroup_size: (point.workgroup, 1, 1) };
    let descriptor = ShaderModuleDescriptorPassthrough {
        label: Some(entry),
        entry_points: Cow::Owned(vec![shader]),
        spirv: Some(words.into()),
        ..ShaderModuleDescriptorPassthrough::default()
    };
    // SAFETY: naga has validated the source and written the module; the caller promises the rest.
    let module = unsafe { device.create_shader_module_passthrough(descriptor) };
    let entries: Vec<BindGroupLayoutEntry> = point
        .bindings
        .iter()
        .map(|(binding, ty)| BindGroupLayoutEntry {
            binding: *binding,
            visibility: ShaderStages::COMPUTE,
            ty: BindingType::Buffer { ty: *ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        })
        .collect();
    let group = device.create_bind_group_layout(&BindGroupLayoutDescriptor { label: Some(entry), entries: &entries });
    let layout = PipelineLayoutDescriptor {
        label: Some(entry),
        bind_group_layouts: &[Some(&group)],
        ..PipelineLayoutDescriptor::default()
    };
    Ok((module, Some(device.create_pipeline_layout(&layout))))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::gpu::{Adapter, Switches};

    /// Mesa's llvmpipe examines a module when it makes a pipeline, and refuses an invalid one.
    #[test]
    fn a_pipeline_that_the_driver_refuses_is_no_lost_device() {
        if std::env::var_os("WARPNUTS_NO_GPU").is_some_and(|set| set == "1") {
            return;
        }
        let Some(adapter) = Adapter::all().into_iter().find(|adapter| adapter.name().contains("llvmpipe")) else {
            let _ =
                writeln!(std::io::stderr(), "skipped: Mesa's llvmpipe is not installed (Debian's mesa-vulkan-drivers)");
            return;
        };
        let gpu = Gpu::open_with(adapter, Switches { spirv: Some((1, 3)), ..Switches::default() }).unwrap();
        let point = PassthroughShaderEntryPoint { name: "evaluate".into(), workgroup_size: (1, 1, 1) };
        let descriptor = ShaderModuleDescriptorPassthrough {
            entry_points: Cow::Owned(vec![point]),
            spirv: Some(vec![0; 64].into()),
            ..ShaderModuleDescriptorPassthrough::default()
        };
        // SAFETY: the module is never run.
        let module = unsafe { gpu.device.create_shader_module_passthrough(descriptor) };
        let layout = gpu.device.create_pipeline_layout(&PipelineLayoutDescriptor::default());
        let error = pipeline(&gpu, "evaluate", &module, Some(&layout), &[]).unwrap_err().to_string();
        for words in ["llvmpipe", "Mesa", "refused", "`evaluate`", "--engine cpu", "`warpnuts devices`"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        // The error must not advise a remedy that is already in use.
        assert!(!error.contains("lost") && !error.contains("WARPNUTS_SPIRV"), "{error}");
        // wgpu marks the device as lost; later errors give the reason.
        assert_eq!(gpu.check().unwrap_err().to_string(), error);
    }
}
