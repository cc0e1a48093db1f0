//! The bindings of a shader's entry point, and its SPIR-V of a given version.
//!
//! wgpu asks naga for the newest version that a driver has. naga gives every array and structure an explicit layout,
//! also in registers and in a workgroup's memory. There it is not valid (VUID-StandaloneSpirv-None-10684): arrays in a
//! workgroup's memory must never have a layout, and nothing in registers may have one from 1.4 on. Up to 1.3, modules
//! are made valid here; from 1.4 on they are what wgpu would pass to a driver.

use wgpu::BufferBindingType;
use wgpu::naga::back::pipeline_constants::process_overrides;
use wgpu::naga::back::spv;
use wgpu::naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use wgpu::naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use wgpu::naga::{AddressSpace, Module, ResourceBinding, ShaderStage, StorageAccess, front};

/// A validated entry point of a shader.
#[derive(Debug, Clone)]
pub struct EntryPoint<'a> {
    module: Module,
    info: ModuleInfo,
    pub entry: &'a str,
    /// The buffers of bind group 0 that the entry point uses: binding number in WGSL, ascending, and type.
    pub bindings: Vec<(u32, BufferBindingType)>,
    /// Lanes of a workgroup.
    pub workgroup: u32,
}

impl EntryPoint<'_> {
    /// Reads and validates entry point `entry` of `source`, with values for its `override` constants.
    ///
    /// # Errors
    /// If naga finds `source` invalid; the error is naga's message.
    pub fn of<'a>(source: &str, entry: &'a str, overrides: &[(&str, f64)]) -> Result<EntryPoint<'a>, String> {
        let module = front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
        let capabilities = Capabilities::SUBGROUP | Capabilities::SHADER_INT64;
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
        let info = validator.validate(&module).map_err(|error| error.emit_to_string(source))?;
        let constants = overrides.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        let stage = (ShaderStage::Compute, entry);
        let (module, info) =
            process_overrides(&module, &info, Some(stage), &constants).map_err(|error| error.to_string())?;
        let (module, info) = (module.into_owned(), info.into_owned());

        let number = module.entry_points.iter().position(|point| point.name == entry);
        let number = number.ok_or_else(|| format!("there is no entry point {entry}"))?;
        let used = info.get_entry_point(number);
        let globals = module.global_variables.iter().filter(|(handle, _)| !used[*handle].is_empty());
        let mut bindings: Vec<(u32, BufferBindingType)> = globals
            .filter_map(|(_, global)| {
                let kind = match global.space {
                    AddressSpace::Storage { access } => {
                        BufferBindingType::Storage { read_only: !access.contains(StorageAccess::STORE) }
                    }
                    _ => BufferBindingType::Uniform,
                };
                Some((global.binding?.binding, kind))
            })
            .collect();
        bindings.sort_by_key(|(binding, _)| *binding);
        Ok(EntryPoint { workgroup: module.entry_points[number].workgroup_size[0], module, info, entry, bindings })
    }

    /// The entry point's SPIR-V in this `version`, with the i-th of `bindings` as binding i; a `checked` module checks
    /// indices and bounds its loops.
    ///
    /// # Errors
    /// If naga cannot write the module; the error is naga's message.
    pub fn spirv(&self, version: (u8, u8), checked: bool) -> Result<Vec<u32>, String> {
        let place = |(i, (binding, _)): (usize, &(u32, BufferBindingType))| {
            let info = spv::BindingInfo { descriptor_set: 0, binding: i as u32, binding_array_size: None };
            (ResourceBinding { group: 0, binding: *binding }, info)
        };
        let binding_map = self.bindings.iter().enumerate().map(place).collect();
        let policy = if checked { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        let options = spv::Options {
            lang_version: version,
            flags: spv::WriterFlags::empty(),
            bounds_check_policies: BoundsCheckPolicies {
                index: policy,
                buffer: policy,
                image_load: policy,
                binding_array: policy,
            },
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            force_loop_bounding: checked,
            emit_int_div_checks: checked,
            binding_map,
            ..spv::Options::default()
        };
        let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: self.entry.to_string() };
        let words =
            spv::write_vec(&self.module, &self.info, &options, Some(&pipeline)).map_err(|error| error.to_string())?;
        Ok(if version < (1, 4) { without_strides(&words) } else { words })
    }
}

/// The module without the strides of arrays of known length. All of these are in registers or in a workgroup's memory:
/// no buffer of warpnuts holds one.
fn without_strides(words: &[u32]) -> Vec<u32> {
    const HEADER: usize = 5;
    const TYPE_ARRAY: u32 = 28;
    const DECORATE: u32 = 71;
    const ARRAY_STRIDE: u32 = 6;
    let instructions = || {
        let mut rest = &words[HEADER.min(words.len())..];
        std::iter::from_fn(move || {
            let length = (rest.first()? >> 16).max(1) as usize;
            let (instruction, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            Some(instruction)
        })
    };
    let code = |instruction: &[u32]| instruction[0] & 0xFFFF;
    let arrays: Vec<u32> = instructions().filter(|it| code(it) == TYPE_ARRAY).map(|it| it[1]).collect();
    let is_stride = |it: &[u32]| code(it) == DECORATE && it[2] == ARRAY_STRIDE && arrays.contains(&it[1]);
    let kept = instructions().filter(|instruction| !is_stride(instruction));
    words[..HEADER.min(words.len())].iter().chain(kept.flatten()).copied().collect()
}
