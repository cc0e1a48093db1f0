//! Effective sample size: the number of independent draws that would determine the mean as well.

use super::autocovariance::{Autocovariance, FIRST};
use super::rank::{NormalScores, Order};
use super::rhat::Variances;
use super::series::Series;

/// The probabilities of the quantiles for tail-ESS.
pub(super) const TAILS: [f64; 2] = [0.05, 0.95];

/// Bulk and tail ESS of several series of one shape, with shared work: one sort for each, one table of normal scores.
pub fn ess_bulk_and_tail(all: &[Series]) -> Vec<[f64; 2]> {
    let Some(first) = all.first() else { return Vec::new() };
    let half = first.draws() / 2;
    let normal = NormalScores::of_halves(first.chains(), first.draws());
    let mut autocovariance = Autocovariance::of_length(half);
    let both = |series: &Series| {
        debug_assert_eq!((series.chains(), series.draws()), (first.chains(), first.draws()));
        if !series.has_ess() {
            return [f64::NAN; 2];
        }
        let order = Order::of(*series);
        let bounds = TAILS.map(|p| order.quantile(p));
        let scores = order.split(*series).scores(&normal);
        let scores = Series::new(&scores, 2 * series.chains());
        let bulk = ess(scores, &Variances::of(scores), &mut autocovariance);
        [bulk, ess_below(series.split().series(), bounds, &mut autocovariance)]
    };
    all.iter().map(both).collect()
}

/// The smaller effective sample size of the indicators draw <= bound, for two bounds.
pub(super) fn ess_below(halves: Series, bounds: [f64; 2], autocovariance: &mut Autocovariance) -> f64 {
    let [low, high] = bounds.map(|bound| {
        let below: Vec<f64> = halves.values().iter().map(|&draw| f64::from(draw <= bound)).collect();
        let below = Series::new(&below, halves.chains());
        ess(below, &Variances::of(below), autocovariance)
    });
    low.min(high)
}

/// S / tau of (half) chains of two or more draws, S draws in total. Vehtari et al., section 3.2:
///
/// ```text
/// rho_t = 1 - (W - mean autocovariance at lag t) / var+
/// tau   = -1 + 2 sum_k P_k,  P_k = rho_2k + rho_2k+1
/// ```
///
/// cut off by Geyer's initial positive sequence, with P_k made to fall by his initial monotone sequence (Geyer 1992,
/// section 3.3). The even half of the first pair left out is kept if it is positive, which helps antithetic chains.
pub(super) fn ess(series: Series, variances: &Variances, autocovariance: &mut Autocovariance) -> f64 {
    let size = series.values().len() as f64;
    if series.is_constant() {
        return size;
    }
    let draws = series.draws();
    let first = if draws > FIRST { tau(&autocovariance.first(series), draws, variances) } else { None };
    first.map_or_else(|| ess_of_lags(size, autocovariance.of(series), variances), |tau| of_tau(size, tau))
}

/// The effective sample size from autocovariances at all lags, which are not all 0.
pub(super) fn ess_of_lags(size: f64, lags: &[f64], variances: &Variances) -> f64 {
    tau(lags, lags.len(), variances).map_or(f64::NAN, |tau| of_tau(size, tau))
}

/// tau of chains of `draws` draws, from their autocovariances at the first lags; `None` if these lags are too few.
fn tau(lags: &[f64], draws: usize, variances: &Variances) -> Option<f64> {
    let marginal = variances.marginal();
    let rho = |lag: usize| lags.get(lag).map(|covariance| 1.0 - (variances.within - covariance) / marginal);

    let mut tau = -1.0;
    let mut smallest_pair = f64::INFINITY;
    let (mut lag, mut even, mut odd) = (0, 1.0, rho(1)?);
    while even + odd > 0.0 && lag + 4 < draws {
        smallest_pair = smallest_pair.min(even + odd);
        tau += 2.0 * smallest_pair;
        lag += 2;
        (even, odd) = (rho(lag)?, rho(lag + 1)?);
    }
    Some(tau + if even + odd >= 0.0 { even } else { even.max(0.0) })
}

fn of_tau(size: f64, tau: f64) -> f64 {
    if tau.is_nan() {
        return f64::NAN;
    }
    // Antithetic chains may be better than independent draws, by a factor of at most log10(S).
    size / tau.max(1.0 / size.log10())
}
