//! The model: a data set, priors and a parameterization make a posterior over theta, a point of R^D.
//!
//! ```text
//! y_i       ~ Normal(sum_k x_ik beta[k, g(i)], eps)
//! beta[k,j] ~ Normal(mu[k], sigma[k])
//! mu[k]     ~ Normal(0, mu_sd),  sigma[k] ~ HalfCauchy(sigma_scale),  eps ~ HalfCauchy(eps_scale)
//! theta = mu[0..K], log sigma[0..K], log eps, effect[0][0..J], ..., effect[K-1][0..J]
//! ```
//!
//! A marginal model's theta ends with log eps: its effects are integrated out.
//!
//! Theta is in the units of [`Scaling`], where the sampler works; named variables are in the user's.

mod parameterization;
mod priors;
mod scaling;
mod statistics;

use std::ops::Range;
use std::sync::Arc;

use crate::data::Dataset;
use crate::math::exp;

pub use parameterization::{Effect, Parameterization, ParameterizationError};
pub use priors::{NarrowPrior, PriorScales, Priors};
pub use scaling::Scaling;
pub use statistics::GroupStatistics;

/// Where each variable stands in theta, and in a row of named variables, which has the same order. (Of a marginal theta
/// there are the hyperparameters only; see [`Model::dim`].)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// K, the number of coefficients, the intercept included.
    pub coefficients: usize,
    /// J, the number of groups.
    pub groups: usize,
}

impl Layout {
    /// D = K (J + 2) + 1, the number of named variables.
    pub fn dim(&self) -> usize {
        self.hyperparameters() + self.coefficients * self.groups
    }

    /// 2 K + 1: the number of leading entries that are no group effects.
    pub fn hyperparameters(&self) -> usize {
        2 * self.coefficients + 1
    }

    /// Index of `mu[k]`.
    pub fn mu(&self, k: usize) -> usize {
        k
    }

    /// Index of `log sigma[k]` in theta, of `sigma[k]` among the named variables.
    pub fn sigma(&self, k: usize) -> usize {
        self.coefficients + k
    }

    /// Index of `log eps` in theta, of `eps` among the named variables.
    pub fn eps(&self) -> usize {
        2 * self.coefficients
    }

    /// Indices of `effect[k][0..J]` in theta, of `beta[k, 0..J]` among the named variables.
    pub fn effects(&self, k: usize) -> Range<usize> {
        let start = self.hyperparameters() + k * self.groups;
        start..start + self.groups
    }
}

/// Where a variable is, and how far it spreads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// The priors as they are in the units of a [`Scaling`], coefficient by coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaledPriors {
    /// Mean of each `mu[k]`: 0 but for the intercept, which the outcome's shift moves.
    pub mu_mean: Vec<f64>,
    /// Standard deviation of each `mu[k]`.
    pub mu_sd: Vec<f64>,
    /// Half-Cauchy scale of each `sigma[k]`.
    pub sigma_scale: Vec<f64>,
    /// Half-Cauchy scale of `eps`.
    pub eps_scale: f64,
}

/// A posterior to be sampled: data, priors, parameterization, and the units the sampler works in.
#[derive(Debug, Clone)]
pub struct Model {
    dataset: Arc<Dataset>,
    priors: PriorScales,
    parameterization: Parameterization,
    scaling: Scaling,
    layout: Layout,
}

impl Model {
    /// The posterior of `dataset` under `priors`, in the units of `scaling`.
    ///
    /// `parameterization` and `scaling` must have been made for as many coefficients as `dataset` has.
    pub fn new(dataset: Arc<Dataset>, priors: Priors, parameterization: Parameterization, scaling: Scaling) -> Model {
        let layout = Layout { coefficients: dataset.n_coefficients(), groups: dataset.n_groups() };
        debug_assert!(parameterization.is_marginal() || parameterization.effects().len() == layout.coefficients);
        debug_assert_eq!(scaling.predictors.len() + 1, layout.coefficients);
        let priors = PriorScales::uniform(priors, layout.coefficients);
        Model { dataset, priors, parameterization, scaling, layout }
    }

