//! The page that `sample`, `compare` and `bench` write, and the sketches on the terminal.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use warpnuts::bench::Bench;
use warpnuts::checks;
use warpnuts::data::Dataset;
use warpnuts::draws::store::StoreError;
use warpnuts::exact::Exact;
use warpnuts::experiment::Sampled;
use warpnuts::mode::{self, Mode, NoMode};
use warpnuts::model::Model;
use warpnuts::report::{Options, Replicates, Report, funnel_group};
use warpnuts::summary::{Comparison, RunSummary};

use super::arguments::{FunnelArguments, ReportArguments};
use super::progress::{PATIENCE, Waiting};
use super::{Failure, Outcome, complain, conclude, exact, folder, print, progress};

/// The file that `compare` writes into its folder, beside its runs.
const COMPARISON: &str = "comparison.json";

/// Replicates of the data in the report.
const REPLICATES: usize = 50;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct StoredReportArguments {
    /// Folder of a run, or of a comparison
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Open report.html in the browser once it is written
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    funnel: FunnelArguments,
}

/// Makes the page again, from stored draws.
pub fn run(typed: &StoredReportArguments) -> Result<Outcome, Failure> {
    let folder = &folder::of_run(&typed.folder);
    let runs = match Sampled::open(folder) {
        Ok(run) => vec![run],
        Err(StoreError::Several { runs, .. }) if folder.join(COMPARISON).exists() => {
            let runs = runs.iter().map(|run| Sampled::open(Path::new(run)));
            let mut runs: Vec<Sampled> = runs.collect::<Result<_, _>>().map_err(Failure::input)?;
            let (names, _) = compared(folder);
            runs.sort_by_key(|run| names.iter().position(|name| *name == run.name()));
            runs
        }
        Err(error) => return Err(Failure::input(error)),
    };
    let data = runs[0].model.dataset();
    if let Some(run) = runs.iter().find(|run| run.run.draws == 0 || run.model.dataset().checksum() != data.checksum()) {
        return Err(Failure::Input(anyhow!(
            "{}: its run {} has no draws yet, or other data than the first; name the folder of one run that has some",
            folder.display(),
            run.name()
        )));
    }
    let pages = Pages::of(String::new(), &typed.funnel, data, runs.len())?;
    let mut pages = Pages { open: typed.open, ..pages };
    progress::obey_interruptions_at_once(interrupted(folder))?;
    let mut summaries = Vec::new();
    for run in &runs {
        let summary = wait(false, folder, "the draws are summarized", || checks::summarize(run));
        pages.add(run, &summary, folder);
        conclude::no_damage(run, folder)?;
        summaries.push(summary);
    }
    if runs.len() > 1 {
        let few = exact::is_quick(&runs[0].model);
        let found = wait(false, folder, "exact posterior and modes", || {
            rayon::join(|| few.then(|| Exact::of(&runs[0].model).ok()).flatten(), || FoundModes::of(&runs[0].model))
        });
        let (exact, modes) = found;
        let exact = exact.filter(|exact| summaries.iter().all(|run| is_sharp(exact, run)));
        let (_, no_independent) = compared(folder);
        let comparison = Comparison { no_independent, ..Comparison::of(&summaries, exact.as_ref()) };
        pages.compare(&comparison, exact.as_ref(), modes);
    }
    // Ctrl-C between two waits.
    if progress::is_interrupted() {
        complain(interrupted(folder));
        return Ok(Outcome::Interrupted);
    }
    if let Some(path) = pages.write(&folder::beside(folder))? {
        print(format_args!("Written: {}", path.display()));
    }
    Ok(Outcome::Done)
}

/// The names of a comparison's runs, in order, and why it has no independent draws, where it should.
fn compared(folder: &Path) -> (Vec<String>, Option<String>) {
    let text = std::fs::read_to_string(folder.join(COMPARISON)).unwrap_or_default();
    let comparison: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let runs = comparison["runs"].as_array().into_iter().flatten();
    let names = runs.filter_map(|run| run["name"].as_str().map(str::to_string)).collect();
    (names, comparison["no_independent"].as_str().map(str::to_string))
}

/// The report of a command, built while its runs are made.
pub struct Pages {
    report: Report,
    is_wanted: bool,
    open: bool,
    quiet: bool,
}

/// Posterior modes, or why there are none, and the path on which the centered density rises without end.
pub struct FoundModes {
    non_centered: Result<Mode, NoMode>,
    marginal: Result<Mode, NoMode>,
    path: Option<mode::Path>,
}

impl FoundModes {
    /// `None` if the search would take long, or is not for this model.
    pub fn of(model: &Model) -> Option<FoundModes> {
        let searches = mode::admits(model).is_ok() && exact::is_quick(model);
        searches.then(|| {
            let (non_centered, (marginal, path)) = rayon::join(
                || mode::non_centered(model),
                || {
                    let marginal = mode::marginal(model);
                    let path = marginal.as_ref().ok().map(|marginal| mode::path(model, marginal));
                    (marginal, path)
                },
            );
            FoundModes { non_centered, marginal, path }
        })
    }
}

/// Whether the exact posterior is accurate enough to judge each hyperparameter of a run.
pub fn is_sharp(exact: &Exact, run: &RunSummary) -> bool {
    let hyperparameters = run.parameters.0.iter().enumerate().take(exact.layout().hyperparameters());
    hyperparameters.into_iter().all(|(i, row)| exact.is_far_below(row.summary.mcse_mean, i))
}

