//! Log densities and gradients of the radon model, computed by NumPyro in float64.

use std::fmt;
use std::sync::Arc;

use crate::helpers::models;
use serde::Deserialize;
use warpnuts::data::{Columns, Dataset};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Priors, Scaling};

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

/// A position of the radon model, with NumPyro's results.
#[derive(Deserialize)]
pub struct Case {
    predictors: Vec<String>,
    centered: Vec<bool>,
    prior_mu_sd: f64,
    prior_half_cauchy_scale: f64,
    point: String,
    pub theta: Vec<f64>,
    pub log_density: f64,
    pub gradient: Vec<f64>,
}

impl Case {
    /// The model, in the user's units.
    pub fn model(&self) -> Model {
        let dataset = radon(&self.predictors);
        let priors = Priors {
            mu_sd: self.prior_mu_sd,
            sigma_scale: self.prior_half_cauchy_scale,
            eps_scale: self.prior_half_cauchy_scale,
        };
        let effect = |centered: &bool| if *centered { Centering::Centered } else { Centering::NonCentered };
        let effects = self.centered.iter().map(effect).collect();
        let parameterization = Coordinates::Joint { centering: effects, likelihood: Likelihood::Groups };
        let scaling = Scaling::identity(&dataset);
        models::posterior(dataset, priors, parameterization, scaling)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?} centered {:?}, {}", self.predictors, self.centered, self.point)
    }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    serde_json::from_str::<Reference>(include_str!("../reference/log_density.json")).unwrap().cases
}

/// The radon survey with these predictors.
pub fn radon(predictors: &[String]) -> Arc<Dataset> {
    let columns = Columns { group: "county".into(), outcome: "log_radon".into(), predictors: predictors.to_vec() };
    let csv = include_bytes!("../../data/radon.csv").as_slice();
    Arc::new(Dataset::from_reader("radon.csv", csv, &columns).unwrap())
}
