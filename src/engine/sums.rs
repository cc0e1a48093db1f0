//! Streaming sums over draws: all that means, sds, quantiles, convergence diagnostics and standard errors need.

use crate::model::LocationScale;

/// Bins of a variable's histogram; the first and the last bin are open.
pub const BINS: usize = 1024;

/// Reach of the bins on both sides of the mean, in sds.
pub const REACH: f64 = 8.0;

/// The bins of all variables, in their units u = (x - mean) / sd.
#[derive(Debug, Clone, PartialEq)]
pub struct BinGrid {
    /// Approximate mean and sd of each named variable, in the user's units.
    pub units: Vec<LocationScale>,
    /// Approximate 5% and 95% quantile of each variable, as u.
    pub tails: Vec<[f64; 2]>,
    /// Draws in the first half of a chain; all draws after them are in its second half.
    pub half: usize,
}

/// Sums over the draws of one variable of one chain.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DrawSums {
    /// The sums of u and of u^2, over the chain's first half and over its second.
    pub halves: [[f64; 2]; 2],
    /// Number of draws with u at most the expected 5% quantile, and at most the expected 95% quantile.
    pub below: [f64; 2],
}

impl DrawSums {
    /// Adds the next draws, all in the chain's first half or all in its `second`.
    pub fn add(&mut self, draws: impl Iterator<Item = f64>, tails: [f64; 2], second: bool) {
        let (half, [mut low, mut high]) = (&mut self.halves[usize::from(second)], self.below);
        let [mut sum, mut square] = *half;
        for u in draws {
            sum += u;
            square += u * u;
            low += f64::from(u8::from(u <= tails[0]));
            high += f64::from(u8::from(u <= tails[1]));
        }
        *half = [sum, square];
        self.below = [low, high];
    }
}

/// The bin of u; a NaN counts as too large.
pub fn bin(u: f64) -> usize {
    let place = (u + REACH) * (BINS as f64 / (2.0 * REACH));
    if place < BINS as f64 { place.max(0.0) as usize } else { BINS - 1 }
}

/// The quantile at `p` of a histogram, in its unit u, by linear interpolation; `NaN` in an open bin or without counts.
pub fn quantile(histogram: &[u64], p: f64) -> f64 {
    let total: u64 = histogram.iter().sum();
    // The draw of rank r, from 0, has about r + 1/2 of the n draws below it; Hyndman and Fan's type 7 looks for the
    // rank (n - 1) p.
    let wanted = total.saturating_sub(1) as f64 * p + 0.5;
    let mut below = 0.0;
    for (bin, count) in histogram.iter().enumerate() {
        let count = *count as f64;
        if below + count >= wanted {
            let is_open = bin == 0 || bin == histogram.len() - 1;
            let place = bin as f64 + (wanted - below) / count;
            return if is_open { f64::NAN } else { place * (2.0 * REACH / BINS as f64) - REACH };
        }
        below += count;
    }
    f64::NAN
}

/// Sums over the energies of one chain's draws, and the number of its trajectories that were cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EnergySums {
    /// Energy of the first draw.
    pub first: f64,
    /// Energy of the latest draw.
    pub last: f64,
    /// The sum of the energies' differences from the first.
    pub sum: f64,
    /// The sum of the squared differences from the first.
    pub square: f64,
    /// The sum of squared differences between successive energies.
    pub steps: f64,
    /// Trajectories that ended at the largest number of doublings.
    pub saturated: u64,
}

impl EnergySums {
    /// Adds a draw; the `first` one resets the sums.
    pub fn add(&mut self, energy: f64, saturated: bool, first: bool) {
        if first {
            *self = EnergySums { first: energy, last: energy, ..EnergySums::default() };
        }
        let apart = energy - self.first;
        self.sum += apart;
        self.square += apart * apart;
        self.steps += (energy - self.last).powi(2);
        self.last = energy;
        self.saturated += u64::from(saturated);
    }
}

/// Sums of consecutive chains.
#[derive(Debug, Clone, Copy)]
pub struct ChainSums<'a> {
    /// Whether the draws are from warm-up.
    pub warmup: bool,
    /// Draws of each chain.
    pub draws: usize,
    /// Sums over the draws, `[chain][variable]`.
    pub sums: &'a [DrawSums],
    /// Sums over their energies, `[chain]`.
    pub energies: &'a [EnergySums],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_of_one_width_and_open_at_the_ends() {
        assert_eq!(
            [bin(-1e30), bin(-REACH), bin(0.0), bin(REACH), bin(f64::NAN)],
            [0, 0, BINS / 2, BINS - 1, BINS - 1]
        );
        let width = 2.0 * REACH / BINS as f64;
        for i in 0..BINS {
            let middle = (i as f64 + 0.5) * width - REACH;
            assert_eq!(bin(middle), i);
        }
    }

    #[test]
    fn a_histogram_finds_quantiles_between_its_bins() {
        let mut histogram = vec![0; BINS];
        for i in 0..100_000 {
            histogram[bin((f64::from(i) + 0.5) / 1e5 * 4.0 - 2.0)] += 1;
        }
        for p in [0.05, 0.5, 0.95] {
            assert!((quantile(&histogram, p) - (4.0 * p - 2.0)).abs() < 1e-4, "{p}");
        }
        histogram[BINS - 1] += 1_000_000;
        assert!(quantile(&histogram, 0.95).is_nan() && quantile(&[0; BINS], 0.5).is_nan());
    }

    #[test]
    fn energies_are_summed_as_they_come() {
        let energies = [1001.5, 998.0, 1003.25, 1000.0];
        let mut sums = EnergySums::default();
        energies.iter().enumerate().for_each(|(i, energy)| sums.add(*energy, i == 2, i == 0));
        let mean = energies.iter().sum::<f64>() / 4.0;
        let spread: f64 = energies.iter().map(|energy| (energy - mean).powi(2)).sum();
        assert_eq!(sums.square - sums.sum * sums.sum / 4.0, spread);
        assert_eq!((sums.steps, sums.saturated), (3.5f64.powi(2) + 5.25f64.powi(2) + 3.25f64.powi(2), 1));
    }
}
