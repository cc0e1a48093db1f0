//! Draws in memory, variable by variable, as diagnostics want them.

use crate::diagnostics::Series;
use crate::engine::{Block, Sink, SinkError};
use crate::nuts::Statistics;

/// All draws of a run: named variables in the user's units, and the statistics of each transition.
#[derive(Debug, Clone)]
pub struct Memory {
    variables: usize,
    chains: usize,
    /// Draws of each chain there is room for.
    room: usize,
    /// Draws of each chain taken so far.
    draws: usize,
    /// `[variable][chain][draw]`.
    values: Vec<f64>,
    /// `[chain][draw]`.
    statistics: Vec<Statistics>,
}

impl Memory {
    /// Room for `draws` draws of `variables` variables of each of `chains` chains.
    pub fn new(variables: usize, chains: usize, draws: usize) -> Memory {
        Memory {
            variables,
            chains,
            room: draws,
            draws: 0,
            values: vec![0.0; variables * chains * draws],
            statistics: vec![Statistics::default(); chains * draws],
        }
    }

    /// Gives back the room that an interrupted run has left empty.
    pub fn shrink_to_fit(&mut self) {
        let (room, draws) = (self.room, self.draws);
        for chain in 0..self.variables * self.chains {
            self.values.copy_within(chain * room..chain * room + draws, chain * draws);
        }
        for chain in 0..self.chains {
            self.statistics.copy_within(chain * room..chain * room + draws, chain * draws);
        }
        self.values.truncate(self.variables * self.chains * draws);
        self.statistics.truncate(self.chains * draws);
        self.room = draws;
    }

    /// Number of chains.
    pub fn chains(&self) -> usize {
        self.chains
    }

    /// Draws of each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// How many variables each draw has.
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// Everything, `[variable][chain][draw]`; the room must be full, or shrunk to what there is.
    pub fn values(&self) -> &[f64] {
        debug_assert_eq!(self.room, self.draws);
        &self.values
    }

    /// The draws of variable `i`; the room must be full, or shrunk to what there is.
    pub fn series(&self, i: usize) -> Series<'_> {
        let length = self.chains * self.draws;
        Series::new(&self.values()[i * length..(i + 1) * length], self.chains)
    }

    /// The statistics of every draw, `[chain][draw]`.
    pub fn statistics(&self) -> &[Statistics] {
        debug_assert_eq!(self.room, self.draws);
        &self.statistics
    }
}

impl Sink for Memory {
    fn take(&mut self, block: &Block) -> Result<(), SinkError> {
        for (row, (values, statistics)) in block.values.chunks_exact(self.variables).zip(block.statistics).enumerate() {
            let (chain, draw) = (row / block.draws, block.first_draw + row % block.draws);
            self.statistics[chain * self.room + draw] = *statistics;
            for (variable, value) in values.iter().enumerate() {
                self.values[(variable * self.chains + chain) * self.room + draw] = *value;
            }
        }
        self.draws = block.first_draw + block.draws;
        Ok(())
    }
}
