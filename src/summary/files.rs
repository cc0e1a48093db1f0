//! The files of a run, `summary.json`, `summary.csv` and `comparison.json`, written atomically.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::{Parameter, RunSummary};

/// Writes to a temporary file and renames it, so that nobody sees half of a file. A path that is not a regular file,
/// such as a pipe, is written directly.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    let into = |path: &Path| {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return into(path);
    }
    let unfinished = path.with_extension("unfinished");
    into(&unfinished).and_then(|()| std::fs::rename(&unfinished, path)).inspect_err(|_| {
        // Half of a file is of no use, and the disk may be full.
        drop(std::fs::remove_file(&unfinished));
    })
}

/// Writes `value` as JSON, NaN as null.
///
/// # Errors
/// If the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_whole(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        writeln!(file)
    })
}

/// Writes `rows` as CSV, with the names of their fields as header.
///
/// # Errors
/// If the file cannot be written.
pub fn write_rows(path: &Path, rows: &[impl Serialize]) -> io::Result<()> {
    write_whole(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        rows.iter().try_for_each(|row| csv.serialize(row))?;
        csv.flush()
    })
}

/// Writes a row for each variable, as CSV.
///
/// # Errors
/// If the file cannot be written.
pub fn write_parameters(path: &Path, summary: &RunSummary) -> io::Result<()> {
    write_whole(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        let columns = ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat"];
        let nested = summary.max_nested_rhat.as_ref().map(|_| "nested_rhat");
        csv.write_record(std::iter::once("parameter").chain(columns).chain(nested))?;
        for Parameter { name, summary: row, nested_rhat, .. } in &summary.parameters.0 {
            let quantiles = [row.mean, row.sd, row.q05, row.q50, row.q95];
            let diagnostics = [row.mcse_mean, row.mcse_sd, row.ess_bulk, row.ess_tail, row.rhat];
            let numbers = quantiles.into_iter().chain(diagnostics).chain(*nested_rhat);
            let numbers = numbers.map(|number| number.to_string());
            csv.write_record(std::iter::once(name.clone()).chain(numbers))?;
        }
        csv.flush()
    })
}
