//! Draws in memory, variable by variable, as diagnostics read them.

use std::borrow::Cow;
use std::sync::Arc;

use super::precision::{Precision, Values};
use crate::engine::{DrawBlock, DrawSink, SinkError, SumSink};
use crate::model::{LocationScale, Model};
use crate::nuts::Statistics;
use crate::nuts::adaptation::PositionMoments;

/// All draws of a run: named variables in the user's units, and the statistics of each transition.
#[derive(Debug, Clone)]
pub struct Memory {
    variables: usize,
    chains: usize,
    /// Draws of each chain that the buffers hold.
    room: usize,
    /// Draws of each chain so far.
    draws: usize,
    /// `[variable][chain][draw]`.
    values: Values,
    /// `[chain][draw]`.
    statistics: Vec<Statistics>,
    /// The model of the variables, if draws are rounded.
    model: Option<Arc<Model>>,
}

impl Memory {
    /// Buffers for `draws` draws of `variables` variables from each of `chains` chains, not rounded.
    pub fn new(variables: usize, chains: usize, draws: usize) -> Memory {
        Memory::with(Precision::F64, variables, chains, draws, None)
    }

    /// Buffers for the leading `variables` variables of `model`, rounded to `precision`.
    pub fn rounded(model: Arc<Model>, precision: Precision, variables: usize, chains: usize, draws: usize) -> Memory {
        Memory::with(precision, variables, chains, draws, Some(model))
    }

    fn with(precision: Precision, variables: usize, chains: usize, draws: usize, model: Option<Arc<Model>>) -> Memory {
        Memory {
            variables,
            chains,
            room: draws,
            draws: 0,
            values: Values::zeros(precision, variables, chains * draws),
            statistics: vec![Statistics::default(); chains * draws],
            model,
        }
    }

    /// Frees the memory that an interrupted run has not filled.
    pub fn shrink_to_fit(&mut self) {
        let (room, draws) = (self.room, self.draws);
        if room == draws {
            return;
        }
        self.values.shorten(self.variables, self.chains, draws);
        for chain in 0..self.chains {
            self.statistics.copy_within(chain * room..chain * room + draws, chain * draws);
        }
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

    /// Number of variables of each draw.
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// All draws, `[variable][chain][draw]`; the buffers must be full, or shrunk to the draws.
    pub fn values(&self) -> Vec<f64> {
        (0..self.variables).flat_map(|variable| self.variable(variable).into_owned()).collect()
    }

    /// The draws of variable `i`, `[chain][draw]`; the buffers must be full, or shrunk to the draws.
    pub fn variable(&self, i: usize) -> Cow<'_, [f64]> {
        debug_assert_eq!(self.room, self.draws);
        self.values.variable(i)
    }

    /// Draw `draw` of variable `i` of chain `chain`.
    pub fn value(&self, i: usize, chain: usize, draw: usize) -> f64 {
        self.values.get(i, chain * self.room + draw)
    }

    /// The statistics of every draw, `[chain][draw]`.
    pub fn statistics(&self) -> &[Statistics] {
        debug_assert_eq!(self.room, self.draws);
        &self.statistics
    }
}

impl DrawSink for Memory {
    fn warmed(&mut self, spread: &PositionMoments) {
        if let Some(model) = &self.model {
            self.values.warmed(model, spread);
        }
    }

    fn wants_warmup(&self) -> bool {
        false
    }

    fn units(&self) -> Option<&[LocationScale]> {
        self.values.units()
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        for (row, (values, statistics)) in block.values.chunks_exact(self.variables).zip(block.statistics).enumerate() {
            let (chain, draw) = (row / block.draws, block.first_draw + row % block.draws);
            self.statistics[chain * self.room + draw] = *statistics;
            for (variable, value) in values.iter().enumerate() {
                self.values.set(variable, chain * self.room + draw, *value);
            }
        }
        self.draws = block.first_draw + block.draws;
        Ok(())
    }
}
