//! A kernel: WGSL put together from files and a header of constants, compiled for one device.

use std::fmt::Write;

use super::{Gpu, GpuError};

/// Where shaders are checked while they run (indices in range, loops that end): in debug builds, and so in tests.
const CHECKED: bool = cfg!(debug_assertions);

/// Constants that stand before everything in a shader.
#[derive(Debug, Clone, Default)]
pub struct Header(String);

impl Header {
    /// Adds `const NAME = VALUEu`.
    pub fn number(mut self, name: &str, value: u32) -> Header {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "const {name} = {value}u;");
        self
    }

    /// Adds `const NAME = array<u32, _>(...)`.
    pub fn numbers(mut self, name: &str, values: &[u32]) -> Header {
        let list: Vec<String> = values.iter().map(|value| format!("{value}u")).collect();
        let _ = writeln!(self.0, "const {name} = array<u32, {}>({});", values.len(), list.join(", "));
        self
    }

    /// The source of a shader: the constants, then `files` in their order.
    pub fn shader(&self, files: &[&str]) -> String {
        [&[self.0.as_str()], files].concat().join("\n")
    }
}

/// A compiled entry point; its bind group 0 is laid out as the shader says.
#[derive(Debug)]
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
}

impl Kernel {
    /// Compiles entry point `entry` of `source`, with its `override` constants.
    ///
    /// # Safety
    /// Every index that the shader forms from the buffers it will be bound to has to be in range, and every loop has to
    /// end, unless this is a debug build, where both are seen to on the device.
    ///
    /// # Errors
    /// When the shader is not valid, or the driver refuses it.
    pub unsafe fn compile(gpu: &Gpu, entry: &str, source: &str, overrides: &[(&str, f64)]) -> Result<Kernel, GpuError> {
        let checks =
            if CHECKED { wgpu::ShaderRuntimeChecks::checked() } else { wgpu::ShaderRuntimeChecks::unchecked() };
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(entry), source: wgpu::ShaderSource::Wgsl(source.into()) };
        let made = gpu.guarded(|| {
            // SAFETY: indices and loops are the caller's promise.
            let module = unsafe { gpu.device.create_shader_module_trusted(descriptor, checks) };
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: overrides,
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            })
        });
        let refused = |reason: String| GpuError::Shader { name: entry.to_string(), reason };
        match made {
            Ok(pipeline) => Ok(Kernel { pipeline }),
            Err(GpuError::Refused { reason }) => Err(refused(reason)),
            Err(other) => Err(other),
        }
    }

    /// Binds `buffers`, each at the binding beside it.
    ///
    /// # Errors
    /// When they are not those that the shader declares.
    pub fn bind(&self, gpu: &Gpu, buffers: &[(u32, &wgpu::Buffer)]) -> Result<wgpu::BindGroup, GpuError> {
        let entries: Vec<wgpu::BindGroupEntry> = buffers
            .iter()
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
}
