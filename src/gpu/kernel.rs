//! A kernel: an entry point of a shader, compiled for one device.

use std::borrow::Cow;

use wgpu::{
    BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, ComputePipelineDescriptor,
    PassthroughShaderEntryPoint, PipelineCompilationOptions, PipelineLayout, PipelineLayoutDescriptor, ShaderModule,
    ShaderModuleDescriptor, ShaderModuleDescriptorPassthrough, ShaderRuntimeChecks, ShaderSource, ShaderStages,
};

use super::entry_point::EntryPoint;
use super::{Gpu, GpuError};

/// A compiled entry point; its bind group 0 is laid out as the shader says.
#[derive(Debug)]
pub struct ComputeKernel {
    pipeline: wgpu::ComputePipeline,
    /// The bindings that it uses.
    bindings: Vec<u32>,
}

impl ComputeKernel {
    /// Compiles entry point `entry` of `source`, with its `override` constants.
    ///
    /// # Safety
    /// Every index that the shader forms from the buffers it will be bound to has to be in range, and every loop has to
    /// end, unless kernels are checked ([`Switches::checked`](super::Switches)), when both are seen to on the device.
    ///
    /// # Errors
    /// When the shader is not valid, or the driver refuses it.
    pub unsafe fn compile(
        gpu: &Gpu,
        entry: &str,
        source: &str,
        overrides: &[(&str, f64)],
    ) -> Result<ComputeKernel, GpuError> {
        let invalid = |reason: String| GpuError::Shader { name: entry.to_string(), reason };
        gpu.check()?;
        let point = EntryPoint::of(source, entry, overrides).map_err(invalid)?;
        let made = gpu.guarded(|| {
            // SAFETY: indices and loops are the caller's promise.
            unsafe { module(gpu, &point, source) }
        });
        let (module, layout) = match made {
            Ok(made) => made.map_err(invalid)?,
            Err(GpuError::Refused { reason }) => return Err(invalid(reason)),
            Err(other) => return Err(other),
        };
        // What is compiled here has its constants in it.
        let constants = if layout.is_some() { &[] } else { overrides };
        let pipeline = pipeline(gpu, entry, &module, layout.as_ref(), constants)?;
        Ok(ComputeKernel { pipeline, bindings: point.bindings.iter().map(|(binding, _)| *binding).collect() })
    }

    /// Binds those of `buffers`, each at the binding beside it, that the shader uses.
    ///
    /// # Errors
    /// When one that it uses is not among them.
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

    /// Records a dispatch of so many workgroups or a few more, in rows of as many as the device allows.
    pub fn dispatch_all(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass, bound: &wgpu::BindGroup, workgroups: u64) {
        let across = workgroups.min(u64::from(gpu.limits().max_compute_workgroups_per_dimension));
        self.dispatch(pass, bound, across as u32, workgroups.div_ceil(across.max(1)) as u32);
    }
}

/// The pipeline of a module that is valid, as far as is known.
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
        // wgpu gives a device up whose driver says no to a pipeline, whatever the reason, which it keeps for itself.
        Err(GpuError::Lost { reason }) => Err(gpu.refused(entry, reason)),
        made => made,
    }
}

/// The module of a shader; where it is not wgpu that compiles it, with the layout that wgpu would derive.
///
/// # Safety
/// As of [`ComputeKernel::compile`].
unsafe fn module(
    gpu: &Gpu,
    point: &EntryPoint,
    source: &str,
) -> Result<(ShaderModule, Option<PipelineLayout>), String> {
    let (device, switches, entry) = (&gpu.device, gpu.switches(), point.entry);
    let Some(version) = switches.spirv else {
        let checks = if switches.checked { ShaderRuntimeChecks::checked() } else { ShaderRuntimeChecks::unchecked() };
        let descriptor = ShaderModuleDescriptor { label: Some(entry), source: ShaderSource::Wgsl(source.into()) };
        // SAFETY: the caller's promise.
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
    // SAFETY: naga has validated the source and written the module; for the rest, the caller's promise.
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

    /// Mesa's llvmpipe looks into a module when it makes a pipeline, and says no to what is none.
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
        // SAFETY: it is never run.
        let module = unsafe { gpu.device.create_shader_module_passthrough(descriptor) };
        let layout = gpu.device.create_pipeline_layout(&PipelineLayoutDescriptor::default());
        let error = pipeline(&gpu, "evaluate", &module, Some(&layout), &[]).unwrap_err().to_string();
        for words in ["llvmpipe", "Mesa", "refused", "`evaluate`", "--engine cpu", "`warpnuts devices`"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        // It is no advice to do what has been done.
        assert!(!error.contains("lost") && !error.contains("WARPNUTS_SPIRV"), "{error}");
        // wgpu gives the device up; why, is told whoever asks.
        assert_eq!(gpu.check().unwrap_err().to_string(), error);
    }
}
