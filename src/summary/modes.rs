//! The posterior's modes that a run has visited: draws in a negligible mode are wrong, however well chains agree.

use serde::Serialize;

use super::{Advice, RunSummary, significant};
use crate::experiment::Sampled;
use crate::mode::Visits;

/// Draws from which a search goes uphill, if there is one mode, and if there are several.
const FEW: usize = 8;
const MANY: usize = 64;

/// A larger share of the draws in negligible modes is not due to chance.
const SHARE_LIMIT: f64 = 0.05;

/// A mode, with its share of the posterior and of the draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Visited {
    /// Names and values of the hyperparameters at the mode, in the user's units.
    pub at: Vec<(String, f64)>,
    /// Indices of the scales and dispersions in `at`; modes differ by these.
    #[serde(skip)]
    pub scales: Vec<usize>,
    /// Its share of the posterior's mass, by Laplace's approximation.
    pub mass: f64,
    /// Its share of the draws.
    pub draws: f64,
    /// Whether its mass is below 1 % of the largest.
    pub negligible: bool,
}

/// Indices, in `[chain][draw]`, of the draws from which to search.
pub(super) fn places<D>(sampled: &Sampled<D>, chains: usize, draws: usize) -> Vec<usize> {
    let all = chains * draws;
    let count = if sampled.landscape().is_split() { MANY } else { FEW }.min(all);
    // The middle of each of `count` equal ranges.
    (0..count).map(|i| (2 * i + 1) * all / (2 * count)).collect()
}

/// The modes, if there are several; `draws` are hyperparameters in the user's units.
pub(super) fn visited<D>(sampled: &Sampled<D>, draws: impl Iterator<Item = Vec<f64>>) -> Vec<Visited> {
    let Visits { landscape, shares } = sampled.landscape().visited(&sampled.model, draws);
    if !landscape.is_split() {
        return Vec::new();
    }
    let names = &sampled.names[..sampled.model.layout().hyperparameters()];
    let of = |i: usize| Visited {
        at: names.iter().cloned().zip(landscape.peaks[i].named.iter().copied()).collect(),
        scales: sampled.model.layout().positive_indices().collect(),
        mass: landscape.share(i),
        draws: shares[i],
        negligible: landscape.is_negligible(i),
    };
    let mut all: Vec<Visited> = (0..landscape.peaks.len()).map(of).collect();
    all.sort_by(|a, b| b.mass.total_cmp(&a.mass));
    all
}

/// The warning about modes, if there is one.
pub(super) fn advice(run: &RunSummary) -> Option<Advice> {
    let modes = &run.modes;
    let astray: f64 = modes.iter().filter(|mode| mode.negligible).map(|mode| mode.draws).sum();
    let worth = modes.iter().filter(|mode| !mode.negligible).count();
    let described = || modes.iter().map(describe).collect::<Vec<_>>().join("; ");
    if astray > SHARE_LIMIT {
        return Some(Advice {
            kind: "minor-mode",
            problem: format!(
                "{:.0} % of the draws are in a mode of the posterior that has next to none of its mass: {}",
                100.0 * astray,
                described()
            ),
            remedy: "sample anew, without --metric-from: chains start where the mass is, and stay there".to_string(),
            proposals: Vec::new(),
            distrust: true,
        });
    }
    (worth > 1).then(|| Advice {
        kind: "modes",
        problem: format!("the posterior has {worth} modes, and its means lie between them: {}", described()),
        remedy: "tell of each by itself, or say with the priors which of them is meant".to_string(),
        proposals: Vec::new(),
        distrust: false,
    })
}

/// A mode in words.
fn describe(mode: &Visited) -> String {
    let at = mode.scales.iter().map(|i| (mode.at[*i].0.as_str(), mode.at[*i].1));
    format!("{} (mass {}, draws {:.0} %)", scales_at(at), significant(mode.mass), 100.0 * mode.draws)
}

/// The scales of a mode: `sigma_a 1.20, eps 0.720`.
pub fn scales_at<'a>(scales: impl Iterator<Item = (&'a str, f64)>) -> String {
    scales.map(|(name, value)| format!("{name} {}", significant(value))).collect::<Vec<_>>().join(", ")
}
