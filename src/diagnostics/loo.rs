//! Leave-one-out cross-validation without refits: how well would each observation be predicted from all the others?
//!
//! Vehtari, Gelman and Gabry (2017), *Practical Bayesian model evaluation using leave-one-out cross-validation and
//! WAIC*, Statistics and Computing 27, [arXiv:1507.04544](https://arxiv.org/abs/1507.04544). Equal to ArviZ 0.23's
//! `loo`. arviz-stats takes the same relative efficiency, but rounds the length of the tail down, and takes a fifth of
//! all draws if 225 of them or fewer are effective; so its k-hat may differ by 0.01.

use rayon::prelude::*;
use serde::Serialize;

use super::autocovariance::Autocovariance;
use super::ess::ess;
use super::moments::{mean, sum};
use super::psis::{Psis, log_sum_exp};
use super::rhat::Variances;
use super::series::Series;

/// How well one observation is predicted from all the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LooObservation {
    /// Its expected log predictive density (or mass), given the other observations; the unit is that of the log
    /// likelihood.
    pub elpd_loo: f64,
    /// How much less that is than its log density given all observations, itself included; in the same unit. The sum
    /// over observations is the effective number of parameters.
    pub p_loo: f64,
    /// The shape of the tail of its importance ratios, without unit; see [`Psis::smooth`].
    pub pareto_k: f64,
}

impl LooObservation {
    const NAN: Self = Self { elpd_loo: f64::NAN, p_loo: f64::NAN, pareto_k: f64::NAN };

    /// Whether k-hat is known and at most `good_k`, the threshold of [`Loo`]. If not, `elpd_loo` may be far off, by
    /// more than any error estimated from these draws.
    pub fn is_reliable(&self, good_k: f64) -> bool {
        self.pareto_k <= good_k
    }
}

/// Room for the weights of one observation, which is used again for the next.
#[derive(Debug, Clone)]
pub struct PsisLoo {
    reff: f64,
    psis: Psis,
    log_weights: Vec<f64>,
}

impl PsisLoo {
    /// For draws of this [`relative_efficiency`].
    pub fn new(reff: f64) -> Self {
        Self { reff, psis: Psis::default(), log_weights: Vec::new() }
    }

    /// One observation, from its log likelihood at every draw, `[chain][draw]`. All `NaN` if there are no draws, if a
    /// log likelihood is not finite, or if the relative efficiency is no positive number.
    pub fn observation(&mut self, log_likelihoods: &[f64]) -> LooObservation {
        if log_likelihoods.is_empty() || log_likelihoods.iter().any(|log_likelihood| !log_likelihood.is_finite()) {
            return LooObservation::NAN;
        }
        self.log_weights.clear();
        self.log_weights.extend(log_likelihoods.iter().map(|log_likelihood| -log_likelihood));
        let pareto_k = self.psis.smooth(&mut self.log_weights, self.reff);
        self.log_weights.iter_mut().zip(log_likelihoods).for_each(|(weight, log_likelihood)| *weight += log_likelihood);
        let elpd_loo = log_sum_exp(&self.log_weights);
        let given_all = log_sum_exp(log_likelihoods) - (log_likelihoods.len() as f64).ln();
        LooObservation { elpd_loo, p_loo: given_all - elpd_loo, pareto_k }
    }
}

/// All observations, in parallel. `log_likelihoods` is observation-major, `[observation][chain][draw]`.
///
/// Precondition: `observations` divides `log_likelihoods.len()`. In release builds a remainder is ignored.
pub fn loo_observations(log_likelihoods: &[f64], observations: usize, reff: f64) -> Vec<LooObservation> {
    let draws = log_likelihoods.len().checked_div(observations).unwrap_or(0);
    debug_assert_eq!(draws * observations, log_likelihoods.len(), "every observation has as many draws as the others");
    if draws == 0 {
        return vec![LooObservation::NAN; observations];
    }
    let each = log_likelihoods.par_chunks_exact(draws).take(observations);
    each.map_init(|| PsisLoo::new(reff), |psis_loo, one| psis_loo.observation(one)).collect()
}

/// Sums over all observations, in the unit of the log likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Loo {
    /// Expected log pointwise predictive density; larger is better.
    pub elpd_loo: f64,
    /// Standard error of `elpd_loo` over data sets like this one. `NaN` for fewer than two observations.
    pub se: f64,
    /// Effective number of parameters.
    pub p_loo: f64,
    /// Standard error of `p_loo`. `NaN` for fewer than two observations.
    pub se_p_loo: f64,
    /// The largest k-hat, without unit, at which so many draws are enough for an observation.
    pub good_k: f64,
}

impl Loo {
    /// Sums `observations`, each from `draws` draws, all chains together.
    pub fn of(observations: &[LooObservation], draws: usize) -> Self {
        let elpd_loo: Vec<f64> = observations.iter().map(|observation| observation.elpd_loo).collect();
        let p_loo: Vec<f64> = observations.iter().map(|observation| observation.p_loo).collect();
        Self {
            elpd_loo: sum(&elpd_loo, |elpd| elpd),
            se: error_of_sum(&elpd_loo),
            p_loo: sum(&p_loo, |p| p),
            se_p_loo: error_of_sum(&p_loo),
            good_k: good_k(draws),
        }
    }
}

/// The largest k-hat at which S draws are enough: min(1 - 1 / log10(S), 0.7). Vehtari et al. (2024), section 3.2.4.
pub fn good_k(draws: usize) -> f64 {
    (1.0 - 1.0 / (draws as f64).log10()).min(0.7)
}

/// Standard error of the sum of independent values, sqrt(N v), with v their variance with divisor N, as in ArviZ.
pub(super) fn error_of_sum(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    sum(values, |value| (value - mean).powi(2)).sqrt()
}

/// How much a draw of these posterior variables counts, compared with an independent one: the mean over the variables
/// of the effective sample size of their means, divided by the number of draws. As in ArviZ, 1 for a single chain; and
/// 1 also stands for independent draws.
///
/// `NaN` without variables, and if a variable of several chains has a draw that is not finite, or fewer than four in a
/// chain.
pub fn relative_efficiency(variables: &[Series]) -> f64 {
    let of_one = |series: &Series| {
        if series.chains() == 1 {
            return 1.0;
        }
        if !series.has_ess() {
            return f64::NAN;
        }
        let split = series.split();
        let halves = split.series();
        let ess = ess(halves, &Variances::of(halves), &mut Autocovariance::of_length(halves.draws()));
        ess / series.values().len() as f64
    };
    mean(&variables.par_iter().map(of_one).collect::<Vec<_>>())
}
