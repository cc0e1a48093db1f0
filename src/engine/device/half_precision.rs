//! Draws that leave for a sink which keeps 16 bits of each number: the device rounds them as the sink would, so that half the
//! bytes cross the bus, and named variables come out of it.

use std::sync::Arc;

use super::kernels::{MOVERS, TransitionShaders};
use crate::gpu::{ComputeKernel, Gpu, GpuError, Landing};
use crate::model::{LocationScale, Model};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// What packs draws in certain units.
#[derive(Debug)]
pub struct Packer {
    kernel: ComputeKernel,
    /// Mean and 1 / sd of each kept variable, in the sampler's units.
    table: wgpu::Buffer,
    /// Of each kept variable, in the user's units.
    units: Vec<LocationScale>,
}

impl Packer {
    /// Packs what `shaders` let leave of the draws of `model`, in these units of all kept variables: `known`, where its units
    /// are these. `None` where 32 bits cannot tell the units.
    ///
    /// # Errors
    /// When the driver refuses the shader, or the device has no room for the table.
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
}

/// Room for the packed draws of a dispatch.
#[derive(Debug)]
pub struct Packed {
    packer: Arc<Packer>,
    landing: Landing,
    bound: wgpu::BindGroup,
    /// Words of a draw.
    words: u64,
}

impl Packed {
    /// Room for `rows` of the draws that a dispatch leaves in `draws`, as `counts` tells.
    ///
    /// # Errors
    /// When the device has none.
    pub fn new(gpu: &Gpu, packer: &Arc<Packer>, [counts, draws]: [&Landing; 2], rows: u64) -> Result<Packed, GpuError> {
        let words = packer.units.len().div_ceil(2) as u64;
        let landing = Landing::new(gpu, "packed draws", rows * words * 4)?;
        let buffers = [(3, &packer.table), (6, counts.output()), (7, draws.output()), (8, landing.output())];
        let bound = packer.kernel.bind(gpu, &buffers)?;
        Ok(Packed { packer: packer.clone(), landing, bound, words })
    }

    /// Whether it is this one that packs.
    pub fn is_by(&self, packer: &Arc<Packer>) -> bool {
        Arc::ptr_eq(&self.packer, packer)
    }

    /// Records the packing of up to so many rows.
    pub fn dispatch(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass, rows: u64) {
        self.packer.kernel.dispatch_all(gpu, pass, &self.bound, (rows * self.words).div_ceil(u64::from(MOVERS)));
    }

    /// Where so many rows land, and their bytes.
    pub fn landing(&self, rows: u64) -> (&Landing, u64) {
        (&self.landing, rows * self.words * 4)
    }

    /// Has `read` look at so many rows that have landed.
    ///
    /// # Errors
    /// When they have not.
    pub fn read<R>(&self, rows: u64, read: impl FnOnce(LandedDraws) -> R) -> Result<R, GpuError> {
        let (landing, bytes) = self.landing(rows);
        landing.read(bytes, |bytes| {
            read(LandedDraws::Packed { halves: bytemuck::cast_slice(bytes), units: &self.packer.units })
        })
    }
}

/// The draws that a dispatch has left, row by row.
#[derive(Debug, Clone, Copy)]
pub enum LandedDraws<'a> {
    /// The leading coordinates of theta, in the sampler's units.
    Positions(&'a [f32]),
    /// Named variables, as offsets in units of them; rows of an even number, the last of which may say nothing.
    Packed {
        /// `[row][variable]`.
        halves: &'a [f16],
        /// Of each variable, in the user's units.
        units: &'a [LocationScale],
    },
}

impl LandedDraws<'_> {
    /// How many numbers there are of each of so many rows.
    pub fn width(&self, rows: usize) -> usize {
        let numbers = match self {
            LandedDraws::Positions(numbers) => numbers.len(),
            LandedDraws::Packed { halves, .. } => halves.len(),
        };
        numbers / rows.max(1)
    }

    /// Writes the named variables of a row, in the user's units; `room` holds the row's numbers on the way.
    pub fn write(&self, model: &Model, row: usize, room: &mut [f64], named: &mut [f64]) {
        let places = row * room.len()..(row + 1) * room.len();
        match self {
            LandedDraws::Positions(numbers) => {
                room.iter_mut().zip(&numbers[places]).for_each(|(theta, number)| *theta = f64::from(*number));
                model.constrain(room, named);
            }
            LandedDraws::Packed { halves, units } => {
                halves[places].convert_to_f64_slice(room);
                for ((named, offset), unit) in named.iter_mut().zip(room).zip(*units) {
                    *named = unit.mean + unit.sd * *offset;
                }
            }
        }
    }
}
