//! Sums of draws, made where the draws are made: all that means, sds, quantiles, convergence and errors need of them, so that
//! no draw has to leave.

use crate::model::LocationScale;

/// Bins of a variable's histogram, the first and the last of which are open.
pub const BINS: usize = 1024;

/// How far bins reach on both sides of the mean, in sds.
pub const REACH: f64 = 8.0;

/// In which unit the draws of each variable are summed up: u = (x - mean) / sd.
#[derive(Debug, Clone, PartialEq)]
pub struct BinGrid {
    /// About the mean and the sd of each named variable, in the user's units.
    pub units: Vec<LocationScale>,
    /// About the 5% and the 95% quantile of each, as u.
    pub tails: Vec<[f64; 2]>,
    /// Draws of each chain that make its first half; all behind them make the second.
    pub half: usize,
}

/// Over the draws of one variable of one chain.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DrawSums {
    /// The sums of u and of u^2: over the chain's first half, and over its second.
    pub halves: [[f64; 2]; 2],
    /// How many draws have a u of at most the 5% quantile that is expected, and of at most the 95% quantile.
    pub below: [f64; 2],
}

impl DrawSums {
    /// Adds the next draws, all of a chain's second half where that is said.
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

/// The bin of u; what is no number counts as too large.
pub fn bin(u: f64) -> usize {
    let place = (u + REACH) * (BINS as f64 / (2.0 * REACH));
    if place < BINS as f64 { place.max(0.0) as usize } else { BINS - 1 }
}

/// The quantile at `p` of what a histogram has counted, in its unit u, by linear interpolation; `NaN` in an open bin.
pub fn quantile(histogram: &[u64], p: f64) -> f64 {
    let total: u64 = histogram.iter().sum();
    // Of n draws the one of rank r, from 0, has about r + 1/2 of them below it; Hyndman and Fan's type 7 looks for the rank
    // (n - 1) p.
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

/// Over the draws of one chain: how its energies vary, and how often its trajectories were cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EnergySums {
    /// Energy of the first draw.
    pub first: f64,
    /// Energy of the latest.
    pub last: f64,
    /// The sum of the energies' distances from the first.
    pub sum: f64,
    /// The sum of their squares.
    pub square: f64,
    /// The sum of squared steps from each energy to the next.
    pub steps: f64,
    /// Trajectories that could not be doubled once more.
    pub saturated: u64,
}

impl EnergySums {
    /// Adds a draw; says whether it is the `first`.
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

/// What was summed up of consecutive chains.
#[derive(Debug, Clone, Copy)]
pub struct ChainSums<'a> {
    /// Whether their draws are of warm-up.
    pub warmup: bool,
    /// Draws of each of them.
    pub draws: usize,
    /// `[chain][variable]`.
    pub sums: &'a [DrawSums],
    /// `[chain]`.
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
