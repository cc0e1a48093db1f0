//! A grouping term, `(1 + x | g)`: which coefficients vary by the levels of a factor, and how.

use super::coordinates::Coordinates;
use crate::data::Dataset;

/// The center about which the effects of a coefficient vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupMean {
    /// A mean mu, with a normal prior.
    Free,
}

/// The joint distribution of the coefficients of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each coefficient has its own sd, and none is correlated with another.
    Independent,
}

/// A grouping term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The factor, by the name of its column.
    pub factor: String,
    /// The predictors whose slopes vary, by the names of their columns; the intercept always varies.
    pub columns: Vec<String>,
    /// The center about which the effects vary.
    pub mean: GroupMean,
    /// The joint distribution of the effects of one level.
    pub spread: Spread,
    /// The coordinates of the effects in theta.
    pub coordinates: Coordinates,
}

impl Term {
    /// The term in which the intercept and all slopes of `dataset` vary by its groups.
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
