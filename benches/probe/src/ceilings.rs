//! The best speed of a device: multiply-adds a second, and bytes copied a second.

use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use ash::vk;
use serde_json::{Value, json};
use warpnuts::gpu::EntryPoint;

use crate::cases::Way;
use crate::compile;
use crate::vulkan::{Card, call};

/// Independent chains of multiply-adds in an invocation.
const CHAINS: usize = 8;
/// Multiply-adds of a chain in one turn of the loop.
const UNROLLED: usize = 16;

/// Repeats of a measurement; the best one counts.
const REPEATS: usize = 8;

/// An opened device with one queue, and the queue's clock.
struct Queue<'a> {
    card: &'a Card,
    device: ash::Device,
    queue: vk::Queue,
    commands: vk::CommandPool,
    /// Two timestamps, the nanoseconds of a tick, and a mask of the valid bits; `None` if the queue has no timestamps.
    stamps: Option<(vk::QueryPool, f64, u64)>,
}

/// The device's multiply-adds a second through queue family `family`.
///
/// # Errors
/// If the driver refuses a call.
pub fn fma(card: &Card, family: u32) -> Result<Value> {
    let there = card.families.get(family as usize).ok_or_else(|| anyhow!("there is no queue family {family}"))?;
    let queue = Queue::open(card, family)?;
    let naga = |error| anyhow!("naga: {error}");
    let point = EntryPoint::of(&source(), "fma_chains", &[]).map_err(naga)?;
    let words = point.spirv((1, 3), false).map_err(naga)?;
    let (code, pipeline, (set, layout), _) = compile::pipeline(card, &queue.device, &point, &words, false)?;
    if code != vk::Result::SUCCESS {
        bail!("{code:?} in vkCreateComputePipelines");
    }
    let usage = vk::BufferUsageFlags::STORAGE_BUFFER | vk::BufferUsageFlags::TRANSFER_DST;
    let buffer =
        queue.buffer(16, usage, vk::MemoryPropertyFlags::DEVICE_LOCAL, vk::MemoryPropertyFlags::HOST_VISIBLE)?;
    let bound = queue.bind(set, buffer)?;
    let device = &queue.device;
    let workgroups = if card.is_software() { 64 } else { 32_768 };
    let time = |rounds: u32| {
        let given = [rounds, 0.5f32.to_bits(), 0.25f32.to_bits(), 0].map(u32::to_ne_bytes).concat();
        // SAFETY: the command buffer records, and the buffer has 16 bytes.
        queue.seconds(|commands| unsafe { device.cmd_update_buffer(commands, buffer, 0, &given) })?;
        // SAFETY: the command buffer records, and the bound objects belong to the pipeline.
        queue.seconds(|commands| unsafe {
            device.cmd_bind_pipeline(commands, vk::PipelineBindPoint::COMPUTE, pipeline);
            device.cmd_bind_descriptor_sets(commands, vk::PipelineBindPoint::COMPUTE, layout, 0, &[bound], &[]);
            device.cmd_dispatch(commands, workgroups, 1, 1);
        })
    };
    // Long enough to time, with fewer turns than lavapipe allows a loop; the first dispatch may wait for a compiler.
    let (aim, mut rounds) = (0.04, 16u32);
    time(rounds)?;
    while rounds < 32_768 && time(rounds)? < aim {
        rounds *= 2;
    }
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        best = best.min(time(rounds)?);
    }
    let made = f64::from(workgroups) * f64::from(point.workgroup) * f64::from(rounds) * (CHAINS * UNROLLED) as f64;
    let rate = 2.0 * made / best / 1e12;
    let flags = there.queue_flags;
    Ok(json!({
        "outcome": format!("{rate:.3} TFLOP/s in {:.1} ms, {flags:?}, {}", best * 1e3, queue.clock()),
        "tflops": rate,
        "seconds": best,
    }))
}

/// The kernel: all numbers stay near 0.5, and their sum is written only if negative.
fn source() -> String {
    let chain = |k: usize| format!("    var x{k} = 0.5 + f32(lane.x % 64u + {k}u) * 0.001;\n");
    let step = |k: usize| format!("        x{k} = fma(x{k}, a, b);\n");
    let chains: String = (0..CHAINS).map(chain).collect();
    let steps: String = (0..UNROLLED).flat_map(|_| (0..CHAINS).map(step)).collect();
    let sum = (0..CHAINS).map(|k| format!("x{k}")).collect::<Vec<_>>().join(" + ");
    format!(
        "struct Given {{ rounds: u32, a: f32, b: f32, left: f32 }}
@group(0) @binding(0) var<storage, read_write> given: Given;
@compute @workgroup_size(128)
fn fma_chains(@builtin(global_invocation_id) lane: vec3<u32>) {{
{chains}    let rounds = given.rounds;
    let a = given.a;
    let b = given.b;
    for (var i = 0u; i < rounds; i++) {{
{steps}    }}
    let sum = {sum};
    if (sum < 0.0) {{
        given.left = sum;
    }}
}}
"
    )
}

