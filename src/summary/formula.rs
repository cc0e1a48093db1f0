//! The model of a formula in a run's summary.

use serde::Serialize;

use crate::density::cpu;
use crate::model::{Mixed, Model};

/// The model of a formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormulaSummary {
    /// The formula.
    pub formula: String,
    /// Every prior as it is typed.
    pub priors: Vec<String>,
    /// The factors, and their numbers of levels.
    pub factors: Vec<(String, usize)>,
    /// Rows of the likelihood, where rows that have the same columns and levels are merged to fewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_rows: Option<usize>,
    /// Whether its effects can be integrated out.
    #[serde(skip)]
    pub can_collapse: bool,
}

impl FormulaSummary {
    pub(super) fn of(model: &Model, mixed: &Mixed) -> FormulaSummary {
        let data = model.dataset();
        let factor = |factor: usize| (data.factor_name(factor).to_string(), data.levels(factor).len());
        FormulaSummary {
            formula: mixed.line(),
            priors: mixed.prior_list(data),
            factors: (0..data.n_factors()).map(factor).collect(),
            merged_rows: Some(cpu::likelihood_rows(model)).filter(|rows| *rows < data.n_observations()),
            can_collapse: cpu::admits(&model.collapsed()).is_ok(),
        }
    }
}
