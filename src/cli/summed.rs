//! Runs of `--keep summary`: no draw is kept, and what is left of them is a table.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use warpnuts::driver::Learnt;
use warpnuts::experiment::{self, Backend, Choice, Keep, Settings};
use warpnuts::model::Model;
use warpnuts::summary::{self, RunSummary};

use super::sample::{self, SampleArguments};
use super::{Failure, Outcome, complain, folder, print, progress, resolve, stored};

/// Refuses options that need draws, of those that were `asked` for, where none are kept.
pub fn check(settings: &Settings, asked: &[(&str, bool)]) -> Result<(), Failure> {
    match asked.iter().find(|(_, asked)| *asked && settings.keep == Keep::Summary) {
        Some((option, _)) => Err(Failure::Input(anyhow!(
            "{option} needs draws, and --keep summary keeps none; leave one of the two out (--keep hyper takes little room)"
        ))),
        None => Ok(()),
    }
}

/// Samples, prints, writes.
pub fn run(
    typed: &SampleArguments,
    why: Option<&str>,
    choice: &Choice,
    model: Arc<Model>,
    settings: Settings,
    learnt: Option<Learnt>,
    folder: &Path,
) -> Result<Outcome, Failure> {
    let Some(summary) = sample_into(folder, &choice.backend, model, settings, learnt, typed.once.output.quiet)? else {
        return Ok(Outcome::Interrupted);
    };
    print(sample::headline(&summary));
    sample::tell_model(&summary, why);
    resolve::say(choice);
    print("");
    stored::tell(&summary, typed.once.all);
    print(format_args!("Written: {}", written(folder)));
    Ok(sample::outcome(&summary))
}

/// Samples with a line of progress, and writes what there is to say into a folder that was made for it; `None`, and no folder,
/// where nothing was drawn.
pub fn sample_into(
    folder: &Path,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    learnt: Option<Learnt>,
    quiet: bool,
) -> Result<Option<RunSummary>, Failure> {
    let sampled = progress::watch(&model, &settings, quiet, |progress| {
        experiment::sample_summed(backend, model.clone(), settings, learnt, progress)
    });
    // Only a folder of our own making, with nothing in it that anybody would miss.
    let give_up = || drop(std::fs::remove_dir_all(folder));
    let sampled = sampled.inspect_err(|_| give_up()).map_err(Failure::run)?;
    if sampled.run.draws == 0 {
        give_up();
        let made = sampled.run.warmup;
        complain(format_args!("interrupted in warm-up, after {made} transitions a chain: nothing was drawn"));
        return Ok(None);
    }
    let summary = RunSummary::of_totals(&sampled);
    let [json, csv] = ["summary.json", "summary.csv"].map(|file| folder.join(file));
    summary::write_json(&json, &summary).map_err(|error| folder::unwritten(&json, &error))?;
    summary::write_parameters(&csv, &summary).map_err(|error| folder::unwritten(&csv, &error))?;
    sample::device_failure(&sampled)?;
    Ok(Some(summary))
}

/// The files of a run.
pub fn written(folder: &Path) -> String {
    ["summary.json", "summary.csv"].map(|file| folder.join(file).display().to_string()).join(", ")
}
