//! R-hat: do chains differ more from each other than within themselves?

use super::moments::{mean, variance};
use super::series::Series;
use crate::faults;

/// The variance of draws inside chains, and of the means of chains.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variances {
    /// W: mean over the chains of each chain's variance.
    pub within: f64,
    /// B / N: variance of the chains' means; 0 for one chain.
    pub between: f64,
    /// N: number of draws in a chain.
    draws: f64,
}

impl Variances {
    /// The variances for chains of `draws` draws.
    pub(super) fn new(within: f64, between: f64, draws: f64) -> Self {
        Self { within, between, draws }
    }

    pub(super) fn of(series: Series) -> Self {
        let mut spread = ChainVariances::default();
        series.iter().for_each(|chain| spread.add(chain));
        spread.variances()
    }

    /// var+ = (N - 1) / N * W + B / N
    pub(super) fn marginal(&self) -> f64 {
        (self.draws - 1.0) / self.draws * self.within + self.between
    }

    /// sqrt(var+ / W)
    pub(super) fn rhat(&self) -> f64 {
        let ratio = self.marginal() / self.within;
        if faults::is_planted("r-hat-squared") { ratio } else { ratio.sqrt() }
    }
}

/// The mean and the variance of each chain, added one after the other.
#[derive(Debug, Default)]
pub(super) struct ChainVariances {
    means: Vec<f64>,
    variances: Vec<f64>,
    draws: usize,
    /// The first draw of all, and whether any draw differs from it.
    first: Option<f64>,
    differs: bool,
}

impl ChainVariances {
    /// Adds the next chain, as long as the others.
    pub(super) fn add(&mut self, chain: &[f64]) {
        let mean = mean(chain);
        self.means.push(mean);
        self.variances.push(variance(chain, mean));
        self.draws = chain.len();
        let first = *self.first.get_or_insert(chain.first().copied().unwrap_or(f64::NAN));
        self.differs = self.differs || chain.iter().any(|&draw| draw != first);
    }

    /// Whether all draws are equal.
    pub(super) fn is_constant(&self) -> bool {
        !self.differs
    }

    pub(super) fn variances(&self) -> Variances {
        let draws = self.draws as f64;
        // Rounding would give a constant series a variance.
        if self.is_constant() {
            return Variances { within: 0.0, between: 0.0, draws };
        }
        let between = if self.means.len() > 1 { variance(&self.means, mean(&self.means)) } else { 0.0 };
        Variances { within: mean(&self.variances), between, draws }
    }
}

/// The mean and the variance of each half chain, from draws in any order.
pub(super) struct SpreadOfHalves {
    /// Draws of a half chain.
    draws: u32,
    /// The first draw of each that came, and the sums of the distances from it and of their squares.
    halves: Vec<[f64; 3]>,
}

impl SpreadOfHalves {
    /// `halves` half chains of `draws` draws.
    pub(super) fn new(halves: usize, draws: usize) -> Self {
        Self { draws: draws as u32, halves: vec![[f64::NAN, 0.0, 0.0]; halves] }
    }

    /// Adds draws of the same `value` at these places, one half chain after the other.
    pub(super) fn add(&mut self, value: f64, places: &[u32]) {
        for place in places {
            let [first, sum, square] = &mut self.halves[(place / self.draws) as usize];
            if first.is_nan() {
                *first = value;
            }
            let apart = value - *first;
            *sum += apart;
            *square += apart * apart;
        }
    }

    pub(super) fn variances(self) -> Variances {
        let draws = f64::from(self.draws);
        let is_constant = self.halves.iter().all(|[first, _, square]| *first == self.halves[0][0] && *square == 0.0);
        // Rounding would give a constant series a variance.
        if is_constant {
            return Variances { within: 0.0, between: 0.0, draws };
        }
        let means: Vec<f64> = self.halves.iter().map(|[first, sum, _]| first + sum / draws).collect();
        let variances = self.halves.iter().map(|[_, sum, square]| (square - sum * sum / draws) / (draws - 1.0));
        let within = variances.sum::<f64>() / means.len() as f64;
        Variances { within, between: variance(&means, mean(&means)), draws }
    }
}