impl Pages {
    /// Begins a report of `runs` runs on `dataset`, before the first run, so that an unknown group is refused in time;
    /// `quiet` means without lines of progress.
    pub fn begin(
        typed: &ReportArguments,
        funnel: &FunnelArguments,
        dataset: &Dataset,
        runs: usize,
        quiet: bool,
    ) -> Result<Pages, Failure> {
        let pages = Pages::of(command(std::env::args()), funnel, dataset, runs)?;
        Ok(Pages { is_wanted: !typed.no_report, open: typed.open, quiet, ..pages })
    }

    /// A report of runs of `command`, which may be empty; wanted, and not opened.
    fn of(command: String, funnel: &FunnelArguments, dataset: &Dataset, runs: usize) -> Result<Pages, Failure> {
        let group = funnel.funnel_group.as_deref().map(|group| funnel_group(group, dataset));
        let funnel_group = group.transpose().map_err(Failure::input)?;
        let report = Report::new(Options { command, runs, funnel_group });
        Ok(Pages { report, is_wanted: true, open: false, quiet: false })
    }

    /// Whether a page is to be written.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Adds a run, which is in `folder`.
    pub fn add(&mut self, sampled: &Sampled, summary: &RunSummary, folder: &Path) {
        let report = &mut self.report;
        let replicates = wait(self.quiet, folder, "report: draws are looked at", || {
            report.add(sampled, summary);
            sampled.draws.store().map_or(Vec::new(), |store| store.replicates(REPLICATES))
        });
        if !replicates.is_empty() {
            let data = sampled.model.dataset();
            self.report.predictive(&Replicates {
                run: summary.name().to_string(),
                outcome: data.outcome_name().to_string(),
                observed: data.outcome().to_vec(),
                replicates,
            });
        }
    }

    /// Adds the comparison of the runs, and modes if they were found.
    pub fn compare(&mut self, comparison: &Comparison, exact: Option<&Exact>, modes: Option<FoundModes>) {
        self.report.compare(comparison, exact);
        if let Some(FoundModes { non_centered, marginal, path }) = modes {
            self.report.modes(&non_centered, &marginal, path.as_ref());
        }
    }

    /// Sketches of densities in characters.
    pub fn sketches(&self) -> String {
        self.report.sketches()
    }

    /// Writes the report of a single run into `folder`.
    pub fn of_run(mut self, sampled: &Sampled, summary: &RunSummary, folder: &Path) -> Result<(), Failure> {
        if self.is_wanted {
            self.add(sampled, summary, folder);
        }
        say(self.write(folder)?);
        Ok(())
    }

    /// Writes `report.html` into `folder`, and opens it if asked to; returns its path if written.
    pub fn write(&self, folder: &Path) -> Result<Option<PathBuf>, Failure> {
        if self.is_wanted { write(&self.report, folder, self.open, self.quiet).map(Some) } else { Ok(None) }
    }
}

/// Writes the report of a bench into `folder`.
pub fn of_bench(typed: &ReportArguments, bench: &Bench, folder: &Path) -> Result<(), Failure> {
    if typed.no_report {
        return Ok(());
    }
    let mut report = Report::new(Options { command: command(std::env::args()), ..Options::default() });
    report.bench(bench);
    say(Some(write(&report, folder, typed.open, true)?));
    Ok(())
}

/// Prints the path of a report, below the other files.
pub fn say(written: Option<PathBuf>) {
    if let Some(path) = written {
        print(format_args!("         {}", path.display()));
    }
}

/// The message if Ctrl-C comes before the report is written.
pub fn interrupted(folder: &Path) -> String {
    format!("interrupted before the report was written: `warpnuts report {}` makes it", folder.display())
}

/// Does work for the report of a run in `folder`; Ctrl-C ends the program at once, as only the page is missing.
fn wait<T>(quiet: bool, folder: &Path, what: &str, work: impl FnOnce() -> T) -> T {
    let waiting = Waiting { quiet, patience: PATIENCE, words: interrupted(folder) };
    progress::wait(waiting, &|| what.to_string(), work)
}

fn write(report: &Report, folder: &Path, open: bool, quiet: bool) -> Result<PathBuf, Failure> {
    let path = folder.join("report.html");
    let page = wait(quiet, folder, "report: figures are drawn", || report.page());
    Report::save(&page, &path)
        .map_err(|error| Failure::Run(anyhow!("{} could not be written: {error}", path.display())))?;
    if open && let Err(error) = open::that_detached(&path) {
        complain(format_args!("warning: {} could not be opened ({error}); open it yourself", path.display()));
    }
    Ok(path)
}

/// The command line, quoted so that it can be typed again.
fn command(words: impl Iterator<Item = String>) -> String {
    let quoted = words.skip(1).map(|word| {
        let is_plain = |c: char| c.is_alphanumeric() || "-_=+.,:/@%".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    std::iter::once("warpnuts".to_string()).chain(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let words = ["/bin/warpnuts", "sample", "--data", "a b.csv", "--group", "it's", "--seed=3", ""];
        assert_eq!(
            command(words.into_iter().map(str::to_string)),
            "warpnuts sample --data 'a b.csv' --group 'it'\\''s' --seed=3 ''"
        );
    }
}
