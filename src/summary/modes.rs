//! Which modes of the posterior a run has been to: draws that sit in a mode of no mass are wrong, however well chains agree.

use std::ops::Range;

use serde::Serialize;

use super::{Advice, RunSummary, significant};
use crate::experiment::Sampled;
use crate::mode::Visits;

/// Draws that are followed uphill: where there is one mode, and where there are several.
const FEW: usize = 8;
const MANY: usize = 64;

/// More than this share of the draws in modes that are negligible is no accident.
const SHARE_LIMIT: f64 = 0.05;

/// A mode, and how much of the posterior and of the draws is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Visited {
    /// The hyperparameters there, in the user's units: names and values.
    pub at: Vec<(String, f64)>,
    /// Which of them are scales and dispersions, by which modes differ.
    #[serde(skip)]
    pub scales: Range<usize>,
    /// The share of the posterior's mass, by Laplace's approximation.
    pub mass: f64,
    /// The share of the draws.
    pub draws: f64,
    /// Whether its mass is below 1 % of the largest.
    pub negligible: bool,
}

/// Places among `chains` times `draws` draws that are looked at, `[chain][draw]`.
pub(super) fn places<D>(sampled: &Sampled<D>, chains: usize, draws: usize) -> Vec<usize> {
    let all = chains * draws;
    let count = if sampled.landscape().is_split() { MANY } else { FEW }.min(all);
    // The middle of each of as many stretches.
    (0..count).map(|i| (2 * i + 1) * all / (2 * count)).collect()
}

/// The modes that are there, where there are several; `draws` are hyperparameters in the user's units.
pub(super) fn visited<D>(sampled: &Sampled<D>, draws: impl Iterator<Item = Vec<f64>>) -> Vec<Visited> {
    let Visits { landscape, shares } = sampled.landscape().visited(&sampled.model, draws);
    if !landscape.is_split() {
        return Vec::new();
    }
    let names = &sampled.names[..sampled.model.layout().hyperparameters()];
    let of = |i: usize| Visited {
        at: names.iter().cloned().zip(landscape.peaks[i].named.iter().copied()).collect(),
        scales: sampled.model.layout().positive(),
        mass: landscape.share(i),
        draws: shares[i],
        negligible: landscape.is_negligible(i),
    };
    let mut all: Vec<Visited> = (0..landscape.peaks.len()).map(of).collect();
    all.sort_by(|a, b| b.mass.total_cmp(&a.mass));
    all
}

/// What there is to say of them.
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
    let at = mode.at[mode.scales.clone()].iter().map(|(name, value)| (name.as_str(), *value));
    format!("{} (mass {}, draws {:.0} %)", scales_at(at), significant(mode.mass), 100.0 * mode.draws)
}

/// Scales of a mode, by which modes differ: `sigma_a 1.20, eps 0.720`.
pub fn scales_at<'a>(scales: impl Iterator<Item = (&'a str, f64)>) -> String {
    scales.map(|(name, value)| format!("{name} {}", significant(value))).collect::<Vec<_>>().join(", ")
}
