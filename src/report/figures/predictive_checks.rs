//! Predictive checks in figures: transforms of outcomes in their predictive distributions, statistics, levels,
//! residuals.

use serde::Serialize;
use serde_json::json;
use statrs::distribution::{Binomial, DiscreteCDF};

use crate::checks::{self, Calibrated, CheckedLevel, CheckedStatistic, Frequency, ResidualChecks, Residuals};
use crate::diagnostics::quantile;
use crate::experiment::Sampled;
use crate::family::{Family, OutcomeKind};
use crate::predict::DrawnVariables;
use crate::random::thinned;
use crate::report::figure::Figure;
use crate::report::run::{ReportedRun, With, best_with};
use crate::report::thin::rounded;
use crate::summary::{counted, number, significant};

/// The most factors, levels of each, points of a panel, and panels.
const FACTORS: usize = 4;
const LEVELS: usize = 40;
const POINTS: usize = 2000;
const PANELS: usize = 13;

/// A predictor of so few values has a band at each; others have one for each of so many bins, or fewer if they would
/// have fewer rows.
const FEW_VALUES: usize = 10;
const BINS: usize = 20;
const ROWS_OF_A_BIN: usize = 20;

/// The chance that all bars of the histogram are within the band.
const WITHIN: f64 = 0.95;

/// The checks of a run.
#[derive(Debug, Clone)]
pub struct ChecksPart {
    outcome: String,
    draws: usize,
    histogram: Histogram,
    statistics: Vec<CheckedStatistic>,
    /// Some levels of each factor.
    factors: Vec<FactorLevels>,
    /// Rows that were looked at, and all.
    rows: [usize; 2],
    panels: Vec<ResidualPanel>,
    /// Whether residuals are distances from expectations, in the outcome's unit, or normal scores of ranks.
    has_distances: bool,
    /// Of counts and of successes.
    outcomes: Option<Outcomes>,
}

/// Outcomes beside those of replicates.
#[derive(Debug, Clone)]
enum Outcomes {
    Frequencies(Vec<Frequency>),
    Shares(Vec<Calibrated>),
}

/// Those levels of a factor that are furthest from their replicates.
#[derive(Debug, Clone)]
struct FactorLevels {
    factor: String,
    /// The number of all its levels.
    count: usize,
    levels: Vec<CheckedLevel>,
}

/// A histogram of PITs, with the band of uniform ones.
#[derive(Debug, Clone, Serialize)]
struct Histogram {
    counts: Vec<usize>,
    band: [f64; 2],
}

/// Residuals against the fitted values or a predictor.
#[derive(Debug, Clone, Serialize)]
struct ResidualPanel {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
    /// Medians of x in bins, and the quantiles of residuals there at 5, 50 and 95 %.
    at: Vec<f64>,
    low: Vec<f64>,
    middle: Vec<f64>,
    high: Vec<f64>,
}

impl ChecksPart {
    /// The checks of a run, if they can be made in short time.
    pub fn of(sampled: &Sampled) -> Option<ChecksPart> {
        let variables =
            checks::can_check(sampled).then(|| DrawnVariables::of(sampled, checks::DRAWS).ok()).flatten()?;
        let residuals = Residuals::new(&variables);
        let (data, found) = (sampled.model.dataset(), ResidualChecks::of(&residuals));
        let of_rows = |of: &dyn Fn(usize) -> f64| found.rows.iter().map(|row| of(*row)).collect::<Vec<f64>>();
        let outcomes = of_rows(&|row| data.outcome()[row]);
        let family = sampled.model.family();
        let has_distances = family == Family::Gaussian;
        let distances: Vec<f64> = match has_distances {
            true => outcomes.iter().zip(&found.fitted).map(|(y, fitted)| y - fitted).collect(),
            false => found.residuals.clone(),
        };
        let fitted = if family.has_mean_eta() { "fitted values" } else { "linear predictor" };
        let mut panels = vec![ResidualPanel::of(fitted.to_string(), &found.fitted, &distances)];
        panels.extend(data.predictor_names().iter().enumerate().take(PANELS - 1).map(|(k, name)| {
            let values = of_rows(&|row| data.predictor(k)[row] + data.predictor_means()[k]);
            ResidualPanel::of(name.clone(), &values, &distances)
        }));
        Some(ChecksPart {
            outcome: data.outcome_name().to_string(),
            draws: found.draws,
            histogram: Histogram::of(&checks::transforms(&residuals)),
            statistics: found.statistics().into_iter().cloned().collect(),
            factors: (0..data.n_factors().min(FACTORS))
                .map(|factor| FactorLevels {
                    factor: data.factor_name(factor).to_string(),
                    count: data.levels(factor).len(),
                    levels: checks::by_level(&residuals, factor, LEVELS),
                })
                .collect(),
            rows: [found.rows.len(), data.n_observations()],
            panels,
            has_distances,
            outcomes: match family.outcomes() {
                OutcomeKind::Real | OutcomeKind::Positive => None,
                OutcomeKind::Count => Some(Outcomes::Frequencies(checks::frequencies(&residuals))),
                OutcomeKind::Successes => Some(Outcomes::Shares(checks::shares(&residuals))),
            },
        })
    }

