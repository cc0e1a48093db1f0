//! A reorder buffer: it holds draws of chains that run ahead of each other until all chains have made a block of them,
//! and emits blocks in order, in the user's units. Blocks are small and are emitted while chains run, so that the sink
//! has work all the time and finds blocks in a processor's cache.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::half_precision::LandedDraws;
use super::messages::TransitionStatistics;
use crate::engine::{Counters, DrawBlock, DrawSink, Phase, SinkError};
use crate::model::Model;
use crate::nuts::Statistics;

/// Approximate bytes of a block, unless a single draw of all chains takes more.
const BLOCK_BYTES: usize = 8 << 20;

/// Limit on the bytes of all blocks together, unless two blocks take more.
const BYTES: usize = 512 << 20;

/// Approximate number of shares of the chains for each thread.
const SHARES: usize = 4;

/// Emitted draws are counted in chunks of this many, whatever the number of threads.
const COUNTED: usize = 1 << 14;

/// Blocks of draws of all chains.
#[derive(Debug)]
pub struct ReorderBuffer {
    /// Whether the draws are from warm-up, the number of the first draw in this part of the run, and the transitions of
    /// it that every chain had made before the phase.
    warmup: bool,
    first_draw: usize,
    before: usize,
    thin: usize,
    chains: usize,
    variables: usize,
    /// Draws of each chain in a block; the last block has the rest.
    block: usize,
    /// Largest number of blocks.
    most: usize,
    /// Draws of each chain in the phase, and the number of them that were emitted.
    total: usize,
    left: usize,
    /// Draws of each chain so far.
    made: Vec<usize>,
    /// Blocks that some chain has begun, from the next one to be emitted on.
    blocks: VecDeque<BlockDraws>,
    /// Buffers of emitted blocks.
    spare: Vec<BlockDraws>,
    /// Counters over the emitted draws.
    counters: Counters,
}

/// A block.
#[derive(Debug, Default)]
pub struct BlockDraws {
    /// Draws of each chain.
    length: usize,
    /// `[chain][draw][variable]`.
    values: Vec<f64>,
    /// `[chain][draw]`.
    statistics: Vec<Statistics>,
}

/// Some chains' share of the blocks.
struct BlockShare<'a> {
    made: &'a mut [usize],
    /// Draws of each chain in the block, their values, and the statistics of their transitions.
    blocks: Vec<(usize, &'a mut [f64], &'a mut [Statistics])>,
}

/// Draws of consecutive chains as they come from the device.
pub struct Arrived<'a> {
    /// Index of the first chain among all chains.
    pub first: usize,
    /// The counts of each chain, the first of which is its number of draws.
    pub counts: &'a [[u32; 4]],
    /// `[row]`; a chain's rows are in the order of its draws, with rows of other chains between them.
    pub numbers: LandedDraws<'a>,
    /// `[row]`, with the chain's index among these chains.
    pub statistics: &'a [TransitionStatistics],
}

struct ChainRows {
    /// The start of each chain's rows, and the end of the last chain's.
    starts: Vec<usize>,
    /// The rows, chain by chain.
    rows: Vec<u32>,
}

impl ChainRows {
    /// A chain's rows, in the order of its draws.
    fn of(&self, chain: usize) -> impl Iterator<Item = usize> {
        self.rows[self.starts[chain]..self.starts[chain + 1]].iter().map(|row| *row as usize)
    }
}

impl Arrived<'_> {
    fn rows_of_chains(&self) -> ChainRows {
        let mut starts = Vec::with_capacity(self.counts.len() + 1);
        starts.push(0);
        for [written, ..] in self.counts {
            starts.push(starts[starts.len() - 1] + *written as usize);
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; self.statistics.len()]);
        for (row, statistics) in (0..).zip(self.statistics) {
            let next = &mut next[statistics.chain as usize];
            rows[*next] = row;
            *next += 1;
        }
        ChainRows { starts, rows }
    }
}

