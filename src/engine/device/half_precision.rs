//! Half-precision draws, for a sink that keeps 16 bits of each number: the device computes named variables and rounds
//! them as the sink would, so that half the bytes cross the bus.

use std::sync::Arc;

use super::kernels::{MOVERS, TransitionShaders};
use crate::gpu::{ComputeKernel, Gpu, GpuError, Readback};
use crate::model::{LocationScale, Model};

/// The kernel that packs draws, with a location and scale for each variable.
#[derive(Debug)]
pub struct Packer {
    kernel: ComputeKernel,
    /// Mean and 1 / sd of each kept variable, in the sampler's units.
    table: wgpu::Buffer,
    /// Location and scale of each kept variable, in the user's units.
    units: Vec<LocationScale>,
}

impl Packer {
    /// A packer for draws of `model` with these `units` of all kept variables, in the user's units; `known`, if its
    /// units are equal. `None` if the units do not fit into 32 bits, or the model is a formula's.
    ///
    /// # Errors
    /// If the driver refuses the shader, or the device has no memory for the table.
    pub fn of(
        known: Option<Arc<Packer>>,
        gpu: &Gpu,
        shaders: &TransitionShaders,
        model: &Model,
        units: &[LocationScale],
    ) -> Result<Option<Arc<Packer>>, GpuError> {
        if let Some(known) = known.filter(|known| known.units == units) {
            return Ok(Some(known));
        }
        if model.shorthand().is_none() {
            return Ok(None);
        }
        let rows = model.scaled_units(units).into_iter().map(|unit| [unit.mean as f32, unit.sd.recip() as f32]);
        let table: Vec<[f32; 2]> = rows.collect();
        if units.len() != shaders.kept || !table.iter().all(|[mean, rate]| mean.is_finite() && rate.is_normal()) {
            return Ok(None);
        }
        Ok(Some(Arc::new(Packer {
            kernel: shaders.compile_pack(gpu)?,
            table: gpu.table("units of draws", &table)?,
            units: units.to_vec(),
        })))
    }

    /// Location and scale of each variable, in the user's units.
    pub fn units(&self) -> &[LocationScale] {
        &self.units
    }
}

/// Buffers for the packed draws of a dispatch.
#[derive(Debug)]
pub struct Packed {
    packer: Arc<Packer>,
    readback: Readback,
    bound: wgpu::BindGroup,
    /// 32-bit words per draw.
    words: u64,
}

impl Packed {
    /// Buffers for `rows` rows of the draws that a dispatch writes to `draws` and counts in `counts`.
    ///
    /// # Errors
    /// If the device has no memory for the buffers.
    pub fn new(
        gpu: &Gpu,
        packer: &Arc<Packer>,
        [counts, draws]: [&Readback; 2],
        rows: u64,
    ) -> Result<Packed, GpuError> {
        let words = packer.units.len().div_ceil(2) as u64;
        let readback = Readback::new(gpu, "packed draws", rows * words * 4)?;
        let buffers = [(3, &packer.table), (6, counts.output()), (7, draws.output()), (8, readback.output())];
        let bound = packer.kernel.bind(gpu, &buffers)?;
        Ok(Packed { packer: packer.clone(), readback, bound, words })
    }

    /// The packer of these draws.
    pub fn packer(&self) -> &Arc<Packer> {
        &self.packer
    }

    /// Records the packing of up to `rows` rows.
    pub fn dispatch(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass, rows: u64) {
        self.packer.kernel.dispatch_all(gpu, pass, &self.bound, (rows * self.words).div_ceil(u64::from(MOVERS)));
    }

    /// The readback of `rows` rows, and their bytes.
    pub fn readback(&self, rows: u64) -> (&Readback, u64) {
        (&self.readback, rows * self.words * 4)
    }
}
