//! The report: one self-contained page of HTML, whose figures show the results of a run, or of several side by side,
//! and whether to trust them.
//!
//! Numbers are computed here (densities, ranks, quantiles, thinning, captions); the page receives them as JSON and
//! draws them with Observable Plot (`report/page/`, `report/vendor/`). [`Report::add`] reduces a run to these numbers,
//! a variable at a time, so that the run's draws can be freed before the next run begins.

mod caption;
mod chains;
mod coefficients;
mod figure;
mod figures;
mod funnel_group;
mod kde;
mod page;
mod parts;
mod run;
mod tables;
mod terminal;
mod thin;
mod view;

use std::io;
use std::path::Path;

use rayon::prelude::*;

use crate::bench::Bench;
use crate::exact::Exact;
use crate::experiment::Sampled;
use crate::mode::{self, Mode, NoMode};
use crate::summary::{Comparison, RunSummary, write_whole};

pub use figures::predictive::Replicates;
pub use funnel_group::{FunnelGroup, NoSuchGroup, funnel_group};

use figure::Figure;
use figures::modes::GroupModes;
use figures::{
    autocorrelation, average_effects, columns, correlation, energy, ess, forest, funnel, marginal, modes, pairs,
    predictive, predictive_checks, rank, stuck_chains, throughput, trace,
};
use page::Page;
use parts::{FigureParts, with};
use run::ReportedRun;
use tables::ReportSummary;
use view::View;

/// Options of a report.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The command that makes the same runs again.
    pub command: String,
    /// The number of runs; the more runs, the fewer draws of each are shown.
    pub runs: usize,
    /// The group whose funnel is shown; see [`funnel_group`].
    pub funnel_group: Option<FunnelGroup>,
}

/// The contents of a report, run by run.
#[derive(Debug)]
pub struct Report {
    options: Options,
    view: Option<View>,
    runs: Vec<ReportedRun>,
    parts: Vec<FigureParts>,
    comparison: Option<Comparison>,
    truth: Option<marginal::Truth>,
    modes: Option<GroupModes>,
    predictive: Option<Figure>,
    throughput: Option<Figure>,
}

impl Report {
    /// An empty report.
    pub fn new(options: Options) -> Report {
        Report {
            options,
            view: None,
            runs: Vec::new(),
            parts: Vec::new(),
            comparison: None,
            truth: None,
            modes: None,
            predictive: None,
            throughput: None,
        }
    }

    /// Adds a run: reduces its draws to the figures' numbers, a variable at a time. All runs of a report are of the
    /// same data.
    pub fn add(&mut self, sampled: &Sampled, summary: &RunSummary) {
        let options = &self.options;
        let view = self.view.get_or_insert_with(|| View::of(sampled, summary, options));
        let slot = slot(&summary.name(), &self.runs);
        let (run, parts) = parts::of(sampled, summary, view, slot);
        self.runs.push(run);
        self.parts.push(parts);
    }

    /// Adds the comparison of the runs added before, and the exact posterior if there is one.
    pub fn compare(&mut self, comparison: &Comparison, exact: Option<&Exact>) {
        self.comparison = Some(comparison.clone());
        if let (Some(view), Some(exact)) = (&self.view, exact) {
            self.truth = marginal::Truth::of(exact, view, &self.runs);
        }
    }

    /// Adds posterior modes, or why there are none, and the path on which the centered density rises without end. Needs
    /// a run added before.
    pub fn modes(
        &mut self,
        non_centered: &Result<Mode, NoMode>,
        marginal: &Result<Mode, NoMode>,
        path: Option<&mode::Path>,
    ) {
        self.modes = self.view.as_ref().map(|view| GroupModes::of(view, non_centered, marginal, path));
    }

    /// Adds outcomes drawn from the posterior, beside the observed outcomes.
    pub fn predictive(&mut self, replicates: &Replicates) {
        self.predictive = predictive::figure(replicates);
    }

    /// Adds the timings of a bench.
    pub fn bench(&mut self, bench: &Bench) {
        self.throughput = throughput::figure(bench);
    }

    /// Sketches, in characters, of the density of the sigma that the figures show: a line for each run, and one for the
    /// exact density if there is one. Empty without runs.
    pub fn sketches(&self) -> String {
        let Some(view) = &self.view else { return String::new() };
        terminal::sketches(view, &self.runs, self.truth.as_ref())
    }

    /// The page as HTML.
    pub fn page(&self) -> String {
        page::html(&Page {
            title: self.title(),
            summary: ReportSummary::of(&self.options.command, &self.runs, self.comparison.as_ref()),
            omitted: self.omitted(),
            figures: self.figures(),
        })
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        Report::save(&self.page(), path)
    }

