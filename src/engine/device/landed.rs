//! Draws as they land on the host: row by row, the first draw of every chain, then the second, and so on.

use std::sync::Arc;

use bytemuck::cast_slice;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::half_precision::Packer;
use super::messages::TransitionStatistics;
use crate::model::Model;
use crate::nuts::Statistics;

/// What a row of draws holds.
#[derive(Debug, Clone, Default)]
pub enum RowFormat {
    /// The leading coordinates of theta, unconstrained, in the sampler's units, in 32 bits.
    #[default]
    Positions,
    /// Named variables, as offsets from the mean in sds, in 16 bits; rows are padded to an even length.
    Halves(Arc<Packer>),
}

impl RowFormat {
    /// The words of a row of `variables` variables.
    pub fn width(&self, variables: usize) -> usize {
        match self {
            RowFormat::Positions => variables,
            RowFormat::Halves(_) => variables.div_ceil(2),
        }
    }

    /// Writes the named variables of a row, in the user's units; `room` is scratch space for as many numbers.
    pub fn write(&self, model: &Model, row: &[u32], room: &mut [f64], named: &mut [f64]) {
        match self {
            RowFormat::Positions => {
                room.iter_mut()
                    .zip(cast_slice::<u32, f32>(row))
                    .for_each(|(theta, number)| *theta = f64::from(*number));
                model.constrain(room, named);
            }
            RowFormat::Halves(packer) => {
                cast_slice::<u32, f16>(row)[..room.len()].convert_to_f64_slice(room);
                for ((named, offset), unit) in named.iter_mut().zip(room).zip(packer.units()) {
                    *named = unit.mean + unit.sd * *offset;
                }
            }
        }
    }
}

/// The draws of a dispatch of consecutive chains.
pub struct LandedDraws<'a> {
    /// Index of the first chain among all chains.
    pub first: usize,
    /// The counts of each chain, the first of which is its number of draws.
    pub counts: &'a [[u32; 4]],
    /// What a row holds.
    pub format: RowFormat,
    /// `[draw][chain][word]`, where only draws that were made mean anything.
    pub words: &'a [u32],
    /// `[draw][chain]`, likewise.
    pub statistics: &'a [TransitionStatistics],
}

impl LandedDraws<'_> {
    /// The words, of `width` words, and the statistics of draw `draw` of chain number `chain` of these.
    pub fn row(&self, draw: usize, chain: usize, width: usize) -> (&[u32], &TransitionStatistics) {
        let row = draw * self.counts.len() + chain;
        (&self.words[row * width..(row + 1) * width], &self.statistics[row])
    }
}

/// The statistics of a transition as the host has them, with `log_constant` added to log densities.
pub fn host_statistics(statistics: &TransitionStatistics, log_constant: f64) -> Statistics {
    Statistics {
        lp: f64::from(statistics.lp) + log_constant,
        energy: f64::from(statistics.energy) - log_constant,
        acceptance_rate: f64::from(statistics.acceptance_rate),
        step_size: f64::from(statistics.step_size),
        tree_depth: statistics.tree_depth,
        n_steps: statistics.n_steps,
        diverging: statistics.diverging == 1,
        reached_max_treedepth: statistics.reached_max_treedepth == 1,
        ..Statistics::default()
    }
}
