//! The draws of a cell: hyperparameters of each chain's first draws, enough to estimate the ESS a draw.

use crate::diagnostics::{Series, Summary, sd};
use crate::engine::{DrawBlock, DrawSink, EachBlock};
use crate::experiment::MANY_CHAINS;

/// The fewest draws of a chain for an ESS from autocorrelations.
const ENOUGH: usize = 100;

/// The most draws of a chain that are recorded, and the most numbers.
const MOST_DRAWS: usize = 2000;
const MOST_NUMBERS: usize = 1 << 22;

/// Hyperparameters of the first draws.
pub struct CellDraws {
    chains: usize,
    hyperparameters: usize,
    /// The capacity in draws of each chain.
    room: usize,
    draws: usize,
    /// `[draw][chain][hyperparameter]`.
    values: Vec<f64>,
}

impl CellDraws {
    /// An empty record for draws of `chains` chains.
    pub fn new(chains: usize, hyperparameters: usize) -> CellDraws {
        let room = (MOST_NUMBERS / (chains * hyperparameters)).clamp(1, MOST_DRAWS);
        CellDraws { chains, hyperparameters, room, draws: 0, values: Vec::new() }
    }

    /// Removes all draws.
    pub fn clear(&mut self) {
        self.draws = 0;
        self.values.clear();
    }

    /// The number of draws of each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The smallest ESS of any hyperparameter, over the number of draws; NaN if there are too few draws. With many
    /// chains only the first `common` draws count: the ESS a draw of short chains depends on their length.
    pub fn ess_per_draw(&self, common: usize) -> f64 {
        let (chains, k) = (self.chains, self.hyperparameters);
        let draws = if chains >= MANY_CHAINS as usize { common.min(self.draws) } else { self.draws };
        let enough = if chains >= MANY_CHAINS as usize { 1 } else { ENOUGH };
        if draws < enough {
            return f64::NAN;
        }
        let of = |variable: usize| {
            let at = |place: usize| self.values[(place % draws * chains + place / draws) * k + variable];
            let values: Vec<f64> = (0..chains * draws).map(at).collect();
            let ess = if chains >= MANY_CHAINS as usize {
                let means: Vec<f64> = values.chunks_exact(draws).map(crate::diagnostics::mean).collect();
                chains as f64 * (sd(&values) / sd(&means)).powi(2)
            } else {
                Summary::of(Series::new(&values, chains)).ess_bulk
            };
            ess / (chains * draws) as f64
        };
        (0..k).map(of).fold(f64::INFINITY, |smallest, ess| if ess >= smallest { smallest } else { ess })
    }
}

impl CellDraws {
    /// A sink for draws, which keeps the first ones.
    pub fn sink(&mut self) -> impl DrawSink {
        EachBlock(|block: &DrawBlock| {
            self.record(block);
            Ok(())
        })
    }

    fn record(&mut self, block: &DrawBlock) {
        let variables = block.values.len() / (block.chains * block.draws).max(1);
        let taken = block.draws.min(self.room - self.draws);
        for draw in 0..taken {
            for chain in 0..block.chains {
                let row = (chain * block.draws + draw) * variables;
                self.values.extend_from_slice(&block.values[row..row + self.hyperparameters]);
            }
        }
        self.draws += taken;
    }
}
