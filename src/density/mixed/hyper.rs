//! The priors of a formula's hyperparameters: any distribution of a variable, and LKJ for correlations, which makes
//! partial correlations independent:
//!
//! ```text
//! p(w_ij) = (1 - w_ij^2)^(alpha_j - 1) / (B(alpha_j, alpha_j) 2^(2 alpha_j - 1)),    alpha_j = eta + (q - 2 - j) / 2
//! ```

use std::f64::consts::LN_2;

use statrs::function::beta::ln_beta;

use crate::faults;
use crate::model::correlation::{lkj_exponent, pair};
use crate::model::{AtEntry, MixedMap, Model, Scalar, VariablePrior};

/// The prior of one hyperparameter, in the sampler's units.
#[derive(Debug, Clone, Copy)]
pub enum HyperPrior {
    /// Of a variable.
    Variable(VariablePrior),
    /// The exponent alpha of a partial correlation.
    Partial(f64),
}

impl HyperPrior {
    /// The log density of an entry of theta, without its constant, and the derivative by the entry.
    #[inline]
    fn at(&self, at: &AtEntry) -> [f64; 2] {
        let [log_slope, by_entry] = at.log_slope;
        match self {
            HyperPrior::Variable(prior) => {
                let (log_prior, by_value) = prior.at(at.value);
                [log_prior + log_slope, by_value * at.slope + by_entry]
            }
            // 1 - w^2 is the slope of tanh: alpha - 1 of the density, and 1 of the Jacobian.
            HyperPrior::Partial(alpha) => [alpha * log_slope, alpha * by_entry],
        }
    }

    /// The logarithm of the normalising constant.
    fn constant(&self) -> f64 {
        match self {
            HyperPrior::Variable(prior) => prior.constant(),
            HyperPrior::Partial(alpha) => -(ln_beta(*alpha, *alpha) + (2.0 * alpha - 1.0) * LN_2),
        }
    }
}

/// The priors of all hyperparameters, in the order of the layout.
#[derive(Debug, Clone)]
pub struct HyperPriors(Vec<(Scalar, HyperPrior)>);

impl HyperPriors {
    /// The priors of `model`, whose layout has the map `map`.
    pub fn new(model: &Model, map: &MixedMap) -> HyperPriors {
        let Some(mixed) = model.mixed() else { return HyperPriors(Vec::new()) };
        let (population, scales, dispersions) = mixed.scaled_priors(model.scaling(), map.log_sigma.as_ref());
        let mut priors = vec![HyperPrior::Partial(1.0); map.hyperparameters()];
        for (prior, place) in dispersions.into_iter().rev().zip(priors.iter_mut().rev()) {
            *place = HyperPrior::Variable(prior);
        }
        for (k, prior) in population.into_iter().enumerate() {
            priors[k] = HyperPrior::Variable(prior);
        }
        for ((term, of_term), eta) in map.terms.iter().zip(scales).zip(&mixed.priors.correlations) {
            for (c, prior) in of_term.into_iter().enumerate() {
                priors[term.scales + c] = HyperPrior::Variable(prior);
            }
            let Some(first) = term.partials else { continue };
            let eta = if faults::is_planted("lkj-exponent") { eta + 0.5 } else { *eta };
            for i in 1..term.columns {
                for j in 0..i {
                    priors[first + pair(i, j)] = HyperPrior::Partial(lkj_exponent(term.columns, eta, j));
                }
            }
        }
        HyperPriors(map.scalars.iter().copied().zip(priors).collect())
    }

    /// The map and the prior of each hyperparameter.
    pub fn iter(&self) -> impl Iterator<Item = &(Scalar, HyperPrior)> {
        self.0.iter()
    }

    /// The sum of all normalising constants.
    pub fn constant(&self) -> f64 {
        self.0.iter().map(|(_, prior)| prior.constant()).sum()
    }

    /// The log density of entry `i` of theta, its constant included.
    pub fn of_entry(&self, i: usize, entry: f64) -> f64 {
        let (scalar, prior) = &self.0[i];
        prior.constant() + prior.at(&scalar.at(entry))[0]
    }

    /// The log density of the entries of theta, without the constant; writes the hyperparameters' values, the slopes of
    /// these by the entries, and the derivatives of the log density by the entries.
    pub fn at(&self, theta: &[f64], values: &mut [f64], slopes: &mut [f64], gradient: &mut [f64]) -> f64 {
        let mut log_density = 0.0;
        for (i, (scalar, prior)) in self.0.iter().enumerate() {
            let at = scalar.at(theta[i]);
            (values[i], slopes[i]) = (at.value, at.slope);
            let [log_prior, by_entry] = prior.at(&at);
            log_density += log_prior;
            gradient[i] = by_entry;
        }
        log_density
    }
}
