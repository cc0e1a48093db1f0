//! Summaries of variables, with shared work: one sort, one rank normalization, one set of transforms for each variable.

use std::borrow::Cow;

use rayon::prelude::*;

use super::autocovariance::{Autocovariance, FftPlan};
use super::ess::{TAILS, ess, ess_below};
use super::many_draws::{self, LARGE};
use super::mcse::PooledMoments;
use super::rank::{NormalScores, Order};
use super::rhat::Variances;
use super::series::Series;
use super::summary::{QUARTILES, Summary};

impl Summary {
    /// The summary of one variable. For many variables of one shape, [`summarize`] is faster.
    pub fn of(series: Series) -> Self {
        let shape = SharedTables::of(series.chains(), series.draws());
        Self::with(series, &shape, &mut Autocovariance::new(shape.plan.clone()))
    }

    fn with(series: Series, shape: &SharedTables, autocovariance: &mut Autocovariance) -> Self {
        if !series.is_finite() {
            return Self::NAN;
        }
        if series.values().len() >= LARGE {
            return many_draws::summary(series, autocovariance);
        }
        let order = Order::of(series);
        let [q05, q95] = TAILS.map(|p| order.quantile(p));
        let q50 = order.quantile(0.5);
        let moments = PooledMoments::of(series);
        let quartiles = order.nearest(QUARTILES);
        let located = Self { mean: moments.mean, sd: moments.sd, q05, q50, q95, quartiles, ..Self::NAN };
        if !series.has_ess() {
            return located;
        }

        let split = series.split();
        let halves = split.series();
        let order = order.split(series);
        let scores = order.scores(&shape.normal);
        let bulk = Series::new(&scores, halves.chains());
        let bulk_variances = Variances::of(bulk);
        let rhat = if series.has_rhat() {
            let folded = order.folded().scores(&shape.normal);
            bulk_variances.rhat().max(Variances::of(Series::new(&folded, halves.chains())).rhat())
        } else {
            f64::NAN
        };
        let ess_mean = ess(halves, &Variances::of(halves), autocovariance);
        Self {
            mcse_mean: moments.mcse_mean(ess_mean),
            mcse_sd: moments.mcse_sd(moments.ess_of_squares(halves, autocovariance)),
            ess_bulk: ess(bulk, &bulk_variances, autocovariance),
            ess_tail: ess_below(halves, [q05, q95], autocovariance),
            rhat,
            ..located
        }
    }
}

/// Summaries of many variables, in parallel. `values` is variable-major, `[variable][chain][draw]`.
///
/// Precondition: `variables * chains` divides `values.len()`. In release builds a remainder is ignored.
pub fn summarize(values: &[f64], variables: usize, chains: usize) -> Vec<Summary> {
    let size = values.len().checked_div(variables).unwrap_or(0);
    summarize_each(variables, chains, |i| Cow::Borrowed(&values[i * size..(i + 1) * size]))
}

/// Summaries of many variables, in parallel, where `draws` returns the draws of a variable, `[chain][draw]`, equally
/// many for each variable.
pub fn summarize_each<'a>(
    variables: usize,
    chains: usize,
    draws: impl Fn(usize) -> Cow<'a, [f64]> + Sync,
) -> Vec<Summary> {
    let size = if variables == 0 { 0 } else { draws(0).len() };
    if size == 0 {
        return vec![Summary::NAN; variables];
    }
    let shape = SharedTables::of(chains, size.checked_div(chains).unwrap_or(0));
    (0..variables)
        .into_par_iter()
        .map_init(
            || Autocovariance::new(shape.plan.clone()),
            |autocovariance, i| Summary::with(Series::new(&draws(i), chains), &shape, autocovariance),
        )
        .collect()
}

/// Tables and plans that depend on the numbers of chains and draws only, made once for all variables.
struct SharedTables {
    normal: NormalScores,
    plan: FftPlan,
}

impl SharedTables {
    fn of(chains: usize, draws: usize) -> Self {
        let half = draws / 2;
        // With many draws, a table would need as much memory as the draws.
        let size = 2 * chains * half;
        Self { normal: NormalScores::new(if chains * draws < LARGE { size } else { 0 }), plan: FftPlan::new(half) }
    }
}
