//! The priors' scales: mu[k] ~ Normal(0, mu_sd), sigma[k] ~ HalfCauchy(sigma_scale), eps ~ HalfCauchy(eps_scale).

use serde::{Deserialize, Serialize};

use super::Scaling;
use super::coordinates::coefficient_names;
use super::layout::Role;
use crate::data::Dataset;

/// Scales of the priors, in the user's units, equal for every coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Priors {
    /// Standard deviation of the normal prior of every `mu[k]`, whose mean is 0.
    pub mu_sd: f64,
    /// Scale of the half-Cauchy prior of every `sigma[k]`.
    pub sigma_scale: f64,
    /// Scale of the half-Cauchy prior of `eps`.
    pub eps_scale: f64,
}

impl Default for Priors {
    /// The notebook's priors: `Normal(0, 100**2)`, where 100**2 is a standard deviation, and `HalfCauchy(5)`.
    fn default() -> Priors {
        Priors { mu_sd: 10_000.0, sigma_scale: 5.0, eps_scale: 5.0 }
    }
}

/// Scales of the priors, in the user's units, coefficient by coefficient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorScales {
    /// Standard deviation of the normal prior of each `mu[k]`.
    pub mu_sd: Vec<f64>,
    /// Scale of the half-Cauchy prior of each `sigma[k]`.
    pub sigma_scale: Vec<f64>,
    /// Scale of the half-Cauchy prior of `eps`.
    pub eps_scale: f64,
}

/// The sd of a vague prior is at least this many times the expected size of its coefficient.
const VAGUE: f64 = 100.0;

impl PriorScales {
    /// `priors` for each of `coefficients` coefficients.
    pub fn uniform(priors: Priors, coefficients: usize) -> PriorScales {
        PriorScales {
            mu_sd: vec![priors.mu_sd; coefficients],
            sigma_scale: vec![priors.sigma_scale; coefficients],
            eps_scale: priors.eps_scale,
        }
    }

    /// The default priors, widened where the data are large or far from zero: `mu_sd` to 100 times the coefficient's
    /// expected size, `sigma_scale` to the coefficient's unit (sd of the outcome, over sd of the predictor),
    /// `eps_scale` to the sd of the outcome. For data of ordinary size, such as radon, nothing changes; for outcomes in
    /// millions the priors stay vague.
    pub fn for_data(dataset: &Dataset) -> PriorScales {
        let mut scales = PriorScales::uniform(Priors::default(), dataset.n_coefficients());
        let typical = Scaling::standardizing(dataset);
        let expected = expected_sizes(dataset, &typical);
        for (k, (mu_sd, sigma_scale)) in scales.mu_sd.iter_mut().zip(&mut scales.sigma_scale).enumerate() {
            *mu_sd = mu_sd.max(VAGUE * expected[k]);
            *sigma_scale = sigma_scale.max(typical.coefficient_unit(k));
        }
        scales.eps_scale = scales.eps_scale.max(typical.outcome_scale);
        scales
    }
}

/// A normal prior that the data contradict.
#[derive(Debug, Clone, PartialEq)]
pub struct NarrowPrior {
    /// The mean's name: `mu_a`, `mu_b[hours]`.
    pub name: String,
    /// The prior's sd, in the user's units.
    pub prior: f64,
    /// The expected size of the coefficient given the data, in the user's units.
    pub expected: f64,
}

impl PriorScales {
    /// The normal priors that would pull their mean away from the data. A half-Cauchy prior is never so narrow.
    pub fn narrow(&self, dataset: &Dataset) -> Vec<NarrowPrior> {
        let typical = Scaling::standardizing(dataset);
        let names = coefficient_names(dataset.predictor_names());
        let expected = expected_sizes(dataset, &typical);
        let all = self.mu_sd.iter().zip(names).zip(expected).map(|((prior, name), expected)| NarrowPrior {
            name: format!("{}{name}", Role::Mean.prefix()),
            prior: *prior,
            expected,
        });
        all.filter(|narrow| narrow.prior < narrow.expected).collect()
    }
}

/// The size each coefficient may have: sd of the outcome over sd of the predictor for a slope; for the intercept the
/// larger of the outcome's mean and sd, plus the change that such slopes make from the predictors' means to zero.
fn expected_sizes(dataset: &Dataset, typical: &Scaling) -> Vec<f64> {
    let slopes: Vec<f64> = (1..dataset.n_coefficients()).map(|k| typical.coefficient_unit(k)).collect();
    let way = |(k, slope): (usize, &f64)| {
        let values = dataset.predictor(k);
        slope * (values.iter().sum::<f64>() / values.len() as f64).abs()
    };
    let intercept = typical.coefficient_unit(0).max(typical.coefficient_shift(0).abs());
    let to_zero: f64 = slopes.iter().enumerate().map(way).sum();
    std::iter::once(intercept + to_zero).chain(slopes).collect()
}
