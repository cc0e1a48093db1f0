//! Summaries of variables, with shared work: one sort, one rank normalization, one set of transforms for each variable.

use rayon::prelude::*;

use super::autocovariance::{Autocovariance, FftPlan};
use super::ess::{TAILS, ess, ess_below};
use super::many_draws;
use super::mcse::PooledMoments;
use super::rank::{NormalScores, Order};
use super::rhat::Variances;
use super::series::Series;
use super::sort::LARGE;
use super::summary::{QUARTILES, Summary};

impl Summary {
    /// The summary of one variable. For many variables of one shape, [`summarize`] is faster.
    pub fn of(series: Series) -> Self {
        let shape = SharedTables::of(series.chains(), series.draws());
        Self::with(series, &shape, &mut Autocovariance::new(shape.plan.clone()))
    }

    fn with(series: Series, shape: &SharedTables, autocovariance: &mut Autocovariance) -> Self {
        let Some((located, order, moments)) = Self::located(series) else { return Self::NAN };
        if !series.has_ess() {
            return located;
        }
        if series.values().len() >= LARGE {
            return many_draws::summary(series, located, order, &moments, &shape.normal, autocovariance);
        }
        let split = series.split();
        let halves = split.series();
        let order = order.split(series);
        let scores = order.scores(&shape.normal);
        let bulk = Series::new(&scores, halves.chains());
        let bulk_variances = Variances::of(bulk);
        let rhat = if series.has_rhat() {
            bulk_variances.rhat().max(order.folded_variances(halves.chains(), &shape.normal).rhat())
        } else {
            f64::NAN
        };
        let ess_mean = ess(halves, &Variances::of(halves), autocovariance);
        Self {
            mcse_mean: moments.mcse_mean(ess_mean),
            mcse_sd: moments.mcse_sd(moments.ess_of_squares(halves, autocovariance)),
            ess_bulk: ess(bulk, &bulk_variances, autocovariance),
            ess_tail: ess_below(halves, [located.q05, located.q95], autocovariance),
            rhat,
            ..located
        }
    }

    /// What is known without regard to chains, the order of the draws, and their moments; `None` if there are no draws,
    /// or draws that are not finite, or so many that 32 bits do not hold twice their ranks.
    pub(super) fn located(series: Series) -> Option<(Self, Order, PooledMoments)> {
        let values = series.values();
        if values.is_empty() || u32::try_from(2 * values.len()).is_err() || !series.is_finite() {
            return None;
        }
        let (order, moments) = (Order::of(series), PooledMoments::of(series));
        let [q05, q95] = TAILS.map(|p| order.quantile(p));
        let (q50, quartiles) = (order.quantile(0.5), order.nearest(QUARTILES));
        let located = Self { mean: moments.mean, sd: moments.sd, q05, q50, q95, quartiles, ..Self::NAN };
        Some((located, order, moments))
    }
}

/// Summaries of many variables, in parallel. `values` is variable-major, `[variable][chain][draw]`.
///
/// Precondition: `variables * chains` divides `values.len()`. In release builds a remainder is ignored.
pub fn summarize(values: &[f64], variables: usize, chains: usize) -> Vec<Summary> {
    let Some(size) = values.len().checked_div(variables).filter(|size| *size > 0) else {
        return vec![Summary::NAN; variables];
    };
    let shape = SharedTables::of(chains, size.checked_div(chains).unwrap_or(0));
    let summaries = values.par_chunks_exact(size).take(variables).map_init(
        || Autocovariance::new(shape.plan.clone()),
        |autocovariance, draws| Summary::with(Series::new(draws, chains), &shape, autocovariance),
    );
    summaries.collect()
}

/// Tables and plans that depend on the numbers of chains and draws only, made once for all variables.
struct SharedTables {
    normal: NormalScores,
    plan: FftPlan,
}

impl SharedTables {
    fn of(chains: usize, draws: usize) -> Self {
        Self { normal: NormalScores::of_halves(chains, draws), plan: FftPlan::new(draws / 2) }
    }
}
