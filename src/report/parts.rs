//! What the figures keep of a run beside what all of them know of it: a part for each figure.

use rayon::prelude::*;

use super::chains::Variable;
use super::figures::{autocorrelation, energy, ess, forest, funnel, rank, stuck_chains, trace};
use super::run::{Run, Shown};
use super::view::View;
use crate::experiment::Sampled;
use crate::summary::RunSummary;

/// The parts of a run; rows are a hyperparameter's each.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Chains side by side.
    pub trace: Vec<trace::Row>,
    /// Ranks, chain by chain.
    pub rank: Vec<Option<rank::Row>>,
    /// Autocorrelations of draws.
    pub autocorrelation: Vec<autocorrelation::Row>,
    /// What more draws have brought.
    pub growth: Vec<ess::Row>,
    /// Energies.
    pub energy: energy::Part,
    /// One chain's sigma, and its effects where they were kept.
    pub stuck: stuck_chains::Part,
    /// The effect against sigma, where effects were kept.
    pub funnel: Option<funnel::Part>,
    /// Each group's effects, where they were kept.
    pub forest: Option<forest::Part>,
}

/// All of a run that figures show, drawn in the colour `slot`.
pub fn of(sampled: &Sampled, summary: &RunSummary, view: &View, slot: usize) -> (Run, Parts) {
    let shown = Shown::of(sampled);
    let layout = sampled.model.layout();
    let count = layout.hyperparameters();
    let variables: Vec<Variable> = (0..count).into_par_iter().map(|i| Variable::of(sampled, i)).collect();
    let sigma = &variables[layout.sigma(view.coefficient)];
    let each = || {
        let of = |variable| {
            let row = trace::Row::of(variable, view, count);
            (row, (rank::Row::of(variable, &shown.chains), autocorrelation::Row::of(variable, &shown.chains)))
        };
        variables.par_iter().map(of).unzip()
    };
    let ((run, (rows, growth)), ((energy, stuck), (funnel, forest))) = rayon::join(
        || {
            rayon::join(
                || Run::of(sampled, summary, &variables, &shown, slot),
                || rayon::join(each, || ess::Row::of_each(&variables, &shown.chains)),
            )
        },
        || {
            rayon::join(
                || (energy::Part::of(sampled, summary), stuck_chains::Part::of(sampled, view, sigma)),
                || {
                    (
                        view.has_effects.then(|| funnel::Part::of(sampled, view, &shown, sigma)),
                        view.has_effects.then(|| forest::Part::of(sampled, summary)),
                    )
                },
            )
        },
    );
    let (trace, (rank, autocorrelation)): (_, (Vec<_>, Vec<_>)) = rows;
    (run, Parts { trace, rank, autocorrelation, growth, energy, stuck, funnel, forest })
}

/// Runs with one of their parts, those that have it.
pub fn with<'a, P>(
    runs: &'a [Run],
    parts: &'a [Parts],
    part: impl Fn(&'a Parts) -> Option<&'a P>,
) -> Vec<(&'a Run, &'a P)> {
    runs.iter().zip(parts).filter_map(|(run, parts)| Some((run, part(parts)?))).collect()
}
