//! Outcomes of all rows beside those of replicates: frequencies of counts (a rootogram: Kleiber and Zeileis, 2016,
//! "Visualizing count data regressions using rootograms"), and calibration: shares of successes beside those that the
//! model expects given all other rows. Given the row itself, too, expectations lie too near to the middle.

use rayon::prelude::*;

use super::residuals::{Residuals, RowResiduals};
use crate::diagnostics::{self, Psis};

/// The most bars, and the most bins, and the fewest rows of a bin.
const BARS: usize = 40;
const BINS: usize = 20;
const ROWS_OF_A_BIN: usize = 20;

/// The rows with outcomes in a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Frequency {
    /// The smallest and the largest outcome; the last bar has all larger ones, too.
    pub outcomes: [f64; 2],
    /// The number of rows.
    pub rows: usize,
    /// The number in replicates: quantiles at 5, 50 and 95 %.
    pub replicated: [f64; 3],
}

/// Rows with about the same expected share of successes.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The share that is expected.
    pub expected: f64,
    /// The share that they have.
    pub observed: f64,
    /// The share in replicates: quantiles at 5, 50 and 95 %.
    pub replicated: [f64; 3],
    /// The number of rows.
    pub rows: usize,
}

/// The count of a row's replicate in a draw.
fn count(residuals: &Residuals, row: usize, room: &RowResiduals, draw: usize) -> f64 {
    // The mean of all outcomes was subtracted, which rounds.
    (residuals.centre() + residuals.replicate(row, room, draw)).round()
}

/// The replicates of each row.
fn replicates(residuals: &Residuals) -> Vec<Vec<f64>> {
    let of = |room: &mut RowResiduals, row: &usize| {
        residuals.evaluate(*row, room);
        residuals.replicated_draws().map(|draw| count(residuals, *row, room, draw)).collect()
    };
    residuals.rows().par_iter().map_init(|| residuals.room(), of).collect()
}

/// A row's expectation given all other rows, and its replicates in draws that are chosen accordingly.
struct Row {
    expected: f64,
    replicates: Vec<f64>,
}

/// Draws have the weights of Pareto-smoothed importance sampling, as in [`transforms`](super::transforms).
fn given_others(residuals: &Residuals) -> Vec<Row> {
    let room = || (residuals.room(), Psis::default(), vec![0.0; residuals.draws()]);
    let of = |(room, psis, weights): &mut (RowResiduals, Psis, Vec<f64>), row: &usize| {
        residuals.evaluate(*row, room);
        residuals.minus_log_densities(*row, room, weights);
        psis.smooth(weights, 1.0);
        weights.iter_mut().for_each(|weight| *weight = weight.exp());
        let expected = weights.iter().enumerate().map(|(draw, w)| w * residuals.expectation(*row, room, draw)).sum();
        // Draws at equal distances along the sum of their weights.
        let replicates = residuals.replicated_draws().count();
        let (mut draw, mut passed) = (0, weights[0]);
        let replicate = |i: usize| {
            while passed < (i as f64 + 0.5) / replicates as f64 && draw + 1 < weights.len() {
                draw += 1;
                passed += weights[draw];
            }
            count(residuals, *row, room, draw)
        };
        Row { expected, replicates: (0..replicates).map(replicate).collect() }
    };
    residuals.rows().par_iter().map_init(room, of).collect()
}

/// Quantiles of what `of` makes of each replicate.
fn quantiles(replicates: usize, of: impl Fn(usize) -> f64) -> [f64; 3] {
    let mut all: Vec<f64> = (0..replicates).map(of).collect();
    all.sort_unstable_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|p| diagnostics::quantile(&all, p))
}

/// The frequencies of counts, from 0 to the largest.
pub fn frequencies(residuals: &Residuals) -> Vec<Frequency> {
    let outcome = residuals.variables().model().dataset().outcome();
    let observed: Vec<f64> = residuals.rows().iter().map(|row| outcome[*row]).collect();
    let width = ((observed.iter().copied().fold(0.0, f64::max) + 1.0) / BARS as f64).ceil();
    let bar = |count: f64| ((count / width) as usize).min(BARS - 1);
    let bars = 1 + observed.iter().map(|count| bar(*count)).max().unwrap_or(0);
    let rows = replicates(residuals);
    let replicates = rows.first().map_or(0, Vec::len);
    let mut counts = vec![vec![0.0; bars]; replicates];
    for row in &rows {
        row.iter().zip(&mut counts).for_each(|(count, counts)| counts[bar(*count).min(bars - 1)] += 1.0);
    }
    let of_bar = |at: usize| Frequency {
        outcomes: [at as f64 * width, (at + 1) as f64 * width - 1.0],
        rows: observed.iter().filter(|count| bar(**count) == at).count(),
        replicated: quantiles(replicates, |replicate| counts[replicate][at]),
    };
    (0..bars).map(of_bar).collect()
}

/// The shares of successes in bins of rows, from the smallest expected share to the largest.
pub fn shares(residuals: &Residuals) -> Vec<Calibrated> {
    let data = residuals.variables().model().dataset();
    let size = |row: usize| data.trials().map_or(1.0, |trials| trials[row]);
    let of_rows: Vec<(usize, Row)> = residuals.rows().iter().copied().zip(given_others(residuals)).collect();
    let mut order: Vec<usize> = (0..of_rows.len()).collect();
    let share = |i: usize| of_rows[i].1.expected / size(of_rows[i].0);
    order.sort_by(|a, b| share(*a).total_cmp(&share(*b)));
    let bins = (order.len() / ROWS_OF_A_BIN).clamp(1, BINS);
    let of_bin = |bin: &[usize]| {
        let all: f64 = bin.iter().map(|i| size(of_rows[*i].0)).sum();
        let of = |of: &dyn Fn(&(usize, Row)) -> f64| bin.iter().map(|i| of(&of_rows[*i])).sum::<f64>() / all;
        Calibrated {
            expected: of(&|(_, row)| row.expected),
            observed: of(&|(row, _)| data.outcome()[*row]),
            replicated: quantiles(of_rows[bin[0]].1.replicates.len(), |replicate| {
                of(&|(_, row)| row.replicates[replicate])
            }),
            rows: bin.len(),
        }
    };
    order.chunks(order.len().div_ceil(bins).max(1)).map(of_bin).collect()
}
