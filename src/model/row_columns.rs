//! Columns beside a formula: weights, offsets, and known errors of rows.

use serde::{Deserialize, Serialize};

/// Columns with a number for each row beside the formula, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowColumns {
    /// Weights: the variance of a row's outcome is sigma^2 over its weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Offsets: the known part of the linear predictor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// Known standard errors of the outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    /// Whether rows have noise beside known errors: without, these are in the place of sigma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_sigma: bool,
}

impl RowColumns {
    /// Whether sigma is a variable.
    pub fn has_sigma(&self) -> bool {
        self.errors.is_none() || self.with_sigma
    }

    /// Whether rows have weights: those that are named, or the inverse squares of errors in the place of sigma.
    pub fn has_weights(&self) -> bool {
        self.weights.is_some() || !self.has_sigma()
    }

    /// Whether rows have known errors beside sigma.
    pub fn has_errors(&self) -> bool {
        self.errors.is_some() && self.with_sigma
    }
}

impl std::fmt::Display for RowColumns {
    /// As typed, with a blank before each option; nothing without any.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options = [("weights", &self.weights), ("offset", &self.offset), ("se", &self.errors)];
        for (option, column) in options {
            if let Some(column) = column {
                write!(f, " --{option} {column}")?;
            }
        }
        if self.has_errors() { write!(f, " --with-sigma") } else { Ok(()) }
    }
}