    /// Its rows in words.
    fn rows(&self) -> String {
        let [looked_at, all] = self.rows;
        if looked_at == all { counted(all as u64, "row") } else { format!("{looked_at} of {all} rows") }
    }
}

impl Histogram {
    fn of(transforms: &[f64]) -> Histogram {
        let bins = (transforms.len() / 10).clamp(5, BINS);
        let mut counts = vec![0; bins];
        transforms.iter().for_each(|u| counts[((u * bins as f64) as usize).min(bins - 1)] += 1);
        // Each bar is outside with a chance of at most 1 - WITHIN over their number.
        let outside = 0.5 * (1.0 - WITHIN) / bins as f64;
        let band = Binomial::new(1.0 / bins as f64, transforms.len() as u64).map_or([0.0, f64::MAX], |binomial| {
            [binomial.inverse_cdf(outside) as f64, binomial.inverse_cdf(1.0 - outside) as f64]
        });
        Histogram { counts, band }
    }

    fn outside(&self) -> usize {
        let is_outside = |count: &&usize| !(self.band[0]..=self.band[1]).contains(&(**count as f64));
        self.counts.iter().filter(is_outside).count()
    }
}

impl ResidualPanel {
    fn of(name: String, x: &[f64], residuals: &[f64]) -> ResidualPanel {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
        let by_value: Vec<&[usize]> = order.chunk_by(|a, b| x[*a] == x[*b]).collect();
        let size = order.len().div_ceil((order.len() / ROWS_OF_A_BIN).clamp(1, BINS)).max(1);
        let bins = if by_value.len() <= FEW_VALUES { by_value } else { order.chunks(size).collect() };
        let of_bins = |values: &[f64], p: f64| {
            let of = |rows: &&[usize]| {
                let mut own: Vec<f64> = rows.iter().map(|row| values[*row]).collect();
                own.sort_unstable_by(f64::total_cmp);
                quantile(&own, p)
            };
            rounded(bins.iter().map(of).collect())
        };
        let shown = thinned(x.len(), POINTS);
        let at = |values: &[f64]| rounded(shown.iter().map(|row| values[*row]).collect());
        ResidualPanel {
            name,
            x: at(x),
            y: at(residuals),
            at: of_bins(x, 0.5),
            low: of_bins(residuals, 0.05),
            middle: of_bins(residuals, 0.5),
            high: of_bins(residuals, 0.95),
        }
    }
}

/// The figures of the best run, or of the first that has checks.
pub fn figures(runs: &With<ChecksPart>, best: &str) -> Vec<Figure> {
    let Some((run, part)) = best_with(runs, best) else { return Vec::new() };
    let of_outcomes = part.outcomes.as_ref().map(|outcomes| match outcomes {
        Outcomes::Frequencies(bars) => frequencies(run, part, bars),
        Outcomes::Shares(bins) => shares(run, part, bins),
    });
    let others = [transforms(run, part), statistics(run, part), levels(run, part), residuals(run, part)];
    of_outcomes.into_iter().chain(others).collect()
}

/// Of how many bars or bins the data are outside of 90 % of replicates.
fn outside<'a>(all: impl Iterator<Item = (f64, &'a [f64; 3])>) -> usize {
    all.filter(|(observed, [low, _, high])| observed < low || observed > high).count()
}

fn frequencies(run: &ReportedRun, part: &ChecksPart, bars: &[Frequency]) -> Figure {
    let bar = |Frequency { outcomes, rows, replicated }: &Frequency| json!({ "from": outcomes[0], "to": outcomes[1], "rows": rows, "replicated": replicated });
    let data = json!({ "x": part.outcome, "slot": run.slot, "bars": bars.iter().map(bar).collect::<Vec<_>>() });
    let outside = outside(bars.iter().map(|bar| (bar.rows as f64, &bar.replicated)));
    Figure::new("check-frequencies", format!("Frequencies of {}, and in replicates", part.outcome), data)
        .of_checks()
        .captioned(
            "A rootogram: how many rows have each count, on a square-root scale; lines are where 90 % of replicates lie. Too many zeros \
             beside too few small counts say that some rows can only be zero; too many at both ends that counts vary more \
             than their distribution lets them.",
            format!(
                "{}, {}: {outside} of {} bars outside of 90 % of replicates; one in ten is by chance.",
                part.rows(),
                run.name,
                bars.len(),
            ),
        )
}

