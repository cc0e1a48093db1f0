//! Pareto-smoothed importance sampling: the largest weights become quantiles of a distribution that is fitted to them.
//!
//! Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto smoothed importance sampling*, Journal of Machine Learning
//! Research 25(72), [arXiv:1507.02646](https://arxiv.org/abs/1507.02646), in the version of ArviZ 0.23's `psislw`.

use super::moments::sum;
use super::pareto::{GeneralizedPareto, ShapePoint};

/// A tail of fewer weights is not fitted.
const SMALLEST_TAIL: usize = 5;

/// Smooths importance weights; keeps room to work in, so that a call allocates nothing once a longer one was made.
#[derive(Debug, Default, Clone)]
pub struct Psis {
    /// Log weights in some order.
    selected: Vec<f64>,
    /// The log weights of the tail, and their draws.
    tail: Vec<(f64, usize)>,
    /// The weights of the tail above the cutoff.
    excesses: Vec<f64>,
    grid: Vec<ShapePoint>,
}

impl Psis {
    /// Turns the log ratios of all draws, in any order and up to a constant, into smoothed log weights, whose
    /// exponentials add up to 1. Returns k-hat, without unit: the shape of the generalized Pareto distribution that is
    /// fitted to the largest ratios, as many as [`tail_length`] says, without those equal to the largest ratio outside.
    /// Ratios have about 1 / k-hat finite moments.
    ///
    /// `reff` is the relative efficiency of the draws: their effective sample size over their number.
    ///
    /// If fewer than five ratios make up the tail (few draws, or equal ones), weights stay as they are, and k-hat is
    /// infinite, as in ArviZ. A log ratio of minus infinity is a weight of 0. If another log ratio is not finite, or
    /// none is, or if `reff` is no positive number, then k-hat and all log weights are `NaN`. If the fit is undefined,
    /// because rounding makes ratios of the tail equal, only k-hat is, and weights stay as they are.
    pub fn smooth(&mut self, log_ratios: &mut [f64], reff: f64) -> f64 {
        let tail = if reff > 0.0 { Some(tail_length(log_ratios.len(), reff)) } else { None };
        self.smooth_tail(log_ratios, tail)
    }

    /// [`smooth`](Self::smooth) with a tail of so many ratios.
    pub(super) fn smooth_tail(&mut self, log_ratios: &mut [f64], tail: Option<usize>) -> f64 {
        let largest = log_ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (Some(tail), true, true) = (tail, largest.is_finite(), !log_ratios.iter().any(|ratio| ratio.is_nan()))
        else {
            log_ratios.fill(f64::NAN);
            return f64::NAN;
        };
        log_ratios.iter_mut().for_each(|ratio| *ratio -= largest);
        let pareto_k = self.fit_tail(log_ratios, tail);
        let total = log_sum_exp(log_ratios);
        log_ratios.iter_mut().for_each(|weight| *weight -= total);
        pareto_k
    }

    /// Smooths log weights whose largest is 0; returns k-hat.
    fn fit_tail(&mut self, log_weights: &mut [f64], tail: usize) -> f64 {
        let Some(outside) = log_weights.len().checked_sub(tail + 1) else { return f64::INFINITY };
        self.selected.clear();
        self.selected.extend_from_slice(log_weights);
        let (_, cutoff, _) = self.selected.select_nth_unstable_by(outside, f64::total_cmp);
        let cutoff = cutoff.max(f64::MIN_POSITIVE.ln());
        self.tail.clear();
        self.tail.extend(log_weights.iter().copied().zip(0..).filter(|(weight, _)| *weight > cutoff));
        if self.tail.len() < SMALLEST_TAIL {
            return f64::INFINITY;
        }
        self.tail.sort_unstable_by(|(a, i), (b, j)| a.total_cmp(b).then(i.cmp(j)));
        let cutoff = cutoff.exp();
        self.excesses.clear();
        self.excesses.extend(self.tail.iter().map(|(weight, _)| weight.exp() - cutoff));
        let fitted = GeneralizedPareto::fit(&self.excesses, &mut self.grid);
        if fitted.shape.is_finite() && fitted.scale > 0.0 {
            for (rank, (_, draw)) in self.tail.iter().enumerate() {
                let p = (rank as f64 + 0.5) / self.tail.len() as f64;
                log_weights[*draw] = (fitted.quantile(p) + cutoff).ln().min(0.0);
            }
        }
        fitted.shape
    }
}

/// The number of largest ratios to which a distribution is fitted, of `draws` draws of relative efficiency `reff`:
/// min(S / 5, 3 sqrt(S / reff)), rounded up. Vehtari et al. (2024), section 2.
pub fn tail_length(draws: usize, reff: f64) -> usize {
    let draws = draws as f64;
    (draws / 5.0).min(3.0 * (draws / reff).sqrt()).ceil() as usize
}

/// ln of the sum of exponentials, without overflow; minus infinity for no values.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() && !values.iter().any(|value| value.is_nan()) {
        return largest;
    }
    largest + sum(values, |value| (value - largest).exp()).ln()
}
