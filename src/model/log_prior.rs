//! The log density of the priors at hyperparameters in the user's units.

use super::correlation::{pairs, partials};
use super::{Mixed, Model, Shorthand, SigmaFormula, Structure, VariablePrior};

impl Model {
    /// The log density of the priors of all hyperparameters, with which its argument begins, up to a constant and
    /// without any Jacobian; group effects have no prior of their own.
    pub fn log_prior(&self) -> impl Fn(&[f64]) -> f64 + '_ {
        let means = self.mixed().map_or(Vec::new(), |mixed| mixed.population_means(self.dataset()));
        let sigma = self.mixed().and_then(|mixed| mixed.sigma.as_ref());
        let means_of_sigma = sigma.map_or(Vec::new(), |sigma| sigma.means(self.dataset()));
        move |named| match self.structure() {
            Structure::Shorthand(shorthand) => of_shorthand(shorthand, named),
            Structure::Formula(mixed) => of_formula(mixed, [&means, &means_of_sigma], named),
        }
    }
}

fn of_shorthand(Shorthand { priors, .. }: &Shorthand, named: &[f64]) -> f64 {
    let means = priors.mu_sd.iter().map(|sd| VariablePrior::normal(0.0, *sd));
    let scales = priors.sigma_scale.iter().chain([&priors.eps_scale]);
    let scales = scales.map(|scale| VariablePrior::half_student_t(1.0, *scale));
    means.chain(scales).zip(named).map(|(prior, value)| prior.at(*value).0).sum()
}

/// The log density of coefficients' priors; that of an intercept is the prior at the means of the other columns.
fn of_coefficients(columns: &[usize], priors: &[VariablePrior], means: &[f64], named: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (k, prior) in priors.iter().enumerate() {
        let value = match columns[k] {
            0 => means.iter().zip(named).map(|(mean, coefficient)| mean * coefficient).sum(),
            _ => named[k],
        };
        sum += prior.at(value).0;
    }
    sum
}

fn of_formula(mixed: &Mixed, [means, means_of_sigma]: [&[f64]; 2], named: &[f64]) -> f64 {
    let Mixed { population, terms, priors, .. } = mixed;
    let mut sum = of_coefficients(population, &priors.population, means, named);
    let mut place = population.len();
    for prior in priors.scales.iter().flatten() {
        sum += prior.at(named[place]).0;
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
    if let Some(SigmaFormula { columns, priors, .. }) = &mixed.sigma {
        sum += of_coefficients(columns, priors, means_of_sigma, &named[place..]);
        place += columns.len();
    }
    for (i, d) in mixed.free_dispersions().enumerate() {
        sum += priors.dispersions[d].at(named[place + i]).0;
    }
    sum
}
