//! One run, reduced to the numbers that figures share.

use rayon::prelude::*;
use serde::Serialize;

use super::chains::VariableDraws;
use super::kde::{Curve, DensityGrid};
use super::thin::{evenly, rounded};
use crate::experiment::Sampled;
use crate::nuts::Statistic;
use crate::random::thinned;
use crate::summary::{Parameter, Parameters, RunSummary};

/// Points of a density.
pub const POINTS: usize = 160;

/// Draws in a cloud of points.
const CLOUD: usize = 1200;

/// The most divergences that are marked.
const DIVERGENCES: usize = 1000;

/// The most chains that are examined one by one.
const CHAINS: usize = 256;

/// The shared numbers of a run.
#[derive(Debug, Clone)]
pub struct ReportedRun {
    /// `independent`, or the parameterization of the chains.
    pub name: String,
    /// The index of the run's colour.
    pub slot: usize,
    /// The summary, with the rows of the hyperparameters only.
    pub summary: RunSummary,
    /// Chain and draw of each divergence that is marked.
    pub divergent: Vec<[usize; 2]>,
    /// The hyperparameters.
    pub hyper: Vec<Hyper>,
}

/// The shared numbers of a hyperparameter.
#[derive(Debug, Clone)]
pub struct Hyper {
    /// The name.
    pub name: String,
    /// Posterior mean.
    pub mean: f64,
    /// Smaller of bulk and tail ESS.
    pub ess: f64,
    /// The visible range.
    pub grid: DensityGrid,
    /// The fraction of the draws outside of the grid.
    pub beyond: f64,
    /// The density.
    pub density: Curve,
    /// Thinned draws, and the draws of divergent transitions.
    pub cloud: Cloud,
}

/// Some draws of a variable, with the same indices for all variables.
#[derive(Debug, Clone, Serialize)]
pub struct Cloud {
    /// Thinned draws.
    pub draws: Vec<f64>,
    /// The draws of divergent transitions.
    pub divergent: Vec<f64>,
}

/// The chains and draws of a run that are shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Chains that are examined one by one.
    pub chains: Vec<usize>,
    /// Indices of the draws in a cloud.
    pub cloud: Vec<usize>,
    /// Indices of the divergent draws that are marked.
    pub divergent: Vec<usize>,
}

impl Shown {
    /// Selects chains and draws of a run.
    pub fn of(sampled: &Sampled) -> Shown {
        let diverging = sampled.draws.statistic(Statistic::Diverging);
        let all: Vec<usize> = (0..diverging.len()).filter(|place| diverging[*place] == 1.0).collect();
        Shown {
            chains: evenly(sampled.draws.chains(), CHAINS),
            cloud: thinned(diverging.len(), CLOUD),
            divergent: thinned(all.len(), DIVERGENCES).into_iter().map(|i| all[i]).collect(),
        }
    }

    /// The cloud of a variable with these draws.
    pub fn cloud(&self, values: &[f64]) -> Cloud {
        let at = |places: &[usize]| rounded(places.iter().map(|place| values[*place]).collect());
        Cloud { draws: at(&self.cloud), divergent: at(&self.divergent) }
    }
}

/// Runs, with a figure's part of each.
pub type With<'a, P> = [(&'a ReportedRun, &'a P)];

/// The run called `best` if it has the part, else the first that has it.
pub fn best_with<'a, P>(runs: &With<'a, P>, best: &str) -> Option<(&'a ReportedRun, &'a P)> {
    runs.iter().find(|(run, _)| run.name == best).or(runs.first()).copied()
}

impl ReportedRun {
    /// The shared numbers of a run with these `variables`, in the colour `slot`.
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
            name: summary.name().to_string(),
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

/// Indices of the `most` hyperparameters with the smallest ESS in any run, ascending; all if there are no more.
pub fn hardest<'a>(runs: impl Iterator<Item = &'a ReportedRun> + Clone, most: usize) -> Vec<usize> {
    let count = runs.clone().next().map_or(0, |run| run.hyper.len());
    let ess = |i: usize| runs.clone().map(|run| run.hyper[i].ess).fold(f64::INFINITY, f64::min);
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|a, b| ess(*a).total_cmp(&ess(*b)));
    places.truncate(most);
    places.sort_unstable();
    places
}