/// The speed of `vkCmdCopyBuffer` through queue family 0.
///
/// # Errors
/// If the driver refuses a call.
pub fn copy(card: &Card, way: Way) -> Result<Value> {
    let queue = Queue::open(card, 0)?;
    let bytes: u64 = if card.is_software() { 32 << 20 } else { 256 << 20 };
    let usage = vk::BufferUsageFlags::TRANSFER_SRC | vk::BufferUsageFlags::TRANSFER_DST;
    use vk::MemoryPropertyFlags as Memory;
    let on_device = || queue.buffer(bytes, usage, Memory::DEVICE_LOCAL, Memory::HOST_VISIBLE);
    let visible = Memory::HOST_VISIBLE | Memory::HOST_COHERENT;
    let written = || queue.buffer(bytes, usage, visible, Memory::DEVICE_LOCAL | Memory::HOST_CACHED);
    let read = || queue.buffer(bytes, usage, visible | Memory::HOST_CACHED, Memory::DEVICE_LOCAL);
    let (from, to) = match way {
        Way::Device => (on_device()?, on_device()?),
        Way::ToDevice => (written()?, on_device()?),
        Way::FromDevice => (on_device()?, read()?),
    };
    let device = &queue.device;
    // Pages that were never written may not be allocated.
    // SAFETY: the command buffer records, and the buffer is larger than nothing and aligned.
    queue.seconds(|commands| unsafe { device.cmd_fill_buffer(commands, from, 0, vk::WHOLE_SIZE, 1) })?;
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let region = vk::BufferCopy::default().size(bytes);
        // SAFETY: the command buffer records, both buffers have `bytes` bytes, and they do not overlap.
        best = best.min(queue.seconds(|commands| unsafe { device.cmd_copy_buffer(commands, from, to, &[region]) })?);
    }
    let (moved, what) = if way == Way::Device { (2 * bytes, "read + written") } else { (bytes, "across") };
    let rate = moved as f64 / best / 1e9;
    let outcome = format!("{rate:.1} GB/s {what}, {} MiB in {:.3} ms, {}", bytes >> 20, best * 1e3, queue.clock());
    Ok(json!({ "outcome": outcome, "gigabytes_per_second": rate, "seconds": best }))
}

impl<'a> Queue<'a> {
    fn open(card: &'a Card, family: u32) -> Result<Queue<'a>> {
        let device = card.open(family, false, false)?;
        // SAFETY: the device was opened with this queue; it outlives everything made from it, here and below.
        let queue = unsafe { device.get_device_queue(family, 0) };
        let create = vk::CommandPoolCreateInfo::default().queue_family_index(family);
        // SAFETY: as above.
        let commands = call("vkCreateCommandPool", || unsafe { device.create_command_pool(&create, None) })?;
        let bits = card.families.get(family as usize).map_or(0, |family| family.timestamp_valid_bits);
        let stamps = if bits == 0 {
            None
        } else {
            let create = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(2);
            // SAFETY: as above.
            let pool = call("vkCreateQueryPool", || unsafe { device.create_query_pool(&create, None) })?;
            Some((pool, f64::from(card.properties.limits.timestamp_period), u64::MAX >> (64 - bits.min(64))))
        };
        Ok(Queue { card, device, queue, commands, stamps })
    }

    /// The clock that `seconds` uses.
    fn clock(&self) -> &'static str {
        if self.stamps.is_some() { "by timestamps" } else { "by the host's clock" }
    }

    /// A buffer in memory with all `wanted` properties, and as few `unwanted` ones as possible.
    fn buffer(
        &self,
        bytes: u64,
        usage: vk::BufferUsageFlags,
        wanted: vk::MemoryPropertyFlags,
        unwanted: vk::MemoryPropertyFlags,
    ) -> Result<vk::Buffer> {
        let device = &self.device;
        let create = vk::BufferCreateInfo::default().size(bytes).usage(usage);
        // SAFETY: the device lives, and `create` is complete and outlives the call, here and below.
        let buffer = call("vkCreateBuffer", || unsafe { device.create_buffer(&create, None) })?;
        // SAFETY: as above.
        let needed = unsafe { device.get_buffer_memory_requirements(buffer) };
        // SAFETY: the handle belongs to this instance.
        let there = unsafe { self.card.instance.get_physical_device_memory_properties(self.card.physical) };
        let kinds = (0u32..).zip(there.memory_types_as_slice());
        let fit =
            kinds.filter(|(i, kind)| needed.memory_type_bits >> i & 1 == 1 && kind.property_flags.contains(wanted));
        let (kind, _) = fit
            .min_by_key(|(_, kind)| (kind.property_flags & unwanted).as_raw().count_ones())
            .ok_or_else(|| anyhow!("no memory is {wanted:?}"))?;
        let create = vk::MemoryAllocateInfo::default().allocation_size(needed.size).memory_type_index(kind);
        // SAFETY: as above.
        let memory = call("vkAllocateMemory", || unsafe { device.allocate_memory(&create, None) })?;
        // SAFETY: the memory has a type and size that fit, and no other use.
        call("vkBindBufferMemory", || unsafe { device.bind_buffer_memory(buffer, memory, 0) })?;
        Ok(buffer)
    }

