//! A run held against the exact posterior: for every variable, how many Monte Carlo standard errors its mean, its sd and
//! the coverage of its 5 % and 95 % quantiles are from the truth.

use rayon::prelude::*;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::diagnostics::{Series, Summary};
use crate::exact::Exact;
use crate::experiment::Sampled;
use crate::summary::RunSummary;

/// The chance that a sound run is called biased, were its errors normal: four z-scores of every variable are looked at.
const FALSE_ALARM: f64 = 1e-4;

/// One variable's z-scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// The variable.
    pub parameter: String,
    /// The exact mean.
    pub exact_mean: f64,
    /// The exact sd.
    pub exact_sd: f64,
    /// (mean - exact mean) / MCSE.
    pub mean: f64,
    /// (sd - exact sd) / MCSE.
    pub sd: f64,
    /// (share of draws below the exact 5 % quantile - 0.05) / MCSE.
    pub q05: f64,
    /// (share of draws below the exact 95 % quantile - 0.95) / MCSE.
    pub q95: f64,
}

impl Scores {
    fn named(&self) -> [(&'static str, f64); 4] {
        [("mean", self.mean), ("sd", self.sd), ("5 % quantile", self.q05), ("95 % quantile", self.q95)]
    }
}

/// What holding a run against the truth has shown.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Largest error of the exact values themselves, in posterior sds.
    pub accuracy: f64,
    /// The z-score that is largest in size.
    pub largest: f64,
    /// Whose it is, and of what: `mean of sigma_b`.
    pub largest_of: String,
    /// Root mean square of all z-scores: near 1 for a sound run.
    pub root_mean_square: f64,
    /// The size of a z-score that no sound run should reach.
    pub limit: f64,
    /// Whether some z-score is beyond it: the run is biased beyond doubt.
    pub biased: bool,
    /// A row a variable.
    pub scores: Vec<Scores>,
}

impl Verification {
    /// Holds the draws of `sampled`, summarized in `summary`, against `exact`, which is of the same model.
    pub fn of(sampled: &Sampled, summary: &RunSummary, exact: &Exact) -> Verification {
        let independent = summary.chains_per_superchain > 1;
        let truth = exact.summary();
        let scores: Vec<Scores> = summary
            .parameters
            .0
            .par_iter()
            .enumerate()
            .map(|(i, parameter)| {
                let (row, truth) = (&parameter.summary, &truth[i]);
                let values = sampled.draws.variable(i);
                let series = Series::new(&values, sampled.draws.chains());
                let coverage = |quantile, share| coverage(series, independent, quantile, share);
                Scores {
                    parameter: parameter.name.clone(),
                    exact_mean: truth.mean,
                    exact_sd: truth.sd,
                    mean: (row.mean - truth.mean) / row.mcse_mean,
                    sd: (row.sd - truth.sd) / row.mcse_sd,
                    q05: coverage(truth.q05, 0.05),
                    q95: coverage(truth.q95, 0.95),
                }
            })
            .collect();
        Verification::from_scores(scores, exact.accuracy())
    }

    fn from_scores(scores: Vec<Scores>, accuracy: f64) -> Verification {
        let all = || scores.iter().flat_map(|scores| scores.named().map(|(of, z)| (of, z, &scores.parameter)));
        let finite = || all().filter(|(_, z, _)| z.is_finite());
        let count = finite().count().max(1) as f64;
        let root_mean_square = (finite().map(|(_, z, _)| z * z).sum::<f64>() / count).sqrt();
        let largest = finite().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (largest, largest_of) =
            largest.map_or((f64::NAN, String::new()), |(of, z, parameter)| (z, format!("{of} of {parameter}")));
        // Bonferroni's bound: no more than FALSE_ALARM in all, however the scores hang together.
        let limit = Normal::standard().inverse_cdf(1.0 - FALSE_ALARM / (2.0 * count));
        Verification { accuracy, largest, largest_of, root_mean_square, limit, biased: largest.abs() > limit, scores }
    }
}

/// How many standard errors the share of draws up to `quantile` is from `share`; NaN where all draws, or none, are.
fn coverage(series: Series, independent: bool, quantile: f64, share: f64) -> f64 {
    let below: Vec<f64> = series.values().iter().map(|draw| f64::from(u8::from(*draw <= quantile))).collect();
    let below = Series::new(&below, series.chains());
    let row = Summary::of(below);
    let row = if independent { row.from_independent_chains(below) } else { row };
    (row.mean - share) / row.mcse_mean
}
