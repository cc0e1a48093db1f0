//! The files of a run: `summary.json`, `summary.csv`, `draws.csv`, `comparison.json`; each is there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::{Parameter, RunSummary};
use crate::experiment::Sampled;

/// Writes a file under another name first, so that nobody ever finds half of it.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = BufWriter::new(File::create(&unfinished)?);
    write(&mut file)?;
    file.flush()?;
    std::fs::rename(&unfinished, path)
}

/// Writes `value` as JSON, NaN as null.
///
/// # Errors
/// Those of the file system.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_whole(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        writeln!(file)
    })
}

/// Writes a row for each variable, as CSV.
///
/// # Errors
/// Those of the file system.
pub fn write_parameters(path: &Path, summary: &RunSummary) -> io::Result<()> {
    write_whole(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        let columns = ["mean", "sd", "q05", "q50", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "rhat"];
        let nested = summary.max_nested_rhat.as_ref().map(|_| "nested_rhat");
        csv.write_record(std::iter::once("parameter").chain(columns).chain(nested))?;
        for Parameter { name, summary: row, nested_rhat } in &summary.parameters.0 {
            let quantiles = [row.mean, row.sd, row.q05, row.q50, row.q95];
            let diagnostics = [row.mcse_mean, row.mcse_sd, row.ess_bulk, row.ess_tail, row.rhat];
            let numbers = quantiles.into_iter().chain(diagnostics).chain(*nested_rhat);
            let numbers = numbers.map(|number| number.to_string());
            csv.write_record(std::iter::once(name.clone()).chain(numbers))?;
        }
        csv.flush()
    })
}

/// Writes a line a draw, chain by chain, with its statistics and the variables that were kept, as CSV.
///
/// # Errors
/// Those of the file system.
pub fn write_draws(path: &Path, sampled: &Sampled) -> io::Result<()> {
    const STATISTICS: [&str; 8] =
        ["lp", "energy", "acceptance_rate", "step_size", "tree_depth", "n_steps", "diverging", "reached_max_treedepth"];
    let draws = &sampled.draws;
    write_whole(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        let names = sampled.names.iter().map(String::as_str);
        csv.write_record(["chain", "draw"].into_iter().chain(STATISTICS).chain(names))?;
        for (place, statistics) in draws.statistics().iter().enumerate() {
            let (chain, draw) = (place / draws.draws(), place % draws.draws());
            csv.write_field((sampled.settings.first_chain as usize + chain).to_string())?;
            csv.write_field(draw.to_string())?;
            let [lp, energy] = [statistics.lp, statistics.energy];
            for number in [lp, energy, statistics.acceptance_rate, statistics.step_size] {
                csv.write_field(number.to_string())?;
            }
            let [diverging, cut] = [statistics.diverging, statistics.reached_max_treedepth].map(u32::from);
            for number in [statistics.tree_depth, statistics.n_steps, diverging, cut] {
                csv.write_field(number.to_string())?;
            }
            for variable in 0..draws.variables() {
                csv.write_field(draws.value(variable, chain, draw).to_string())?;
            }
            csv.write_record(None::<&[u8]>)?;
        }
        csv.flush()
    })
}
