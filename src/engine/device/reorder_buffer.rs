//! A reorder buffer: it emits the draws of all chains block by block, in order and in the user's units, and holds those
//! of chains that run ahead. A draw is read once from where it landed, and written once, into a block that stays in a
//! processor's caches until the sink has read it.

use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::landed::{LandedDraws, RowFormat, host_statistics};
use super::messages::TransitionStatistics;
use crate::engine::{Counters, DrawBlock, DrawSink, Phase, SinkError};
use crate::model::Model;
use crate::nuts::Statistics;

/// Approximate bytes of a block, unless a single draw of all chains takes more.
const BLOCK_BYTES: usize = 8 << 20;

/// Limit on the bytes of all draws that wait for other chains', unless two blocks take more.
const BYTES: usize = 512 << 20;

/// Approximate number of shares of the chains for each thread.
const SHARES: usize = 4;

/// Emitted draws are counted in chunks of this many, whatever the number of threads.
const COUNTED: usize = 1 << 14;

/// The draws of a phase that are not emitted yet.
#[derive(Debug)]
pub struct ReorderBuffer {
    model: Arc<Model>,
    /// Added to log densities.
    log_constant: f64,
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
    /// Largest number of draws that a chain is ahead of the emitted ones.
    ahead: usize,
    /// Draws of each chain in the phase, and the number of them that were emitted.
    total: usize,
    left: usize,
    /// Draws of each chain that have landed.
    made: Vec<usize>,
    /// What the rows of all draws hold.
    format: RowFormat,
    /// Draws that wait for other chains', from the next one to be emitted on.
    waiting: VecDeque<WaitingDraw>,
    room: ReorderRoom,
    /// Counters over the emitted draws.
    counters: Counters,
}

/// Buffers that are reused from phase to phase.
#[derive(Debug, Default)]
pub struct ReorderRoom {
    /// The block that is emitted: `[chain][draw][variable]` and `[chain][draw]`.
    values: Vec<f64>,
    statistics: Vec<Statistics>,
    spare: Vec<WaitingDraw>,
}

/// One draw, of those chains that have made it while others have not.
#[derive(Debug, Default)]
struct WaitingDraw {
    /// `[chain][word]`.
    words: Vec<u32>,
    /// `[chain]`.
    statistics: Vec<TransitionStatistics>,
}

impl ReorderBuffer {
    /// A buffer for the draws of a phase, of `variables` variables of `chains` chains of `model` that have made
    /// `before` transitions of this part of the run; `log_constant` is added to log densities.
    pub fn new(
        model: Arc<Model>,
        log_constant: f64,
        phase: &Phase,
        before: usize,
        [chains, variables]: [usize; 2],
        room: ReorderRoom,
    ) -> ReorderBuffer {
        let first_draw = phase.kept(before);
        let total = phase.kept(before + phase.transitions as usize) - first_draw;
        let emitted = chains * (variables * size_of::<f64>() + size_of::<Statistics>());
        let waiting = chains * (variables * size_of::<f32>() + size_of::<TransitionStatistics>());
        let block = (BLOCK_BYTES / emitted.max(1)).clamp(1, total.max(1));
        ReorderBuffer {
            model,
            log_constant,
            warmup: phase.part.learns(),
            first_draw,
            before,
            thin: phase.thin as usize,
            chains,
            variables,
            block,
            ahead: (BYTES / waiting.max(1)).max(2 * block),
            total,
            left: 0,
            made: vec![0; chains],
            format: RowFormat::default(),
            waiting: VecDeque::new(),
            room,
            counters: Counters::default(),
        }
    }

    /// Draws of each chain for which a dispatch should have room: half of the buffer's, as two dispatches are under way
    /// before the draws of the first are emitted. With more, the first would fill the buffer, the second end at once,
    /// and device and host wait for each other in turns.
    pub fn share(&self) -> u32 {
        (self.ahead / 2) as u32
    }

    /// Transitions of the phase that a chain may have made without overflowing the buffer.
    pub fn limit(&self, phase: &Phase) -> u32 {
        let room = self.left + self.ahead;
        // All transitions before the one whose draw would be one too many.
        if room >= self.total { phase.transitions } else { self.transitions(room + 1) - 1 }
    }

    /// Number of transitions of the phase that make `draws` draws.
    fn transitions(&self, draws: usize) -> u32 {
        ((self.first_draw + draws) * self.thin - self.before) as u32
    }

