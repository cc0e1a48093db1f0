//! Draws by rank: their order, their normal scores, and their order after folding at the median.
//!
//! Ranks make R-hat and bulk-ESS invariant under monotone transforms and robust to infinite variances. One sort gives
//! the order of the half chains, the quantiles and the order of the folded draws.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::moments::quantile_of;
use super::series::Series;
use super::sort::sorted;

/// Draws in ascending order, each with its index in the series.
pub(super) struct Order {
    draws: Vec<(f64, usize)>,
}

impl Order {
    /// Precondition: finite draws.
    pub(super) fn of(series: Series) -> Self {
        Self { draws: sorted(series.values()) }
    }

    pub(super) fn quantile(&self, p: f64) -> f64 {
        quantile_of(self.draws.len(), p, |rank| self.draws[rank].0)
    }

    /// The draws nearest to the quantiles of these probabilities.
    pub(super) fn nearest(&self, shares: [f64; 2]) -> [f64; 2] {
        let last = self.draws.len().max(1) - 1;
        shares.map(|p| self.draws.get((last as f64 * p).round() as usize).map_or(f64::NAN, |draw| draw.0))
    }

    /// The order of the half chains of `series`, from the order of the series: all draws, or all but the middle draw of
    /// every chain.
    pub(super) fn split(self, series: Series) -> Self {
        let (draws, half) = (series.draws(), series.draws() / 2);
        if draws == 2 * half {
            return self;
        }
        let kept = self.draws.into_iter().filter_map(|(value, place)| {
            let (chain, draw) = (place / draws, place % draws);
            (draw != half).then(|| (value, place - chain - usize::from(draw > half)))
        });
        Self { draws: kept.collect() }
    }

    /// The order of |x - median(x)|, Vehtari et al., section 4: differences in scale between chains become differences
    /// in location. Walks from the median outwards, on the side whose next draw is nearer.
    ///
    /// Precondition: an even number of draws, not 0, which half chains always have in total.
    pub(super) fn folded(&self) -> Self {
        let (count, middle) = (self.draws.len(), self.draws.len() / 2);
        let median = f64::midpoint(self.draws[middle - 1].0, self.draws[middle].0);
        let distance = |rank: usize| self.draws.get(rank).map_or(f64::INFINITY, |draw| (draw.0 - median).abs());
        // The next draws on both sides; the distance is infinite before the first draw and after the last.
        let (mut below, mut above) = (middle - 1, middle);
        let (mut left, mut right) = (distance(below), distance(above));
        let mut draws = Vec::with_capacity(count);
        for _ in 0..count {
            // The nearer side is unpredictable: no branch depends on it.
            let is_left = (left < right) & (below < count) | (above >= count);
            let rank = if is_left { below } else { above };
            draws.push((left.min(right), self.draws[rank].1));
            below = below.wrapping_sub(usize::from(is_left));
            above += usize::from(!is_left);
            (left, right) = (distance(below), distance(above));
        }
        Self { draws }
    }

    /// The normal score of every draw, in the order of the series. Ties share their mean rank.
    pub(super) fn scores(&self, normal: &NormalScores) -> Vec<f64> {
        let mut scores = vec![0.0; self.draws.len()];
        let mut below = 0;
        for ties in self.draws.chunk_by(|a, b| a.0 == b.0) {
            let score = normal.of_ranks(below + 1, below + ties.len());
            for &(_, place) in ties {
                scores[place] = score;
            }
            below += ties.len();
        }
        scores
    }
}

/// Normal scores of the ranks 1 to S: z = Phi^-1((r - 3/8) / (S + 1/4)), Vehtari et al., equation 14.
///
/// A table, because scores depend on S only, and a summary needs them twice for every variable.
pub(super) struct NormalScores {
    scores: Vec<f64>,
}

impl NormalScores {
    pub(super) fn new(size: usize) -> Self {
        Self { scores: (1..=size).into_par_iter().map(|rank| normal_score(rank as f64, size)).collect() }
    }

    /// Score of the mean of the ranks `first..=last`, which may be a half-integer.
    fn of_ranks(&self, first: usize, last: usize) -> f64 {
        let twice = first + last;
        if twice.is_multiple_of(2) {
            self.scores[twice / 2 - 1]
        } else {
            normal_score(twice as f64 / 2.0, self.scores.len())
        }
    }
}

/// The normal score of a rank, counted from 1, among `size` draws.
pub(super) fn normal_score(rank: f64, size: usize) -> f64 {
    Normal::standard().inverse_cdf((rank - 0.375) / (size as f64 + 0.25))
}
