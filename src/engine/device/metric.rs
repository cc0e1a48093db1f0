//! The metric on the device: its scales and its directions, in the layout of vectors.

use super::vectors::Vectors;
use crate::gpu::{Gpu, GpuError};
use crate::nuts::Tuning;

/// Most iterations of a leapfrog along the metric's directions, on a software adapter, which ends loops silently after
/// 65,535 iterations.
const TURNS_OF_DIRECTIONS: usize = 8_000;

/// Approximate number of iterations of a sum over lanes, and of the loop around it; as in shaders/leapfrog.wgsl.
const TURNS_OF_SUMS: usize = 12;

/// The metric of the chains.
pub struct DeviceMetric {
    /// The scales, the directions in whole fours, and what each of them is widened by, less 1.
    pub buffer: wgpu::Buffer,
    /// The most directions: a multiple of four.
    room: usize,
    /// Fours of directions of the phase.
    pub fours: u32,
}

impl DeviceMetric {
    /// A metric that is still to be written, with room for `directions` directions, or for as many as a leapfrog has
    /// time for on this device.
    ///
    /// # Errors
    /// If the device has no memory for it.
    pub fn new(gpu: &Gpu, lie: &Vectors, directions: usize) -> Result<DeviceMetric, GpuError> {
        let turns_of_four = 3 * (2 * lie.slots.div_ceil(4) + TURNS_OF_SUMS);
        let most = if gpu.adapter().is_software() { 4 * (TURNS_OF_DIRECTIONS / turns_of_four) } else { usize::MAX };
        let room = directions.next_multiple_of(4).min(most);
        let buffer = gpu.table("metric", &vec![0.0f32; lie.size() + (lie.size() + 1) * room])?;
        Ok(DeviceMetric { buffer, room, fours: 0 })
    }

    /// Writes the metric of a tuning, for `coordinates` in the layout of vectors.
    pub fn write(&mut self, gpu: &Gpu, coordinates: &[Option<usize>], tuning: &Tuning) {
        let in_layout = |of: &[f64]| -> Vec<f32> {
            coordinates.iter().map(|coordinate| coordinate.map_or(0.0, |i| of[i] as f32)).collect()
        };
        let mut numbers = in_layout(&tuning.scale);
        let mut beyond = Vec::new();
        for (direction, width) in tuning.low_rank.iter().take(self.room) {
            numbers.extend(in_layout(direction));
            beyond.push((width - 1.0) as f32);
        }
        let whole = beyond.len().next_multiple_of(4);
        beyond.resize(whole, 0.0);
        numbers.resize(coordinates.len() * (1 + whole), 0.0);
        numbers.extend(beyond);
        self.fours = whole as u32 / 4;
        gpu.write(&self.buffer, &numbers);
    }
}
