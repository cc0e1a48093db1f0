//! Quantiles of many short lists of numbers: a histogram says in which of its bins they are, and only these are sorted.

use crate::diagnostics::quantile;

/// Number of bins.
const BINS: usize = 1024;

/// 2^52: the last bits of a number that is added to it are those of an integer.
const INTEGER: f64 = 4_503_599_627_370_496.0;

/// Values that are compared together.
const LANES: usize = 8;

/// Computes quantiles; its room is used again for each list.
#[derive(Debug, Clone, Default)]
pub struct Quantiler {
    /// The bin of each value.
    bins: Vec<u16>,
    counts: Vec<u32>,
    /// Values of bins with a quantile in them.
    kept: Vec<f64>,
}

impl Quantiler {
    /// Quantiles at these probabilities, linear between values, as [`quantile`]; `NaN` of values that are not finite.
    pub fn quantiles(&mut self, values: &[f64], probabilities: &[f64]) -> Vec<f64> {
        let (mut lows, mut highs) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let mut has_nan = false;
        for some in values.chunks(LANES) {
            for ((value, low), high) in some.iter().zip(&mut lows).zip(&mut highs) {
                *low = if value < low { *value } else { *low };
                *high = if value > high { *value } else { *high };
                has_nan |= value.is_nan();
            }
        }
        let (low, high) =
            (lows.into_iter().fold(f64::INFINITY, f64::min), highs.into_iter().fold(f64::NEG_INFINITY, f64::max));
        let scale = (BINS - 1) as f64 / (high - low);
        if has_nan {
            return vec![f64::NAN; probabilities.len()];
        }
        if !scale.is_finite() || scale == 0.0 {
            // All equal or nearly so, or some infinite.
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            return probabilities.iter().map(|p| quantile(&sorted, *p)).collect();
        }
        self.bins.clear();
        self.bins.extend(values.iter().map(|value| ((value - low) * scale + INTEGER).to_bits() as u16));
        self.counts.clear();
        self.counts.resize(BINS, 0);
        self.bins.iter().for_each(|bin| self.counts[usize::from(*bin)] += 1);
        let last = values.len() - 1;
        let place = |p: &f64| (last as f64 * p) as usize;
        let mut ranks: Vec<usize> = probabilities.iter().flat_map(|p| [place(p), (place(p) + 1).min(last)]).collect();
        ranks.sort_unstable();
        // For each bin that is kept, its first rank and the number of values before it that are not kept.
        let (mut before, mut dropped) = (0, 0);
        let mut keeps = [false; BINS];
        let (mut ahead, mut gaps) = (ranks.iter().peekable(), Vec::with_capacity(ranks.len()));
        for (count, keeps) in self.counts.iter().zip(&mut keeps) {
            let end = before + *count as usize;
            while ahead.next_if(|rank| **rank < end).is_some() {
                *keeps = true;
            }
            if *keeps {
                gaps.push((before, dropped));
            } else {
                dropped += end - before;
            }
            before = end;
        }
        self.kept.clear();
        let pairs = values.iter().zip(&self.bins);
        self.kept.extend(pairs.filter(|(_, bin)| keeps[usize::from(**bin)]).map(|(value, _)| *value));
        self.kept.sort_unstable_by(f64::total_cmp);
        let of_rank = |rank: usize| {
            let (_, dropped) = gaps[gaps.partition_point(|(from, _)| *from <= rank) - 1];
            self.kept[rank - dropped]
        };
        let of = |p: &f64| {
            let (below, above) = (of_rank(place(p)), of_rank((place(p) + 1).min(last)));
            quantile(&[below, above], (last as f64 * p).fract())
        };
        probabilities.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let key = StreamKey { seed: 5, chain: 0, transition: 0 };
        let mut quantiler = Quantiler::default();
        for count in [1, 2, 3, 10, 401, 4000] {
            for tails in [1, 9] {
                let mut values = vec![0.0; count];
                key.normals(Purpose::Stream, &mut values);
                // With heavy tails, nearly all values are in one bin.
                values.iter_mut().for_each(|value| *value = value.powi(tails));
                let mut sorted = values.clone();
                sorted.sort_by(f64::total_cmp);
                let probabilities = [0.0, 0.025, 0.05, 0.5, 0.5, 0.95, 1.0];
                let expected = probabilities.map(|p| quantile(&sorted, p));
                let found = quantiler.quantiles(&values, &probabilities);
                let close = |(found, expected): (&f64, &f64)| (found - expected).abs() <= 1e-15 * expected.abs();
                assert!(found.iter().zip(&expected).all(close), "{count}: {found:?} for {expected:?}");
            }
        }
        assert_eq!(quantiler.quantiles(&[2.5; 7], &[0.1, 0.9]), [2.5, 2.5]);
        let tiny = f64::from_bits(1);
        assert_eq!(quantiler.quantiles(&[tiny, 0.0, 0.0, tiny, tiny], &[0.0, 0.5, 1.0]), [0.0, tiny, tiny]);
        for broken in [[2.5, f64::INFINITY], [f64::NAN, 1.0], [f64::NAN; 2], [f64::NEG_INFINITY; 2]] {
            assert!(quantiler.quantiles(&broken, &[0.1]).iter().all(|quantile| !quantile.is_finite()), "{broken:?}");
        }
    }
}