    /// Writes a finished page, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(page: &str, path: &Path) -> io::Result<()> {
        write_whole(path, |file| file.write_all(page.as_bytes()))
    }

    fn title(&self) -> String {
        match self.runs.first() {
            Some(run) => {
                let data = &run.summary.data;
                match &run.summary.formula {
                    Some(of) => format!("{} in {}", of.formula, data.source),
                    None => format!("{} by {} in {}", data.outcome, data.group, data.source),
                }
            }
            None => "Throughput".to_string(),
        }
    }

    /// All figures with numbers, in the order of the lesson.
    fn figures(&self) -> Vec<Figure> {
        let mut all = Vec::new();
        if let Some(view) = &self.view {
            let (runs, parts, best) = (&self.runs[..], &self.parts[..], self.best());
            let effects = &with(runs, parts, |parts| parts.forest.as_ref());
            let modes = || modes::figure(view, effects, self.modes.as_ref()?, best);
            let columns = &with(runs, parts, |parts| parts.columns.as_ref());
            let average_effects = &with(runs, parts, |parts| parts.average_effects.as_ref());
            let checks = &with(runs, parts, |parts| parts.checks.as_ref());
            let makers: [&(dyn Fn() -> Vec<Figure> + Sync); 15] = [
                &|| trace::figures(&with(runs, parts, |parts| Some(&parts.trace))),
                &|| rank::figures(&with(runs, parts, |parts| Some(&parts.rank))),
                &|| Vec::from_iter(stuck_chains::figure(view, &with(runs, parts, |parts| Some(&parts.stuck)))),
                &|| funnel::figures(view, &with(runs, parts, |parts| parts.funnel.as_ref())),
                &|| Vec::from_iter(marginal::figure(view, runs, self.truth.as_ref())),
                &|| Vec::from_iter(modes()),
                &|| Vec::from_iter(forest::figure(view, effects, best)),
                &|| correlation::figures(view, effects, best),
                &|| Vec::from_iter(columns::figure(columns, &runs[best].name)),
                &|| Vec::from_iter(average_effects::figure(average_effects, &runs[best].name)),
                &|| Vec::from_iter(energy::figure(&with(runs, parts, |parts| Some(&parts.energy)))),
                &|| Vec::from_iter(autocorrelation::figure(&with(runs, parts, |parts| Some(&parts.autocorrelation)))),
                &|| Vec::from_iter(ess::figure(&with(runs, parts, |parts| Some(&parts.growth)))),
                &|| pairs::figures(runs),
                &|| predictive_checks::figures(checks, &runs[best].name),
            ];
            all.par_extend(makers.par_iter().flat_map(|figures| figures()));
        }
        all.extend(self.predictive.clone());
        all.extend(self.throughput.clone());
        all
    }

    /// The run to trust: the comparison's best, or the only one.
    fn best(&self) -> usize {
        let best = self.comparison.as_ref().map(|comparison| comparison.best.as_str());
        self.runs.iter().position(|run| Some(run.name.as_str()) == best).unwrap_or(0)
    }

    /// Figures that are missing, and why.
    fn omitted(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.view.as_ref().is_some_and(|view| !view.has_effects) {
            said.push(
                "The funnel, the group effects, their forest and checks of the data are not shown: only hyperparameters were kept \
                 of each draw (--keep hyper)."
                    .to_string(),
            );
        } else if self.parts.iter().all(|parts| parts.checks.is_none()) && self.view.is_some() {
            said.push(
                "The data are not held against replicates: that takes Gaussian outcomes, 200 draws or more, and at most 100 \
                 million numbers in the store."
                    .to_string(),
            );
        }
        said.extend(self.view.iter().flat_map(correlation::omitted));
        if self.view.is_some() && self.runs.iter().all(|run| !run.summary.has_chains()) {
            said.push("There are no energies: independent draws have no trajectories.".to_string());
        }
        if self.view.is_some() && self.predictive.is_none() {
            said.push(
                "Densities of replicated outcomes are not shown: no replicates were kept (sample --posterior-predictive keeps \
                 them)."
                    .to_string(),
            );
        }
        said
    }
}

/// The colour of a run, by its name: fixed for those with a word of their own, the next free one for others.
fn slot(name: &str, before: &[ReportedRun]) -> usize {
    const WORDS: [&str; 4] = ["centered", "non-centered", "marginal", "independent"];
    let mixed = || WORDS.len() + before.iter().filter(|run| run.slot >= WORDS.len()).count();
    WORDS.iter().position(|word| *word == name).unwrap_or_else(mixed)
}