impl ReorderBuffer {
    /// A buffer for the draws of a phase, of `variables` variables of `chains` chains that have made `before`
    /// transitions of this part of the run; `spare` are buffers to reuse.
    pub fn new(phase: &Phase, before: usize, chains: usize, variables: usize, spare: Vec<BlockDraws>) -> ReorderBuffer {
        let first_draw = phase.kept(before);
        let total = phase.kept(before + phase.transitions as usize) - first_draw;
        let bytes = chains * (variables * size_of::<f64>() + size_of::<Statistics>());
        let block = (BLOCK_BYTES / bytes.max(1)).clamp(1, total.max(1));
        let most = (BYTES / (bytes * block).max(1)).max(2);
        ReorderBuffer {
            warmup: phase.part.learns(),
            first_draw,
            before,
            thin: phase.thin as usize,
            chains,
            variables,
            block,
            most,
            total,
            left: 0,
            made: vec![0; chains],
            blocks: VecDeque::new(),
            spare,
            counters: Counters::default(),
        }
    }

    /// Draws of each chain for which a dispatch should have room: half of the buffer's, as two dispatches are under way
    /// before the draws of the first are emitted. With more, the first would fill the buffer, the second end at once,
    /// and device and host wait for each other in turns.
    pub fn share(&self) -> u32 {
        (self.most * self.block / 2).max(1) as u32
    }

    /// Transitions of the phase that a chain may have made without overflowing the buffer.
    pub fn limit(&self, phase: &Phase) -> u32 {
        let room = self.left + self.most * self.block;
        // All transitions before the one whose draw would be one too many.
        if room >= self.total { phase.transitions } else { self.transitions(room + 1) - 1 }
    }

    /// Number of transitions of the phase that make `draws` draws.
    fn transitions(&self, draws: usize) -> u32 {
        ((self.first_draw + draws) * self.thin - self.before) as u32
    }

    /// Records draws, with `log_constant` added to their log densities.
    pub fn record(&mut self, model: &Model, log_constant: f64, arrived: &Arrived) {
        let (block, variables, left) = (self.block, self.variables, self.left);
        let width = arrived.numbers.width(arrived.statistics.len());
        let rows = arrived.rows_of_chains();
        let count = arrived.counts.len().div_ceil(SHARES * rayon::current_num_threads()).max(1);
        self.begin_blocks(arrived);
        self.shares(arrived, count).into_par_iter().enumerate().for_each(|(share, BlockShare { made, mut blocks })| {
            let mut numbers = vec![0.0; width];
            for (chain, made) in made.iter_mut().enumerate() {
                for row in rows.of(share * count + chain) {
                    let (length, values, statistics) = &mut blocks[(*made - left) / block];
                    let place = chain * *length + (*made - left) % block;
                    let named = &mut values[place * variables..(place + 1) * variables];
                    arrived.numbers.write(model, row, &mut numbers, named);
                    statistics[place] = host_statistics(&arrived.statistics[row], log_constant);
                    *made += 1;
                }
            }
        });
    }

    /// Begins blocks for all draws that have arrived.
    fn begin_blocks(&mut self, arrived: &Arrived) {
        let made = self.made[arrived.first..].iter().zip(arrived.counts);
        let furthest = made.map(|(made, [written, ..])| made + *written as usize).max().unwrap_or(0);
        loop {
            let begun = self.left + self.blocks.len() * self.block;
            if begun >= furthest {
                return;
            }
            let mut draws = self.spare.pop().unwrap_or_default();
            draws.length = self.block.min(self.total - begun);
            let rows = self.chains * draws.length;
            if draws.statistics.len() < rows {
                // Zeroed values are memory that nobody has touched yet: the threads that write it touch it first.
                draws.values = vec![0.0; rows * self.variables];
                draws.statistics = rayon::iter::repeat_n(Statistics::default(), rows).collect();
            }
            self.blocks.push_back(draws);
        }
    }