    /// The same model with priors that differ from coefficient to coefficient.
    pub fn with_prior_scales(self, priors: PriorScales) -> Model {
        debug_assert_eq!(priors.mu_sd.len(), self.layout.coefficients);
        debug_assert_eq!(priors.sigma_scale.len(), self.layout.coefficients);
        Model { priors, ..self }
    }

    /// The same posterior in another parameterization.
    pub fn in_parameterization(&self, parameterization: Parameterization) -> Model {
        Model { parameterization, ..self.clone() }
    }

    /// The data the posterior is conditioned on, in the user's units.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The priors' scales, in the user's units.
    pub fn priors(&self) -> &PriorScales {
        &self.priors
    }

    /// Which effects are centered.
    pub fn parameterization(&self) -> &Parameterization {
        &self.parameterization
    }

    /// The units the sampler works in.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// Where each variable stands.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The number of coordinates of theta: D, or 2 K + 1 where all effects are integrated out.
    pub fn dim(&self) -> usize {
        if self.parameterization.is_marginal() { self.layout.hyperparameters() } else { self.layout.dim() }
    }

    /// The priors moved into the sampler's units, an exact change of variables.
    pub fn scaled_priors(&self) -> ScaledPriors {
        let unit = |k| self.scaling.coefficient_unit(k);
        let coefficients = 0..self.layout.coefficients;
        ScaledPriors {
            mu_mean: coefficients.clone().map(|k| -self.scaling.coefficient_shift(k) / unit(k)).collect(),
            mu_sd: coefficients.clone().map(|k| self.priors.mu_sd[k] / unit(k)).collect(),
            sigma_scale: coefficients.map(|k| self.priors.sigma_scale[k] / unit(k)).collect(),
            eps_scale: self.priors.eps_scale / self.scaling.outcome_scale,
        }
    }

    /// What is added to a log density in the sampler's units to have it in the user's: the log Jacobian determinant of
    /// the change of units of y and theta, a constant.
    pub fn log_density_offset(&self) -> f64 {
        let outcome = -(self.dataset.n_observations() as f64) * self.scaling.outcome_scale.ln();
        let coefficients = (0..self.layout.coefficients).map(|k| {
            let variables = 1 + if self.parameterization.is_centered(k) { self.layout.groups } else { 0 };
            -(variables as f64) * self.scaling.coefficient_unit(k).ln()
        });
        outcome + coefficients.sum::<f64>()
    }

    /// The named variables, in the user's units, at a position `theta`; as many leading ones as `named` has room for
    /// (all D, or the hyperparameters only). A marginal position says nothing of effects, and leaves their room as it is.
    pub fn constrain(&self, theta: &[f64], named: &mut [f64]) {
        let layout = self.layout;
        let hyperparameters_only = named.len() < layout.dim() || self.parameterization.is_marginal();
        for k in 0..layout.coefficients {
            let (unit, shift) = (self.scaling.coefficient_unit(k), self.scaling.coefficient_shift(k));
            let (mu, sigma) = (theta[layout.mu(k)], exp(theta[layout.sigma(k)]));
            named[layout.mu(k)] = mu * unit + shift;
            named[layout.sigma(k)] = sigma * unit;
            if hyperparameters_only {
                continue;
            }
            let (location, scale) =
                if self.parameterization.is_centered(k) { (shift, unit) } else { (mu * unit + shift, sigma * unit) };
            for (beta, effect) in named[layout.effects(k)].iter_mut().zip(&theta[layout.effects(k)]) {
                *beta = location + effect * scale;
            }
        }
        named[layout.eps()] = exp(theta[layout.eps()]) * self.scaling.outcome_scale;
    }

