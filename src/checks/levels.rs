//! The outcomes of each level of a factor beside those of its replicates: mean, sd, smallest and largest.

use rayon::prelude::*;
use serde::Serialize;

use super::residuals::Residuals;
use super::statistics::CheckedStatistic;
use crate::diagnostics;

/// A level's outcomes beside those of its replicates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckedLevel {
    /// The level.
    pub level: String,
    /// Its rows.
    pub rows: usize,
    /// Mean, sd, smallest and largest outcome, in the outcome's unit; a level of one row has the mean only.
    pub statistics: Vec<CheckedStatistic>,
}

impl CheckedLevel {
    /// How far the level is from its replicates in that statistic in which it is furthest.
    pub fn distance(&self) -> f64 {
        self.statistics.iter().map(CheckedStatistic::distance).fold(0.0, f64::max)
    }
}

/// At most `most` levels of a factor, those furthest from their replicates first.
pub fn by_level(residuals: &Residuals, factor: usize, most: usize) -> Vec<CheckedLevel> {
    let data = residuals.variables().model().dataset();
    let (names, rows) = (data.levels(factor), residuals.rows_by_level(factor));
    let of = |(name, rows): (&String, &Vec<usize>)| CheckedLevel {
        level: name.clone(),
        rows: rows.len(),
        statistics: if rows.is_empty() { Vec::new() } else { statistics(residuals, data.outcome(), rows) },
    };
    let mut levels: Vec<CheckedLevel> = names.par_iter().zip(&rows).map(of).collect();
    levels.retain(|level| level.rows > 0);
    levels.sort_by(|a, b| b.distance().total_cmp(&a.distance()));
    levels.truncate(most);
    levels
}

fn statistics(residuals: &Residuals, outcomes: &[f64], rows: &[usize]) -> Vec<CheckedStatistic> {
    let observed: Vec<f64> = rows.iter().map(|row| outcomes[*row]).collect();
    let mut room = residuals.room();
    // About the mean of all outcomes: sum, sum of squares, smallest, largest.
    let none = [0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY];
    let mut draws = vec![none; residuals.replicated_draws().count()];
    for row in rows {
        residuals.evaluate(*row, &mut room);
        for (draw, [sum, squares, least, most]) in residuals.replicated_draws().zip(&mut draws) {
            let value = residuals.replicate(*row, &room, draw);
            *sum += value;
            *squares += value * value;
            *least = least.min(value);
            *most = most.max(value);
        }
    }
    let count = rows.len() as f64;
    let checked = |name: &str, truth: f64, of: &dyn Fn(&[f64; 4]) -> f64| {
        let replicated: Vec<f64> = draws.iter().map(of).collect();
        CheckedStatistic::of(name, &vec![truth; replicated.len()], &replicated)
    };
    let centre = residuals.centre();
    let mean = checked("mean", diagnostics::mean(&observed), &|[sum, ..]| centre + sum / count);
    if rows.len() == 1 {
        return vec![mean];
    }
    let least = observed.iter().copied().fold(f64::INFINITY, f64::min);
    let most = observed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = |[sum, squares, ..]: &[f64; 4]| ((squares - sum * sum / count).max(0.0) / (count - 1.0)).sqrt();
    vec![
        mean,
        checked("sd", diagnostics::sd(&observed), &spread),
        checked("smallest", least, &|[.., least, _]| centre + least),
        checked("largest", most, &|[.., most]| centre + most),
    ]
}
