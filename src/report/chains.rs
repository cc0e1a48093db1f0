//! One hyperparameter's draws, in order and chain by chain, as several figures want them.

use std::borrow::Cow;

use super::kde::{Grid, Sorted};
use crate::experiment::Sampled;

/// A variable, while it is looked at.
#[derive(Debug)]
pub struct Variable<'a> {
    /// `[chain][draw]`.
    pub values: Cow<'a, [f64]>,
    /// All of them, ascending.
    pub sorted: Sorted,
    /// What is worth seeing.
    pub grid: Grid,
    /// How many chains.
    pub chains: usize,
    /// Draws of each chain.
    pub draws: usize,
}

impl<'a> Variable<'a> {
    /// Variable `i` of a run.
    pub fn of(sampled: &'a Sampled, i: usize) -> Variable<'a> {
        let layout = sampled.model.layout();
        let values = sampled.draws.variable(i);
        let sorted = Sorted::new(&values);
        let grid = sorted.grid(layout.positive().contains(&i));
        let (chains, draws) = (sampled.draws.chains(), sampled.draws.draws());
        Variable { values, sorted, grid, chains, draws }
    }

    /// The draws of a chain.
    pub fn chain(&self, chain: usize) -> &[f64] {
        &self.values[chain * self.draws..(chain + 1) * self.draws]
    }
}
