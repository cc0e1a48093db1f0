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
