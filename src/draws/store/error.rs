//! What can be wrong with a store: why it cannot be read at all, and which of its chunks cannot.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::FORMAT;

/// Why a store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is there.
    #[error("{path} does not exist; name the folder of a run that `warpnuts sample` has written{}", such_as(runs))]
    NotFound { path: String, runs: Vec<String> },
    /// Something else is there.
    #[error("{path} is no store of draws; name the folder of a run that `warpnuts sample` has written")]
    NoStore { path: String },
    /// A store without its root, which is written last.
    #[error(
        "{path} has nothing to be read yet: its run was killed before it had begun, or another program has made it; remove the folder, and sample again"
    )]
    Unbegun { path: String },
    /// A file of a run, or a folder in its store.
    #[error("{path} is a part of a run, and not all of it; name its folder: {run}")]
    Inside { path: String, run: String },
    /// A run, or a comparison, that has kept none.
    #[error(
        "{path} has a summary and no draws (`--keep summary` keeps none); read its summary.csv, or sample again with --keep hyper or --keep all"
    )]
    Drawless { path: String },
    /// The folder of one run, or of several.
    #[error("{path} {}", suggestion(runs))]
    Several { path: String, runs: Vec<String> },
    /// Another program's.
    #[error(
        "{path} is a Zarr store, but not one that warpnuts has written; name the folder of a run of `warpnuts sample`"
    )]
    Foreign { path: String },
    /// A group or an array of a store.
    #[error("{path} is a part of a store; name the store, or the folder of its run")]
    Part { path: String },
    /// Another version's.
    #[error(
        "{path} is a store of format {theirs}, and this version of warpnuts reads format {FORMAT}; read it with the version that wrote it ({version})"
    )]
    Version { path: String, theirs: String, version: String },
    /// The operating system refuses.
    #[error("{file} cannot be read: {reason}; {}", remedy(reason))]
    Unreadable { file: String, reason: io::Error },
    /// No JSON, or not what a store says.
    #[error(
        "{file}, line {line}, column {column}: {reason}; the store is damaged: sample again, or put back a copy of the file"
    )]
    Broken { file: String, line: usize, column: usize, reason: String },
    /// Metadata, or data, that contradict themselves.
    #[error("{path}: {problem}; the store is damaged: sample again, or put back a copy")]
    Inconsistent { path: String, problem: String },
    /// Data, or what was learnt, that cannot be read back, without which there is no model.
    #[error(
        "{file}: {problem}; the store is damaged: sample again, or put back a copy; the draws can still be read by xarray: `xr.open_zarr(\"{store}\", group=\"posterior\")`"
    )]
    DamagedData { file: String, problem: String, store: String },
    /// A checkpoint that is not whole.
    #[error(
        "{file} is damaged, and the run cannot go on from it; the draws are untouched, and `warpnuts summary` reads them"
    )]
    BrokenCheckpoint { file: String },
    /// What a merge has left that was killed.
    #[error("{path} is of a merge that did not come to its end; remove the folder, and merge again")]
    Unmerged { path: String },
    /// Another run's checkpoint, or one of another moment than the draws.
    #[error(
        "{file} is not of the run in {run}; put back its own, or remove the file to begin again with the first draw"
    )]
    StrangeCheckpoint { file: String, run: String },
}

/// Of many runs, so many are named.
const MOST: usize = 5;

/// The first of some runs.
fn first(runs: &[String]) -> String {
    runs.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Runs that may have been meant.
fn such_as(runs: &[String]) -> String {
    if runs.is_empty() { String::new() } else { format!(", such as {}", first(runs)) }
}

/// What there is in a folder that is no run itself: one, or the first of many.
fn suggestion(runs: &[String]) -> String {
    let first = first(runs);
    match runs.len() {
        0 | 1 => format!("is no run, but has one; name that: {first}"),
        2..=MOST => format!("has several runs; name the folder of one of them: {first}"),
        many => format!("has several runs; name the folder of one of them: {first}, or one of {} more", many - MOST),
    }
}

/// What to do about a file that is there and cannot be read.
fn remedy(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::PermissionDenied => "ask for permission to read it, or name another run",
        _ => "put back a copy of it, or name another run",
    }
}

/// A chunk of a store that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its file.
    pub file: String,
    /// What is wrong.
    pub problem: String,
}

impl Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

/// What is wrong with a chunk, whose file is at `path`, that could not be read because of `error`.
pub(super) fn problem(path: &Path, error: &io::Error) -> String {
    if path.is_dir() {
        "there is a folder in the place of the chunk".to_string()
    } else if error.raw_os_error().is_some() {
        format!("the chunk cannot be read ({error})")
    } else {
        format!("the chunk is damaged ({error})")
    }
}

/// Reads JSON; what is wrong with it is told by line and column.
pub(super) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        StoreError::Broken {
            file: file.to_string(),
            line: error.line(),
            column: error.column(),
            reason: message.split(" at line ").next().unwrap_or_default().to_string(),
        }
    })
}
