//! Sums that the device makes over a batch's draws: their buffers, and their way to the sink.

use rayon::prelude::*;
use wgpu::BufferUsages;

use super::kernels::{SUMS, TransitionShaders};
use super::messages::Chain;
use super::vectors::Vectors;
use crate::engine::SumSink;
use crate::engine::sums::{BINS, ChainSums, DrawSums, EnergySums};
use crate::gpu::{Gpu, GpuError, Readback, Submission};
use crate::model::LocationScale;

/// Limit on the bytes of sums copied at once, unless a single chain's sums take more.
const PORTION: usize = 64 << 20;

/// Chains whose sums are handed over together: the sink reads them variable by variable, with strides that are only
/// fast in a cache.
const TOGETHER: usize = 512;

/// Buffers of the sums over a batch's draws.
#[derive(Debug)]
pub struct DeviceSums {
    grid: wgpu::Buffer,
    sums: wgpu::Buffer,
    histograms: Readback,
    /// Layout of the vectors of sums, and number of named variables.
    lie: Vectors,
    variables: usize,
}

impl DeviceSums {
    /// Buffers for the sums of `chains` chains; `None` if `shaders` make no sums.
    ///
    /// # Errors
    /// If the device has no memory for the buffers.
    pub fn new(gpu: &Gpu, shaders: &TransitionShaders, chains: usize) -> Result<Option<DeviceSums>, GpuError> {
        if shaders.sums == 0 {
            return Ok(None);
        }
        let (lie, variables) = (shaders.sums_lie, shaders.sums_lie.coordinates().iter().flatten().count());
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        Ok(Some(DeviceSums {
            grid: gpu.table("units of sums", &vec![[0.0f32; 4]; lie.size()])?,
            sums: gpu.buffer(
                "the chains' sums",
                (lie.whole(chains) * SUMS * lie.size() * size_of::<f32>()) as u64,
                storage,
            )?,
            histograms: Readback::new(gpu, "histograms", (variables * BINS * size_of::<u32>()) as u64)?,
            lie,
            variables,
        }))
    }

    /// The buffers of output_sums.wgsl, each with its binding.
    pub fn bindings(&self) -> [(u32, &wgpu::Buffer); 3] {
        [(9, &self.grid), (10, &self.sums), (11, self.histograms.output())]
    }

    /// Sets location and scale, in the sampler's units, and tails of each variable, and clears the histograms.
    /// `coordinates` gives the variable of each number of a vector.
    pub fn begin(&self, gpu: &Gpu, coordinates: &[Option<usize>], units: &[LocationScale], tails: &[[f64; 2]]) {
        let numbers =
            |i: usize| [units[i].mean, 1.0 / units[i].sd, tails[i][0], tails[i][1]].map(|number| number as f32);
        let grid: Vec<[f32; 4]> = coordinates.iter().map(|at| at.map_or([0.0; 4], numbers)).collect();
        gpu.write(&self.grid, &grid);
        gpu.write(self.histograms.output(), &vec![0u32; self.variables * BINS]);
    }

    /// Hands over the sums of `chains`, each over `draws` draws of `warmup` or since, split after the first
    /// `half` draws.
    ///
    /// # Errors
    /// If the device fails; some sums may have been handed over by then.
    pub fn hand_over(
        &self,
        gpu: &Gpu,
        coordinates: &[Option<usize>],
        chains: &[Chain],
        warmup: bool,
        [draws, half]: [usize; 2],
        sink: &mut dyn SumSink,
    ) -> Result<(), GpuError> {
        let (lie, variables) = (self.lie, self.variables);
        let bytes = |chains: usize| (lie.whole(chains) * SUMS * lie.size() * size_of::<f32>()) as u64;
        let portion = lie
            .whole((PORTION as u64 / (bytes(lie.beside) / lie.beside as u64)).clamp(1, chains.len().max(1) as u64)
                as usize);
        let readback = Readback::new(gpu, "sums on their way", bytes(portion))?;
        let mut sums = vec![DrawSums::default(); TOGETHER.min(portion) * variables];
        for (number, chains) in chains.chunks(portion).enumerate() {
            let (from, size) = (bytes(number * portion), bytes(chains.len()));
            let gather = |encoder: &mut wgpu::CommandEncoder| {
                encoder.copy_buffer_to_buffer(&self.sums, from, readback.output(), 0, size);
            };
            Submission::start(gpu, gather, |_| {}, &[(&readback, size)], None, &[]).wait(gpu)?;
            readback.read(size, |bytes| {
                let numbers = bytemuck::cast_slice::<u8, f32>(bytes);
                for (tile, chains) in chains.chunks(TOGETHER).enumerate() {
                    let sums = &mut sums[..chains.len() * variables];
                    sums.par_chunks_exact_mut(variables).enumerate().for_each(|(i, sums)| {
                        let chain = tile * TOGETHER + i;
                        for (at, coordinate) in coordinates.iter().enumerate() {
                            if let Some(coordinate) = coordinate {
                                let [a, b, c, d, below, above] =
                                    [0, 1, 2, 3, 4, 5].map(|i| f64::from(numbers[lie.place(chain, SUMS, i, at)]));
                                let second = if draws > half { [c, d] } else { [0.0; 2] };
                                sums[*coordinate] = DrawSums { halves: [[a, b], second], below: [below, above] };
                            }
                        }
                    });
                    let energies: Vec<EnergySums> = chains.iter().map(energies).collect();
                    sink.take_sums(&ChainSums { warmup, draws, sums, energies: &energies });
                }
            })?;
        }
        let size = (variables * BINS * size_of::<u32>()) as u64;
        Submission::start(gpu, |_| {}, |_| {}, &[(&self.histograms, size)], None, &[]).wait(gpu)?;
        self.histograms.read(size, |bytes| sink.take_histograms(bytemuck::cast_slice(bytes)))
    }
}

fn energies(chain: &Chain) -> EnergySums {
    EnergySums {
        first: f64::from(chain.first_energy),
        last: f64::from(chain.last_energy),
        sum: f64::from(chain.energy_sum),
        square: f64::from(chain.energy_square),
        steps: f64::from(chain.energy_steps),
        saturated: u64::from(chain.saturated),
    }
}
