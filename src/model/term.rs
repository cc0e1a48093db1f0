//! A grouping term, `(1 + x | g)`: which coefficients vary by the levels of a factor, and how.

use super::coordinates::Coordinates;
use crate::data::Dataset;

/// What the effects of a coefficient vary about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupMean {
    /// A mean mu of their own, with a normal prior.
    Free,
}

/// The joint distribution of the coefficients of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each coefficient has an sd, and no correlation with another one.
    Independent,
}

/// A grouping term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The factor, by the name of its column.
    pub factor: String,
    /// The predictors whose slopes vary, by the names of their columns; the intercept always does.
    pub columns: Vec<String>,
    /// What the effects vary about.
    pub mean: GroupMean,
    /// How they spread.
    pub spread: Spread,
    /// How they stand in theta.
    pub coordinates: Coordinates,
}

impl Term {
    /// The intercept and all slopes of `dataset`, by its groups.
    pub fn of_all_columns(dataset: &Dataset, coordinates: Coordinates) -> Term {
        Term {
            factor: dataset.group_name().to_string(),
            columns: dataset.predictor_names().to_vec(),
            mean: GroupMean::Free,
            spread: Spread::Independent,
            coordinates,
        }
    }
}
