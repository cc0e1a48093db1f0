//! The standardized residuals of a row, and those of its replicates, in every draw.

use super::ROWS;
use crate::diagnostics;
use crate::predict::{DrawnVariables, Evaluator, Rows, Scratch};
use crate::random::{Purpose, StreamKey, thinned};

/// Rows of a model's own data, whose residuals are evaluated one row at a time.
#[derive(Debug)]
pub struct Residuals<'a> {
    variables: &'a DrawnVariables,
    evaluator: Evaluator<'a>,
    rows: Rows,
    /// The rows that are looked at, ascending.
    chosen: Vec<usize>,
    /// The mean of all outcomes.
    centre: f64,
}

/// A row's numbers in every draw, in room that the next row takes over.
#[derive(Debug, Clone)]
pub struct RowResiduals {
    scratch: Scratch,
    /// The linear predictor minus the mean of all outcomes, in the outcome's unit.
    pub fitted: Vec<f64>,
    /// The sd of the noise, in the outcome's unit.
    pub sds: Vec<f64>,
    /// (y - eta) / sd.
    pub observed: Vec<f64>,
    /// The same of the row's replicate: standard normal deviates.
    pub replicated: Vec<f64>,
}

impl<'a> Residuals<'a> {
    /// Those of the model of `variables`, which have effects: all rows, or [`ROWS`] of them.
    pub fn new(variables: &'a DrawnVariables) -> Residuals<'a> {
        let data = variables.model().dataset();
        Residuals {
            variables,
            evaluator: Evaluator::new(variables),
            rows: Rows::of_model(variables.model()),
            chosen: thinned(data.n_observations(), ROWS),
            centre: diagnostics::mean(data.outcome()),
        }
    }

    /// The draws.
    pub fn variables(&self) -> &'a DrawnVariables {
        self.variables
    }

    /// The rows of the data set that are looked at, ascending.
    pub fn rows(&self) -> &[usize] {
        &self.chosen
    }

    /// For each level of a factor its rows that are looked at.
    pub fn rows_by_level(&self, factor: usize) -> Vec<Vec<usize>> {
        let data = self.variables.model().dataset();
        let mut rows = vec![Vec::new(); data.levels(factor).len()];
        let of_rows = data.level_of_rows(factor);
        self.chosen.iter().for_each(|row| rows[of_rows[*row] as usize].push(*row));
        rows
    }

    /// Number of draws.
    pub fn draws(&self) -> usize {
        self.evaluator.count()
    }

    /// The mean of all outcomes, about which fitted values are.
    pub fn centre(&self) -> f64 {
        self.centre
    }

    /// Room for a row.
    pub fn room(&self) -> RowResiduals {
        let zeros = || vec![0.0; self.draws()];
        let scratch = Scratch::default();
        RowResiduals { scratch, fitted: zeros(), sds: zeros(), observed: zeros(), replicated: zeros() }
    }

    /// Evaluates a row; its replicates depend on the run's seed and on the row's number, and on nothing else.
    pub fn evaluate(&self, row: usize, room: &mut RowResiduals) {
        let RowResiduals { scratch, fitted, sds, observed, replicated } = room;
        self.evaluator.etas(&self.rows, row, scratch, fitted);
        self.evaluator.sds(&self.rows, row, sds);
        let outcome = self.variables.model().dataset().outcome()[row];
        for ((fitted, sd), observed) in fitted.iter_mut().zip(&*sds).zip(observed) {
            *observed = (outcome - *fitted) / sd;
            *fitted -= self.centre;
        }
        let number = row as u64;
        let key = StreamKey { seed: self.variables.seed(), chain: (number >> 32) as u32, transition: number as u32 };
        key.normals(Purpose::PredictiveCheck, replicated);
    }
}
