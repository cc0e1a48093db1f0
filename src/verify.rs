//! Comparison of a run with the exact posterior: for every variable, how many Monte Carlo standard errors its mean, its
//! sd and the coverage of its 5 % and 95 % quantiles are from the exact values.
//!
//! A z-score is nearly standard normal if the averaged quantity has a third moment (Berry and Esseen). Indicators have
//! one, so that coverage is always compared. A mean is compared if the variable's tail index is above 3, and an sd, an
//! average of squares, if it is above 6 (see [`Exact::tail_index`]). With J groups the index of sigma is J: with three
//! groups neither its mean nor its sd is compared, with a few more its sd is not.

use rayon::prelude::*;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::diagnostics::{Series, Summary, mean, sd};
use crate::exact::Exact;
use crate::experiment::Sampled;
use crate::summary::{RunSummary, counted};

/// Probability that a sound run is called biased, if its errors are normal; each variable has four z-scores.
const FALSE_ALARM: f64 = 1e-4;

/// Tail indices up to which means and sds are not compared. Third moments need an index above 3, or 6; the limit is
/// halfway to the next integer, because the index is measured.
const LIGHT_FOR_MEANS: f64 = 3.5;
const LIGHT_FOR_SDS: f64 = 6.5;

/// z-scores of one variable. NaN (null in JSON) if a z-score cannot be computed or would mean nothing.
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

/// The comparison of a run with the exact posterior.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Largest error of the exact values, in posterior sds.
    pub accuracy: f64,
    /// The z-score that is largest in size.
    pub largest: f64,
    /// Its statistic and variable: `mean of sigma_b`.
    pub largest_of: String,
    /// Root mean square of all z-scores; near 1 for a sound run.
    pub root_mean_square: f64,
    /// The size of a z-score that no sound run should reach.
    pub limit: f64,
    /// Number of z-scores.
    pub compared: usize,
    /// Whether a z-score is beyond the limit, so that the run is certainly biased.
    pub biased: bool,
    /// Whether the exact posterior's integral has settled.
    pub settled: bool,
    /// What was not compared, and why; a sentence each.
    pub left_out: Vec<String>,
    /// A row for each variable.
    pub scores: Vec<Scores>,
}

/// A run's estimates of one variable, with Monte Carlo errors; NaN if unknown.
struct Measured {
    mean: f64,
    sd: f64,
    mcse_mean: f64,
    mcse_sd: f64,
}

/// What the Monte Carlo errors of a run come from.
#[derive(Debug, Clone, Copy)]
enum Errors {
    /// The number of independent draws.
    Independent,
    /// Autocorrelations inside chains.
    Autocorrelated,
    /// The spread over many short chains.
    OverChains,
}

impl Verification {
    /// Compares the draws of `sampled`, summarized in `summary`, with `exact`, the posterior of the same model.
    pub fn of(sampled: &Sampled, summary: &RunSummary, exact: &Exact) -> Verification {
        let errors = match summary.chains_per_superchain {
            _ if summary.every_draw_counts() => Errors::Independent,
            1 => Errors::Autocorrelated,
            _ => Errors::OverChains,
        };
        let truth = exact.summary();
        let draws = &sampled.draws;
        let mut scores: Vec<Scores> = Vec::new();
        for variables in draws.variable_ranges() {
            let (values, size) = (draws.read(variables.clone()), draws.chains() * draws.draws());
            let rows = summary.parameters.0[variables.clone()].par_iter().zip(values.par_chunks_exact(size.max(1)));
            scores.par_extend(variables.into_par_iter().zip(rows).map(|(i, (parameter, values))| {
                let row = &parameter.summary;
                let measured = Measured { mean: row.mean, sd: row.sd, mcse_mean: row.mcse_mean, mcse_sd: row.mcse_sd };
                let series = Series::new(values, draws.chains());
                let coverage = |quantile, share| coverage(series, errors, quantile, share);
                let covered = [coverage(truth[i].q05, 0.05), coverage(truth[i].q95, 0.95)];
                self::scores(&parameter.name, exact, i, &measured, covered)
            }));
        }
        let effects = exact.names().len() - scores.len();
        let mut left_out = if effects > 0 { vec![not_kept(effects)] } else { Vec::new() };
        let measured = summary.parameters.0.iter().map(|row| row.summary.mcse_mean).enumerate();
        let sharp = measured.map(|(i, error)| exact.is_far_below(error, i));
        left_out.extend(silence_unsettled(&mut scores, sharp, exact.accuracy()));
        Verification::from_scores(scores, exact, left_out)
    }

    fn from_scores(mut scores: Vec<Scores>, exact: &Exact, mut left_out: Vec<String>) -> Verification {
        left_out.extend(silence_heavy_tails(&mut scores, exact));
        let all = || scores.iter().flat_map(|scores| scores.named().map(|(of, z)| (of, z, &scores.parameter)));
        let finite = || all().filter(|(_, z, _)| z.is_finite());
        let compared = finite().count();
        let count = compared.max(1) as f64;
        let root_mean_square = (finite().map(|(_, z, _)| z * z).sum::<f64>() / count).sqrt();
        let largest = finite().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (largest, largest_of) =
            largest.map_or((f64::NAN, String::new()), |(of, z, parameter)| (z, format!("{of} of {parameter}")));
        // Bonferroni's bound: at most FALSE_ALARM in all, however the scores are correlated.
        let limit = Normal::standard().inverse_cdf(1.0 - FALSE_ALARM / (2.0 * count));
        Verification {
            accuracy: exact.accuracy(),
            settled: exact.is_settled(),
            largest,
            largest_of,
            root_mean_square,
            limit,
            compared,
            biased: largest.abs() > limit,
            left_out,
            scores,
        }
    }
}

