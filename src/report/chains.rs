//! One hyperparameter's draws, sorted and chain by chain, shared by several figures.

use std::borrow::Cow;

use super::kde::{DensityGrid, Sorted};
use crate::experiment::Sampled;

/// The draws of a variable.
#[derive(Debug)]
pub struct VariableDraws<'a> {
    /// `[chain][draw]`.
    pub values: Cow<'a, [f64]>,
    /// All draws, ascending.
    pub sorted: Sorted,
    /// The visible range.
    pub grid: DensityGrid,
    /// The number of chains.
    pub chains: usize,
    /// Draws of each chain.
    pub draws: usize,
}

impl<'a> VariableDraws<'a> {
    /// Variable `i` of a run.
    pub fn of(sampled: &'a Sampled, i: usize) -> VariableDraws<'a> {
        let layout = sampled.model.layout();
        let values = sampled.draws.variable(i);
        let sorted = Sorted::new(&values);
        let grid = sorted.grid(layout.is_positive(i));
        let (chains, draws) = (sampled.draws.chains(), sampled.draws.draws());
        VariableDraws { values, sorted, grid, chains, draws }
    }

    /// The draws of a chain.
    pub fn chain(&self, chain: usize) -> &[f64] {
        &self.values[chain * self.draws..(chain + 1) * self.draws]
    }
}
