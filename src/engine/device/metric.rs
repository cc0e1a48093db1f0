//! The metric on the device: its scales and its eigenvectors, in the layout of vectors.

use super::vectors::Vectors;
use crate::gpu::{Gpu, GpuError};
use crate::nuts::Tuning;

/// Most iterations of a leapfrog along the metric's eigenvectors on a software adapter, which ends loops silently after
/// 65,535 iterations.
const TURNS_OF_EIGENVECTORS: usize = 8_000;

/// Approximate number of iterations of a sum over lanes, and of the loop around it.
pub const TURNS_OF_SUMS: usize = 12;

/// The metric of the chains.
pub struct DeviceMetric {
    /// The scales, the eigenvectors in whole fours, and the factor of each in the correction.
    pub buffer: wgpu::Buffer,
    /// The most eigenvectors: a multiple of four.
    room: usize,
    /// Fours of eigenvectors of the phase.
    pub fours: u32,
}

impl DeviceMetric {
    /// A metric that is still to be written, with room for `rank` eigenvectors, or for as many as a leapfrog has time
    /// for on this device.
    ///
    /// # Errors
    /// If the device has no memory for it.
    pub fn new(gpu: &Gpu, lie: &Vectors, rank: usize) -> Result<DeviceMetric, GpuError> {
        let turns_of_four = 3 * (2 * lie.slots.div_ceil(4) + TURNS_OF_SUMS);
        let most = if gpu.adapter().is_software() { 4 * (TURNS_OF_EIGENVECTORS / turns_of_four) } else { usize::MAX };
        let room = rank.next_multiple_of(4).min(most);
        let buffer = gpu.table("metric", &vec![0.0f32; lie.size() + (lie.size() + 1) * room])?;
        Ok(DeviceMetric { buffer, room, fours: 0 })
    }

    /// Writes the metric of a tuning, for `coordinates` in the layout of vectors.
    pub fn write(&mut self, gpu: &Gpu, coordinates: &[Option<usize>], tuning: &Tuning) {
        let in_layout = |of: &[f64]| -> Vec<f32> {
            coordinates.iter().map(|coordinate| coordinate.map_or(0.0, |i| of[i] as f32)).collect()
        };
        let mut numbers = in_layout(&tuning.scale);
        let mut factors = Vec::new();
        for (eigenvector, factor) in tuning.correction.iter().take(self.room) {
            numbers.extend(in_layout(eigenvector));
            factors.push(factor as f32);
        }
        let whole = factors.len().next_multiple_of(4);
        factors.resize(whole, 0.0);
        numbers.resize(coordinates.len() * (1 + whole), 0.0);
        numbers.extend(factors);
        self.fours = whole as u32 / 4;
        gpu.write(&self.buffer, &numbers);
    }
}
