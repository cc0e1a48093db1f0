//! The parts of a run: the numbers of each figure, beside the numbers that all figures share.

use rayon::prelude::*;

use super::chains::VariableDraws;
use super::figures::{
    autocorrelation, average_effects, columns, energy, ess, forest, funnel, predictive_checks, rank, stuck_chains,
    trace,
};
use super::run::{ReportedRun, Shown};
use super::view::View;
use crate::experiment::Sampled;
use crate::summary::RunSummary;

/// The parts of a run; each row is a hyperparameter's.
#[derive(Debug, Clone)]
pub struct FigureParts {
    /// Traces of chains.
    pub trace: Vec<trace::TraceRow>,
    /// Ranks, chain by chain.
    pub rank: Vec<Option<rank::RankRow>>,
    /// Autocorrelations of draws.
    pub autocorrelation: Vec<autocorrelation::AutocorrelationRow>,
    /// ESS over the number of draws.
    pub growth: Vec<ess::EssRow>,
    /// Energies.
    pub energy: energy::EnergyPart,
    /// One chain's sigma, and its effects if stored.
    pub stuck: stuck_chains::StuckPart,
    /// The effect against sigma, if effects are stored.
    pub funnel: Option<funnel::FunnelPart>,
    /// Each group's effects, if stored.
    pub forest: Option<forest::ForestPart>,
    /// Expectations over columns, if effects are stored.
    pub columns: Option<columns::ColumnsPart>,
    /// Effects of columns, if that can be computed in short time.
    pub average_effects: Option<average_effects::AverageEffectsPart>,
    /// Whether the model makes data like these, if that can be checked in short time.
    pub checks: Option<predictive_checks::ChecksPart>,
}

/// The numbers of a run for all figures, in the colour `slot`.
pub fn of(sampled: &Sampled, summary: &RunSummary, view: &View, slot: usize) -> (ReportedRun, FigureParts) {
    let shown = Shown::of(sampled);
    let count = sampled.model.layout().hyperparameters();
    let variables: Vec<VariableDraws> = (0..count).into_par_iter().map(|i| VariableDraws::of(sampled, i)).collect();
    let sigma = &variables[view.shown().sigma_at];
    let each = || {
        let of = |variable| {
            let row = trace::TraceRow::of(variable, view, count);
            (
                row,
                (
                    rank::RankRow::of(variable, &shown.chains),
                    autocorrelation::AutocorrelationRow::of(variable, &shown.chains),
                ),
            )
        };
        variables.par_iter().map(of).unzip()
    };
    let ((run, (rows, growth)), ((energy, stuck, columns), (funnel, forest, (average_effects, checks)))) = rayon::join(
        || {
            rayon::join(
                || ReportedRun::of(sampled, summary, &variables, &shown, slot),
                || rayon::join(each, || ess::EssRow::of_each(&variables, &shown.chains, summary.every_draw_counts())),
            )
        },
        || {
            rayon::join(
                || {
                    (
                        energy::EnergyPart::of(sampled, summary),
                        stuck_chains::StuckPart::of(sampled, view, sigma),
                        view.has_effects.then(|| columns::ColumnsPart::of(sampled)).flatten(),
                    )
                },
                || {
                    (
                        view.has_effects.then(|| funnel::FunnelPart::of(sampled, view, &shown, sigma)),
                        view.has_effects.then(|| forest::ForestPart::of(sampled, summary)),
                        rayon::join(
                            || average_effects::AverageEffectsPart::of(sampled),
                            || predictive_checks::ChecksPart::of(sampled),
                        ),
                    )
                },
            )
        },
    );
    let (trace, (rank, autocorrelation)): (_, (Vec<_>, Vec<_>)) = rows;
    let parts = FigureParts {
        trace,
        rank,
        autocorrelation,
        growth,
        energy,
        stuck,
        funnel,
        forest,
        columns,
        average_effects,
        checks,
    };
    (run, parts)
}

/// Runs with one of their parts; runs without the part are left out.
pub fn with<'a, P>(
    runs: &'a [ReportedRun],
    parts: &'a [FigureParts],
    part: impl Fn(&'a FigureParts) -> Option<&'a P>,
) -> Vec<(&'a ReportedRun, &'a P)> {
    runs.iter().zip(parts).filter_map(|(run, parts)| Some((run, part(parts)?))).collect()
}
