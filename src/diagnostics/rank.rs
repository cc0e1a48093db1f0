//! Draws by rank: their order, their normal scores, and their order after folding at the median.
//!
//! Ranks make R-hat and bulk-ESS invariant under monotone transforms and robust to infinite variances. One sort gives
//! the order of the half chains, the quantiles and the order of the folded draws.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::moments::quantile_of;
use super::rhat::{SpreadOfHalves, Variances};
use super::series::Series;
use super::sort::{LARGE, sorted};

/// Draws in ascending order.
pub(super) struct Order {
    values: Vec<f64>,
    /// The index of each draw in the series.
    places: Vec<u32>,
}

impl Order {
    /// Precondition: finite draws, fewer than 2^32.
    pub(super) fn of(series: Series) -> Self {
        let (values, places) = sorted(series.values());
        Self { values, places }
    }

    pub(super) fn quantile(&self, p: f64) -> f64 {
        quantile_of(self.values.len(), p, |rank| self.values[rank])
    }

    /// The draws nearest to the quantiles of these probabilities.
    pub(super) fn nearest(&self, shares: [f64; 2]) -> [f64; 2] {
        let last = self.values.len().max(1) - 1;
        shares.map(|p| self.values.get((last as f64 * p).round() as usize).copied().unwrap_or(f64::NAN))
    }

    /// The order of the half chains of `series`, from the order of the series: all draws, or all but the middle draw of
    /// every chain.
    pub(super) fn split(mut self, series: Series) -> Self {
        let (draws, half) = (series.draws() as u32, series.draws() as u32 / 2);
        if draws == 2 * half {
            return self;
        }
        let mut kept = 0;
        for rank in 0..self.places.len() {
            let (chain, draw) = (self.places[rank] / draws, self.places[rank] % draws);
            if draw != half {
                self.values[kept] = self.values[rank];
                self.places[kept] = self.places[rank] - chain - u32::from(draw > half);
                kept += 1;
            }
        }
        self.values.truncate(kept);
        self.places.truncate(kept);
        self
    }

    /// Calls `look` with the places of every set of equal draws, ascending, and twice their mean rank, counted from 1.
    pub(super) fn each_tie(&self, mut look: impl FnMut(usize, &[u32])) {
        let mut below = 0;
        for ties in self.values.chunk_by(|a, b| a == b) {
            let end = below + ties.len();
            look(below + 1 + end, &self.places[below..end]);
            below = end;
        }
    }

    /// [`each_tie`](Self::each_tie) in the order of |x - median(x)|, Vehtari et al., section 4: differences in scale
    /// between chains become differences in location. Walks from the median outwards, on the side whose next draw is
    /// nearer.
    ///
    /// Precondition: an even number of draws, not 0, which half chains always have in total.
    pub(super) fn each_folded_tie(&self, mut look: impl FnMut(usize, &[u32])) {
        let (count, middle) = (self.values.len(), self.values.len() / 2);
        let median = f64::midpoint(self.values[middle - 1], self.values[middle]);
        let distance = |rank: usize| self.values.get(rank).map_or(f64::INFINITY, |draw| (draw - median).abs());
        // The next draws on both sides; the distance is infinite before the first draw and after the last.
        let (mut below, mut above) = (middle - 1, middle);
        let (mut left, mut right) = (distance(below), distance(above));
        let (mut ties, mut at) = (Vec::new(), left.min(right));
        for walked in 0..=count {
            let nearest = left.min(right);
            if nearest != at || walked == count {
                look(2 * walked + 1 - ties.len(), &ties);
                ties.clear();
                at = nearest;
            }
            if walked == count {
                break;
            }
            // The nearer side is unpredictable: no branch depends on it.
            let is_left = (left < right) & (below < count) | (above >= count);
            ties.push(self.places[if is_left { below } else { above }]);
            below = below.wrapping_sub(usize::from(is_left));
            above += usize::from(!is_left);
            (left, right) = (distance(below), distance(above));
        }
    }

    /// The normal score of every draw, in the order of the series. Ties share their mean rank.
    pub(super) fn scores(&self, normal: &NormalScores) -> Vec<f64> {
        let mut scores = vec![0.0; self.places.len()];
        self.each_tie(|twice, places| {
            let score = normal.of_twice(twice);
            places.iter().for_each(|place| scores[*place as usize] = score);
        });
        scores
    }

    /// The variances of the normal scores of `halves` half chains, in this order.
    pub(super) fn variances(&self, halves: usize, normal: &NormalScores) -> Variances {
        let mut spread = SpreadOfHalves::new(halves, self.places.len() / halves);
        self.each_tie(|twice, places| spread.add(normal.of_twice(twice), places));
        spread.variances()
    }

    /// [`variances`](Self::variances) of the folded draws.
    pub(super) fn folded_variances(&self, halves: usize, normal: &NormalScores) -> Variances {
        let mut spread = SpreadOfHalves::new(halves, self.places.len() / halves);
        self.each_folded_tie(|twice, places| spread.add(normal.of_twice(twice), places));
        spread.variances()
    }

    /// Twice the mean rank of each draw, in the order of the series.
    pub(super) fn into_ranks(self) -> Vec<u32> {
        let mut ranks = vec![0; self.places.len()];
        self.each_tie(|twice, places| places.iter().for_each(|place| ranks[*place as usize] = twice as u32));
        ranks
    }
}

/// Normal scores of the ranks 1 to S: z = Phi^-1((r - 3/8) / (S + 1/4)), Vehtari et al., equation 14.
///
/// A table, because scores depend on S only, and a summary needs them twice for every variable; none for so many draws
/// that it would need as much memory as they do.
pub(super) struct NormalScores {
    size: usize,
    scores: Vec<f64>,
}

impl NormalScores {
    /// The scores of the half chains of `chains` chains of `draws` draws.
    pub(super) fn of_halves(chains: usize, draws: usize) -> Self {
        let Self { size, .. } = Self::without_table(chains, draws);
        let table = if chains * draws < LARGE { 1..size + 1 } else { 0..0 };
        Self { size, scores: table.into_par_iter().map(|rank| normal_score(rank as f64, size)).collect() }
    }

    /// The same scores, computed one by one.
    pub(super) fn without_table(chains: usize, draws: usize) -> Self {
        Self { size: 2 * chains * (draws / 2), scores: Vec::new() }
    }

    /// The score of a mean rank, given twice: a mean of ranks may be a half-integer.
    pub(super) fn of_twice(&self, twice: usize) -> f64 {
        match self.scores.get(twice / 2 - 1) {
            Some(score) if twice.is_multiple_of(2) => *score,
            _ => normal_score(twice as f64 / 2.0, self.size),
        }
    }
}

/// The normal score of a rank, counted from 1, among `size` draws.
fn normal_score(rank: f64, size: usize) -> f64 {
    Normal::standard().inverse_cdf((rank - 0.375) / (size as f64 + 0.25))
}
