//! The log density of the priors at hyperparameters in the user's units.

use super::correlation::{pairs, partials};
use super::{Mixed, Model, Shorthand, Structure, VariablePrior};
use crate::data::moments::mean;

impl Model {
    /// The log density of the priors of all hyperparameters, which `named` begins with, up to a constant and without
    /// any Jacobian; group effects have no prior of their own.
    pub fn log_prior(&self, named: &[f64]) -> f64 {
        let of = |prior: VariablePrior, value: f64| prior.at(value).0;
        match self.structure() {
            Structure::Shorthand(Shorthand { priors, .. }) => {
                let means = priors.mu_sd.iter().map(|sd| VariablePrior::normal(0.0, *sd));
                let scales = priors.sigma_scale.iter().chain([&priors.eps_scale]);
                let scales = scales.map(|scale| VariablePrior::half_student_t(1.0, *scale));
                means.chain(scales).zip(named).map(|(prior, value)| of(prior, *value)).sum()
            }
            Structure::Formula(mixed) => self.log_prior_of(mixed, named, of),
        }
    }

    fn log_prior_of(&self, mixed: &Mixed, named: &[f64], of: impl Fn(VariablePrior, f64) -> f64) -> f64 {
        let Mixed { population, terms, priors, .. } = mixed;
        let mut sum = 0.0;
        for (k, prior) in priors.population.iter().enumerate() {
            // The prior of the intercept is that at the means of the other columns.
            let moved = match population[k] {
                0 => (1..population.len()).map(|i| mean(self.dataset().predictor(population[i] - 1)) * named[i]).sum(),
                _ => 0.0,
            };
            sum += of(*prior, named[k] + moved);
        }
        let mut place = population.len();
        for prior in priors.scales.iter().flatten() {
            sum += of(*prior, named[place]);
            place += 1;
        }
        for (term, eta) in terms.iter().zip(&priors.correlations).filter(|(term, _)| term.is_correlated()) {
            let q = term.columns.len();
            let mut own = vec![0.0; pairs(q)];
            partials(q, &named[place..place + pairs(q)], &mut own);
            // (eta - 1) log det, and det is the product of 1 - w^2.
            sum += (eta - 1.0) * own.iter().map(|w| (-w * w).ln_1p()).sum::<f64>();
            place += pairs(q);
        }
        if mixed.rows.has_sigma() { sum + of(priors.dispersion, named[place]) } else { sum }
    }
}