    /// A descriptor set with `buffer` as its only storage buffer.
    fn bind(&self, layout: vk::DescriptorSetLayout, buffer: vk::Buffer) -> Result<vk::DescriptorSet> {
        let device = &self.device;
        let kind = vk::DescriptorType::STORAGE_BUFFER;
        let sizes = [vk::DescriptorPoolSize::default().ty(kind).descriptor_count(1)];
        let create = vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes);
        // SAFETY: the device lives, and `create` is complete and outlives the call, here and below.
        let pool = call("vkCreateDescriptorPool", || unsafe { device.create_descriptor_pool(&create, None) })?;
        let layouts = [layout];
        let create = vk::DescriptorSetAllocateInfo::default().descriptor_pool(pool).set_layouts(&layouts);
        // SAFETY: as above.
        let sets = call("vkAllocateDescriptorSets", || unsafe { device.allocate_descriptor_sets(&create) })?;
        let set = *sets.first().ok_or_else(|| anyhow!("no descriptor set"))?;
        let buffers = [vk::DescriptorBufferInfo::default().buffer(buffer).range(vk::WHOLE_SIZE)];
        let write = vk::WriteDescriptorSet::default().dst_set(set).descriptor_type(kind).buffer_info(&buffers);
        // SAFETY: the set's only binding is a storage buffer, and no work uses it.
        unsafe { device.update_descriptor_sets(&[write], &[]) };
        Ok(set)
    }

    /// The seconds that the device takes for the commands of `record`, after all earlier submissions.
    fn seconds(&self, record: impl Fn(vk::CommandBuffer)) -> Result<f64> {
        let device = &self.device;
        let create = vk::CommandBufferAllocateInfo::default().command_pool(self.commands).command_buffer_count(1);
        // SAFETY: the device lives, and `create` is complete and outlives the call, here and below.
        let all = call("vkAllocateCommandBuffers", || unsafe { device.allocate_command_buffers(&create) })?;
        let commands = *all.first().ok_or_else(|| anyhow!("no command buffer"))?;
        let begin = vk::CommandBufferBeginInfo::default().flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: as above.
        call("vkBeginCommandBuffer", || unsafe { device.begin_command_buffer(commands, &begin) })?;
        let everything = vk::PipelineStageFlags::ALL_COMMANDS;
        let after = vk::MemoryBarrier::default()
            .src_access_mask(vk::AccessFlags::MEMORY_WRITE)
            .dst_access_mask(vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE);
        // SAFETY: the command buffer records; queries are reset before they are written.
        unsafe {
            let none = vk::DependencyFlags::empty();
            device.cmd_pipeline_barrier(commands, everything, everything, none, &[after], &[], &[]);
            if let Some((pool, ..)) = self.stamps {
                device.cmd_reset_query_pool(commands, pool, 0, 2);
                device.cmd_write_timestamp(commands, vk::PipelineStageFlags::BOTTOM_OF_PIPE, pool, 0);
            }
        }
        record(commands);
        // SAFETY: as above.
        unsafe {
            if let Some((pool, ..)) = self.stamps {
                device.cmd_write_timestamp(commands, vk::PipelineStageFlags::BOTTOM_OF_PIPE, pool, 1);
            }
        }
        // SAFETY: as above.
        call("vkEndCommandBuffer", || unsafe { device.end_command_buffer(commands) })?;
        // SAFETY: as above.
        let fence = call("vkCreateFence", || unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) })?;
        let buffers = [commands];
        let submit = [vk::SubmitInfo::default().command_buffers(&buffers)];
        let start = Instant::now();
        // SAFETY: the command buffer is complete, and no other thread uses the queue.
        call("vkQueueSubmit", || unsafe { device.queue_submit(self.queue, &submit, fence) })?;
        // SAFETY: the fence was submitted.
        call("vkWaitForFences", || unsafe { device.wait_for_fences(&[fence], true, u64::MAX) })?;
        let waited = start.elapsed().as_secs_f64();
        // SAFETY: neither is in use any more.
        unsafe {
            device.destroy_fence(fence, None);
            device.free_command_buffers(self.commands, &buffers);
        }
        let Some((pool, nanoseconds, mask)) = self.stamps else { return Ok(waited) };
        let mut stamps = [0u64; 2];
        let flags = vk::QueryResultFlags::TYPE_64 | vk::QueryResultFlags::WAIT;
        // SAFETY: both queries were written by commands that have completed.
        call("vkGetQueryPoolResults", || unsafe { device.get_query_pool_results(pool, 0, &mut stamps, flags) })?;
        Ok((stamps[1].wrapping_sub(stamps[0]) & mask) as f64 * nanoseconds * 1e-9)
    }
}
