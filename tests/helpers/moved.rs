//! Radon in other units.

use std::sync::Arc;

use crate::helpers::models;
use warpnuts::data::Dataset;
use warpnuts::model::{Coordinates, Model, Priors, Scaling};

/// Radon with its outcome scaled and then moved by `shift`, and priors in the same units.
pub fn radon(parameterization: &str, shift: f64, stretch: f64) -> Arc<Model> {
    let radon = Dataset::radon().unwrap();
    let labels: Vec<String> = (0..radon.n_groups())
        .flat_map(|j| std::iter::repeat_n(radon.groups()[j].clone(), radon.group_range(j).len()))
        .collect();
    let outcome = radon.outcome().iter().map(|y| shift + stretch * y).collect();
    let floor = vec![radon.predictor(0).to_vec()];
    let dataset = Arc::new(Dataset::from_columns("moved", "county", "y", &["floor"], &labels, outcome, floor).unwrap());
    let parameterization = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let priors = Priors { mu_sd: 1e4 * stretch, sigma_scale: 5.0 * stretch, eps_scale: 5.0 * stretch };
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(models::posterior(dataset, priors, parameterization, scaling))
}
