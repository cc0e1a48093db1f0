//! Checks of the residuals of all rows.

use rayon::prelude::*;

use super::factors::{self, FactorNoise};
use super::moments::ResidualMoments;
use super::residuals::Residuals;
use super::statistics::CheckedStatistic;
use crate::diagnostics;

/// Rows that a worker takes at once: a fixed split, so that the order of sums does not depend on threads.
const SHARE: usize = 512;

/// What is known of the residuals of a model's own rows.
#[derive(Debug, Clone)]
pub struct ResidualChecks {
    /// Number of draws.
    pub draws: usize,
    /// The smallest and the largest standardized residual.
    pub extremes: [CheckedStatistic; 2],
    /// Their root mean square.
    pub sd: CheckedStatistic,
    /// Their skewness.
    pub skewness: CheckedStatistic,
    /// The skewness of their middle, which is bounded.
    pub middle: CheckedStatistic,
    /// Their excess kurtosis.
    pub kurtosis: CheckedStatistic,
    /// The correlation of the square root of their size with the fitted values.
    pub trend: CheckedStatistic,
    /// The noise of the third of rows with the smallest fitted values, and of that with the largest, in units of that
    /// of all rows.
    pub noise_of_thirds: [f64; 2],
    /// Whether noise differs between the levels of a factor, for each factor with levels of enough rows.
    pub factors: Vec<FactorNoise>,
    /// The rows of the data set that were looked at.
    pub rows: Vec<usize>,
    /// For each of them the posterior mean of its linear predictor, in the outcome's unit.
    pub fitted: Vec<f64>,
    /// And that of its standardized residual.
    pub residuals: Vec<f64>,
    /// The mean over rows and draws of the sd of the noise, in the outcome's unit.
    pub noise: f64,
}

/// The sums of some rows.
struct RowSums {
    /// For each draw: the sum of fitted values and of their squares, and sums of the data's residuals and the
    /// replicate's.
    draws: Vec<([f64; 2], [ResidualMoments; 2])>,
    rows: Vec<OneRow>,
}

/// Means over draws.
struct OneRow {
    fitted: f64,
    residual: f64,
    root: f64,
    sd: f64,
}

impl ResidualChecks {
    /// Of rows in some draws.
    pub fn of(residuals: &Residuals) -> ResidualChecks {
        let all: Vec<RowSums> = residuals.rows().par_chunks(SHARE).map(|rows| sums_of(residuals, rows)).collect();
        let none = ([0.0; 2], [ResidualMoments::NONE; 2]);
        let mut draws = vec![none; residuals.draws()];
        let mut rows = Vec::with_capacity(residuals.rows().len());
        for sums in all {
            for ((fitted, moments), (more, others)) in draws.iter_mut().zip(&sums.draws) {
                fitted.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                moments.iter_mut().zip(others).for_each(|(moments, other)| moments.merge(other));
            }
            rows.extend(sums.rows);
        }
        let checked = |name: &str, of: &dyn Fn(&ResidualMoments, [f64; 2]) -> f64| {
            let side = |side: usize| -> Vec<f64> {
                draws.iter().map(|(fitted, moments)| of(&moments[side], *fitted)).collect()
            };
            CheckedStatistic::of(name, &side(0), &side(1))
        };
        let fitted: Vec<f64> = rows.iter().map(|row| residuals.centre_of_fitted() + row.fitted).collect();
        let roots: Vec<f64> = rows.iter().map(|row| row.root).collect();
        ResidualChecks {
            draws: draws.len(),
            extremes: [
                checked("smallest residual", &|moments, _| moments.least()),
                checked("largest residual", &|moments, _| moments.most()),
            ],
            sd: checked("sd of residuals", &|moments, _| moments.root_mean_square()),
            skewness: checked("skewness", &|moments, _| moments.shape()[0]),
            middle: checked("skewness of the middle", &|moments, _| moments.middle_skewness()),
            kurtosis: checked("excess kurtosis", &|moments, _| moments.shape()[1]),
            trend: checked("noise over fitted values", &|moments, fitted| moments.trend(fitted)),
            noise_of_thirds: noise_of_thirds(&fitted, &roots),
            factors: factors::check(residuals),
            residuals: rows.iter().map(|row| row.residual).collect(),
            noise: rows.iter().map(|row| row.sd).sum::<f64>() / rows.len() as f64,
            rows: residuals.rows().to_vec(),
            fitted,
        }
    }

    /// All statistics, as a table has them.
    pub fn statistics(&self) -> Vec<&CheckedStatistic> {
        let [smallest, largest] = &self.extremes;
        let of_all = [smallest, largest, &self.sd, &self.skewness, &self.middle, &self.kurtosis, &self.trend];
        of_all.into_iter().chain(self.factors.iter().map(|factor| &factor.noise)).collect()
    }
}

fn sums_of(residuals: &Residuals, rows: &[usize]) -> RowSums {
    let none = ([0.0; 2], [ResidualMoments::NONE; 2]);
    let mut found = RowSums { draws: vec![none; residuals.draws()], rows: Vec::new() };
    let mut room = residuals.room();
    for row in rows {
        residuals.evaluate(*row, &mut room);
        let of_draws = room.fitted.iter().zip(room.observed.iter().zip(&room.replicated));
        let mut root = 0.0;
        for ((sums, moments), (fitted, (observed, replicated))) in found.draws.iter_mut().zip(of_draws) {
            sums[0] += fitted;
            sums[1] += fitted * fitted;
            moments[0].add(*observed, *fitted);
            moments[1].add(*replicated, *fitted);
            root += observed.abs().sqrt();
        }
        let [fitted, residual, sd] = [&room.fitted, &room.observed, &room.sds].map(|values| diagnostics::mean(values));
        found.rows.push(OneRow { fitted, residual, root: root / residuals.draws() as f64, sd });
    }
    found
}

/// Roots are the mean square roots of residuals, which are proportional to the square root of their sd.
fn noise_of_thirds(fitted: &[f64], roots: &[f64]) -> [f64; 2] {
    let mut order: Vec<usize> = (0..fitted.len()).collect();
    order.sort_by(|a, b| fitted[*a].total_cmp(&fitted[*b]));
    let third = order.len().div_ceil(3);
    let mean = |rows: &[usize]| rows.iter().map(|row| roots[*row]).sum::<f64>() / rows.len() as f64;
    [&order[..third], &order[order.len() - third..]].map(|rows| (mean(rows) / diagnostics::mean(roots)).powi(2))
}