fn shares(run: &ReportedRun, part: &ChecksPart, bins: &[Calibrated]) -> Figure {
    let bin = |Calibrated { expected, observed, replicated, rows }: &Calibrated| json!({ "expected": expected, "observed": observed, "replicated": replicated, "rows": rows });
    let data = json!({ "x": part.outcome, "slot": run.slot, "bins": bins.iter().map(bin).collect::<Vec<_>>() });
    let outside = outside(bins.iter().map(|bin| (bin.observed, &bin.replicated)));
    Figure::new("check-shares", format!("Calibration: shares of {} by what is expected", part.outcome), data)
        .of_checks()
        .captioned(
            "Rows in the order of the probability that the model, fitted to all other rows, gives them, in bins: the share of successes \
             in a bin (dots) should be where replicates have it (lines, 90 % of them), about the diagonal. An S about it says that probabilities are too near to \
             the middle, or to the ends.",
            format!(
                "{} in {}, {}: {outside} outside of 90 % of replicates; one in ten is by chance.",
                part.rows(),
                counted(bins.len() as u64, "bin"),
                run.name,
            ),
        )
}

fn transforms(run: &ReportedRun, part: &ChecksPart) -> Figure {
    let Histogram { counts, band } = &part.histogram;
    let data = json!({ "x": part.outcome, "slot": run.slot, "counts": counts, "band": band, "rows": part.rows[0] });
    let title = format!("Probability integral transforms (PIT) of {}", part.outcome);
    Figure::new("check-transforms", title, data).of_checks().captioned(
        "The PIT of an outcome is the probability that the model, fitted to all other rows, gives to a smaller one: 0.5 in the \
         middle of its predictive distribution, near 0 or 1 in the tails. If the model makes such data, PITs are uniform, and bars \
         within the band. A hill says that the model expects more noise than there is, high ends that outcomes are far away more \
         often, a slope that they are too high or too low.",
        format!(
            "{} in {} bars, {}: {} outside of the band, within which all bars of uniform PITs are with a probability of at least \
             {:.0} %.",
            part.rows(),
            counts.len(),
            run.name,
            part.histogram.outside(),
            100.0 * WITHIN,
        ),
    )
}

fn statistics(run: &ReportedRun, part: &ChecksPart) -> Figure {
    let row = |statistic: &CheckedStatistic| {
        let [low, middle, high] = statistic.replicated;
        let cells = [statistic.observed, low, middle, high].map(significant);
        json!({
            "name": statistic.name, "observed": statistic.observed, "low": low, "middle": middle, "high": high,
            "p": statistic.p, "cells": cells, "shown": p_text(statistic.p, part.draws),
        })
    };
    let data = json!({ "slot": run.slot, "rows": part.statistics.iter().map(row).collect::<Vec<_>>() });
    let beyond: Vec<String> = part
        .statistics
        .iter()
        .filter(|statistic| !(0.005..=0.995).contains(&statistic.p))
        .map(|statistic| format!("{} ({})", statistic.name, significant(statistic.observed)))
        .collect();
    let beyond = match &beyond[..] {
        [] => "None is beyond 99 % of replicates.".to_string(),
        some => format!("Beyond 99 % of replicates: {}.", some.join(", ")),
    };
    Figure::new("check-statistics", "Residuals against those of replicates", data).of_checks().captioned(
        format!(
            "{} in each draw of the posterior. p is the share of draws in which a replicate has as much of it as the data: near 0 the \
             data have more than the model makes, near 1 less. What is far away hardly counts in the skewness of the middle; F compares \
             levels.",
            match part.has_distances {
                true => "Residuals are divided by the noise that the model takes a row to have,",
                false => "Residuals are the normal scores of an outcome's rank in its distribution, ties broken at random,",
            },
        ),
        format!("{}, {}. {beyond}", counted(part.draws as u64, "draw"), run.name),
    )
}

/// A p-value of so many draws.
fn p_text(p: f64, draws: usize) -> String {
    let least = 1.0 / draws as f64;
    match p {
        p if p < least => format!("< {}", number(least, 3)),
        p if p > 1.0 - least => format!("> {}", number(1.0 - least, 3)),
        p => number(p, 3),
    }
}