    /// The blocks' shares for each `count` of the chains whose draws have arrived.
    fn shares(&mut self, arrived: &Arrived, count: usize) -> Vec<BlockShare<'_>> {
        let (variables, chains) = (self.variables, arrived.first..arrived.first + arrived.counts.len());
        let made = self.made[chains.clone()].chunks_mut(count);
        let mut shares: Vec<BlockShare> = made.map(|made| BlockShare { made, blocks: Vec::new() }).collect();
        for BlockDraws { length, values, statistics } in &mut self.blocks {
            let places = chains.start * *length..chains.end * *length;
            let values =
                values[places.start * variables..places.end * variables].chunks_mut(count * *length * variables);
            let statistics = statistics[places].chunks_mut(count * *length);
            for (share, (values, statistics)) in shares.iter_mut().zip(values.zip(statistics)) {
                share.blocks.push((*length, values, statistics));
            }
        }
        shares
    }

    /// Emits every block that all chains have completed; at the `end`, also the draws of the next one that all chains
    /// have made.
    pub fn emit(&mut self, sink: &mut dyn DrawSink, end: bool) -> Result<(), SinkError> {
        let slowest = self.made.iter().copied().min().unwrap_or(0);
        while slowest > self.left
            && let Some(length) = self.blocks.front().map(|block| block.length)
        {
            let draws = length.min(slowest - self.left);
            if draws < length && !end {
                break;
            }
            let Some(mut emitted) = self.blocks.pop_front() else { break };
            if draws < length {
                emitted.shorten(self.chains, self.variables, draws);
            }
            sink.record(&DrawBlock {
                warmup: self.warmup,
                chains: self.chains,
                first_draw: self.first_draw + self.left,
                draws,
                values: &emitted.values[..self.chains * draws * self.variables],
                effects: None,
                statistics: &emitted.statistics[..self.chains * draws],
            })?;
            self.left += draws;
            let counted = emitted.statistics[..self.chains * draws].par_chunks(COUNTED).map(counted);
            self.counters = counted.collect::<Vec<Counters>>().iter().fold(self.counters, joined);
            self.spare.push(emitted);
        }
        Ok(())
    }

    /// The buffers of all blocks.
    pub fn into_room(mut self) -> Vec<BlockDraws> {
        self.spare.extend(self.blocks);
        self.spare
    }

    /// Counters over the emitted draws.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Transitions of each chain up to the last emitted draw.
    pub fn left(&self) -> u32 {
        if self.left == 0 { 0 } else { self.transitions(self.left) }
    }
}

impl BlockDraws {
    /// Keeps the first `draws` draws of each of `chains` chains.
    fn shorten(&mut self, chains: usize, variables: usize, draws: usize) {
        for chain in 0..chains {
            let (from, to) = (chain * self.length, chain * draws);
            self.values.copy_within(from * variables..(from + draws) * variables, to * variables);
            self.statistics.copy_within(from..from + draws, to);
        }
        self.length = draws;
    }
}

/// Counters over some draws.
fn counted(draws: &[Statistics]) -> Counters {
    let mut all = Counters { transitions: draws.len() as u64, ..Counters::default() };
    for statistics in draws {
        all.gradients += u64::from(statistics.n_steps);
        all.divergences += u64::from(statistics.diverging);
        all.acceptance += statistics.acceptance_rate;
    }
    all
}

fn joined(some: Counters, more: &Counters) -> Counters {
    Counters {
        transitions: some.transitions + more.transitions,
        gradients: some.gradients + more.gradients,
        divergences: some.divergences + more.divergences,
        acceptance: some.acceptance + more.acceptance,
        ..some
    }
}

