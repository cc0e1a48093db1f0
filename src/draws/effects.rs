//! A sink that completes draws of a marginal model: where only hyperparameters were sampled, every group effect is drawn
//! from its exact conditional normal, and the whole draw goes on.

use rayon::prelude::*;

use crate::density::collapsed::ConditionalEffects;
use crate::engine::{Block, DrawSink, SinkError, SumSink};
use crate::model::{Model, Unit};
use crate::nuts::adaptation::Spread;
use crate::random::Place;

/// A block that goes on holds at most this many numbers, unless a single draw of all chains is more.
const BLOCK_VALUES: usize = 1 << 17;

/// Completes every draw and hands it on. A draw's effects depend on its hyperparameters and its place in the experiment,
/// and on nothing else.
pub struct WithEffects<'a> {
    sink: &'a mut dyn DrawSink,
    effects: ConditionalEffects,
    hyperparameters: usize,
    variables: usize,
    seed: u64,
    first_chain: u32,
    thin: u32,
    threads: usize,
    values: Vec<f64>,
}

impl<'a> WithEffects<'a> {
    /// For draws of the hyperparameters of `model` by chains from number `first_chain` of the experiment of `seed`, where one of
    /// every `thin` transitions is kept; as many `threads` as told work at once.
    pub fn new(
        sink: &'a mut dyn DrawSink,
        model: &Model,
        seed: u64,
        first_chain: u32,
        thin: u32,
        threads: usize,
    ) -> WithEffects<'a> {
        WithEffects {
            sink,
            effects: ConditionalEffects::new(model),
            hyperparameters: model.layout().hyperparameters(),
            variables: model.layout().dim(),
            seed,
            first_chain,
            thin,
            threads: threads.max(1),
            values: Vec::new(),
        }
    }

    /// Completes the draws `first..first + draws` of `block`, chain by chain, into `self.values`.
    fn complete(&mut self, block: &Block, first: usize, draws: usize) {
        let Self { effects, hyperparameters, variables, seed, first_chain, thin, threads, values, .. } = self;
        let (hyperparameters, variables, seed, first_chain) = (*hyperparameters, *variables, *seed, *first_chain);
        let thin = *thin;
        let rows = block.chains * draws;
        values.resize(rows * variables, 0.0);
        let share = rows.div_ceil(*threads);
        values.par_chunks_mut(share * variables).enumerate().for_each_init(
            || effects.clone(),
            |effects, (thread, named)| {
                for (row, named) in (thread * share..).zip(named.chunks_exact_mut(variables)) {
                    let (chain, draw) = (row / draws, first + row % draws);
                    let from = (chain * block.draws + draw) * hyperparameters;
                    named[..hyperparameters].copy_from_slice(&block.values[from..from + hyperparameters]);
                    // Draws of warm-up are counted from the other end.
                    let number = (block.first_draw + draw) as u32 * thin + (thin - 1);
                    let transition = if block.warmup { !number } else { number };
                    effects.draw(&Place { seed, chain: first_chain + chain as u32, transition }, named);
                }
            },
        );
    }
}

impl DrawSink for WithEffects<'_> {
    fn warmed(&mut self, spread: &Spread) {
        self.sink.warmed(spread);
    }

    fn wants_warmup(&self) -> bool {
        self.sink.wants_warmup()
    }

    /// None: effects are drawn given hyperparameters that are not rounded.
    fn units(&self) -> Option<&[Unit]> {
        None
    }

    /// The sink's: a device completes the draws that it sums up.
    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        self.sink.sums()
    }

    fn take(&mut self, block: &Block) -> Result<(), SinkError> {
        let most = (BLOCK_VALUES / (block.chains * self.variables).max(1)).max(1);
        for first in (0..block.draws).step_by(most) {
            let draws = most.min(block.draws - first);
            self.complete(block, first, draws);
            let statistics: Vec<_> = (0..block.chains)
                .flat_map(|chain| &block.statistics[chain * block.draws + first..][..draws])
                .copied()
                .collect();
            self.sink.take(&Block {
                warmup: block.warmup,
                chains: block.chains,
                first_draw: block.first_draw + first,
                draws,
                values: &self.values,
                statistics: &statistics,
            })?;
        }
        Ok(())
    }
}
