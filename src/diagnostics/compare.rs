//! Models compared by how well each predicts the same observations, one observation from all the others.

use serde::Serialize;

use super::loo::error_of_sum;
use super::moments::sum;
use super::stacking::stack;

/// One model beside the best one. Everything but `model` and `weight` is in the unit of elpd.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ComparedModel {
    /// Its place among the models that were given, from 0.
    pub model: usize,
    /// Expected log pointwise predictive density; larger is better.
    pub elpd_loo: f64,
    /// Standard error of `elpd_loo`.
    pub se: f64,
    /// How much less its `elpd_loo` is than that of the best model: 0 for the best.
    pub elpd_diff: f64,
    /// Standard error of `elpd_diff`, less than those of both terms suggest where models find the same observations
    /// hard.
    pub dse: f64,
    /// Stacking weight, from 0 to 1.
    pub weight: f64,
}

/// The table of models, best first, from the `elpd_loo` of each observation, `[model][observation]`; models without a
/// number are last. As ArviZ's `compare`, with weights of [`stack`].
///
/// Standard errors are `NaN` for fewer than two observations. Everything but `model` is `NaN` if models have different
/// numbers of observations: they cannot be compared.
pub fn compare(elpd_i: &[&[f64]]) -> Vec<ComparedModel> {
    let is_comparable = elpd_i.iter().all(|model| Some(model.len()) == elpd_i.first().map(|first| first.len()));
    let total = |model: usize| if is_comparable { sum(elpd_i[model], |elpd| elpd) } else { f64::NAN };
    let mut order: Vec<(usize, f64)> = (0..elpd_i.len()).map(|model| (model, total(model))).collect();
    let rank = |elpd: f64| if elpd.is_nan() { f64::NEG_INFINITY } else { elpd };
    order.sort_by(|(_, a), (_, b)| a.is_nan().cmp(&b.is_nan()).then(rank(*b).total_cmp(&rank(*a))));
    let Some(best) = order.first().map(|(model, _)| elpd_i[*model]) else { return Vec::new() };
    let weights = stack(elpd_i).weights;
    let row = |(model, elpd_loo): (usize, f64)| {
        let row = ComparedModel { model, elpd_loo, se: f64::NAN, elpd_diff: f64::NAN, dse: f64::NAN, weight: f64::NAN };
        if !is_comparable {
            return row;
        }
        let differences: Vec<f64> = best.iter().zip(elpd_i[model]).map(|(best, own)| best - own).collect();
        ComparedModel {
            se: error_of_sum(elpd_i[model]),
            elpd_diff: sum(&differences, |difference| difference),
            dse: error_of_sum(&differences),
            weight: weights[model],
            ..row
        }
    };
    order.into_iter().map(row).collect()
}
