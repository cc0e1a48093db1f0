//! Models beside a model: the same posterior in other coordinates, and the model of some of its rows.

use std::sync::Arc;

use super::{Centering, CenteringWeights, Coordinates, CoordinatesError, Likelihood, Mixed, Model, Structure};
use crate::data::Dataset;

impl Model {
    /// The same posterior in other coordinates.
    pub fn in_coordinates(&self, coordinates: Coordinates) -> Model {
        let layout = super::layout_of(&self.dataset, &self.structure, &coordinates, &self.scaling, &self.weights);
        Model { coordinates, layout, ..self.clone() }
    }

    /// The same posterior, whose partially centered effects have these weights.
    pub fn with_weights(&self, weights: CenteringWeights) -> Model {
        Model { weights: Arc::new(weights), ..self.clone() }.in_coordinates(self.coordinates.clone())
    }

    /// The model of `dataset`, which has some of the rows, with the same priors in the same units.
    pub fn of_rows(&self, dataset: Arc<Dataset>) -> Model {
        let structure = match &self.structure {
            Structure::Shorthand(_) => self.structure.clone(),
            Structure::Formula(mixed) => {
                let means_elsewhere = Some(mixed.population_means(&self.dataset));
                let sigma = mixed.sigma.as_ref().map(|sigma| sigma.at_means_of(&self.dataset));
                Structure::Formula(Arc::new(Mixed { means_elsewhere, sigma, ..(**mixed).clone() }))
            }
        };
        let layout = super::layout_of(&dataset, &structure, &self.coordinates, &self.scaling, &self.weights);
        Model { dataset, structure, layout, ..self.clone() }
    }

    /// The same posterior with the effects integrated out.
    pub fn collapsed(&self) -> Model {
        self.in_coordinates(Coordinates::Collapsed)
    }

    /// The same posterior with all effects centered or all non-centered, and the likelihood over groups.
    pub fn joint(&self, centering: Centering) -> Model {
        self.in_coordinates(match &self.structure {
            Structure::Shorthand(_) => Coordinates::joint(centering, self.layout.coefficients),
            Structure::Formula(mixed) => Coordinates::of_terms(vec![centering; mixed.terms.len()]),
        })
    }

    /// The same posterior with the likelihood computed as `likelihood` says.
    ///
    /// # Errors
    /// [`CoordinatesError::Collapsed`] if `likelihood` needs effects that are integrated out.
    pub fn over(&self, likelihood: Likelihood) -> Result<Model, CoordinatesError> {
        Ok(self.in_coordinates(self.coordinates.clone().over(likelihood)?))
    }
}
