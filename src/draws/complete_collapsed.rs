//! A sink that completes draws of a collapsed model: given the sampled hyperparameters, every group effect is drawn
//! from its exact conditional normal, and the complete draw goes to another sink.

use rayon::prelude::*;

use crate::density::conditional::ConditionalEffects;
use crate::engine::{DrawBlock, DrawSink, Judge, SinkError, SumSink};
use crate::model::{LocationScale, Model};
use crate::nuts::Statistics;
use crate::nuts::adaptation::PositionMoments;
use crate::random::StreamKey;

/// Limit on the numbers of a completed block, for each thread, unless a single draw of all chains has more.
const BLOCK_VALUES: usize = 1 << 16;

/// Completes draws of a collapsed model. A draw's effects depend only on its hyperparameters and on its number, chain
/// and seed.
#[derive(Debug, Clone)]
pub struct Completion {
    effects: ConditionalEffects,
    hyperparameters: usize,
    seed: u64,
    first_chain: u32,
    thin: u32,
}

impl Completion {
    /// For draws of the hyperparameters of `model` by chains from number `first_chain` on, in the experiment of `seed`,
    /// with thinning interval `thin`.
    pub fn new(model: &Model, seed: u64, first_chain: u32, thin: u32) -> Completion {
        let (effects, hyperparameters) = (ConditionalEffects::new(model), model.layout().hyperparameters());
        Completion { effects, hyperparameters, seed, first_chain, thin }
    }

    /// Writes all named variables of draw `draw` of chain `chain` in `block`, with the effects that it comes with, or
    /// else with effects that are drawn here: the same to rounding.
    pub fn complete(&mut self, block: &DrawBlock, chain: usize, draw: usize, named: &mut [f64]) {
        let row = chain * block.draws + draw;
        let from = row * self.hyperparameters;
        named[..self.hyperparameters].copy_from_slice(&block.values[from..from + self.hyperparameters]);
        if let Some((effects, means)) = block.effects.and_then(|effects| effects.of(row)) {
            return self.effects.place(means, effects, named);
        }
        // Draws of warm-up are counted down from the largest number.
        let number = (block.first_draw + draw) as u32 * self.thin + (self.thin - 1);
        let transition = if block.warmup { !number } else { number };
        let key = StreamKey { seed: self.seed, chain: self.first_chain + chain as u32, transition };
        self.effects.draw(&key, named);
    }
}

/// Completes every draw and hands it to another sink.
pub struct CompletingSink<'a> {
    sink: &'a mut dyn DrawSink,
    completion: Completion,
    variables: usize,
    threads: usize,
    values: Vec<f64>,
    statistics: Vec<Statistics>,
}

impl<'a> CompletingSink<'a> {
    /// Completes draws of `variables` variables each, with `threads` threads.
    pub fn new(
        sink: &'a mut dyn DrawSink,
        completion: Completion,
        variables: usize,
        threads: usize,
    ) -> CompletingSink<'a> {
        let (values, statistics) = (Vec::new(), Vec::new());
        CompletingSink { sink, completion, variables, threads: threads.max(1), values, statistics }
    }

    /// Completes the draws `first..first + draws` of `block`, chain by chain, into `self.values`, and copies their
    /// statistics to `self.statistics`.
    fn complete(&mut self, block: &DrawBlock, first: usize, draws: usize) {
        let rows = block.chains * draws;
        self.values.resize(rows * self.variables, 0.0);
        self.statistics.resize(rows, Statistics::default());
        let (completion, variables, share) = (&self.completion, self.variables, rows.div_ceil(self.threads));
        let shares = self.values.par_chunks_mut(share * variables).zip(self.statistics.par_chunks_mut(share));
        shares.enumerate().for_each_init(
            || completion.clone(),
            |completion, (thread, (named, statistic))| {
                let rows = (thread * share..).zip(named.chunks_exact_mut(variables).zip(statistic));
                for (row, (named, statistic)) in rows {
                    let (chain, draw) = (row / draws, first + row % draws);
                    *statistic = block.statistics[chain * block.draws + draw];
                    completion.complete(block, chain, draw, named);
                }
            },
        );
    }
}

impl DrawSink for CompletingSink<'_> {
    fn warmed(&mut self, spread: &PositionMoments) {
        self.sink.warmed(spread);
    }

    fn wants_warmup(&self) -> bool {
        self.sink.wants_warmup()
    }

    /// None: effects are drawn given hyperparameters that are not rounded.
    fn units(&self) -> Option<&[LocationScale]> {
        None
    }

    /// None: sums are made after completion, by another sink or on the device.
    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        None
    }

    fn judge(&mut self) -> Option<&mut dyn Judge> {
        self.sink.judge()
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        let most = (BLOCK_VALUES * self.threads / (block.chains * self.variables).max(1)).max(1);
        for first in (0..block.draws).step_by(most) {
            let draws = most.min(block.draws - first);
            self.complete(block, first, draws);
            self.sink.record(&DrawBlock {
                warmup: block.warmup,
                chains: block.chains,
                first_draw: block.first_draw + first,
                draws,
                values: &self.values,
                effects: None,
                statistics: &self.statistics,
            })?;
        }
        Ok(())
    }
}