    /// About where each named variable is, and how far it spreads, in the user's units, where the coordinates of theta
    /// have these means and variances: of the hyperparameters, and of effects that are centered.
    pub fn named_units(&self, mean: &[f64], variance: &[f64]) -> Vec<Unit> {
        let layout = self.layout;
        let mut units = vec![Unit { mean: 0.0, sd: 1.0 }; layout.dim()];
        // e^t to second order about the mean of t: a scale's logarithm leans to the left, and a log-normal's mean and sd would
        // be far too large.
        let exponential = |i: usize, unit: f64| {
            let middle = unit * mean[i].exp();
            Unit { mean: middle * (1.0 + 0.5 * variance[i]), sd: middle * variance[i].sqrt() }
        };
        for k in 0..layout.coefficients {
            let (unit, shift) = (self.scaling.coefficient_unit(k), self.scaling.coefficient_shift(k));
            let mu = Unit { mean: mean[layout.mu(k)] * unit + shift, sd: variance[layout.mu(k)].sqrt() * unit };
            units[layout.mu(k)] = mu;
            units[layout.sigma(k)] = exponential(layout.sigma(k), unit);
            for i in layout.effects(k).filter(|_| self.parameterization.is_centered(k)) {
                units[i] = Unit { mean: shift + unit * mean[i], sd: unit * variance[i].sqrt() };
            }
        }
        units[layout.eps()] = exponential(layout.eps(), self.scaling.outcome_scale);
        units
    }

    /// The same units of named variables in the sampler's space, of as many leading ones as there are.
    pub fn scaled_units(&self, units: &[Unit]) -> Vec<Unit> {
        let layout = self.layout;
        let coefficients = layout.coefficients;
        let scaled = |(i, unit): (usize, &Unit)| {
            let (shift, scale) = if i == layout.eps() {
                (0.0, self.scaling.outcome_scale)
            } else if i < layout.hyperparameters() {
                let (k, is_scale) = (i % coefficients, i >= coefficients);
                (if is_scale { 0.0 } else { self.scaling.coefficient_shift(k) }, self.scaling.coefficient_unit(k))
            } else {
                let k = (i - layout.hyperparameters()) / layout.groups;
                (self.scaling.coefficient_shift(k), self.scaling.coefficient_unit(k))
            };
            Unit { mean: (unit.mean - shift) / scale, sd: unit.sd / scale }
        };
        units.iter().enumerate().map(scaled).collect()
    }

    /// The position at which the named variables, all D in the user's units, have the values `named`.
    pub fn unconstrain(&self, named: &[f64], theta: &mut [f64]) {
        let layout = self.layout;
        for k in 0..layout.coefficients {
            let (unit, shift) = (self.scaling.coefficient_unit(k), self.scaling.coefficient_shift(k));
            let (mu, sigma) = (named[layout.mu(k)], named[layout.sigma(k)]);
            theta[layout.mu(k)] = (mu - shift) / unit;
            theta[layout.sigma(k)] = (sigma / unit).ln();
            if self.parameterization.is_marginal() {
                continue;
            }
            let (location, scale) = if self.parameterization.is_centered(k) { (shift, unit) } else { (mu, sigma) };
            for (effect, beta) in theta[layout.effects(k)].iter_mut().zip(&named[layout.effects(k)]) {
                *effect = (beta - location) / scale;
            }
        }
        theta[layout.eps()] = (named[layout.eps()] / self.scaling.outcome_scale).ln();
    }

    /// The variables' names in order: `mu_a`, `sigma_b`, `eps`, `a[AITKIN]`; with several predictors the slopes' name
    /// theirs first: `mu_b[hours]`, `b[hours,School 3]`.
    pub fn names(&self) -> Vec<String> {
        let coefficients = self.coefficient_names();
        let hyper = |prefix: &str| coefficients.iter().map(move |name| format!("{prefix}_{name}")).collect::<Vec<_>>();
        let mut names = [hyper("mu"), hyper("sigma"), vec!["eps".to_string()]].concat();
        for name in &coefficients {
            let stem = name.strip_suffix(']').map_or(format!("{name}["), |stem| format!("{stem},"));
            names.extend(self.dataset.groups().iter().map(|group| format!("{stem}{group}]")));
        }
        names
    }

    /// The coefficients' names: `a`, then `b`, or `b[predictor]` where there are several.
    pub fn coefficient_names(&self) -> Vec<String> {
        parameterization::coefficient_names(self.dataset.predictor_names())
    }

    /// Sufficient statistics of each group, in the sampler's units.
    pub fn group_statistics(&self) -> GroupStatistics {
        GroupStatistics::new(&self.dataset, &self.scaling)
    }
}
