//! Draws kept in memory beside the store, if they are few: draws that were just made need not be read back.

use rayon::prelude::*;

use super::layout::Extent;
use crate::draws::Precision;

/// Limit on the bytes of these draws: about the memory that reading them back would take.
const MOST_BYTES: usize = 64 << 20;

/// Numbers that are copied out of a draw together: those of a cache line.
const TOGETHER: usize = 8;

/// The draws of a run after warm-up: variables, then statistics, in the order of the store.
#[derive(Debug)]
pub struct Fresh {
    chains: usize,
    /// Draws of each chain that the buffer holds.
    room: usize,
    /// Draws of each chain so far.
    draws: usize,
    /// `[number][chain][draw]`.
    numbers: Vec<f64>,
}

impl Fresh {
    /// A buffer for the draws of a whole run; `None` if they are too many, or will be rounded in the store.
    pub fn new(extent: &Extent) -> Option<Fresh> {
        let Extent { chains, draws, variables, precision, .. } = *extent;
        let count = (variables + extent.statistics().len()).checked_mul(chains)?.checked_mul(draws)?;
        let fits = count.checked_mul(size_of::<f64>())? <= MOST_BYTES;
        let empty = || Fresh { chains, room: draws, draws: 0, numbers: vec![0.0; count] };
        (fits && count > 0 && precision == Precision::F64).then(empty)
    }

    /// Copies the next `draws` draws of each chain from a row of chunks, `[chain][draw][number]`, which has room for
    /// `row` draws of each chain and `width` numbers of each draw.
    pub fn take(&mut self, numbers: &[f64], row: usize, width: usize, draws: usize) {
        let (chains, room, first) = (self.chains, self.room, self.draws);
        self.numbers.par_chunks_mut(TOGETHER * chains * room).enumerate().for_each(|(part, kept)| {
            for chain in 0..chains {
                let rows = &numbers[chain * row * width..];
                for (i, kept) in kept.chunks_exact_mut(chains * room).enumerate() {
                    let to = &mut kept[chain * room + first..][..draws];
                    let from = rows[TOGETHER * part + i..].iter().step_by(width);
                    to.iter_mut().zip(from).for_each(|(kept, number)| *kept = *number);
                }
            }
        });
        self.draws += draws;
    }

    /// Frees the memory that an interrupted run has not filled.
    pub fn shrink_to_fit(&mut self) {
        let (room, draws) = (self.room, self.draws);
        if room == draws {
            return;
        }
        for chain in 0..self.numbers.len() / room {
            self.numbers.copy_within(chain * room..chain * room + draws, chain * draws);
        }
        self.numbers.truncate(self.numbers.len() / room * draws);
        self.room = draws;
    }

    /// Draws of each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The draws of consecutive numbers, `[number][chain][draw]`; the buffer must be full, or shrunk to the draws.
    pub fn read(&self, numbers: std::ops::Range<usize>) -> &[f64] {
        debug_assert_eq!(self.room, self.draws);
        let size = self.chains * self.draws;
        &self.numbers[numbers.start * size..numbers.end * size]
    }
}
