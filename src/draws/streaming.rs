//! A streaming sink: in place of draws it keeps each chain's sums, and histograms over all chains. Its memory does not
//! grow with the number of draws.
//!
//! Location and scale from the last window of warm-up are approximate. So the draws of the next phase of warm-up are
//! summed up first, only to find the unit and the tails of each variable.

use rayon::prelude::*;

use super::between_chains::BetweenChains;
use super::complete_collapsed::Completion;
use super::location_scale::location_scales;
use crate::engine::sums::{BINS, BinGrid, ChainSums, DrawSums, EnergySums, bin, quantile};
use crate::engine::{DrawBlock, DrawSink, SinkError, SumSink};
use crate::model::{LocationScale, Model};
use crate::nuts::adaptation::PositionMoments;

/// The 95% quantile of a standard normal.
const TAIL: f64 = 1.645;

/// Draws of a chain that are summed up together: a few draws of all variables stay in a core's cache.
const TOGETHER: usize = 16;

/// Sums up draws as they are made.
pub struct StreamingSink<'a> {
    model: &'a Model,
    chains: usize,
    per_superchain: u32,
    /// Completes draws that come without effects.
    completion: Option<Completion>,
    grid: BinGrid,
    /// Whether the approximate location and scale of each variable are known.
    is_warm: bool,
    /// Whether the sums so far are over draws of warm-up.
    is_trial: bool,
    /// Draws of each chain, if they came in blocks.
    draws: usize,
    /// `[chain][variable]`.
    sums: Vec<DrawSums>,
    energies: Vec<EnergySums>,
    /// One for each thread, `[variable][bin]`.
    histograms: Vec<Vec<u64>>,
    totals: Totals,
}

/// The sums of a run over its draws.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Number of chains.
    pub chains: usize,
    /// Draws of each chain.
    pub draws: usize,
    /// Whether all planned draws were made, so that the halves have the same length.
    pub complete: bool,
    /// Location and scale of each variable, in the user's units.
    pub units: Vec<LocationScale>,
    /// Between-chain statistics of each variable, in its unit u.
    pub across: Vec<BetweenChains>,
    /// Number of draws in each bin, `[variable][bin]`.
    pub histograms: Vec<u64>,
    /// The E-BFMI of each chain, as in [`ebfmi`](crate::diagnostics::ebfmi).
    pub e_bfmi: Vec<f64>,
    /// Trajectories that ended at the largest number of doublings.
    pub saturated: u64,
    /// Draws that were made without a step: independent ones that repeat the one before.
    pub repeated: u64,
}

impl Totals {
    fn of_nothing(variables: usize) -> Totals {
        Totals {
            across: vec![BetweenChains::default(); variables],
            histograms: vec![0; variables * BINS],
            ..Totals::default()
        }
    }
}

impl<'a> StreamingSink<'a> {
    /// A sink for `draws` draws of all variables of `model` from each of `chains` chains, of which `per_superchain`
    /// consecutive ones share a starting point. With a `completion`, draws come without effects.
    pub fn new(
        model: &'a Model,
        chains: usize,
        draws: usize,
        per_superchain: u32,
        completion: Option<Completion>,
    ) -> StreamingSink<'a> {
        let variables = model.layout().dim();
        let units = vec![LocationScale { mean: 0.0, sd: 1.0 }; variables];
        StreamingSink {
            model,
            chains,
            per_superchain,
            completion,
            grid: BinGrid { units, tails: vec![[-TAIL, TAIL]; variables], half: draws / 2 },
            is_warm: false,
            is_trial: false,
            draws: 0,
            sums: Vec::new(),
            energies: Vec::new(),
            histograms: Vec::new(),
            totals: Totals::of_nothing(variables),
        }
    }

    /// The totals of a run that had `planned` draws of each chain to make.
    pub fn finish(mut self, planned: usize) -> Totals {
        if self.is_trial {
            self.end_trial();
        }
        self.gather();
        let complete = self.totals.draws == planned;
        Totals { complete, units: self.grid.units, ..self.totals }
    }

    /// Adds the sums over draws that came in blocks to the totals.
    fn gather(&mut self) {
        let (sums, energies) = (std::mem::take(&mut self.sums), std::mem::take(&mut self.energies));
        let draws = std::mem::take(&mut self.draws);
        if draws > 0 {
            self.add(&ChainSums { warmup: self.is_trial, draws, sums: &sums, energies: &energies });
        }
        for histogram in std::mem::take(&mut self.histograms) {
            self.totals.histograms.iter_mut().zip(histogram).for_each(|(total, count)| *total += count);
        }
    }

    /// Sets the unit and the tails of each variable from the sums over warm-up, and discards these sums.
    fn end_trial(&mut self) {
        self.gather();
        self.is_trial = false;
        let variables = self.grid.units.len();
        let totals = std::mem::replace(&mut self.totals, Totals::of_nothing(variables));
        let BinGrid { units, tails, .. } = &mut self.grid;
        let histograms = totals.histograms.chunks_exact(BINS);
        for (((unit, tails), across), histogram) in units.iter_mut().zip(tails).zip(&totals.across).zip(histograms) {
            let mean = across.mean.mean();
            let sd = (across.square.mean() - mean * mean).sqrt();
            if !(mean.is_finite() && sd > 0.0 && sd.is_finite()) {
                continue;
            }
            *unit = LocationScale { mean: unit.mean + unit.sd * mean, sd: unit.sd * sd };
            for (tail, p) in tails.iter_mut().zip([0.05, 0.95]) {
                let found = (quantile(histogram, p) - mean) / sd;
                *tail = if found.is_finite() { found } else { *tail };
            }
        }
    }

    fn add(&mut self, chains: &ChainSums) {
        let (totals, half, per_superchain) = (&mut self.totals, self.grid.half, self.per_superchain);
        let (variables, draws) = (totals.across.len(), chains.draws);
        totals.draws = draws;
        totals.chains += chains.energies.len();
        totals.across.par_iter_mut().enumerate().for_each(|(variable, across)| {
            for sums in chains.sums.iter().skip(variable).step_by(variables) {
                across.add(sums, draws, half, per_superchain);
            }
        });
        for EnergySums { sum, square, steps, saturated, .. } in chains.energies {
            // Rounding gives a chain that never moves a spread, but no steps.
            let spread = square - sum * sum / draws as f64;
            totals.e_bfmi.push(if *steps > 0.0 { steps / spread } else { f64::NAN });
            totals.saturated += saturated;
        }
    }
}

