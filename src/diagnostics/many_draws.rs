//! The summary of a variable with millions of draws, in little memory: beside the draws, four 32-bit numbers for each.
//! Equals the ordinary summary to rounding.

use super::autocovariance::Autocovariance;
use super::ess::ess_of_lags;
use super::mcse::PooledMoments;
use super::rank::{NormalScores, Order};
use super::rhat::{ChainVariances, Variances};
use super::series::Series;
use super::summary::Summary;

/// Half chains, whose draws are transformed one half chain at a time.
struct HalfChains<'a> {
    count: usize,
    draws: usize,
    autocovariance: &'a mut Autocovariance,
}

impl HalfChains<'_> {
    /// The variances of these draws, and the effective sample size of their mean. `draw` has a half chain and the
    /// number of its draw.
    fn ess(&mut self, draw: impl Fn(usize, usize) -> f64) -> (Variances, f64) {
        let HalfChains { count, draws, autocovariance } = self;
        let mut spread = ChainVariances::default();
        let mut chain = vec![0.0; *draws];
        autocovariance.begin();
        for half in 0..*count {
            chain.iter_mut().enumerate().for_each(|(i, value)| *value = draw(half, i));
            spread.add(&chain);
            autocovariance.add(&chain);
        }
        let variances = spread.variances();
        let lags = autocovariance.end(*count, *draws);
        let size = (*count * *draws) as f64;
        (variances, if spread.is_constant() { size } else { ess_of_lags(size, lags, &variances) })
    }
}

/// The rest of the summary of draws that are `located`, with their order and moments.
pub(super) fn summary(
    series: Series,
    located: Summary,
    order: Order,
    moments: &PooledMoments,
    normal: &NormalScores,
    autocovariance: &mut Autocovariance,
) -> Summary {
    let (values, draws, count) = (series.values(), series.draws(), 2 * series.chains());
    let half = draws / 2;
    let order = order.split(series);
    let folded = if series.has_rhat() { order.folded_variances(count, normal).rhat() } else { f64::NAN };
    let ranks = order.into_ranks();
    let mut halves = HalfChains { count, draws: half, autocovariance };
    let (bulk, ess_bulk) = halves.ess(|chain, i| normal.of_twice(ranks[chain * half + i] as usize));
    drop(ranks);
    let mut ess = |term: &dyn Fn(f64) -> f64| {
        halves.ess(|chain, i| term(values[chain / 2 * draws + chain % 2 * (draws - half) + i])).1
    };
    let [below, above] = [located.q05, located.q95].map(|bound| ess(&|draw| f64::from(u8::from(draw <= bound))));
    Summary {
        mcse_mean: moments.mcse_mean(ess(&|draw| draw)),
        mcse_sd: moments.mcse_sd(ess(&|draw| (draw - moments.mean).powi(2))),
        ess_bulk,
        ess_tail: below.min(above),
        rhat: if series.has_rhat() { bulk.rhat().max(folded) } else { f64::NAN },
        ..located
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
                let ordinary = Summary::of(series);
                let (located, order, moments) = Summary::located(series).unwrap();
                let here = if series.has_ess() {
                    let (normal, mut plan) =
                        (NormalScores::without_table(chains, draws), Autocovariance::of_length(draws / 2));
                    summary(series, located, order, &moments, &normal, &mut plan)
                } else {
                    located
                };
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
