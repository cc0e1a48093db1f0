//! The passes over rows that come before the evaluation of log densities: those of many workgroups for each position,
//! whose sums the evaluation reads.

use super::mixed_shape::MixedShape;
use super::row_chunks::{BUNDLE, RowChunks};
use super::tables::Team;
use crate::gpu::{ComputeKernel, Gpu, GpuError};
use crate::model::Model;

/// Passes over rows, in their order.
#[derive(Debug, Default)]
pub struct Passes {
    pub steps: Vec<Pass>,
    /// Buffers with numbers of each position.
    pub room: Vec<Room>,
}

/// A pass.
#[derive(Debug)]
pub struct Pass {
    pub kernel: ComputeKernel,
    /// Its own tables, by binding.
    pub tables: Vec<(u32, wgpu::Buffer)>,
    /// Workgroups that share a position, or several of them.
    workgroups: u32,
    /// The number of positions that an invocation evaluates at once.
    positions: u32,
}

/// A buffer that has `numbers` numbers of each position.
#[derive(Debug)]
pub struct Room {
    pub binding: u32,
    pub name: &'static str,
    pub numbers: usize,
}

impl Passes {
    /// The passes over the observations of `model`, which has a likelihood over them, with the sources of entries
    /// `residuals` and `reduce`; `chains` positions share each read.
    ///
    /// # Errors
    /// If the device has no room for the observations, or refuses a shader.
    pub fn over_observations(
        gpu: &Gpu,
        model: &Model,
        [residuals, reduce]: &[String; 2],
        chunks: &RowChunks,
        chains: u32,
    ) -> Result<Passes, GpuError> {
        let workgroups = |chunks: usize| chunks.div_ceil(BUNDLE) as u32;
        let of_chunks = workgroups(chunks.table().len());
        let limit = gpu.limits().max_compute_workgroups_per_dimension;
        if of_chunks > limit {
            return Err(GpuError::TooLarge {
                what: "the table of observations".to_string(),
                bytes: of_chunks.into(),
                limit: limit.into(),
                remedy: "use --likelihood groups".to_string(),
            });
        }
        // SAFETY: each chunk's rows and its index among the partial sums are in range by construction (`RowChunks`),
        // and buffers hold a multiple of `CHAINS` chains.
        let kernel = unsafe { ComputeKernel::compile(gpu, "residuals", residuals, &[])? };
        let tables =
            vec![(1, gpu.table("chunks", chunks.table())?), (3, gpu.table("observations", &chunks.rows(model))?)];
        let mut steps = vec![Pass { kernel, tables, workgroups: of_chunks, positions: chains }];
        for (before, after) in chunks.levels().iter().zip(&chunks.levels()[1..]) {
            let overrides = [
                ("FROM", f64::from(before.offset)),
                ("CHUNKS_BEFORE", f64::from(before.chunks)),
                ("TO", f64::from(after.offset)),
                ("CHUNKS_AFTER", f64::from(after.chunks)),
            ];
            // SAFETY: runs are ranges of chunks of the level before, one run for each chunk of the level after.
            let kernel = unsafe { ComputeKernel::compile(gpu, "reduce", reduce, &overrides)? };
            let tables = vec![(1, gpu.table("runs of chunks", &after.runs)?)];
            steps.push(Pass { kernel, tables, workgroups: workgroups(after.chunks as usize), positions: 1 });
        }
        Ok(Passes { steps, room: vec![Room { binding: 4, name: "partial sums", numbers: chunks.partials() as usize }] })
    }

    /// The passes over the rows of a formula's model of this shape, with the source of their entries.
    ///
    /// # Errors
    /// If the device refuses a shader.
    pub fn over_rows(gpu: &Gpu, shape: &MixedShape, team: Team, source: &str) -> Result<Passes, GpuError> {
        let workgroups = shape.row_groups(team).unwrap_or(1);
        let gathers = shape.factors.len() > 1;
        let mut steps = Vec::new();
        for (entry, workgroups) in [("set_position", 1), ("sum_rows", workgroups), ("gather_rows", workgroups)] {
            if gathers || entry != "gather_rows" {
                // SAFETY: rows, chunks and levels are in range by construction (`MixedShape`), and there is a workgroup
                // for each position and part of its rows.
                let kernel = unsafe { ComputeKernel::compile(gpu, entry, source, &[])? };
                steps.push(Pass { kernel, tables: Vec::new(), workgroups, positions: 1 });
            }
        }
        let parts = Room { binding: 4, name: "sums over rows", numbers: workgroups as usize * shape.parts() };
        let slopes = if gathers { shape.row.rows } else { 0 };
        let slopes = Room { binding: 5, name: "derivatives by eta", numbers: slopes };
        Ok(Passes { steps, room: vec![parts, slopes] })
    }

    /// Buffers have room for a multiple of this number of positions.
    pub fn whole(&self) -> u32 {
        self.steps.iter().map(|step| step.positions).max().unwrap_or(1)
    }

    /// The most numbers of a position in a buffer.
    pub fn numbers(&self) -> usize {
        self.room.iter().map(|room| room.numbers).max().unwrap_or(0)
    }
}

impl Pass {
    /// Records the pass over `positions` positions.
    pub fn dispatch(&self, pass: &mut wgpu::ComputePass, bound: &wgpu::BindGroup, positions: u32) {
        self.kernel.dispatch(pass, bound, self.workgroups, positions.div_ceil(self.positions));
    }
}
