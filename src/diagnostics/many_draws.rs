//! The summary of a variable with millions of draws, in little memory: beside the draws, two 32-bit numbers for each.
//! Equals the ordinary summary to rounding.

use rayon::prelude::*;

use super::autocovariance::Autocovariance;
use super::ess::{TAILS, ess_of_lags};
use super::mcse::PooledMoments;
use super::moments::quantile_of;
use super::rank::normal_score;
use super::rhat::{ChainVariances, Variances};
use super::series::Series;
use super::summary::{QUARTILES, Summary};

/// The number of draws from which memory matters more than time.
pub(super) const LARGE: usize = 4 << 20;

/// Half chains of a series, whose draws are transformed one half chain at a time.
struct Halves<'a> {
    values: &'a [f64],
    draws: usize,
    half: usize,
}

impl Halves<'_> {
    /// Calls `look` with every half chain, each draw replaced by `as_what` of its index and value.
    fn each(&self, as_what: impl Fn(usize, f64) -> f64, mut look: impl FnMut(&[f64])) {
        let mut seen = vec![0.0; self.half];
        for (chain, values) in self.values.chunks_exact(self.draws).enumerate() {
            for start in [0, self.draws - self.half] {
                for (i, seen) in seen.iter_mut().enumerate() {
                    let draw = start + i;
                    *seen = as_what(chain * self.draws + draw, values[draw]);
                }
                look(&seen);
            }
        }
    }

    /// The variances of the transformed draws, and the effective sample size of their mean.
    fn ess(&self, as_what: impl Fn(usize, f64) -> f64, autocovariance: &mut Autocovariance) -> (Variances, f64) {
        let mut spread = ChainVariances::default();
        autocovariance.begin();
        self.each(as_what, |chain| {
            spread.add(chain);
            autocovariance.add(chain);
        });
        let (halves, draws) = (2 * self.values.len() / self.draws, self.half);
        let variances = spread.variances();
        let lags = autocovariance.end(halves, draws);
        let size = (halves * draws) as f64;
        (variances, if spread.is_constant() { size } else { ess_of_lags(size, lags, &variances) })
    }
}

/// The summary of finite draws.
pub(super) fn summary(series: Series, autocovariance: &mut Autocovariance) -> Summary {
    let (values, draws) = (series.values(), series.draws());
    let half = draws / 2;
    let halves = Halves { values, draws, half };
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.par_sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let quantile = |p| quantile_of(order.len(), p, |rank| values[order[rank] as usize]);
    let ([q05, q95], q50, moments) = (TAILS.map(quantile), quantile(0.5), PooledMoments::of(series));
    let last = values.len() - 1;
    let quartiles = QUARTILES.map(|p| values[order[(last as f64 * p).round() as usize] as usize]);
    let located = Summary { mean: moments.mean, sd: moments.sd, q05, q50, q95, quartiles, ..Summary::NAN };
    if !series.has_ess() {
        return located;
    }
    let (_, ess_mean) = halves.ess(|_, draw| draw, autocovariance);
    let (_, ess_of_squares) = halves.ess(|_, draw| (draw - moments.mean).powi(2), autocovariance);
    let [below, above] =
        [q05, q95].map(|bound| halves.ess(|_, draw| f64::from(u8::from(draw <= bound)), autocovariance).1);

    // With an odd number of draws, a chain's middle draw belongs to neither half.
    if draws % 2 == 1 {
        order.retain(|place| *place as usize % draws != half);
    }
    // Twice the mean rank of each draw, counted from 1: ties may have a half-integer mean.
    let mut ranks = vec![0u32; values.len()];
    let mut behind = 0;
    for ties in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
        let twice = (2 * behind + 1 + ties.len()) as u32;
        ties.iter().for_each(|place| ranks[*place as usize] = twice);
        behind += ties.len();
    }
    let size = order.len();
    let score = |ranks: &[u32], place: usize| normal_score(f64::from(ranks[place]) / 2.0, size);
    let (bulk, ess_bulk) = halves.ess(|place, _| score(&ranks, place), autocovariance);
    let rhat = if series.has_rhat() {
        rank_folded(values, &order, &mut ranks);
        let mut spread = ChainVariances::default();
        halves.each(|place, _| score(&ranks, place), |chain| spread.add(chain));
        bulk.rhat().max(spread.variances().rhat())
    } else {
        f64::NAN
    };
    Summary {
        mcse_mean: moments.mcse_mean(ess_mean),
        mcse_sd: moments.mcse_sd(ess_of_squares),
        ess_bulk,
        ess_tail: below.min(above),
        rhat,
        ..located
    }
}

/// Writes twice the mean rank of each draw by its distance from the median; walks from the median outwards.
fn rank_folded(values: &[f64], order: &[u32], ranks: &mut [u32]) {
    let middle = order.len() / 2;
    let value = |rank: usize| values[order[rank] as usize];
    let median = f64::midpoint(value(middle - 1), value(middle));
    let distance = |rank: usize| (value(rank) - median).abs();
    let (mut below, mut above, mut walked) = (middle, middle, 0);
    while below > 0 || above < order.len() {
        let nearest = match (below > 0, above < order.len()) {
            (true, true) => distance(below - 1).min(distance(above)),
            (true, false) => distance(below - 1),
            _ => distance(above),
        };
        let (mut first, mut last) = (below, above);
        while first > 0 && distance(first - 1) == nearest {
            first -= 1;
        }
        while last < order.len() && distance(last) == nearest {
            last += 1;
        }
        let ties = below - first + last - above;
        let twice = (2 * walked + 1 + ties) as u32;
        for rank in (first..below).chain(above..last) {
            ranks[order[rank] as usize] = twice;
        }
        (below, above, walked) = (first, last, walked + ties);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    #[test]
    fn it_says_what_the_ordinary_way_says() {
        for (chains, draws) in [(4, 100), (3, 101), (1, 50), (5, 3), (2, 4)] {
            let mut values = vec![0.0; chains * draws];
            StreamKey { seed: 5, chain: 1, transition: draws as u32 }.normals(Purpose::Stream, &mut values);
            for i in 1..values.len() {
                values[i] += 0.6 * values[i - 1];
            }
            let rounded: Vec<f64> = values.iter().map(|value| (4.0 * value).round() / 4.0).collect();
            for values in [values, rounded, vec![2.5; chains * draws]] {
                let series = Series::new(&values, chains);
                let (ordinary, here) =
                    (Summary::of(series), summary(series, &mut Autocovariance::of_length(draws / 2)));
                let numbers = |s: &Summary| {
                    let [q25, q75] = s.quartiles;
                    [
                        s.mean,
                        s.sd,
                        s.q05,
                        q25,
                        s.q50,
                        q75,
                        s.q95,
                        s.mcse_mean,
                        s.mcse_sd,
                        s.ess_bulk,
                        s.ess_tail,
                        s.rhat,
                    ]
                };
                for (ordinary, here) in numbers(&ordinary).into_iter().zip(numbers(&here)) {
                    let same = ordinary.is_nan() && here.is_nan();
                    let near = (ordinary - here).abs() <= 1e-9 * ordinary.abs().max(1e-9);
                    assert!(same || near, "{chains} x {draws}: {ordinary} and {here}");
                }
            }
        }
    }
}
