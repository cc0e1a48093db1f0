//! Runs of `--keep summary`: draws are summed as they are made, and only the table is written.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use warpnuts::experiment::{self, Backend, Keep, Known, Settings};
use warpnuts::model::Model;
use warpnuts::summary::{self, RunSummary};

use super::{Failure, conclude, folder, progress};

/// Refuses an option that was `asked` for and needs draws, if none are stored.
pub fn check(settings: &Settings, asked: &[(&str, bool)]) -> Result<(), Failure> {
    match asked.iter().find(|(_, asked)| *asked && settings.keep == Keep::Summary) {
        Some((option, _)) => Err(Failure::Input(anyhow!(
            "{option} needs draws, and --keep summary keeps none; leave one of the two out (--keep hyper takes little room)"
        ))),
        None => Ok(()),
    }
}

/// Samples with a line of progress, and writes the summary into a new folder. If nothing was drawn, returns `None` and
/// removes the folder.
pub fn sample_into(
    folder: &Path,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    known: Option<Known>,
    quiet: bool,
) -> Result<Option<RunSummary>, Failure> {
    let sampled = progress::watch(&model, &settings, quiet, |progress| {
        experiment::sample_summed(backend, model.clone(), settings, known, progress)
    });
    let sampled = sampled.inspect_err(|_| conclude::discard(folder)).map_err(Failure::run)?;
    if sampled.run.draws == 0 {
        conclude::nothing_drawn(&sampled, folder);
        return Ok(None);
    }
    let summary = RunSummary::of_totals(&sampled);
    let [json, csv] = ["summary.json", "summary.csv"].map(|file| folder.join(file));
    summary::write_json(&json, &summary).map_err(|error| folder::unwritten(&json, &error))?;
    summary::write_parameters(&csv, &summary).map_err(|error| folder::unwritten(&csv, &error))?;
    conclude::device_failure(&sampled)?;
    Ok(Some(summary))
}
