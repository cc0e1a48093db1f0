//! Rows whose sigma has a formula: outcomes and eta are divided by it, row by row, and their family has sigma 1.
//!
//! ```text
//! log p(y_i | eta_i, sigma_i) = log p(y_i / sigma_i | eta_i / sigma_i, 1) - log sigma_i
//! ```
//!
//! Rows with the same columns of log sigma are a cell, for which sigma is computed once.

use std::collections::HashMap;

use multiversion::multiversion;

use super::merged::LikelihoodRows;
use super::rows::{AboutEta, OfFamily, row_weights};
use super::sums::{add_multiple, dot};
use crate::family::{CountOf, Distribution, MOST_DISPERSIONS, MOST_NUMBERS};
use crate::lanes::{LANES, Lanes};
use crate::math::exp;
use crate::model::{LogSigmaMap, Model};

/// The sigmas of a model's rows.
#[derive(Debug, Clone)]
pub struct RowScales {
    map: LogSigmaMap,
    /// Each coefficient's column about its center, cell by cell.
    columns: Vec<Vec<f64>>,
    /// Number of rows of each cell.
    rows: Vec<f64>,
    /// The cell of each row; padding is in cell 0.
    cells: Vec<[u32; LANES]>,
    /// Log sigma of each cell, the inverse of sigma, and the derivatives by log sigma, in the family's unit.
    logs: Vec<f64>,
    inverses: Vec<f64>,
    by_logs: Vec<f64>,
}

/// Rows of a family, each with its own sigma.
pub struct ScaledRows<'a, F> {
    family: OfFamily<F>,
    scales: &'a mut RowScales,
}

impl RowScales {
    /// The sigmas of the rows `likelihood` of `model`, if sigma has a formula.
    pub fn new(model: &Model, likelihood: &LikelihoodRows) -> Option<RowScales> {
        let ((sigma, map), design) = (model.log_sigma()?, model.design());
        let (mut of_rows, mut rows, mut first_rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
        for i in &likelihood.of {
            let key = sigma.columns.iter().map(|k| design.column(*k, *i).to_bits()).collect();
            let cell = *known.entry(key).or_insert_with(|| {
                rows.push(0.0);
                first_rows.push(*i);
                first_rows.len() as u32 - 1
            });
            rows[cell as usize] += 1.0;
            of_rows.push(cell);
        }
        let column = |(k, center): (&usize, &f64)| -> Vec<f64> {
            first_rows.iter().map(|i| design.column(*k, *i) - center).collect()
        };
        let chunk = |rows: &[u32]| std::array::from_fn(|lane| rows.get(lane).copied().unwrap_or(0));
        let numbers = || vec![0.0; first_rows.len()];
        Some(RowScales {
            columns: sigma.columns.iter().zip(&map.coefficients.centers).map(column).collect(),
            cells: of_rows.chunks(LANES).map(chunk).collect(),
            rows,
            logs: numbers(),
            inverses: numbers(),
            by_logs: numbers(),
            map: map.clone(),
        })
    }

    /// The rows of a family with these dispersions, whose first is 1, and sigmas at the hyperparameters' values.
    pub fn at<F: Distribution>(
        &mut self,
        values: &[f64],
        dispersions: [f64; MOST_DISPERSIONS],
        observations: f64,
    ) -> ScaledRows<'_, F> {
        self.logs.fill(self.map.base);
        for (column, coefficient) in self.columns.iter().zip(&values[self.map.places()]) {
            add_multiple(*coefficient, column, &mut self.logs);
        }
        self.inverses.iter_mut().zip(&self.logs).for_each(|(inverse, log)| *inverse = exp(-log));
        self.by_logs.fill(0.0);
        ScaledRows { family: OfFamily::at(dispersions, observations), scales: self }
    }

    /// What log sigma of all rows adds to the log likelihood beside their residuals; completes the derivatives by log
    /// sigma, which are those of the residuals in the `unit` of the family.
    fn add_scales(&mut self, unit: f64) -> f64 {
        for (by_log, rows) in self.by_logs.iter_mut().zip(&self.rows) {
            *by_log = unit * *by_log - rows;
        }
        -dot(&self.rows, &self.logs)
    }

    /// Adds the derivatives by the coefficients to those by the hyperparameters' values.
    pub fn pull(&self, by_values: &mut [f64]) {
        for (column, by_value) in self.columns.iter().zip(&mut by_values[self.map.places()]) {
            *by_value += dot(column, &self.by_logs);
        }
    }
}

impl<F: Distribution> AboutEta for ScaledRows<'_, F> {
    type Sums = F::Sums;

    fn residuals(
        &mut self,
        numbers: [&[Lanes]; MOST_NUMBERS],
        first: usize,
        full: usize,
        eta: &mut [Lanes],
        sums: &mut F::Sums,
    ) {
        residuals(self, numbers[0], first, full, eta, sums);
    }

    fn unit(&self) -> f64 {
        self.family.unit()
    }

    fn finish(&mut self, sums: &F::Sums, counts: &[CountOf]) -> (f64, [f64; MOST_DISPERSIONS]) {
        let unit = self.unit();
        let (log_likelihood, by_logs) = self.family.finish(sums, counts);
        (log_likelihood + self.scales.add_scales(unit), by_logs)
    }
}

/// Replaces eta by the log likelihood's derivatives by it, in the family's unit, and adds those of the residuals by log
/// sigma to the cells of the rows; rows from `full` on are padding.
#[multiversion(targets = "simd")]
fn residuals<F: Distribution>(
    rows: &mut ScaledRows<F>,
    outcome: &[Lanes],
    first: usize,
    full: usize,
    eta: &mut [Lanes],
    sums: &mut F::Sums,
) {
    let RowScales { cells, inverses, by_logs, .. } = &mut *rows.scales;
    let family = rows.family.distribution();
    for (i, ((eta, outcome), cells)) in eta.iter_mut().zip(outcome).zip(&cells[first..]).enumerate() {
        let weight = row_weights(full, i);
        let inverse = Lanes(cells.map(|cell| inverses[cell as usize]));
        let [derivative, by_log] = scaled_row(&family, *outcome, *eta, (inverse, weight), sums);
        cells.iter().zip(by_log.0).for_each(|(cell, by_log)| by_logs[*cell as usize] += by_log);
        *eta = derivative;
    }
}

/// Adds a row in each lane, whose sigma has this inverse, to `sums`; returns the derivative of its log likelihood by
/// eta, and that of its residual's by log sigma, both in the family's unit.
#[inline(always)]
fn scaled_row<F: Distribution>(
    family: &F,
    outcome: Lanes,
    eta: Lanes,
    (inverse, weight): (Lanes, Lanes),
    sums: &mut F::Sums,
) -> [Lanes; 2] {
    let (scaled, scaled_eta) = (outcome * inverse, eta * inverse);
    let derivative = family.row([scaled, Lanes::ZERO, Lanes::ZERO], scaled_eta, weight, sums);
    [derivative * inverse, (scaled - scaled_eta) * derivative]
}