fn levels(run: &ReportedRun, part: &ChecksPart) -> Figure {
    let level = |level: &CheckedLevel| {
        let of = |statistic: &CheckedStatistic| {
            let [low, middle, high] = statistic.replicated;
            let numbers = rounded(vec![statistic.observed, low, middle, high]);
            json!({ "name": statistic.name, "numbers": numbers, "p": statistic.p })
        };
        let statistics: Vec<_> = level.statistics.iter().map(of).collect();
        json!({ "level": level.level, "rows": level.rows, "statistics": statistics })
    };
    let of_factor = |factor: &FactorLevels| {
        let levels: Vec<_> = factor.levels.iter().map(level).collect();
        json!({ "factor": factor.factor, "levels": levels })
    };
    let factors: Vec<_> = part.factors.iter().map(of_factor).collect();
    let data = json!({ "outcome": part.outcome, "slot": run.slot, "factors": factors });
    let shows = part.factors.iter().map(|FactorLevels { factor, count, levels }| {
        let which = if levels.len() < *count { format!("{} of {count}", levels.len()) } else { count.to_string() };
        let first =
            levels.first().map_or(String::new(), |level| format!(", {} furthest from its replicates", level.level));
        format!("{which} levels of {factor}{first}")
    });
    let shows = format!("{}: {}.", run.name, shows.collect::<Vec<_>>().join("; "));
    let names: Vec<&str> = part.factors.iter().map(|factor| &factor.factor[..]).collect();
    let title = format!("{} by {}, and in replicates", part.outcome, names.join(", "));
    Figure::new("check-levels", title, data).of_checks().captioned(
        "Each level's mean, sd, smallest and largest outcome (dots) should be where replicates have them (lines, 90 % of them): one in \
         ten is outside by chance.",
        shows,
    )
}

fn residuals(run: &ReportedRun, part: &ChecksPart) -> Figure {
    let data = json!({ "outcome": part.outcome, "slot": run.slot, "panels": part.panels });
    let shown = part.rows[0].min(POINTS);
    let fitted = &part.panels[0];
    let width = |bin: Option<usize>| bin.map_or(f64::NAN, |bin| fitted.high[bin] - fitted.low[bin]);
    let widths = [width(Some(0)), width(fitted.at.len().checked_sub(1))].map(significant);
    Figure::new("check-residuals", "Residuals against fitted values and predictors", data).of_checks().captioned(
        match part.has_distances {
            true => {
                "Outcomes minus the posterior means of their expectations should look alike everywhere: a bend of the running median \
                 says that a term is missing, a band that widens that the noise is not the same for all."
            }
            false => {
                "The normal score of each outcome's rank in its distribution, ties broken at random, and averaged over draws, should look \
                 alike everywhere: a bend of the running median says that a term is missing, a band that widens that the distribution is \
                 not the same for all."
            }
        },
        format!(
            "{shown} of {}, {}. 90 % of residuals are within {} at the smallest {} and within {} at the largest.",
            part.rows(),
            run.name,
            widths[0],
            if part.panels[0].name == "fitted values" { "fitted values" } else { "linear predictors" },
            widths[1],
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_transforms_are_within_the_band_and_others_are_not() {
        let transforms: Vec<f64> = (0..1000).map(|i| (f64::from(i) + 0.5) / 1000.0).collect();
        let histogram = Histogram::of(&transforms);
        assert_eq!((histogram.counts.len(), histogram.counts[0], histogram.outside()), (20, 50, 0));
        // Binomial(1000, 0.05) has mean 50 and sd 6.9; 20 bars need 3 sds.
        assert!(
            (27.0..33.0).contains(&histogram.band[0]) && (69.0..75.0).contains(&histogram.band[1]),
            "{histogram:?}"
        );
        let hill: Vec<f64> = transforms.iter().map(|u| 0.25 + 0.5 * u).collect();
        assert_eq!(Histogram::of(&hill).outside(), 20);
        assert_eq!(Histogram::of(&[1.0]).counts, [0, 0, 0, 0, 1]);
    }

    #[test]
    fn bands_are_of_values_if_there_are_few_and_of_bins_otherwise() {
        let x: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let residuals: Vec<f64> = (0..100).map(f64::from).collect();
        let few = ResidualPanel::of("x".into(), &x, &residuals);
        assert_eq!((few.at, few.middle), (vec![0.0, 1.0], vec![49.0, 50.0]));
        let many = ResidualPanel::of("x".into(), &residuals, &residuals);
        assert_eq!((many.at.len(), many.x.len(), many.middle[0]), (5, 100, 9.5));
        let large = ResidualPanel::of("x".into(), &[0.0; 5000], &[1.0; 5000]);
        assert_eq!((large.x.len(), large.at), (POINTS, vec![0.0]));
    }
}
