//! One run, boiled down to what every figure knows of it.

use rayon::prelude::*;
use serde::Serialize;

use super::chains::VariableDraws;
use super::kde::{Curve, DensityGrid};
use super::thin::{evenly, rounded, thinned};
use crate::experiment::Sampled;
use crate::nuts::Statistic;
use crate::summary::{Parameter, Parameters, RunSummary};

/// Points of a density.
pub const POINTS: usize = 160;

/// Draws of a cloud of points.
const CLOUD: usize = 1200;

/// The most divergences that are marked.
const DIVERGENCES: usize = 1000;

/// The most chains that are looked at one by one.
const CHAINS: usize = 256;

/// What is left of a run.
#[derive(Debug, Clone)]
pub struct ReportedRun {
    /// Its parameterization.
    pub name: String,
    /// Which of the page's colours is its own.
    pub slot: usize,
    /// Its summary, with the rows of the hyperparameters only.
    pub summary: RunSummary,
    /// Where each divergence that is marked happened: chain, draw.
    pub divergent: Vec<[usize; 2]>,
    /// Hyperparameter by hyperparameter.
    pub hyper: Vec<Hyper>,
}

/// What is left of a hyperparameter.
#[derive(Debug, Clone)]
pub struct Hyper {
    /// Its name.
    pub name: String,
    /// Posterior mean.
    pub mean: f64,
    /// Smaller of bulk and tail ESS.
    pub ess: f64,
    /// What is worth seeing of it.
    pub grid: DensityGrid,
    /// The share of the draws outside of that.
    pub beyond: f64,
    /// Its density.
    pub density: Curve,
    /// Thinned draws, and those that divergences ended in.
    pub cloud: Cloud,
}

/// Some draws of a variable: the same places for each.
#[derive(Debug, Clone, Serialize)]
pub struct Cloud {
    /// Thinned.
    pub draws: Vec<f64>,
    /// Where transitions diverged.
    pub divergent: Vec<f64>,
}

/// Which draws of a run are shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Chains that are looked at one by one.
    pub chains: Vec<usize>,
    /// Places of draws in a cloud.
    pub cloud: Vec<usize>,
    /// Places of divergent draws that are marked.
    pub divergent: Vec<usize>,
}

impl Shown {
    /// Of a run.
    pub fn of(sampled: &Sampled) -> Shown {
        let diverging = sampled.draws.statistic(Statistic::Diverging);
        let all: Vec<usize> = (0..diverging.len()).filter(|place| diverging[*place] == 1.0).collect();
        Shown {
            chains: evenly(sampled.draws.chains(), CHAINS),
            cloud: thinned(diverging.len(), CLOUD),
            divergent: thinned(all.len(), DIVERGENCES).into_iter().map(|i| all[i]).collect(),
        }
    }

    /// The cloud of these draws.
    pub fn cloud(&self, values: &[f64]) -> Cloud {
        let at = |places: &[usize]| rounded(places.iter().map(|place| values[*place]).collect());
        Cloud { draws: at(&self.cloud), divergent: at(&self.divergent) }
    }
}

/// Runs, and the part that a figure keeps of each.
pub type With<'a, P> = [(&'a ReportedRun, &'a P)];

impl ReportedRun {
    /// Of a run with these `variables`, drawn in the colour `slot`.
    pub fn of(
        sampled: &Sampled,
        summary: &RunSummary,
        variables: &[VariableDraws],
        shown: &Shown,
        slot: usize,
    ) -> ReportedRun {
        let draws = sampled.draws.draws().max(1);
        let rows = &summary.parameters.0[..variables.len()];
        let hyper = |(row, variable): (&Parameter, &VariableDraws)| Hyper {
            name: row.name.clone(),
            mean: row.summary.mean,
            ess: row.summary.ess_bulk.min(row.summary.ess_tail),
            grid: variable.grid,
            beyond: variable.sorted.beyond(&variable.grid),
            density: variable.sorted.density(variable.grid, POINTS),
            cloud: shown.cloud(&variable.values),
        };
        ReportedRun {
            name: summary.parameterization.clone(),
            slot,
            summary: RunSummary { parameters: Parameters(rows.to_vec()), ..summary.clone() },
            divergent: shown.divergent.iter().map(|place| [place / draws, place % draws]).collect(),
            hyper: rows.par_iter().zip(variables).map(hyper).collect(),
        }
    }

    /// The hyperparameter called `name`.
    pub fn hyper(&self, name: &str) -> Option<&Hyper> {
        self.hyper.iter().find(|hyper| hyper.name == name)
    }

    /// The number of a chain in the whole experiment.
    pub fn chain_number(&self, chain: usize) -> usize {
        self.summary.settings.first_chain as usize + chain
    }
}

/// Places of the `most` hyperparameters with the smallest ESS in any run, in their order; all where there are no more.
pub fn hardest<'a>(runs: impl Iterator<Item = &'a ReportedRun> + Clone, most: usize) -> Vec<usize> {
    let count = runs.clone().next().map_or(0, |run| run.hyper.len());
    let ess = |i: usize| runs.clone().map(|run| run.hyper[i].ess).fold(f64::INFINITY, f64::min);
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| ess(*a).total_cmp(&ess(*b)));
    places.truncate(most);
    places.sort_unstable();
    places
}