/// The z-scores of variable `i` of `exact`; those of its quantiles are given.
fn scores(name: &str, exact: &Exact, i: usize, run: &Measured, [q05, q95]: [f64; 2]) -> Scores {
    let truth = exact.summary()[i];
    Scores {
        parameter: name.to_string(),
        exact_mean: truth.mean,
        exact_sd: truth.sd,
        mean: (run.mean - truth.mean) / run.mcse_mean,
        sd: (run.sd - truth.sd) / run.mcse_sd,
        q05,
        q95,
    }
}

/// z-score of the share of draws up to `quantile`, whose exact value is `share`; NaN if all draws, or none, are below.
fn coverage(series: Series, errors: Errors, quantile: f64, share: f64) -> f64 {
    let below: Vec<f64> = series.values().iter().map(|draw| f64::from(u8::from(*draw <= quantile))).collect();
    let below = Series::new(&below, series.chains());
    let of = |row: Summary| (row.mean, row.mcse_mean);
    let (mean, mcse) = match errors {
        Errors::Independent => (mean(below.values()), sd(below.values()) / (below.values().len() as f64).sqrt()),
        Errors::Autocorrelated => of(Summary::of(below)),
        Errors::OverChains => of(Summary::of(below).from_independent_chains(below)),
    };
    (mean - share) / mcse
}

/// Removes scores of means and sds that mean nothing because of heavy tails, and returns sentences that say which.
fn silence_heavy_tails(scores: &mut [Scores], exact: &Exact) -> Vec<String> {
    let index_of = |name: &str| exact.names().iter().position(|other| other == name);
    // Given the scales all other variables are normal, with sds in proportion to the scales at most.
    if exact.layout().positive_indices().map(|i| exact.tail_index(i)).all(|index| index > LIGHT_FOR_SDS) {
        return Vec::new();
    }
    let indices: Vec<f64> =
        scores.par_iter().map(|scores| index_of(&scores.parameter).map_or(f64::NAN, |i| exact.tail_index(i))).collect();
    let (mut means, mut sds) = (Vec::new(), Vec::new());
    for (scores, index) in scores.iter_mut().zip(indices) {
        if index <= LIGHT_FOR_SDS {
            scores.sd = f64::NAN;
            sds.push(scores.parameter.clone());
        }
        if index <= LIGHT_FOR_MEANS {
            scores.mean = f64::NAN;
            means.push(scores.parameter.clone());
        }
    }
    let say = |what: &str, names: Vec<String>, moment: &str| {
        format!(
            "the {what} of {} are not compared: with so few groups the posterior's tails are so heavy that it has no {moment} moment, \
             and no run's error bars can be relied on",
            listed(&names)
        )
    };
    let mut said = Vec::new();
    if !sds.is_empty() {
        said.push(say("sds", sds, "sixth"));
    }
    if !means.is_empty() {
        said.push(say("means", means, "third"));
    }
    said
}

/// Removes all scores of variables whose exact values are not much more precise than the run's, and says which.
fn silence_unsettled(scores: &mut [Scores], sharp: impl Iterator<Item = bool>, accuracy: f64) -> Option<String> {
    let mut names = Vec::new();
    for (scores, sharp) in scores.iter_mut().zip(sharp) {
        if !sharp {
            (scores.mean, scores.sd, scores.q05, scores.q95) = (f64::NAN, f64::NAN, f64::NAN, f64::NAN);
            names.push(scores.parameter.clone());
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "{} are not compared: the integral has not settled, the exact values may be off by {:.1e} posterior sds, and the run's \
             own errors are not far above that",
            listed(&names),
            accuracy
        )
    })
}

fn not_kept(effects: usize) -> String {
    format!("the {} were not kept (--keep hyper)", counted(effects as u64, "group effect"))
}

/// The first names of a list, and the number of further names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_far_better_than_the_run_knows_it_is_not_compared() {
        let row = |name: &str| Scores {
            parameter: name.to_string(),
            exact_mean: 0.0,
            exact_sd: 1.0,
            mean: 5.0,
            sd: 5.0,
            q05: 5.0,
            q95: 5.0,
        };
        let mut scores = [row("mu_a"), row("sigma_a"), row("eps")];
        let said = silence_unsettled(&mut scores, [true, false, true].into_iter(), 2e-4).unwrap();
        assert!(said.starts_with("sigma_a are not compared") && said.contains("2.0e-4 posterior sds"), "{said}");
        let compared = scores.map(|scores| scores.named().iter().filter(|(_, z)| z.is_finite()).count());
        assert_eq!(compared, [4, 0, 4]);
        assert_eq!(silence_unsettled(&mut [row("eps")], [true].into_iter(), 2e-4), None);
    }
}
