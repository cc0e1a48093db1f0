//! A row buffer: draws gather in memory until they fill a row of chunks, the same draws of all chains and variables.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use zarrs::array::Array;

use super::arrays::{open, write_chunk};
use super::chunks::{Chunk, chunks};
use super::files::Files;
use super::fresh::Fresh;
use super::layout::{DrawArrays, Drawn, Extent, Packing};
use super::part_reader::PartReader;
use crate::draws::pointwise::Pointwise;
use crate::engine::DrawBlock;
use crate::nuts::Statistic;

/// A row of chunks, and the arrays of these chunks.
pub struct RowBuffer {
    chains: usize,
    /// Named variables of a draw, and statistics after them.
    variables: usize,
    statistics: usize,
    arrays: DrawArrays,
    files: Arc<Files>,
    /// The number of the row, and of the draws of each chain in it.
    number: usize,
    filled: usize,
    /// The draws of each chain that were written.
    written: usize,
    /// `[chain][draw][number]`.
    numbers: Vec<f64>,
    /// A copy of all draws in memory.
    fresh: Option<Fresh>,
}

impl RowBuffer {
    /// The buffer for the row of draw `draws` of each chain; `restore` reads the draws before it.
    pub fn new(files: Arc<Files>, arrays: DrawArrays, extent: &Extent, draws: usize) -> RowBuffer {
        let (chains, variables, statistics) = (extent.chains, extent.variables, extent.statistics().len());
        let numbers = vec![f64::NAN; chains * arrays.row * arrays.width];
        let (number, filled) = (draws / arrays.row, draws % arrays.row);
        let (written, fresh) = (filled, None);
        RowBuffer { chains, variables, statistics, arrays, files, number, filled, written, numbers, fresh }
    }

    /// Draws of each chain so far.
    pub fn draws(&self) -> usize {
        self.number * self.arrays.row + self.filled
    }

    /// Reads the draws that are in the row already from the store.
    pub fn restore(&mut self, recorded: &PartReader) {
        let (row, width, filled) = (self.arrays.row, self.arrays.width, self.filled);
        if filled == 0 {
            return;
        }
        let first = self.number * row;
        let numbers = recorded.part(0..self.chains, first..first + filled);
        for (to, from) in self.numbers.chunks_exact_mut(row * width).zip(numbers.chunks_exact(filled * width)) {
            to[..from.len()].copy_from_slice(from);
        }
    }

    /// Copies all draws to `fresh` too, from the first draw on.
    pub fn keep(&mut self, fresh: Option<Fresh>) {
        self.fresh = fresh;
    }

    /// The copy of all draws in memory.
    pub fn kept(&mut self) -> Option<Fresh> {
        self.keep_row();
        self.fresh.take().map(|mut fresh| {
            fresh.shrink_to_fit();
            fresh
        })
    }

    /// Copies the rest of the row to memory.
    fn keep_row(&mut self) {
        let (draws, row, width) = (self.draws(), self.arrays.row, self.arrays.width);
        if let Some(fresh) = &mut self.fresh {
            debug_assert_eq!(fresh.draws(), self.number * row);
            fresh.take(&self.numbers, row, width, draws - fresh.draws());
        }
    }

    pub fn arrays(&self) -> &DrawArrays {
        &self.arrays
    }

    /// Replaces the metadata of the arrays.
    pub fn describe(&mut self, arrays: DrawArrays) {
        self.arrays = arrays;
    }

    /// Takes the next block; writes the chunks of every row that it fills.
    pub fn record(&mut self, block: &DrawBlock, observations: &Pointwise) -> io::Result<()> {
        debug_assert_eq!(block.first_draw, self.draws());
        let mut first = 0;
        while first < block.draws {
            let draws = (block.draws - first).min(self.arrays.row - self.filled);
            self.fill(block, first..first + draws, observations);
            self.filled += draws;
            first += draws;
            if self.filled == self.arrays.row {
                self.write()?;
                self.keep_row();
                self.number += 1;
                (self.filled, self.written) = (0, 0);
            }
        }
        Ok(())
    }

    /// Adds draws of a block to the row.
    fn fill(&mut self, block: &DrawBlock, draws: Range<usize>, observations: &Pointwise) {
        let (row, width, variables, filled) = (self.arrays.row, self.arrays.width, self.variables, self.filled);
        let chains = self.numbers.par_chunks_exact_mut(row * width).enumerate();
        chains.for_each_init(
            || observations.clone(),
            |observations, (chain, numbers)| {
                for (draw, numbers) in draws.clone().zip(numbers[filled * width..].chunks_exact_mut(width)) {
                    let from = chain * block.draws + draw;
                    let (values, rest) = numbers.split_at_mut(variables);
                    values.copy_from_slice(&block.values[from * variables..(from + 1) * variables]);
                    let (statistics, observed) = rest.split_at_mut(self.statistics);
                    statistics.copy_from_slice(&Statistic::numbers(&block.statistics[from])[..self.statistics]);
                    if !observed.is_empty() {
                        observations.write(chain, block.first_draw + draw, values, observed);
                    }
                }
            },
        );
    }

    /// Writes the chunks of the row as far as they are filled.
    pub fn write(&mut self) -> io::Result<()> {
        if self.filled == self.written {
            return Ok(());
        }
        let this = &*self;
        this.arrays.arrays.par_iter().try_for_each(|drawn| {
            let array = open(&this.files, &drawn.metadata)?;
            chunks(drawn).into_par_iter().try_for_each(|chunk| this.write_chunk(drawn, &array, &chunk))
        })?;
        self.written = self.filled;
        Ok(())
    }

    fn write_chunk(&self, drawn: &Drawn, array: &Array<Files>, chunk: &Chunk) -> io::Result<()> {
        let (row, width, last) = (self.arrays.row, self.arrays.width, drawn.last_length());
        let Packing { offset, scale } = Packing::read(&drawn.metadata.attributes);
        let packed = !drawn.metadata.attributes.is_empty();
        let (size, elements) = (drawn.metadata.chunk[0], drawn.chunk_elements());
        let outer = chunk.outer * last;
        let places = &drawn.places[outer + chunk.last * elements..outer + last.min((chunk.last + 1) * elements)];
        let chains = chunk.chains * size..self.chains.min((chunk.chains + 1) * size);
        // The part of the chunk beyond the draws, the chains and the elements stays NaN.
        let mut numbers = vec![f64::NAN; size * row * elements];
        for (chain, numbers) in chains.zip(numbers.chunks_exact_mut(row * elements)) {
            let rows = self.numbers[chain * row * width..].chunks_exact(width).take(self.filled);
            match places {
                [place] if elements == 1 => rows.zip(numbers).for_each(|(from, number)| *number = from[*place]),
                _ => rows.zip(numbers.chunks_exact_mut(elements)).for_each(|(from, numbers)| {
                    numbers.iter_mut().zip(places).for_each(|(number, place)| *number = from[*place]);
                }),
            }
        }
        if packed {
            numbers.iter_mut().for_each(|number| *number = (*number - offset) / scale);
        }
        let mut indices = vec![chunk.chains as u64, self.number as u64];
        match drawn.metadata.chunk.len() {
            2 => {}
            3 => indices.push(chunk.last as u64),
            _ => indices.extend([chunk.outer as u64, chunk.last as u64]),
        }
        write_chunk(array, drawn.metadata.data_type, &indices, numbers)
    }
}
