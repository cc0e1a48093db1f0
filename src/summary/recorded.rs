//! The folder of a run, read back: `summary.json`, and `draws.csv` where there is one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::DataSummary;
use crate::diagnostics::Series;
use crate::model::PriorScales;

/// Columns of `draws.csv` before the first variable: chain, draw, and the statistics of the transition.
const BEFORE_VARIABLES: usize = 10;

/// What `summary.json` says, as far as it takes to hold the run against another answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    /// The data.
    pub data: DataSummary,
    /// Centered or not, coefficient by coefficient, or marginal.
    pub parameterization: String,
    /// Scales of the priors, in the user's units.
    pub priors: PriorScales,
    /// Whether it was stopped before its last draw.
    pub interrupted: bool,
    /// Draws of each chain.
    pub draws: usize,
    /// Chains that share each starting point.
    pub chains_per_superchain: u32,
    settings: RecordedSettings,
    warnings: Vec<RecordedAdvice>,
    /// A row for each variable that was kept.
    pub parameters: BTreeMap<String, RecordedRow>,
}

#[derive(Debug, Clone, Deserialize)]
struct RecordedSettings {
    chains: usize,
}

#[derive(Debug, Clone, Deserialize)]
struct RecordedAdvice {
    distrust: bool,
}

/// A variable's row; numbers that could not be computed are not there.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RecordedRow {
    /// Posterior mean.
    pub mean: Option<f64>,
    /// Posterior standard deviation.
    pub sd: Option<f64>,
    /// 5 % quantile.
    pub q05: Option<f64>,
    /// 95 % quantile.
    pub q95: Option<f64>,
    /// Monte Carlo standard error of the mean.
    pub mcse_mean: Option<f64>,
    /// Monte Carlo standard error of the standard deviation.
    pub mcse_sd: Option<f64>,
    /// Effective draws of the 5 % or the 95 % quantile, whichever are fewer.
    pub ess_tail: Option<f64>,
}

/// The draws in `draws.csv`, variable by variable.
#[derive(Debug, Clone)]
pub struct RecordedDraws {
    chains: usize,
    /// Name, and draws `[chain][draw]`.
    variables: Vec<(String, Vec<f64>)>,
}

/// Why a folder cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// Nothing is there.
    #[error("{folder} does not exist; name the folder of a run")]
    NotFound { folder: String },
    /// Something else is there.
    #[error("{folder} is a file; name the folder of a run")]
    NotAFolder { folder: String },
    /// A folder of something else.
    #[error("{folder} has no summary.json; name a folder that `warpnuts sample` has written")]
    NoSummary { folder: String },
    /// The folder of several runs.
    #[error("{folder} is a comparison; name the folder of one of its runs: {}", runs.join(", "))]
    Comparison { folder: String, runs: Vec<String> },
    /// The operating system refuses.
    #[error("{file} cannot be read: {reason}")]
    Unreadable { file: String, reason: io::Error },
    /// No JSON, or not what a run writes.
    #[error(
        "{file}, line {line}, column {column}: {reason}; it is not as `warpnuts sample` has written it, so run that again"
    )]
    Broken { file: String, line: usize, column: usize, reason: String },
    /// Another program's.
    #[error(
        "{file} is of warpnuts {theirs}, and this is {ours}: verify it with that version, or sample again with this one"
    )]
    Version { file: String, theirs: String, ours: &'static str },
    /// Draws that do not belong to the summary.
    #[error("{file}: {problem}; remove it to verify the summary alone, or sample again")]
    Draws { file: String, problem: String },
}

impl Recorded {
    /// Reads the summary in `folder`.
    ///
    /// # Errors
    /// Whatever keeps it from being read, or from being what this version writes.
    pub fn read(folder: &Path) -> Result<Recorded, RecordedError> {
        let path = folder.join("summary.json");
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|reason| no_summary(folder, &file, reason))?;
        #[derive(Deserialize)]
        struct Written {
            version: String,
        }
        let broken = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default().to_string();
            RecordedError::Broken { file: file.clone(), line, column, reason }
        };
        let Written { version } = serde_json::from_str(&text).map_err(broken)?;
        if version != env!("CARGO_PKG_VERSION") {
            return Err(RecordedError::Version { file, theirs: version, ours: env!("CARGO_PKG_VERSION") });
        }
        serde_json::from_str(&text).map_err(broken)
    }

    /// How many chains there were.
    pub fn chains(&self) -> usize {
        self.settings.chains
    }

    /// Whether nothing in it says that the draws should not be trusted.
    pub fn is_trustworthy(&self) -> bool {
        self.warnings.iter().all(|advice| !advice.distrust)
    }

    /// All draws of all chains.
    pub fn total_draws(&self) -> usize {
        self.draws * self.chains()
    }
}

/// Why there is no summary to be read.
fn no_summary(folder: &Path, file: &str, reason: io::Error) -> RecordedError {
    let name = folder.display().to_string();
    if !folder.exists() {
        return RecordedError::NotFound { folder: name };
    }
    if !folder.is_dir() {
        return RecordedError::NotAFolder { folder: name };
    }
    if reason.kind() != io::ErrorKind::NotFound {
        return RecordedError::Unreadable { file: file.to_string(), reason };
    }
    if !folder.join("comparison.json").is_file() {
        return RecordedError::NoSummary { folder: name };
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let runs = entries.filter(|path| path.join("summary.json").is_file());
    let mut runs: Vec<String> = runs.map(|path| path.display().to_string()).collect();
    runs.sort();
    RecordedError::Comparison { folder: name, runs }
}

impl RecordedDraws {
    /// Reads the draws in `folder`, where there are any: those of the run that `recorded` describes.
    ///
    /// # Errors
    /// A file that cannot be read, or is not of that run.
    pub fn read(folder: &Path, recorded: &Recorded) -> Result<Option<RecordedDraws>, RecordedError> {
        let path = folder.join("draws.csv");
        let file = path.display().to_string();
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(RecordedError::Unreadable { file, reason }),
        };
        let fault = |problem: String| RecordedError::Draws { file: file.clone(), problem };
        let mut csv = csv::Reader::from_reader(opened);
        let header = csv.headers().map_err(|error| fault(error.to_string()))?.clone();
        let names = header.iter().skip(BEFORE_VARIABLES).map(str::to_string);
        let mut variables: Vec<(String, Vec<f64>)> = names.map(|name| (name, Vec::new())).collect();
        let mut rows = 0;
        for (i, row) in csv.records().enumerate() {
            let row = row.map_err(|error| fault(error.to_string()))?;
            for ((_, draws), cell) in variables.iter_mut().zip(row.iter().skip(BEFORE_VARIABLES)) {
                let number = cell.parse();
                draws.push(number.map_err(|_| fault(format!("line {}: `{cell}` is no number", i + 2)))?);
            }
            rows = i + 1;
        }
        if rows != recorded.total_draws() {
            let expected = recorded.total_draws();
            return Err(fault(format!("it has {rows} draws, and summary.json says {expected}")));
        }
        Ok(Some(RecordedDraws { chains: recorded.chains(), variables }))
    }

    /// The draws of a variable.
    pub fn series(&self, name: &str) -> Option<Series<'_>> {
        let (_, draws) = self.variables.iter().find(|(other, _)| other == name)?;
        Some(Series::new(draws, self.chains))
    }
}