fn host_statistics(statistics: &TransitionStatistics, log_constant: f64) -> Statistics {
    Statistics {
        lp: f64::from(statistics.lp) + log_constant,
        energy: f64::from(statistics.energy) - log_constant,
        acceptance_rate: f64::from(statistics.acceptance_rate),
        step_size: f64::from(statistics.step_size),
        tree_depth: statistics.tree_depth,
        n_steps: statistics.n_steps,
        diverging: statistics.diverging == 1,
        reached_max_treedepth: statistics.reached_max_treedepth == 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Dataset;
    use crate::engine::{EachBlock, PhaseKind};
    use crate::nuts::Tuning;

    const CHAINS: usize = 40_000;
    const VARIABLES: usize = 5;

    /// The log density that marks this draw of this chain.
    fn number(chain: usize, draw: usize) -> f64 {
        (10 * chain + draw) as f64
    }

    #[test]
    fn two_dispatches_fit_before_any_draw_is_emitted() {
        let tuning = Tuning { scale: Vec::new(), step_size: 1.0, max_depth: 1 };
        let phase = Phase { transitions: 100_000, tuning, adapt: None, part: PhaseKind::Sampling, thin: 3 };
        for (chains, draws) in [(CHAINS, 5), (65_536, 175), (1 << 20, 175)] {
            let reorder = ReorderBuffer::new(&phase, 0, chains, draws, Vec::new());
            let (share, limit) = (reorder.share(), reorder.limit(&phase) / 3);
            assert!(share >= 1 && 2 * share <= limit && 2 * share + 1 >= limit, "{chains}: {share}, {limit}");
        }
    }

    #[test]
    fn draws_of_chains_ahead_of_each_other_leave_in_their_order() {
        let model = Model::builder(Arc::new(Dataset::radon().unwrap())).build();
        let tuning = Tuning { scale: vec![1.0; model.dim()], step_size: 1.0, max_depth: 1 };
        let phase = Phase { transitions: 7, tuning, adapt: None, part: PhaseKind::Sampling, thin: 1 };
        for whole in [true, false] {
            let mut reorder = ReorderBuffer::new(&phase, 3, CHAINS, VARIABLES, Vec::new());
            let mut blocks = Vec::new();
            // Checks that every draw is in its place, and keeps the blocks' first draws and lengths.
            let mut sink = EachBlock(|block: &DrawBlock| {
                blocks.push((block.first_draw, block.draws));
                let (mut theta, mut named) = (vec![0.0; model.dim()], vec![0.0; VARIABLES]);
                for (row, (values, statistics)) in
                    block.values.chunks_exact(VARIABLES).zip(block.statistics).enumerate()
                {
                    theta[0] = number(row / block.draws, block.first_draw + row % block.draws);
                    assert_eq!(statistics.lp, theta[0] + 0.5);
                    model.constrain(&theta, &mut named);
                    assert_eq!(values, named);
                }
                Ok(())
            });
            let mut made = vec![0; CHAINS];
            for dispatch in 0..if whole { 14 } else { 5 } {
                // Two parts of the chains take turns; in each, some chains make no draw and some up to three, and rows
                // are out of order.
                let chains = if dispatch % 2 == 0 { 0..CHAINS / 3 } else { CHAINS / 3..CHAINS };
                let limit = reorder.limit(&phase) as usize;
                let want = |chain: usize| (1 + (chain + dispatch) % 3).min(limit - made[chain]);
                let counts: Vec<[u32; 4]> = chains.clone().map(|chain| [want(chain) as u32, 0, 0, 0]).collect();
                let (mut numbers, mut statistics) = (Vec::new(), Vec::new());
                for i in 0..3 {
                    for (place, chain) in chains.clone().enumerate().rev().filter(|(place, _)| counts[*place][0] > i) {
                        let lp = number(chain, 3 + made[chain] + i as usize) as f32;
                        numbers.extend([lp, 0.0, 0.0, 0.0, 0.0]);
                        let chain = place as u32;
                        statistics.push(TransitionStatistics { lp, chain, n_steps: 7, ..Default::default() });
                    }
                }
                chains.clone().zip(&counts).for_each(|(chain, count)| made[chain] += count[0] as usize);
                let numbers = LandedDraws::Positions(&numbers);
                let arrived = Arrived { first: chains.start, counts: &counts, numbers, statistics: &statistics };
                reorder.record(&model, 0.5, &arrived);
                reorder.emit(&mut sink, false).unwrap();
            }
            reorder.emit(&mut sink, true).unwrap();
            let draws = *made.iter().min().unwrap();
            assert_eq!((reorder.left() as usize, draws == 7), (draws, whole));
            assert_eq!(reorder.counters().gradients, (7 * draws * CHAINS) as u64);
            let expected = if whole { vec![(3, 2), (5, 2), (7, 2), (9, 1)] } else { vec![(3, 2), (5, 1)] };
            assert_eq!(blocks, expected);
        }
    }
}
