//! Draws of chains that run ahead of each other, until all have made a block of them: two blocks side by side, in the
//! user's units.

use rayon::prelude::*;

use super::kernels::Told;
use super::packed::Numbers;
use crate::engine::{Block, DrawSink, Phase, SinkError, Snapshot};
use crate::model::Model;
use crate::nuts::Statistics;

/// A block holds at most this many numbers, unless a single draw of all chains is more: 256 MiB.
const BLOCK_VALUES: usize = 1 << 25;

/// Two blocks of draws of all chains.
#[derive(Debug)]
pub struct Window {
    /// Whether these are draws of warm-up, the first one's number in that part of the run, and the transitions that every chain
    /// had made of it.
    warmup: bool,
    first_draw: usize,
    before: usize,
    thin: usize,
    chains: usize,
    variables: usize,
    /// Draws of a block.
    block: usize,
    /// Draws of each chain there will be, and of them, how many have left.
    total: usize,
    left: usize,
    /// Draws of each chain so far.
    made: Vec<usize>,
    blocks: [Draws; 2],
    /// What the draws that have left tell.
    told: Snapshot,
}

#[derive(Debug, Default)]
struct Draws {
    /// `[chain][draw][variable]`.
    values: Vec<f64>,
    /// `[chain][draw]`.
    statistics: Vec<Statistics>,
}

/// Draws of consecutive chains as they come from the device.
pub struct Arrived<'a> {
    /// The first chain's place among all.
    pub first: usize,
    /// Draws of each chain there are, as the first of four numbers.
    pub counts: &'a [[u32; 4]],
    /// `[row]`; rows of a chain follow in the order of its draws, with those of others between them.
    pub numbers: Numbers<'a>,
    /// `[row]`, with the chain's place among these.
    pub told: &'a [Told],
}

/// The rows of each chain.
struct Rows {
    /// Where each chain's begin, and where the last one's end.
    starts: Vec<usize>,
    /// Chain after chain.
    rows: Vec<u32>,
}

impl Rows {
    /// A chain's rows, in the order of its draws.
    fn of(&self, chain: usize) -> impl Iterator<Item = usize> {
        self.rows[self.starts[chain]..self.starts[chain + 1]].iter().map(|row| *row as usize)
    }
}

impl Arrived<'_> {
    fn rows_of_chains(&self) -> Rows {
        let mut starts = Vec::with_capacity(self.counts.len() + 1);
        starts.push(0);
        for [written, ..] in self.counts {
            starts.push(starts[starts.len() - 1] + *written as usize);
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; self.told.len()]);
        for (row, told) in (0..).zip(self.told) {
            let next = &mut next[told.chain as usize];
            rows[*next] = row;
            *next += 1;
        }
        Rows { starts, rows }
    }
}

impl Window {
    /// A window for the draws of a phase, of `variables` variables of `chains` chains that have made `before` transitions of
    /// that part of the run.
    pub fn new(phase: &Phase, before: usize, chains: usize, variables: usize) -> Window {
        let first_draw = phase.kept(before);
        let total = phase.kept(before + phase.transitions as usize) - first_draw;
        let block = (BLOCK_VALUES / (chains * variables).max(1)).clamp(1, total.max(1));
        let draws = || Draws {
            values: vec![0.0; chains * block * variables],
            statistics: vec![Statistics::default(); chains * block],
        };
        Window {
            warmup: phase.part.learns(),
            first_draw,
            before,
            thin: phase.thin as usize,
            chains,
            variables,
            block,
            total,
            left: 0,
            made: vec![0; chains],
            blocks: [draws(), draws()],
            told: Snapshot::default(),
        }
    }

    /// How many transitions of the phase a chain may have made, for whose draws there is a place.
    pub fn limit(&self, phase: &Phase) -> u32 {
        let room = self.left + 2 * self.block;
        // All transitions before the one whose draw would be one too many.
        if room >= self.total { phase.transitions } else { self.transitions(room + 1) - 1 }
    }

