//! The model of a formula in a run's summary.

use serde::Serialize;

use super::RunSummary;
use crate::density::{cpu, gpu};
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
    /// The options that integrate its effects out, if that is possible; another engine, if the run's does not.
    #[serde(skip)]
    pub collapses_by: Option<&'static str>,
}

impl FormulaSummary {
    /// Of `model`, which was sampled by `engine`.
    pub(super) fn of(model: &Model, mixed: &Mixed, engine: &str) -> FormulaSummary {
        let (data, collapsed) = (model.dataset(), model.collapsed());
        let by_engine = match engine == "cpu" || gpu::admits_coordinates(&collapsed, "a GPU").is_ok() {
            true => "--parameterization marginal",
            false => "--parameterization marginal --engine cpu",
        };
        let factor = |factor: usize| (data.factor_name(factor).to_string(), data.levels(factor).len());
        FormulaSummary {
            formula: mixed.line(),
            priors: mixed.prior_list(data),
            factors: (0..data.n_factors()).map(factor).collect(),
            merged_rows: Some(cpu::likelihood_rows(model)).filter(|rows| *rows < data.n_observations()),
            collapses_by: cpu::admits(&collapsed).is_ok().then_some(by_engine),
        }
    }
}

impl RunSummary {
    /// The options that integrate all effects of the model out, if that is possible.
    pub(super) fn collapses_by(&self) -> Option<&'static str> {
        self.formula.as_ref().map_or(Some("--parameterization marginal"), |formula| formula.collapses_by)
    }
}
