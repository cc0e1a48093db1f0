//! Runs of `--keep summary`: no draw is kept, and what is left of them is a table.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use warpnuts::driver::Tuned;
use warpnuts::experiment::{self, Backend, Keep, Settings};
use warpnuts::model::Model;
use warpnuts::summary::{self, RunSummary};

use super::{Failure, conclude, folder, progress};

/// Refuses options that need draws, of those that were `asked` for, where none are kept.
pub fn check(settings: &Settings, asked: &[(&str, bool)]) -> Result<(), Failure> {
    match asked.iter().find(|(_, asked)| *asked && settings.keep == Keep::Summary) {
        Some((option, _)) => Err(Failure::Input(anyhow!(
            "{option} needs draws, and --keep summary keeps none; leave one of the two out (--keep hyper takes little room)"
        ))),
        None => Ok(()),
    }
}

/// Samples with a line of progress, and writes what there is to say into a folder that was made for it; `None`, and no folder,
/// where nothing was drawn.
pub fn sample_into(
    folder: &Path,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    learnt: Option<Tuned>,
    quiet: bool,
) -> Result<Option<RunSummary>, Failure> {
    let sampled = progress::watch(&model, &settings, quiet, |progress| {
        experiment::sample_summed(backend, model.clone(), settings, learnt, progress)
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
