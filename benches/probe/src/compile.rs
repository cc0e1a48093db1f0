//! How a driver compiles one kernel: the result code, the time, and the driver's statistics.

use std::ffi::CString;
use std::time::Instant;

use anyhow::{Result, anyhow};
use ash::{khr, vk};
use serde_json::{Map, Value, json};
use warpnuts::gpu::EntryPoint;
use wgpu_types::BufferBindingType;

use crate::kernels;
use crate::vulkan::{Card, call, text};
use crate::watched::at;

/// Compiles `kernel` in this `version` of SPIR-V.
///
/// # Errors
/// If the driver could not be asked; a failed compilation is a result.
pub fn compile(card: &Card, kernel: &str, version: (u8, u8), robust: bool, statistics: bool) -> Result<Value> {
    if version >= (1, 6) && card.properties.api_version < vk::API_VERSION_1_3 {
        return Ok(json!({ "outcome": "not asked: SPIR-V 1.6 needs Vulkan 1.3" }));
    }
    let (source, entry) = kernels::source(kernel, card.target())?;
    let naga = |error| anyhow!("naga: {error}");
    let point = EntryPoint::of(&source, entry, &[]).map_err(naga)?;
    let words = point.spirv(version, false).map_err(naga)?;
    let statistics = statistics && card.has(khr::pipeline_executable_properties::NAME);
    let device = card.open(0, robust, statistics)?;
    let (code, pipeline, _, seconds) = pipeline(card, &device, &point, &words, statistics)?;
    let mut result = json!({ "outcome": format!("{code:?}"), "compile_seconds": seconds, "words": words.len() });
    if code == vk::Result::SUCCESS && statistics {
        result["statistics"] = told(card, &device, pipeline)?;
    }
    Ok(result)
}

/// The pipeline of an entry point with the SPIR-V `words`, and its layouts, with the result code and the seconds that
/// the driver took.
///
/// # Errors
/// If a call before the pipeline's fails.
pub fn pipeline(
    card: &Card,
    device: &ash::Device,
    point: &EntryPoint,
    words: &[u32],
    statistics: bool,
) -> Result<(vk::Result, vk::Pipeline, (vk::DescriptorSetLayout, vk::PipelineLayout), f64)> {
    let numbered = (0..).zip(&point.bindings);
    let bindings: Vec<_> = numbered
        .map(|(number, (_, kind))| {
            let kind = match kind {
                BufferBindingType::Uniform => vk::DescriptorType::UNIFORM_BUFFER,
                BufferBindingType::Storage { .. } => vk::DescriptorType::STORAGE_BUFFER,
            };
            vk::DescriptorSetLayoutBinding::default()
                .binding(number)
                .descriptor_type(kind)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        })
        .collect();
    let create = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
    // SAFETY: the device lives, and `create` is complete and outlives the call, here and below.
    let set = call("vkCreateDescriptorSetLayout", || unsafe { device.create_descriptor_set_layout(&create, None) })?;
    let sets = [set];
    let create = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
    // SAFETY: as above.
    let layout = call("vkCreatePipelineLayout", || unsafe { device.create_pipeline_layout(&create, None) })?;
    let create = vk::ShaderModuleCreateInfo::default().code(words);
    // SAFETY: naga has validated the kernel and written the module, in a version that the device knows. Private arrays
    // with a stride are not valid from 1.4 on; how the driver handles them is the question.
    let module = call("vkCreateShaderModule", || unsafe { device.create_shader_module(&create, None) })?;
    let name = CString::new(point.entry)?;
    let stage = vk::PipelineShaderStageCreateInfo::default()
        .flags(card.stage_flags())
        .stage(vk::ShaderStageFlags::COMPUTE)
        .module(module)
        .name(&name);
    let flags = match statistics {
        true => vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR,
        false => vk::PipelineCreateFlags::empty(),
    };
    let create = [vk::ComputePipelineCreateInfo::default().flags(flags).stage(stage).layout(layout)];
    at("vkCreateComputePipelines");
    let start = Instant::now();
    // SAFETY: the layout has every binding of the entry point; statistics are requested only if the device has them.
    let made = unsafe { device.create_compute_pipelines(vk::PipelineCache::null(), &create, None) };
    let seconds = start.elapsed().as_secs_f64();
    let (code, pipelines) = match made {
        Ok(pipelines) => (vk::Result::SUCCESS, pipelines),
        Err((pipelines, code)) => (code, pipelines),
    };
    let pipeline = pipelines.first().copied().unwrap_or(vk::Pipeline::null());
    Ok((code, pipeline, (set, layout), seconds))
}

/// The driver's statistics of a pipeline, by name; a second executable's names begin with its number.
fn told(card: &Card, device: &ash::Device, pipeline: vk::Pipeline) -> Result<Value> {
    let functions = khr::pipeline_executable_properties::Device::new(&card.instance, device);
    let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
    // SAFETY: the device was opened with the extension, and the pipeline made with statistics, here and below.
    let executables = call("vkGetPipelineExecutablePropertiesKHR", || unsafe {
        functions.get_pipeline_executable_properties(&info)
    })?;
    let mut all = Map::new();
    for i in 0..executables.len() as u32 {
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(i);
        // SAFETY: as above, and the executable exists.
        let statistics = call("vkGetPipelineExecutableStatisticsKHR", || unsafe {
            functions.get_pipeline_executable_statistics(&info)
        })?;
        for statistic in statistics {
            let (value, format) = (statistic.value, statistic.format);
            // SAFETY: the format says which member of the union is set.
            let value = unsafe {
                match format {
                    vk::PipelineExecutableStatisticFormatKHR::BOOL32 => json!(value.b32 == vk::TRUE),
                    vk::PipelineExecutableStatisticFormatKHR::INT64 => json!(value.i64),
                    vk::PipelineExecutableStatisticFormatKHR::UINT64 => json!(value.u64),
                    _ => json!(value.f64),
                }
            };
            let name = text(statistic.name_as_c_str());
            all.insert(if i == 0 { name } else { format!("{i} {name}") }, value);
        }
    }
    Ok(Value::Object(all))
}