    /// Takes draws that have landed: emits every block that all chains have completed, and holds the rest.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn take(&mut self, landed: &LandedDraws, sink: &mut dyn DrawSink) -> Result<(), SinkError> {
        self.format = landed.format.clone();
        for (made, [written, ..]) in self.made[landed.first..].iter_mut().zip(landed.counts) {
            *made += *written as usize;
        }
        self.emit(Some(landed), sink, false)?;
        self.hold(landed);
        Ok(())
    }

    /// Emits every block that all chains have completed, with the draws that have `landed` now; at the `end`, also the
    /// draws of the next block that all chains have made.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn emit(&mut self, landed: Option<&LandedDraws>, sink: &mut dyn DrawSink, end: bool) -> Result<(), SinkError> {
        let slowest = self.made.iter().copied().min().unwrap_or(0);
        while slowest > self.left {
            let length = self.block.min(self.total - self.left);
            let draws = length.min(slowest - self.left);
            if draws < length && !end {
                break;
            }
            self.fill(draws, landed);
            let rows = self.chains * draws;
            let statistics = &self.room.statistics[..rows];
            sink.record(&DrawBlock {
                warmup: self.warmup,
                chains: self.chains,
                first_draw: self.first_draw + self.left,
                draws,
                values: &self.room.values[..rows * self.variables],
                effects: None,
                statistics,
            })?;
            let counted = statistics.par_chunks(COUNTED).map(counted);
            self.counters = counted.collect::<Vec<Counters>>().iter().fold(self.counters, joined);
            self.left += draws;
            self.room.spare.extend(self.waiting.drain(..draws.min(self.waiting.len())));
        }
        Ok(())
    }

    /// Fills the block with the next `draws` draws of all chains.
    fn fill(&mut self, draws: usize, landed: Option<&LandedDraws>) {
        let (rows, mut room) = (self.chains * draws, std::mem::take(&mut self.room));
        if room.values.len() < rows * self.variables || room.statistics.len() < rows {
            // Zeroed values are memory that nobody has touched yet: the threads that write it touch it first.
            room.values = vec![0.0; rows * self.variables];
            room.statistics = vec![Statistics::default(); rows];
        }
        let chains = self.share_of(self.chains);
        let values = room.values[..rows * self.variables].par_chunks_mut(chains * draws * self.variables);
        let statistics = room.statistics[..rows].par_chunks_mut(chains * draws);
        values.zip(statistics).enumerate().for_each(|(share, (values, statistics))| {
            let mut scratch = vec![0.0; self.variables];
            for (i, (named, statistics)) in values.chunks_exact_mut(self.variables).zip(statistics).enumerate() {
                let (words, transition) = self.row(share * chains + i / draws, self.left + i % draws, landed);
                self.format.write(&self.model, words, &mut scratch, named);
                *statistics = host_statistics(transition, self.log_constant);
            }
        });
        self.room = room;
    }

    /// Draw `draw` of a chain: among those that have landed now, or held.
    fn row<'a>(
        &'a self,
        chain: usize,
        draw: usize,
        landed: Option<&'a LandedDraws>,
    ) -> (&'a [u32], &'a TransitionStatistics) {
        let width = self.format.width(self.variables);
        if let Some(landed) = landed
            && let Some([written, ..]) = landed.counts.get(chain.wrapping_sub(landed.first))
        {
            let before = self.made[chain] - *written as usize;
            if draw >= before {
                return landed.row(draw - before, chain - landed.first, width);
            }
        }
        let WaitingDraw { words, statistics } = &self.waiting[draw - self.left];
        (&words[chain * width..(chain + 1) * width], &statistics[chain])
    }

    /// Holds the draws that have landed and cannot be emitted yet.
    fn hold(&mut self, landed: &LandedDraws) {
        let (left, first, width) = (self.left, landed.first, self.format.width(self.variables));
        let made = &self.made[first..first + landed.counts.len()];
        let furthest = made.iter().copied().max().unwrap_or(0);
        while self.left + self.waiting.len() < furthest {
            let mut draw = self.room.spare.pop().unwrap_or_default();
            if draw.words.len() != self.chains * width {
                draw.words = vec![0; self.chains * width];
                draw.statistics = vec![TransitionStatistics::default(); self.chains];
            }
            self.waiting.push_back(draw);
        }
        let chains = self.share_of(made.len());
        self.waiting.par_iter_mut().enumerate().for_each(|(i, draw)| {
            let words = draw.words[first * width..][..made.len() * width].par_chunks_mut(chains * width);
            let statistics = draw.statistics[first..][..made.len()].par_chunks_mut(chains);
            words.zip(statistics).enumerate().for_each(|(share, (words, statistics))| {
                for ((chain, words), statistics) in
                    (share * chains..).zip(words.chunks_exact_mut(width)).zip(statistics)
                {
                    let (draw, before) = (left + i, made[chain] - landed.counts[chain][0] as usize);
                    if (before..made[chain]).contains(&draw) {
                        let (landed_words, transition) = landed.row(draw - before, chain, width);
                        words.copy_from_slice(landed_words);
                        *statistics = *transition;
                    }
                }
            });
        });
    }

    /// The number of chains of each thread's shares of `chains` chains.
    fn share_of(&self, chains: usize) -> usize {
        chains.div_ceil(SHARES * rayon::current_num_threads()).max(1)
    }

    /// The buffers, for another phase.
    pub fn into_room(mut self) -> ReorderRoom {
        self.room.spare.extend(self.waiting);
        self.room
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::engine::{EachBlock, PhaseKind, SnapshotPlan};
    use crate::nuts::Tuning;

    const CHAINS: usize = 40_000;
    const VARIABLES: usize = 5;

    fn radon() -> Arc<Model> {
        Arc::new(Model::builder(Arc::new(Dataset::radon().unwrap())).build())
    }

    /// The log density that marks this draw of this chain.
    fn number(chain: usize, draw: usize) -> f64 {
        (10 * chain + draw) as f64
    }

    #[test]
    fn two_dispatches_fit_before_any_draw_is_emitted() {
        let tuning = Tuning::new(Vec::new(), 1.0, 1);
        let phase = Phase {
            transitions: 100_000,
            tuning,
            adapt: None,
            part: PhaseKind::Sampling,
            thin: 3,
            snapshots: SnapshotPlan::NONE,
        };
        for (chains, draws) in [(CHAINS, 5), (65_536, 175), (1 << 20, 175)] {
            let reorder = ReorderBuffer::new(radon(), 0.0, &phase, 0, [chains, draws], ReorderRoom::default());
            let (share, limit) = (reorder.share(), reorder.limit(&phase) / 3);
            assert!(share >= 1 && 2 * share <= limit && 2 * share + 1 >= limit, "{chains}: {share}, {limit}");
        }
    }

    #[test]
    fn draws_of_chains_ahead_of_each_other_leave_in_their_order() {
        let model = radon();
        let tuning = Tuning::new(vec![1.0; model.dim()], 1.0, 1);
        let phase = Phase::new(7, tuning, PhaseKind::Sampling);
        for whole in [true, false] {
            let room = ReorderRoom::default();
            let mut reorder = ReorderBuffer::new(model.clone(), 0.5, &phase, 3, [CHAINS, VARIABLES], room);
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
                // Two parts of the chains take turns; in each, some chains make no draw and some up to three. What lies
                // where no draw was made is no number.
                let chains = if dispatch % 2 == 0 { 0..CHAINS / 3 } else { CHAINS / 3..CHAINS };
                let limit = reorder.limit(&phase) as usize;
                let want = |chain: usize| (1 + (chain + dispatch) % 3).min(limit - made[chain]);
                let counts: Vec<[u32; 4]> = chains.clone().map(|chain| [want(chain) as u32, 0, 0, 0]).collect();
                let rows = 3 * chains.len();
                let (mut words, mut statistics) =
                    (vec![f32::NAN.to_bits(); rows * VARIABLES], vec![TransitionStatistics::default(); rows]);
                for (place, chain) in chains.clone().enumerate() {
                    for draw in 0..counts[place][0] as usize {
                        let (row, lp) = (draw * chains.len() + place, number(chain, 3 + made[chain] + draw) as f32);
                        words[row * VARIABLES..(row + 1) * VARIABLES]
                            .copy_from_slice(&[lp, 0.0, 0.0, 0.0, 0.0].map(f32::to_bits));
                        statistics[row] = TransitionStatistics { lp, n_steps: 7, ..Default::default() };
                    }
                    made[chain] += counts[place][0] as usize;
                }
                let (format, words, statistics) = (RowFormat::Positions, &words[..], &statistics[..]);
                let landed = LandedDraws { first: chains.start, counts: &counts, format, words, statistics };
                reorder.take(&landed, &mut sink).unwrap();
            }
            reorder.emit(None, &mut sink, true).unwrap();
            let draws = *made.iter().min().unwrap();
            assert_eq!((reorder.left() as usize, draws == 7), (draws, whole));
            assert_eq!(reorder.counters().gradients, (7 * draws * CHAINS) as u64);
            let expected = if whole { vec![(3, 2), (5, 2), (7, 2), (9, 1)] } else { vec![(3, 2), (5, 1)] };
            assert_eq!(blocks, expected);
        }
    }
}