    /// How many transitions of the phase it takes to make so many draws.
    fn transitions(&self, draws: usize) -> u32 {
        ((self.first_draw + draws) * self.thin - self.before) as u32
    }

    /// Takes draws, with `log_constant` added to their log densities.
    pub fn take(&mut self, model: &Model, log_constant: f64, arrived: &Arrived) {
        let (block, variables) = (self.block, self.variables);
        let chains = arrived.first..arrived.first + arrived.counts.len();
        let [even, odd] = &mut self.blocks;
        let numbers = chains.start * block * variables..chains.end * block * variables;
        let places = chains.start * block..chains.end * block;
        let width = arrived.numbers.width(arrived.told.len());
        let rows = arrived.rows_of_chains();
        self.made[chains.clone()]
            .par_iter_mut()
            .zip(even.values[numbers.clone()].par_chunks_mut(block * variables))
            .zip(odd.values[numbers].par_chunks_mut(block * variables))
            .zip(even.statistics[places.clone()].par_chunks_mut(block))
            .zip(odd.statistics[places].par_chunks_mut(block))
            .enumerate()
            .for_each_init(
                || vec![0.0; width],
                |numbers, (chain, ((((made, even), odd), even_told), odd_told))| {
                    for row in rows.of(chain) {
                        let place = *made % block;
                        let (values, told) = if *made / block % 2 == 0 {
                            (&mut *even, &mut *even_told)
                        } else {
                            (&mut *odd, &mut *odd_told)
                        };
                        let named = &mut values[place * variables..(place + 1) * variables];
                        arrived.numbers.write(model, row, numbers, named);
                        told[place] = statistics(&arrived.told[row], log_constant);
                        *made += 1;
                    }
                },
            );
    }

    /// Lets every block leave that all chains have made; at the `end`, what they all have made of the next.
    pub fn leave(&mut self, sink: &mut dyn DrawSink, end: bool) -> Result<(), SinkError> {
        loop {
            let made = self.made.iter().copied().min().unwrap_or(0) - self.left;
            let last = end || self.left + made == self.total;
            let draws = if made >= self.block { self.block } else { made };
            if draws == 0 || (draws < self.block && !last) {
                return Ok(());
            }
            let (block, variables) = (self.block, self.variables);
            let leaving = &mut self.blocks[self.left / block % 2];
            if draws < block {
                for chain in 0..self.chains {
                    let (from, to) = (chain * block, chain * draws);
                    leaving.values.copy_within(from * variables..(from + draws) * variables, to * variables);
                    leaving.statistics.copy_within(from..from + draws, to);
                }
            }
            sink.take(&Block {
                warmup: self.warmup,
                chains: self.chains,
                first_draw: self.first_draw + self.left,
                draws,
                values: &leaving.values[..self.chains * draws * variables],
                statistics: &leaving.statistics[..self.chains * draws],
            })?;
            self.left += draws;
            for told in &leaving.statistics[..self.chains * draws] {
                self.told.transitions += 1;
                self.told.gradients += u64::from(told.n_steps);
                self.told.divergences += u64::from(told.diverging);
                self.told.acceptance += told.acceptance_rate;
            }
        }
    }

    /// What the draws that have left tell, all together.
    pub fn told(&self) -> Snapshot {
        self.told
    }

    /// Transitions of each chain up to the last draw that has left.
    pub fn left(&self) -> u32 {
        if self.left == 0 { 0 } else { self.transitions(self.left) }
    }
}

fn statistics(told: &Told, log_constant: f64) -> Statistics {
    Statistics {
        lp: f64::from(told.lp) + log_constant,
        energy: f64::from(told.energy) - log_constant,
        acceptance_rate: f64::from(told.acceptance_rate),
        step_size: f64::from(told.step_size),
        tree_depth: told.tree_depth,
        n_steps: told.n_steps,
        diverging: told.diverging == 1,
        reached_max_treedepth: told.reached_max_treedepth == 1,
    }
}
