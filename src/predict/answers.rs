//! What is answered for a row: mean, sd and quantiles of its expectation and of its outcome.

use super::evaluate::{Evaluator, Scratch};
use super::quantiles::Quantiler;
use super::rows::Rows;
use crate::diagnostics;

/// Mean, sd and quantiles of a distribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
    /// The quantiles that were asked for.
    pub quantiles: Vec<f64>,
}

/// The answers for a row, in the unit of the outcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowAnswers {
    /// Of the expectation: what is not known of the mean of outcomes at these values.
    pub expectation: Answer,
    /// Of one outcome.
    pub outcome: Answer,
}

/// Computes answers, row by row.
#[derive(Debug)]
pub struct Answerer<'a> {
    evaluator: &'a Evaluator<'a>,
    quantiles: &'a [f64],
    scratch: Scratch,
    etas: Vec<f64>,
    sds: Vec<f64>,
    outcomes: Vec<f64>,
    quantiler: Quantiler,
}

impl<'a> Answerer<'a> {
    /// With the quantiles at these probabilities.
    pub fn new(evaluator: &'a Evaluator<'a>, quantiles: &'a [f64]) -> Answerer<'a> {
        let room = vec![0.0; evaluator.count()];
        let (etas, sds, outcomes) = (room.clone(), room.clone(), room);
        let (scratch, quantiler) = (Scratch::default(), Quantiler::default());
        Answerer { evaluator, quantiles, scratch, etas, sds, outcomes, quantiler }
    }

    /// The answers for a row.
    ///
    /// Mean and sd of the outcome are computed from those given the parameters (the law of total variance), its
    /// quantiles from an outcome for each draw, whose noise is the same for all rows.
    pub fn answer(&mut self, rows: &Rows, row: usize) -> RowAnswers {
        self.evaluator.etas(rows, row, &mut self.scratch, &mut self.etas);
        self.evaluator.sds(rows, row, &mut self.sds);
        self.evaluator.outcomes((rows, row), None, [&self.etas, &self.sds], &mut self.outcomes);
        self.evaluator.moments(rows, row, &mut self.etas, &mut self.sds);
        let (mean, of_mean) = (diagnostics::mean(&self.etas), diagnostics::sd(&self.etas));
        let noise = diagnostics::mean(&self.sds);
        let expectation = Answer { mean, sd: of_mean, quantiles: self.quantiler.quantiles(&self.etas, self.quantiles) };
        let sd = match (of_mean * of_mean + noise).sqrt() {
            sd if sd.is_finite() => sd,
            // Where a t distribution has no variance.
            _ => diagnostics::sd(&self.outcomes),
        };
        let outcome = Answer { mean, sd, quantiles: self.quantiler.quantiles(&self.outcomes, self.quantiles) };
        RowAnswers { expectation, outcome }
    }
}
