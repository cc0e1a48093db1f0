//! Draws that gather in memory until they fill a row of chunks: the same draws of all chains and variables.

use std::io;
use std::sync::Arc;

use rayon::prelude::*;
use zarrs::array::Array;

use super::arrays::{open, write_chunk};
use super::chunks::{Chunk, chunks};
use super::files::Files;
use super::fresh::Fresh;
use super::layout::{DrawArrays, Drawn, Packing};
use super::recorded::Recorded;
use crate::draws::observations::Observations;
use crate::engine::Block;
use crate::nuts::Statistic;

/// A row of chunks, and the arrays whose chunks they are.
pub struct Row {
    chains: usize,
    variables: usize,
    arrays: DrawArrays,
    files: Arc<Files>,
    /// The number of the row, and how many draws are in it.
    number: usize,
    filled: usize,
    /// How many of them were written.
    written: usize,
    /// `[chain][draw][number]`.
    numbers: Vec<f64>,
    /// What is kept of them in memory too.
    fresh: Option<Fresh>,
}

impl Row {
    /// The row that draw `draws` of each chain falls into, still empty.
    pub fn new(files: Arc<Files>, arrays: DrawArrays, chains: usize, variables: usize, draws: usize) -> Row {
        let numbers = vec![f64::NAN; chains * arrays.row * arrays.width];
        let (number, filled) = (draws / arrays.row, draws % arrays.row);
        Row { chains, variables, arrays, files, number, filled, written: filled, numbers, fresh: None }
    }

    /// Draws of each chain taken so far.
    pub fn draws(&self) -> usize {
        self.number * self.arrays.row + self.filled
    }

    /// Puts back the draws that are in the row already, from the store.
    pub fn restore(&mut self, recorded: &Recorded) {
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

    /// Keeps all draws in memory too, from the first one on.
    pub fn keep(&mut self, fresh: Option<Fresh>) {
        self.fresh = fresh;
    }

    /// The draws that were kept, all of them.
    pub fn kept(&mut self) -> Option<Fresh> {
        self.keep_row();
        self.fresh.take().map(|mut fresh| {
            fresh.shrink_to_fit();
            fresh
        })
    }

    /// Keeps what of the row is not kept yet.
    fn keep_row(&mut self) {
        let (draws, row, width) = (self.draws(), self.arrays.row, self.arrays.width);
        if let Some(fresh) = &mut self.fresh {
            debug_assert_eq!(fresh.draws(), self.number * row);
            fresh.take(&self.numbers, row, width, draws - fresh.draws());
        }
    }

    /// The arrays of draws.
    pub fn arrays(&self) -> &DrawArrays {
        &self.arrays
    }

    /// Other metadata of the same arrays.
    pub fn describe(&mut self, arrays: DrawArrays) {
        self.arrays = arrays;
    }

    /// Takes the next block; chunks leave where it fills them.
    pub fn take(&mut self, block: &Block, observe: &mut Observations) -> io::Result<()> {
        let (row, width, variables) = (self.arrays.row, self.arrays.width, self.variables);
        debug_assert_eq!(block.first_draw, self.draws());
        let mut first = 0;
        while first < block.draws {
            let draws = (block.draws - first).min(row - self.filled);
            for chain in 0..self.chains {
                for draw in 0..draws {
                    let from = chain * block.draws + first + draw;
                    let to = (chain * row + self.filled + draw) * width;
                    let numbers = &mut self.numbers[to..to + width];
                    let (values, rest) = numbers.split_at_mut(variables);
                    values.copy_from_slice(&block.values[from * variables..(from + 1) * variables]);
                    let (statistics, observations) = rest.split_at_mut(Statistic::ALL.len());
                    statistics.copy_from_slice(&Statistic::ALL.map(|statistic| statistic.of(&block.statistics[from])));
                    if !observations.is_empty() {
                        observe.write(chain, block.first_draw + first + draw, values, observations);
                    }
                }
            }
            self.filled += draws;
            first += draws;
            if self.filled == row {
                self.write()?;
                self.keep_row();
                self.number += 1;
                (self.filled, self.written) = (0, 0);
                self.numbers.fill(f64::NAN);
            }
        }
        Ok(())
    }

    /// Writes the chunks as they are now.
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
        let places: Vec<Option<usize>> = (0..elements)
            .map(|i| chunk.last * elements + i)
            .map(|i| (i < last).then(|| drawn.places[chunk.outer * last + i]))
            .collect();
        let mut numbers = Vec::with_capacity(size * row * elements);
        for (i, draw) in (0..size).flat_map(|i| (0..row).map(move |draw| (i, draw))) {
            let chain = chunk.chains * size + i;
            if chain < self.chains && draw < self.filled {
                let from = &self.numbers[(chain * row + draw) * width..][..width];
                numbers.extend(places.iter().map(|place| place.map_or(f64::NAN, |place| from[place])));
            } else {
                numbers.resize(numbers.len() + elements, f64::NAN);
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
