//! The draws of a run, in memory or in a store.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::Memory;
use super::store::{Damage, Store};
use crate::nuts::Statistic;

/// Variables are copied together up to about this many numbers: 32 MiB.
const TOGETHER: usize = 4 << 20;

/// Recorded draws.
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

    /// Number of variables of each draw.
    pub fn variables(&self) -> usize {
        match self {
            Draws::Memory(memory) => memory.variables(),
            Draws::Store(store) => store.variables(),
        }
    }

    /// The draws of variable `i`, `[chain][draw]`, in the user's units; `NaN` where a chunk of a store is
    /// [damaged](Draws::damage).
    pub fn variable(&self, i: usize) -> Cow<'_, [f64]> {
        match self {
            Draws::Memory(memory) => memory.variable(i),
            Draws::Store(store) => store.variable(i),
        }
    }

    /// A statistic of every draw, `[chain][draw]`; flags are 0 and 1.
    pub fn statistic(&self, statistic: Statistic) -> Cow<'_, [f64]> {
        match self {
            Draws::Memory(memory) => memory.statistics().iter().map(|draw| statistic.of(draw)).collect(),
            Draws::Store(store) => store.statistic(statistic),
        }
    }

    /// All draws, `[variable][chain][draw]`.
    pub fn values(&self) -> Vec<f64> {
        self.read(0..self.variables()).into_owned()
    }

    /// The draws of consecutive variables, `[variable][chain][draw]`.
    pub fn read(&self, variables: Range<usize>) -> Cow<'_, [f64]> {
        match self {
            Draws::Memory(memory) => variables.flat_map(|i| memory.variable(i).into_owned()).collect(),
            Draws::Store(store) => store.read(variables),
        }
    }

    /// Some draws of one chain, `[variable][draw]`, of variables in ascending order.
    pub fn window(&self, variables: &[usize], chain: usize, draws: Range<usize>) -> Vec<f64> {
        match self {
            Draws::Memory(memory) => {
                let places = variables.iter().flat_map(|i| draws.clone().map(move |draw| (*i, draw)));
                places.map(|(i, draw)| memory.value(i, chain, draw)).collect()
            }
            Draws::Store(store) => store.window(variables, chain, draws),
        }
    }

    /// All variables, in ranges that are read together.
    pub fn variable_ranges(&self) -> Vec<Range<usize>> {
        match self {
            Draws::Memory(memory) => {
                let (size, variables) = (memory.chains() * memory.draws(), memory.variables());
                let together = (TOGETHER / size.max(1)).max(1);
                (0..variables).step_by(together).map(|first| first..(first + together).min(variables)).collect()
            }
            Draws::Store(store) => store.variable_ranges(),
        }
    }

    /// The store, if the draws are in one.
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
