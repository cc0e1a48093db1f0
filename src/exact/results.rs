//! The results of one grid for every variable, and their largest change from another grid's.

use std::sync::Arc;

use rayon::prelude::*;

use super::ExactRow;
use super::distribution::{JointPart, VariablePosterior, Variables};
use super::given::GivenAxes;
use super::grid::Grid;
use super::mixture::normal_quantile;
use crate::model::Model;

/// The results of one grid.
#[derive(Debug)]
pub struct Results {
    pub variables: Variables,
    pub rows: Vec<ExactRow>,
    pub grid_points: usize,
    /// log p(y), in the user's units.
    pub log_evidence: f64,
}

impl Results {
    /// The results of `grid`. Searches for quantiles start at those of `before`, if there are any.
    pub fn new(model: &Model, posterior: Arc<dyn GivenAxes>, grid: &Grid, before: Option<&Results>) -> Results {
        let variables = Variables::new(model, posterior, grid);
        let of_part = |part: JointPart| {
            let row = |(i, mean, sd, distribution): (usize, f64, f64, VariablePosterior<'_>)| {
                let before = before.map(|before| before.rows[i]);
                let quantile = |p, known: fn(ExactRow) -> f64| {
                    distribution.quantile(p, before.map_or_else(|| mean + sd * normal_quantile(p), known))
                };
                let (q05, q50, q95) =
                    (quantile(0.05, |row| row.q05), quantile(0.5, |row| row.q50), quantile(0.95, |row| row.q95));
                (i, ExactRow { mean, sd, q05, q50, q95 })
            };
            variables.of_part(part, &grid.points).into_iter().map(row).collect::<Vec<_>>()
        };
        let parts: Vec<Vec<(usize, ExactRow)>> = variables.parts().into_par_iter().map(of_part).collect();
        let mut rows: Vec<(usize, ExactRow)> = parts.into_iter().flatten().collect();
        rows.sort_unstable_by_key(|(i, _)| *i);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let unit = model.scaling().outcome_scale.ln();
        let log_evidence = grid.log_evidence - model.dataset().n_observations() as f64 * unit;
        Results { variables, rows, grid_points: grid.points.len(), log_evidence }
    }

    /// Largest change of any number of any row, in posterior standard deviations; infinite if any is NaN.
    pub fn change(&self, before: &Results) -> f64 {
        let numbers = |row: &ExactRow| [row.mean, row.sd, row.q05, row.q50, row.q95];
        let of_row = |(now, before): (&ExactRow, &ExactRow)| {
            let pairs = numbers(now).into_iter().zip(numbers(before));
            pairs.map(|(a, b)| (a - b).abs() / now.sd).fold(0.0, larger)
        };
        self.rows.iter().zip(&before.rows).map(of_row).fold(0.0, larger)
    }
}

/// The larger of two numbers; infinite if `b` is NaN.
fn larger(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}
