//! Models that many tests sample or evaluate.

use std::sync::Arc;

use warpnuts::data::Dataset;
use warpnuts::model::{Coordinates, Model, PriorScales, Priors, Scaling};

/// The posterior of `dataset` under the same `priors` for every coefficient, in the units of `scaling`.
pub fn posterior(dataset: Arc<Dataset>, priors: Priors, coordinates: Coordinates, scaling: Scaling) -> Model {
    let priors = PriorScales::uniform(priors, dataset.n_coefficients());
    Model::builder(dataset).priors(priors).coordinates(coordinates).scaling(scaling).build()
}

/// The radon survey under the default priors, in standardized units; `parameterization` as it is typed.
pub fn radon(parameterization: &str) -> Arc<Model> {
    let dataset = Arc::new(Dataset::radon().unwrap());
    let coordinates = Coordinates::parse(parameterization, dataset.predictor_names()).unwrap();
    let scaling = Scaling::standardizing(&dataset);
    Arc::new(posterior(dataset, Priors::default(), coordinates, scaling))
}
