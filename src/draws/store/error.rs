//! Errors of a store: why it cannot be read at all, and which of its chunks cannot be read.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::FORMAT;

/// Errors that keep a store from being read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The path does not exist.
    #[error("{path} does not exist; name the folder of a run that `warpnuts sample` has written{}", such_as(runs))]
    NotFound { path: String, runs: Vec<String> },
    /// The path is neither a run nor a store.
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
    /// A run, or a comparison, that has kept no draws.
    #[error(
        "{path} has a summary and no draws (`--keep summary` keeps none); read its summary.csv, or sample again with --keep hyper or --keep all"
    )]
    Drawless { path: String },
    /// The folder of one run, or of several.
    #[error("{path} {}", suggestion(runs))]
    Several { path: String, runs: Vec<String> },
    /// A Zarr store of another program.
    #[error(
        "{path} is a Zarr store, but not one that warpnuts has written; name the folder of a run of `warpnuts sample`"
    )]
    Foreign { path: String },
    /// A group or an array of a store.
    #[error("{path} is a part of a store; name the store, or the folder of its run")]
    Part { path: String },
    /// A store of another version.
    #[error(
        "{path} is a store of format {theirs}, and this version of warpnuts reads format {FORMAT}; read it with the version that wrote it ({version})"
    )]
    Version { path: String, theirs: String, version: String },
    /// The operating system refuses to read a file.
    #[error("{file} cannot be read: {reason}; {}", remedy(reason))]
    Unreadable { file: String, reason: io::Error },
    /// Invalid JSON, or JSON that no store has.
    #[error(
        "{file}, line {line}, column {column}: {reason}; the store is damaged: sample again, or put back a copy of the file"
    )]
    Broken { file: String, line: usize, column: usize, reason: String },
    /// Metadata or data that contradict each other.
    #[error("{path}: {problem}; the store is damaged: sample again, or put back a copy")]
    Inconsistent { path: String, problem: String },
    /// Data that cannot be read back, without which there is no model.
    #[error(
        "{file}: {problem}; the store is damaged: sample again, or put back a copy; the draws can still be read by xarray: `xr.open_zarr(\"{store}\", group=\"posterior\")`"
    )]
    DamagedData { file: String, problem: String, store: String },
    /// A checkpoint that is not complete.
    #[error(
        "{file} is damaged, and the run cannot go on from it; the draws are untouched, and `warpnuts summary` reads them"
    )]
    BrokenCheckpoint { file: String },
    /// The remains of a merge that was killed.
    #[error("{path} is of a merge that did not come to its end; remove the folder, and merge again")]
    Unmerged { path: String },
    /// A checkpoint of another run, or of later draws than the store has.
    #[error(
        "{file} is not of the run in {run}; put back its own, or remove the file to begin again with the first draw"
    )]
    StrangeCheckpoint { file: String, run: String },
}

/// Largest number of runs that a message names.
const MOST: usize = 5;

/// The names of the first few runs.
fn first(runs: &[String]) -> String {
    runs.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Runs that may have been meant.
fn such_as(runs: &[String]) -> String {
    if runs.is_empty() { String::new() } else { format!(", such as {}", first(runs)) }
}

/// The runs in a folder that is not a run itself: one, or the first of many.
fn suggestion(runs: &[String]) -> String {
    let first = first(runs);
    match runs.len() {
        0 | 1 => format!("is no run, but has one; name that: {first}"),
        2..=MOST => format!("has several runs; name the folder of one of them: {first}"),
        many => format!("has several runs; name the folder of one of them: {first}, or one of {} more", many - MOST),
    }
}

/// Advice for a file that exists and cannot be read.
fn remedy(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::PermissionDenied => "ask for permission to read it, or name another run",
        _ => "put back a copy of it, or name another run",
    }
}

/// A chunk of a store that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The chunk's file.
    pub file: String,
    /// The problem in words.
    pub problem: String,
}

impl Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

/// The problem of a chunk at `path` that could not be read because of `error`.
pub(super) fn problem(path: &Path, error: &io::Error) -> String {
    if path.is_dir() {
        "there is a folder in the place of the chunk".to_string()
    } else if error.raw_os_error().is_some() {
        format!("the chunk cannot be read ({error})")
    } else {
        format!("the chunk is damaged ({error})")
    }
}

/// Parses JSON; an error has line and column.
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
