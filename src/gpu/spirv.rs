//! Kernels as SPIR-V of a given version, written here rather than by wgpu, which asks naga for the newest version that a driver
//! has. naga gives every array and structure an explicit layout, in registers and in a workgroup's memory too, which is not valid
//! (VUID-StandaloneSpirv-None-10684): arrays in a workgroup's memory must never have one, and nothing in registers from 1.4 on.
//! Up to 1.3 modules are made valid here; from 1.4 on they are what wgpu would pass to a driver.

use wgpu::BufferBindingType;
use wgpu::naga::back::pipeline_constants::process_overrides;
use wgpu::naga::back::spv;
use wgpu::naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use wgpu::naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use wgpu::naga::{AddressSpace, ShaderStage, StorageAccess, front};

/// A kernel as a Vulkan driver takes it.
#[derive(Debug, Clone)]
pub struct Spirv {
    /// The module.
    pub words: Vec<u32>,
    /// The buffers of bind group 0 that the entry point uses: the number that each has in WGSL, and what it is. In the module,
    /// the i-th of them is number i.
    pub bindings: Vec<(u32, BufferBindingType)>,
    /// Lanes of a workgroup.
    pub workgroup: u32,
}

impl Spirv {
    /// Entry point `entry` of `source`, with its `override` constants, in this `version`; `checked` modules check indices and
    /// end their loops.
    ///
    /// # Errors
    /// What naga says of a source that is not valid.
    pub fn of(
        source: &str,
        entry: &str,
        overrides: &[(&str, f64)],
        version: (u8, u8),
        checked: bool,
    ) -> Result<Spirv, String> {
        let module = front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
        let capabilities = Capabilities::SUBGROUP | Capabilities::SHADER_INT64;
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
        let info = validator.validate(&module).map_err(|error| error.emit_to_string(source))?;
        let constants = overrides.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        let stage = (ShaderStage::Compute, entry);
        let (module, info) =
            process_overrides(&module, &info, Some(stage), &constants).map_err(|error| error.to_string())?;

        let number = module.entry_points.iter().position(|point| point.name == entry);
        let number = number.ok_or_else(|| format!("there is no entry point {entry}"))?;
        let used = info.get_entry_point(number);
        let mut globals: Vec<_> = module.global_variables.iter().collect();
        globals.retain(|(handle, global)| global.binding.is_some() && !used[*handle].is_empty());
        globals.sort_by_key(|(_, global)| global.binding.map_or(0, |place| place.binding));
        let mut binding_map = spv::BindingMap::default();
        let mut bindings = Vec::with_capacity(globals.len());
        for (_, global) in globals {
            let Some(place) = global.binding else { continue };
            let kind = match global.space {
                AddressSpace::Storage { access } => {
                    BufferBindingType::Storage { read_only: !access.contains(StorageAccess::STORE) }
                }
                _ => BufferBindingType::Uniform,
            };
            let info = spv::BindingInfo { descriptor_set: 0, binding: bindings.len() as u32, binding_array_size: None };
            binding_map.insert(place, info);
            bindings.push((place.binding, kind));
        }
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
        let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: entry.to_string() };
        let words = spv::write_vec(&module, &info, &options, Some(&pipeline)).map_err(|error| error.to_string())?;
        let words = if version < (1, 4) { without_strides(&words) } else { words };
        Ok(Spirv { words, bindings, workgroup: module.entry_points[number].workgroup_size[0] })
    }
}

/// A module without the strides of arrays of known length: no buffer of ours has any, so they are in registers or in a workgroup's
/// memory.
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
