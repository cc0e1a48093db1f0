//! Import of exported draws: a CSV file with a line for each draw, or CmdStan's files, one for each chain.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Parameter;
use crate::diagnostics;
use crate::draws::store::STORE;

/// Draws read from text.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The variables' names.
    pub names: Vec<String>,
    /// Number of chains.
    pub chains: usize,
    /// Draws of each chain.
    pub draws: usize,
    /// Number of divergent transitions; 0 if the text does not record them.
    pub divergences: u64,
    /// `[variable][chain][draw]`.
    values: Vec<f64>,
}

/// Why text cannot be read as draws.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The operating system reported an error.
    #[error("{file} cannot be read: {reason}")]
    Unreadable { file: String, reason: io::Error },
    /// The folder has no CSV files.
    #[error("{folder} has no CSV files; name a file or a folder that `warpnuts export` has written")]
    Empty { folder: String },
    /// The file has no draws.
    #[error("{file} has no draws; name a file that `warpnuts export` has written, or the folder of a run")]
    NoDraws { file: String },
    /// Not even the first line after the header is numbers.
    #[error(
        "{file} has no draws (line {line}, column {column}: {problem}); name a file that `warpnuts export` has written, or the folder of a run"
    )]
    Other { file: String, line: u64, column: usize, problem: String },
    /// The file is the summary of a run.
    #[error("{file} is a summary, and has no draws; name the folder of {}", run.as_ref().map_or("a run".to_string(), |run| format!("its run: {run}")))]
    Summary { file: String, run: Option<String> },
    /// The table has neither a column `chain` nor `lp__`.
    #[error(
        "{file} has no draws, for it has no column `chain` or `lp__`; name a file that `warpnuts export` has written, or sample these data: `warpnuts sample --data {file}`"
    )]
    Data { file: String },
    /// A line does not fit the header.
    #[error("{file}, line {line}, column {column}: {problem}; export the draws again")]
    Line { file: String, line: u64, column: usize, problem: String },
    /// Chains that differ in their columns or numbers of draws.
    #[error("{file}: {problem}; export the draws again")]
    Uneven { file: String, problem: String },
}

/// Whether a column is a statistic, and no variable.
fn is_statistic(name: &str) -> bool {
    const OURS: [&str; 10] = [
        "chain",
        "draw",
        "lp",
        "energy",
        "acceptance_rate",
        "step_size",
        "tree_depth",
        "n_steps",
        "diverging",
        "reached_max_treedepth",
    ];
    OURS.contains(&name) || name.ends_with("__")
}

/// A file's header and its rows.
struct CsvTable {
    file: String,
    header: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl CsvTable {
    fn read(path: &Path) -> Result<CsvTable, ImportError> {
        let file = path.display().to_string();
        let unreadable = |reason| ImportError::Unreadable { file: file.clone(), reason };
        // CmdStan's comments at the end are skipped as well.
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .from_reader(File::open(path).map_err(unreadable)?);
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        let mut record = csv::StringRecord::new();
        loop {
            let line = csv.position().line();
            let wrong = |line: u64, column: usize, problem: String| match rows.is_empty() {
                true => ImportError::Other { file: file.clone(), line, column, problem },
                false => ImportError::Line { file: file.clone(), line, column, problem },
            };
            match csv.read_record(&mut record).map_err(csv::Error::into_kind) {
                Ok(true) => {}
                Ok(false) => break,
                Err(csv::ErrorKind::Io(reason)) => return Err(unreadable(reason)),
                Err(_) => return Err(wrong(line, 1, "it is not UTF-8".to_string())),
            }
            let line = record.position().map_or(line, csv::Position::line);
            if header.is_empty() {
                header = record.iter().map(str::to_string).collect();
                if header[0] == "parameter" {
                    let run = path.parent().filter(|folder| folder.join(STORE).is_dir());
                    return Err(ImportError::Summary { file, run: run.map(|run| run.display().to_string()) });
                }
                continue;
            }
            if record.len() != header.len() {
                let problem = format!("there are {} fields, and {} columns", record.len(), header.len());
                return Err(wrong(line, record.len().min(header.len()), problem));
            }
            let number = |(i, field): (usize, &str)| {
                field.trim().parse().map_err(|_| wrong(line, i + 1, format!("`{}` is no number", shortened(field))))
            };
            let numbers = record.iter().enumerate().map(number).collect::<Result<Vec<f64>, _>>()?;
            rows.push(numbers);
        }
        if rows.is_empty() {
            return Err(ImportError::NoDraws { file });
        }
        if !header.iter().any(|name| name == "chain" || name == "lp__") {
            return Err(ImportError::Data { file });
        }
        Ok(CsvTable { file, header, rows })
    }
}

/// The beginning of a field, without line breaks: a file that is no table may be one long field.
fn shortened(field: &str) -> String {
    const MOST: usize = 30;
    let more = if field.chars().nth(MOST).is_some() { "..." } else { "" };
    let field = field.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c });
    field.collect::<String>() + more
}

