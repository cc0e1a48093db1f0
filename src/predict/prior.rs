//! Draws of the hyperparameters from their priors.

use std::f64::consts::FRAC_PI_2;

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

use crate::exact::normal_quantile;
use crate::family::Family;
use crate::model::{Mixed, Model, Shape, Shorthand, Structure, VariablePrior, correlation};
use crate::random::{Purpose, StreamKey};

/// `count` draws of every hyperparameter in the user's units, `[variable][draw]`.
pub fn draws(model: &Model, seed: u64, count: usize) -> Vec<f64> {
    let variables = model.layout().hyperparameters();
    let mut all = vec![0.0; variables * count];
    let mut one = vec![0.0; variables];
    let means = model.mixed().map_or(Vec::new(), |mixed| mixed.population_means(model.dataset()));
    let sigma = model.mixed().and_then(|mixed| mixed.sigma.as_ref());
    let means_of_sigma = sigma.map_or(Vec::new(), |sigma| sigma.means(model.dataset()));
    for draw in 0..count {
        let key = StreamKey { seed, chain: 0, transition: draw as u32 };
        let uniform = |i: usize| key.uniform(Purpose::Prior, i as u32);
        match model.structure() {
            Structure::Shorthand(shorthand) => of_shorthand(shorthand, &uniform, &mut one),
            Structure::Formula(mixed) => of_formula(mixed, [&means, &means_of_sigma], &uniform, &mut one),
        }
        one.iter().enumerate().for_each(|(i, value)| all[i * count + draw] = *value);
    }
    all
}

/// The means, the sds and eps of the shorthand.
fn of_shorthand(Shorthand { priors, .. }: &Shorthand, uniform: &dyn Fn(usize) -> f64, out: &mut [f64]) {
    let half_cauchy = |scale: f64| VariablePrior::half_student_t(1.0, scale);
    let means = priors.mu_sd.iter().map(|sd| VariablePrior::normal(0.0, *sd));
    let scales = priors.sigma_scale.iter().chain([&priors.eps_scale]).map(|scale| half_cauchy(*scale));
    for (i, (out, prior)) in out.iter_mut().zip(means.chain(scales)).enumerate() {
        *out = at(prior, uniform(i));
    }
}

/// The population-level coefficients, sds, correlations and sigma of a formula, whose population-level columns, and
/// those of sigma, have these means.
fn of_formula(mixed: &Mixed, means: [&[f64]; 2], uniform: &dyn Fn(usize) -> f64, out: &mut [f64]) {
    let priors = &mixed.priors;
    let coefficients = |columns: &[usize], priors: &[VariablePrior], means: &[f64], from: usize, out: &mut [f64]| {
        for (k, prior) in priors.iter().enumerate() {
            out[from + k] = at(*prior, uniform(from + k));
        }
        if columns.first() == Some(&0) {
            // The prior of the intercept is that at the means of the other columns.
            out[from] -= (1..columns.len()).map(|k| means[k] * out[from + k]).sum::<f64>();
        }
    };
    coefficients(&mixed.population, &priors.population, means[0], 0, out);
    let mut place = mixed.population.len();
    for prior in priors.scales.iter().flatten() {
        out[place] = at(*prior, uniform(place));
        place += 1;
    }
    for (term, eta) in mixed.terms.iter().zip(&priors.correlations) {
        let q = term.columns.len();
        if term.is_correlated() {
            let pairs = correlation::pairs(q);
            let mut partials = vec![0.0; pairs];
            for (i, j) in (1..q).flat_map(|i| (0..i).map(move |j| (i, j))) {
                // (1 - w^2)^(alpha - 1): (w + 1) / 2 is Beta(alpha, alpha).
                let alpha = correlation::lkj_exponent(q, *eta, j);
                let pair = correlation::pair(i, j);
                let share = Beta::new(alpha, alpha).map_or(0.5, |beta| beta.inverse_cdf(uniform(place + pair)));
                partials[pair] = 2.0 * share - 1.0;
            }
            let mut factor = vec![0.0; q * q];
            correlation::cholesky(q, &partials, &mut factor);
            correlation::correlations(q, &factor, &mut out[place..place + pairs]);
            place += pairs;
        }
    }
    if let Some(sigma) = &mixed.sigma {
        coefficients(&sigma.columns, &sigma.priors, means[1], place, out);
        place += sigma.columns.len();
    }
    for (i, d) in mixed.free_dispersions().enumerate() {
        out[place + i] = at(priors.dispersions[d], uniform(place + i));
    }
}

/// The quantile of a prior.
fn at(prior: VariablePrior, p: f64) -> f64 {
    let p = if prior.half { 0.5 + 0.5 * p } else { p };
    let standard = match prior.shape {
        Shape::Normal => normal_quantile(p),
        Shape::StudentT(1.0) => (FRAC_PI_2 * (2.0 * p - 1.0)).tan(),
        Shape::StudentT(df) => StudentsT::new(0.0, 1.0, df).map_or_else(|_| normal_quantile(p), |t| t.inverse_cdf(p)),
        Shape::Exponential => -(-p).ln_1p(),
        Shape::Uniform => p,
        Shape::Gamma(shape) => gamma_quantile(shape, p),
        Shape::InverseGamma(shape) => 1.0 / gamma_quantile(shape, 1.0 - p),
        Shape::Constant => 0.0,
    };
    prior.location + prior.scale * standard
}

/// The quantile of a gamma distribution of this shape and rate 1, which is positive.
fn gamma_quantile(shape: f64, p: f64) -> f64 {
    let family = Family::Gamma;
    family.quantile(&[shape], 1.0, shape.ln(), normal_quantile(p)).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_priors_are_where_their_densities_say() {
        for text in [
            "normal(1, 2)",
            "half_student_t(3, 2)",
            "half_cauchy(1)",
            "exponential(0.5)",
            "uniform(2, 6)",
            "gamma(2, 0.1)",
            "inv_gamma(1.4, 0.3)",
        ] {
            let Ok(crate::model::TypedPrior::Variable(prior)) = text.parse() else { panic!("{text}") };
            for p in [0.02, 0.3, 0.5, 0.9, 0.99] {
                // d quantile / d p is 1 / density.
                let h = 1e-6;
                let slope = (at(prior, p + h) - at(prior, p - h)) / (2.0 * h);
                let density = (prior.at(at(prior, p)).0 + prior.constant()).exp();
                assert!((slope * density - 1.0).abs() < 1e-4, "{text} at {p}: {}", slope * density);
            }
            let lowest = at(prior, 1e-12);
            // An inverse gamma has next to nothing near 0.
            let from_location = !text.starts_with("normal") && !text.starts_with("inv_gamma");
            let expected = if from_location { prior.location } else { lowest };
            assert!((lowest - expected).abs() < 1e-3, "{text} begins at {lowest}");
        }
    }
}
