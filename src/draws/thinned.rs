//! A sink that lets every n-th draw of each chain pass.

use crate::engine::sums::{ChainSums, Grid};
use crate::engine::{Block, Checkpoint, Sink, SinkError};
use crate::model::Unit;
use crate::nuts::Statistics;
use crate::nuts::adaptation::Spread;

/// Lets draws n - 1, 2 n - 1, ... of each chain pass, as draws 0, 1, ...
pub struct Thinned<'a> {
    sink: &'a mut dyn Sink,
    every: usize,
    values: Vec<f64>,
    statistics: Vec<Statistics>,
}

impl<'a> Thinned<'a> {
    /// Every one of `every` draws goes on to `sink`.
    pub fn new(sink: &'a mut dyn Sink, every: u32) -> Thinned<'a> {
        Thinned { sink, every: every.max(1) as usize, values: Vec::new(), statistics: Vec::new() }
    }
}

impl Sink for Thinned<'_> {
    fn warmed(&mut self, spread: &Spread) {
        self.sink.warmed(spread);
    }

    fn units(&self) -> Option<&[Unit]> {
        self.sink.units()
    }

    fn take(&mut self, block: &Block) -> Result<(), SinkError> {
        if self.every == 1 {
            return self.sink.take(block);
        }
        let first = block.first_draw / self.every;
        let draws = (block.first_draw + block.draws) / self.every - first;
        if draws == 0 {
            return Ok(());
        }
        let variables = block.values.len() / (block.chains * block.draws).max(1);
        self.values.clear();
        self.statistics.clear();
        for chain in 0..block.chains {
            for draw in 0..draws {
                let from = chain * block.draws + (first + draw + 1) * self.every - 1 - block.first_draw;
                self.values.extend_from_slice(&block.values[from * variables..(from + 1) * variables]);
                self.statistics.push(block.statistics[from]);
            }
        }
        self.sink.take(&Block {
            warmup: block.warmup,
            chains: block.chains,
            first_draw: first,
            draws,
            values: &self.values,
            statistics: &self.statistics,
        })
    }

    fn grid(&self) -> Option<&Grid> {
        // Of every n-th draw there are no sums but those of the draws themselves.
        self.sink.grid().filter(|_| self.every == 1)
    }

    fn take_sums(&mut self, chains: &ChainSums) {
        self.sink.take_sums(chains);
    }

    fn take_histograms(&mut self, counts: &[u32]) {
        self.sink.take_histograms(counts);
    }

    fn wants_warmup(&self) -> bool {
        self.sink.wants_warmup()
    }

    fn checkpoint_interval(&self) -> Option<std::time::Duration> {
        self.sink.checkpoint_interval()
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), SinkError> {
        self.sink.checkpoint(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seen(Vec<(usize, Vec<f64>)>);

    impl Sink for Seen {
        fn take(&mut self, block: &Block) -> Result<(), SinkError> {
            self.0.push((block.first_draw, block.values.to_vec()));
            Ok(())
        }
    }

    #[test]
    fn every_third_draw_passes_whatever_the_blocks() {
        let mut seen = Seen(Vec::new());
        let mut thinned = Thinned::new(&mut seen, 3);
        for (first_draw, draws) in [(0, 2), (2, 1), (3, 7)] {
            // One variable of two chains: 100 x chain + draw.
            let values: Vec<f64> = (0..2)
                .flat_map(|chain| (first_draw..first_draw + draws).map(move |draw| (100 * chain + draw) as f64))
                .collect();
            let statistics = vec![Statistics::default(); 2 * draws];
            let block = Block { warmup: false, chains: 2, first_draw, draws, values: &values, statistics: &statistics };
            thinned.take(&block).unwrap();
        }
        assert_eq!(seen.0, [(0, vec![2.0, 102.0]), (1, vec![5.0, 8.0, 105.0, 108.0])]);
    }
}
