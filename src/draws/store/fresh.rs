//! Draws kept in memory beside the store that they are written into, where they are few: what was just drawn need not be
//! read back.

use rayon::prelude::*;

use super::layout::Extent;
use crate::draws::Precision;
use crate::nuts::Statistic;

/// The most bytes of them: about what reading them back in stretches would take.
const MOST_BYTES: usize = 64 << 20;

/// Numbers that are taken out of a draw together: those of a cache line.
const TOGETHER: usize = 8;

/// The draws of a run since its first one: variables, then statistics, as the store has them.
#[derive(Debug)]
pub struct Fresh {
    chains: usize,
    /// Draws of each chain there is room for.
    room: usize,
    /// Draws of each chain taken so far.
    draws: usize,
    /// `[number][chain][draw]`.
    numbers: Vec<f64>,
}

impl Fresh {
    /// Room for the draws of a whole run; `None` where they are too many, or will be rounded in the store.
    pub fn new(extent: &Extent) -> Option<Fresh> {
        let Extent { chains, draws, variables, precision, .. } = *extent;
        let count = (variables + Statistic::ALL.len()).checked_mul(chains)?.checked_mul(draws)?;
        let fits = count.checked_mul(size_of::<f64>())? <= MOST_BYTES;
        let empty = || Fresh { chains, room: draws, draws: 0, numbers: vec![0.0; count] };
        (fits && count > 0 && precision == Precision::F64).then(empty)
    }

    /// Takes the next `draws` draws of each chain out of a row of chunks, `[chain][draw][number]`, that has room for `row` draws
    /// of each chain and `width` numbers of each draw.
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

    /// Gives back the room that an interrupted run has left empty.
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

    /// The draws of consecutive numbers, `[number][chain][draw]`; the room must be full, or shrunk to what there is.
    pub fn read(&self, numbers: std::ops::Range<usize>) -> &[f64] {
        debug_assert_eq!(self.room, self.draws);
        let size = self.chains * self.draws;
        &self.numbers[numbers.start * size..numbers.end * size]
    }
}
