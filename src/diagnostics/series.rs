//! The draws of one scalar variable, chain by chain: the input of every diagnostic.

use std::borrow::Cow;

/// Draws of one scalar variable, chain-major: `values[chain * draws + draw]`.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    values: &'a [f64],
    chains: usize,
    draws: usize,
}

impl<'a> Series<'a> {
    /// `values` holds `chains` chains of equal length, one after the other.
    ///
    /// Precondition: `chains` divides `values.len()`. In release builds a remainder is ignored, and the series is empty
    /// if `chains` is 0.
    pub fn new(values: &'a [f64], chains: usize) -> Self {
        let draws = values.len().checked_div(chains).unwrap_or(0);
        debug_assert_eq!(chains * draws, values.len(), "every chain has as many draws as the others");
        Self { values: &values[..chains * draws], chains, draws }
    }

    /// All draws, chain after chain.
    pub fn values(&self) -> &'a [f64] {
        self.values
    }

    /// The number of chains.
    pub fn chains(&self) -> usize {
        self.chains
    }

    /// The number of draws in each chain.
    pub fn draws(&self) -> usize {
        self.draws
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        self.values.chunks_exact(self.draws.max(1))
    }

    pub(super) fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    pub(super) fn is_constant(&self) -> bool {
        self.values.iter().all(|&value| value == self.values[0])
    }

    /// Whether chains are long enough to be split, and finite.
    pub(super) fn has_ess(&self) -> bool {
        self.draws >= 4 && self.is_finite()
    }

    /// Whether chains are long enough to be split, finite, and at least two.
    pub(super) fn has_rhat(&self) -> bool {
        self.chains >= 2 && self.has_ess()
    }

    /// Cuts every chain in half, so that a drift inside a chain shows as a difference between chains. The middle draw
    /// of an odd number belongs to neither half.
    pub(super) fn split(self) -> SplitChains<'a> {
        let half = self.draws / 2;
        let values = if self.draws == 2 * half {
            Cow::Borrowed(self.values)
        } else {
            self.iter().flat_map(|chain| chain[..half].iter().chain(&chain[half + 1..])).copied().collect()
        };
        SplitChains { values, halves: 2 * self.chains }
    }
}

/// The half chains of a series; their draws are copied if chains have odd length.
pub(super) struct SplitChains<'a> {
    values: Cow<'a, [f64]>,
    halves: usize,
}

impl SplitChains<'_> {
    pub(super) fn series(&self) -> Series<'_> {
        Series::new(&self.values, self.halves)
    }
}
