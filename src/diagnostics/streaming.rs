//! Diagnostics from streaming sums of draws: equal, to rounding, to the diagnostics of many independent chains from
//! recorded draws, and quantiles to a bin's width.

use super::rhat::Variances;
use super::summary::{QUARTILES, Summary};
use crate::draws::{BetweenChains, RunningVariance, Totals};
use crate::engine::sums::{BINS, quantile};

/// The summary of variable `i`: means, sds, errors and effective sample sizes as
/// [`from_independent_chains`](Summary::from_independent_chains) has them, except that tail-ESS uses the 5% and the 95%
/// quantile estimated at the end of warm-up; quantiles by linear interpolation in a histogram of 1/64 sd a bin, `NaN`
/// beyond 8 sds; R-hat of half chains without rank normalization (Gelman et al. 2013, section 11.4), or of whole chains
/// if the run was interrupted, where the halves are not equal.
pub fn summary_of(totals: &Totals, i: usize) -> Summary {
    let (across, unit) = (&totals.across[i], totals.units[i]);
    let (chains, draws) = (totals.chains as f64, totals.draws as f64);
    let size = chains * draws;
    let mean = across.mean.mean();
    // The variance of all draws, in units of u^2.
    let variance = (across.square.mean() - mean * mean) * (size / (size - 1.0));
    let mcse = (across.mean.variance() / chains).sqrt();
    // The variance over the chains of the mean of (u - mean)^2, which is the variance of the mean of u^2 - 2 mean u.
    let mixed = across.mixed / (chains - 1.0);
    let square = across.square.variance() - 4.0 * mean * mixed + 4.0 * mean * mean * across.mean.variance();
    let tail = |share: &RunningVariance| {
        share.mean() * (1.0 - share.mean()) * (size / (size - 1.0)) / (share.variance() / chains)
    };
    let [below, above] = [&across.below[0], &across.below[1]].map(tail);
    let histogram = &totals.histograms[i * BINS..(i + 1) * BINS];
    let quantile = |p: f64| unit.mean + unit.sd * quantile(histogram, p);
    let sd = variance.sqrt();
    Summary {
        mean: unit.mean + unit.sd * mean,
        sd: unit.sd * sd,
        q05: quantile(0.05),
        q50: quantile(0.5),
        q95: quantile(0.95),
        mcse_mean: unit.sd * mcse,
        // d sd = d (sd^2) / (2 sd).
        mcse_sd: unit.sd * (square / chains).sqrt() / (2.0 * sd),
        ess_bulk: variance / (mcse * mcse),
        ess_tail: below.min(above),
        quartiles: QUARTILES.map(quantile),
        rhat: if totals.draws < 4 { f64::NAN } else { rhat(across, totals) },
    }
}

/// [`summary_of`] a variable whose draws are all independent, as [`of_independent`](Summary::of_independent) has it,
/// except that the error of the sd is that of the spread over the chains, for there is no sum of fourth powers.
pub fn independent_summary_of(totals: &Totals, i: usize) -> Summary {
    let (row, size) = (summary_of(totals, i), totals.chains as f64 * totals.draws as f64);
    Summary { mcse_mean: row.sd / size.sqrt(), ess_bulk: size, ess_tail: size, ..row }
}

/// Nested R-hat of variable `i`, as in [`nested_rhat`](super::nested_rhat).
pub fn nested_rhat_of(totals: &Totals, i: usize) -> f64 {
    let BetweenChains { superchain, inside, .. } = &totals.across[i];
    (1.0 + superchain.variance() / inside.mean()).sqrt()
}

fn rhat(across: &BetweenChains, totals: &Totals) -> f64 {
    let draws = totals.draws as f64;
    let BetweenChains { mean, variance, half_mean, half_variance, .. } = across;
    let variances = if totals.complete {
        Variances::new(half_variance.mean(), half_mean.variance(), draws / 2.0)
    } else {
        Variances::new(variance.mean(), mean.variance(), draws)
    };
    variances.rhat()
}