impl DrawSink for StreamingSink<'_> {
    fn warmed(&mut self, spread: &PositionMoments) {
        self.grid.units = location_scales(self.model, spread);
        self.is_warm = true;
    }

    fn wants_warmup(&self) -> bool {
        self.is_warm
    }

    fn units(&self) -> Option<&[LocationScale]> {
        None
    }

    fn sums(&mut self) -> Option<&mut dyn SumSink> {
        Some(self)
    }

    fn record(&mut self, block: &DrawBlock) -> Result<(), SinkError> {
        if self.is_trial && !block.warmup {
            self.end_trial();
        }
        self.is_trial = block.warmup;
        let (grid, half) = (&self.grid, self.grid.half);
        let variables = grid.units.len();
        let parts = rayon::current_num_threads();
        self.sums.resize(self.chains * variables, DrawSums::default());
        self.energies.resize(self.chains, EnergySums::default());
        self.histograms.resize_with(parts, || vec![0; variables * BINS]);
        let share = self.chains.div_ceil(parts).max(1);
        let (before, completion) = (self.draws, &self.completion);
        let work = (self.sums.par_chunks_mut(share * variables))
            .zip(self.energies.par_chunks_mut(share))
            .zip(self.histograms.par_iter_mut())
            .enumerate();
        work.for_each(|(part, ((sums, energies), histogram))| {
            let mut completion = completion.clone();
            let mut completed = vec![0.0; if completion.is_some() { TOGETHER * variables } else { 0 }];
            for (i, (sums, energy)) in sums.chunks_exact_mut(variables).zip(energies).enumerate() {
                let chain = part * share + i;
                let statistics = &block.statistics[chain * block.draws..][..block.draws];
                for (i, statistics) in statistics.iter().enumerate() {
                    energy.add(statistics.energy, statistics.reached_max_treedepth, before + i == 0);
                }
                for first in (0..block.draws).step_by(TOGETHER) {
                    let draws = first..block.draws.min(first + TOGETHER);
                    let rows = match &mut completion {
                        Some(completion) => {
                            for (draw, named) in draws.clone().zip(completed.chunks_exact_mut(variables)) {
                                completion.complete(block, chain, draw, named);
                            }
                            &completed[..draws.len() * variables]
                        }
                        None => {
                            let place = chain * block.draws + first;
                            &block.values[place * variables..][..draws.len() * variables]
                        }
                    };
                    let firsts = half.saturating_sub(before + first).min(draws.len());
                    add(rows, firsts, grid, sums, histogram);
                }
            }
        });
        self.totals.repeated += block.statistics.iter().filter(|statistics| statistics.n_steps == 0).count() as u64;
        self.draws += block.draws;
        Ok(())
    }
}

/// Adds draws of one chain, `[draw][variable]`, to its sums and to the histograms; the leading `first` draws are in its
/// first half. One variable after the other, so that its histogram stays in the cache.
fn add(rows: &[f64], first: usize, grid: &BinGrid, sums: &mut [DrawSums], histograms: &mut [u64]) {
    let variables = sums.len();
    let (first, second) = rows.split_at(first * variables);
    let grid = grid.units.iter().zip(&grid.tails);
    let places = sums.iter_mut().zip(histograms.chunks_exact_mut(BINS)).zip(grid);
    for (variable, ((sums, histogram), (unit, tails))) in places.enumerate() {
        for (rows, is_second) in [(first, false), (second, true)] {
            let draws = rows.iter().skip(variable).step_by(variables).map(|value| (value - unit.mean) / unit.sd);
            sums.add(draws.inspect(|u| histogram[bin(*u)] += 1), *tails, is_second);
        }
    }
}

impl SumSink for StreamingSink<'_> {
    fn grid(&self) -> &BinGrid {
        &self.grid
    }

    fn take_sums(&mut self, chains: &ChainSums) {
        self.is_trial = chains.warmup;
        self.add(chains);
    }

    fn take_histograms(&mut self, counts: &[u32]) {
        self.totals.histograms.iter_mut().zip(counts).for_each(|(total, count)| *total += u64::from(*count));
        if self.is_trial {
            self.end_trial();
        }
    }
}
