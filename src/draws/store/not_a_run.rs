//! Where no store is: the refusal says what is there instead, and names what may have been meant.

use std::path::{Path, PathBuf};

use super::STORE;
use super::error::StoreError;

/// What every run leaves in its folder, whether it keeps draws or not.
const SUMMARY: &str = "summary.json";

/// Why there is no store to be read at `path`, which somebody has typed as a run's folder or its store.
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

/// What is in a folder, in the order of the names; nothing where it cannot be read.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(read).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = entries.map(|entry| folder.join(entry.file_name())).collect();
    inside.sort();
    inside
}

/// The folders in this one that have stores.
fn runs_in(folder: &Path) -> Vec<String> {
    let runs = inside(folder).into_iter().filter(|path| path.join(STORE).is_dir());
    runs.map(|path| path.display().to_string()).collect()
}