impl Imported {
    /// Whether `path` may be text rather than a store: a CSV file, or a folder of CSV files.
    pub fn suits(path: &Path) -> bool {
        path.is_file() || !csv_files(path).is_empty() && !path.join("zarr.json").exists()
    }

    /// Reads a file, or all files of a folder.
    ///
    /// # Errors
    /// If the text cannot be read as draws.
    pub fn read(path: &Path) -> Result<Imported, ImportError> {
        let paths = if path.is_dir() { csv_files(path) } else { vec![path.to_path_buf()] };
        let mut tables = paths.iter().map(|path| CsvTable::read(path)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let Some(first) = tables.next() else {
            return Err(ImportError::Empty { folder: path.display().to_string() });
        };
        let header = first.header.clone();
        let mut chains: Vec<Vec<Vec<f64>>> = Vec::new();
        for CsvTable { file, header: theirs, rows } in std::iter::once(first).chain(tables) {
            if theirs != header {
                return Err(ImportError::Uneven {
                    file,
                    problem: "its columns are not those of the file before".to_string(),
                });
            }
            match header.iter().position(|name| name == "chain") {
                None => chains.push(rows),
                Some(column) => {
                    chains.extend(rows.chunk_by(|a, b| a[column] == b[column]).map(<[Vec<f64>]>::to_vec));
                }
            }
            let draws = chains[0].len();
            if let Some(uneven) = chains.iter().find(|chain| chain.len() != draws) {
                let problem = format!("a chain has {} draws, and the first has {draws}", uneven.len());
                return Err(ImportError::Uneven { file, problem });
            }
        }
        let draws = chains[0].len();
        let column = |i: usize| chains.iter().flatten().map(move |row| row[i]);
        let variables: Vec<usize> = (0..header.len()).filter(|i| !is_statistic(&header[*i])).collect();
        let diverging = header.iter().position(|name| name == "diverging" || name == "divergent__");
        Ok(Imported {
            names: variables.iter().map(|i| header[*i].clone()).collect(),
            chains: chains.len(),
            draws,
            divergences: diverging.map_or(0, |i| column(i).sum::<f64>() as u64),
            values: variables.iter().flat_map(|i| column(*i)).collect(),
        })
    }

    /// A row for each variable.
    pub fn parameters(&self) -> Vec<Parameter> {
        let rows = diagnostics::summarize(&self.values, self.names.len(), self.chains);
        let named = self.names.iter().cloned().zip(rows);
        named.map(|(name, summary)| Parameter { name, role: None, summary, nested_rhat: None }).collect()
    }
}

/// The CSV files of a folder, in the order of the numbers in their names.
fn csv_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "csv");
    // `summary.csv`, in a run's folder without its store, has no draws.
    let mut files: Vec<PathBuf> = entries.filter(|path| is_table(path) && !path.ends_with("summary.csv")).collect();
    files.sort_by_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        (digits.parse::<u64>().unwrap_or(0), name)
    });
    files
}
