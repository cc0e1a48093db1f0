//! The error for a path without a store: it says what is there instead, and suggests paths that may have been meant.

use std::path::{Path, PathBuf};

use super::STORE;
use super::error::StoreError;

/// The file that every run writes into its folder, with draws or without.
const SUMMARY: &str = "summary.json";

/// The reason why there is no store to read at `path`, which was given as a run's folder or as its store.
pub fn refusal(path: &Path) -> StoreError {
    let name = path.display().to_string();
    if path.ends_with(STORE) && path.is_dir() || path.join(STORE).is_dir() {
        return StoreError::Unbegun { path: name };
    }
    let run = path.ancestors().skip(1).find(|above| above.join(STORE).is_dir());
    if let Some(run) = run.filter(|_| path.exists()) {
        let run = if run.as_os_str().is_empty() { Path::new(".") } else { run };
        return StoreError::Inside { path: name, run: run.display().to_string() };
    }
    if !path.exists() {
        let runs = path.parent().map_or_else(Vec::new, runs_in);
        return StoreError::NotFound { path: name, runs };
    }
    let runs = runs_in(path);
    if !runs.is_empty() {
        return StoreError::Several { path: name, runs };
    }
    let is_summarized = |folder: &Path| folder.join(SUMMARY).is_file();
    if is_summarized(path) || inside(path).iter().any(|run| is_summarized(run)) {
        return StoreError::Drawless { path: name };
    }
    StoreError::NoStore { path: name }
}

/// The entries of a folder, in the order of their names; empty if the folder cannot be read.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(read).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = entries.map(|entry| folder.join(entry.file_name())).collect();
    inside.sort();
    inside
}

/// The folders inside `folder` that have stores.
fn runs_in(folder: &Path) -> Vec<String> {
    let runs = inside(folder).into_iter().filter(|path| path.join(STORE).is_dir());
    runs.map(|path| path.display().to_string()).collect()
}
