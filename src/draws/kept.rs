//! The draws of a run, wherever they are kept: in memory, or in a store.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::Memory;
use super::store::{Damage, Statistic, Store};

/// Variables are read together until they are about so many numbers: 32 MiB.
const TOGETHER: usize = 4 << 20;

/// Draws that were kept.
#[derive(Debug, Clone)]
pub enum Draws {
    /// In memory.
    Memory(Memory),
    /// In a store.
    Store(Arc<Store>),
}

impl Draws {
    /// Number of chains.
    pub fn chains(&self) -> usize {
        match self {
            Draws::Memory(memory) => memory.chains(),
            Draws::Store(store) => store.chains(),
        }
    }

    /// Draws of each chain.
    pub fn draws(&self) -> usize {
        match self {
            Draws::Memory(memory) => memory.draws(),
            Draws::Store(store) => store.draws(),
        }
    }

    /// How many variables each draw has.
    pub fn variables(&self) -> usize {
        match self {
            Draws::Memory(memory) => memory.variables(),
            Draws::Store(store) => store.variables(),
        }
    }

    /// The draws of variable `i`, `[chain][draw]`, in its unit; `NaN` where a chunk of a store is [damaged](Draws::damage).
    pub fn variable(&self, i: usize) -> Cow<'_, [f64]> {
        match self {
            Draws::Memory(memory) => memory.variable(i),
            Draws::Store(store) => Cow::Owned(store.variable(i)),
        }
    }

    /// A statistic of every draw, `[chain][draw]`; booleans are 0 and 1.
    pub fn statistic(&self, statistic: Statistic) -> Vec<f64> {
        match self {
            Draws::Memory(memory) => memory.statistics().iter().map(|draw| statistic.of(draw)).collect(),
            Draws::Store(store) => store.statistic(statistic),
        }
    }

    /// Everything, `[variable][chain][draw]`.
    pub fn values(&self) -> Vec<f64> {
        self.read(0..self.variables())
    }

    /// Consecutive variables, `[variable][chain][draw]`.
    pub fn read(&self, variables: Range<usize>) -> Vec<f64> {
        if variables.len() == 1 {
            return self.variable(variables.start).into_owned();
        }
        let mut values = Vec::with_capacity(variables.len() * self.chains() * self.draws());
        variables.for_each(|i| values.extend_from_slice(&self.variable(i)));
        values
    }

    /// All variables in stretches that are read together in little memory.
    pub fn stretches(&self) -> impl Iterator<Item = Range<usize>> {
        let (size, variables) = (self.chains() * self.draws(), self.variables());
        let together = (TOGETHER / size.max(1)).max(1);
        (0..variables).step_by(together).map(move |first| first..(first + together).min(variables))
    }

    /// The store, if they are in one.
    pub fn store(&self) -> Option<&Store> {
        match self {
            Draws::Memory(_) => None,
            Draws::Store(store) => Some(store),
        }
    }

    /// The chunks that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        match self {
            Draws::Memory(_) => Vec::new(),
            Draws::Store(store) => store.damage(),
        }
    }
}
