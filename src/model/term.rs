//! Grouping terms: which coefficients vary by the levels of a factor, and how the coefficients of a level spread.

use serde::{Deserialize, Serialize};

use crate::data::Dataset;

/// The joint distribution of the coefficients of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Each coefficient has its own sd, and none is correlated with another.
    Independent,
    /// Each coefficient has its own sd, and all are correlated.
    Correlated,
}

/// The term of the shorthand: the intercept and all slopes vary, each about a mean of its own, none correlated with
/// another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The factor, by the name of its column.
    pub factor: String,
    /// The predictors whose slopes vary, by the names of their columns; the intercept always varies.
    pub columns: Vec<String>,
}

impl Term {
    /// The term in which the intercept and all slopes of `dataset` vary by its groups.
    pub fn of_all_columns(dataset: &Dataset) -> Term {
        Term { factor: dataset.group_name().to_string(), columns: dataset.predictor_names().to_vec() }
    }
}
