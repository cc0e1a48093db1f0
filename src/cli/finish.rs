//! `warpnuts summary`, `merge` and `export`: commands on stored draws.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use warpnuts::checks;
use warpnuts::draws::Draws;
use warpnuts::draws::store::STORE;
use warpnuts::engine::DeviceFailure;
use warpnuts::experiment::{self, Sampled};
use warpnuts::model::Role;
use warpnuts::summary::{self, Imported, counted, tables};

use super::{Failure, Outcome, complain, conclude, folder, print, resolve, table};

/// Arguments of `summary`.
#[derive(Debug, Args)]
pub struct SummaryArguments {
    /// Folder of a run, its store, or what `export` has written: a CSV file, a folder of CmdStan's
    #[arg(value_name = "PATH")]
    run: PathBuf,

    /// Print the group effects too
    #[arg(long)]
    all: bool,

    /// Where chunks are damaged, summarize the rest: what is in them is left empty
    #[arg(long)]
    skip_damaged: bool,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// Folder to be made for the whole experiment
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Folders of its shards, in any order
    #[arg(value_name = "SHARD", required = true)]
    shards: Vec<PathBuf>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Folder of a run, or its store
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// What to write
    #[arg(long, value_enum)]
    format: ExportFormat,

    /// File for csv, folder for cmdstan-csv [default: draws.csv, or cmdstan, in the run's folder]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    /// Overwrite what is there
    #[arg(long)]
    force: bool,
}

/// Formats of draws as text.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportFormat {
    /// One file, a line a draw
    Csv,
    /// A file a chain, as CmdStan writes them
    CmdstanCsv,
}

/// Prints the table and the diagnostics of a store.
pub fn summarize(typed: &SummaryArguments) -> Result<Outcome, Failure> {
    if !typed.run.join(STORE).exists() && Imported::suits(&typed.run) {
        return imported(typed);
    }
    let run = &folder::of_run(&typed.run);
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    some_draws(&sampled, run)?;
    let summary = checks::summarize(&sampled);
    if typed.skip_damaged {
        for damage in sampled.draws.damage() {
            complain(format_args!("warning: {damage}; what is in it is left empty"));
        }
    } else {
        conclude::no_damage(&sampled, run)?;
    }
    let computed = format!("engine {} on {}", summary.engine, summary.adapter);
    conclude::print_summary(&summary, summary.words.lines().chain([&*computed]), typed.all);
    if let Some(DeviceFailure { error, resumed }) = &sampled.run.failure {
        let then = if *resumed { "The run went on on the CPU." } else { "The run ended there." };
        complain(format_args!("warning: {error}\n  {then}"));
    }
    conclude::how_far(&sampled, run);
    Ok(if summary.is_trustworthy() { Outcome::Done } else { Outcome::Distrusted })
}

/// Prints the table of draws that are stored as text.
fn imported(typed: &SummaryArguments) -> Result<Outcome, Failure> {
    let imported = Imported::read(&typed.run).map_err(Failure::input)?;
    let rows = imported.parameters();
    // Effects have indices; a name without an index is never an effect.
    let is_effect = |name: &str| {
        name.contains(['[', '.']) && (name.starts_with("r_") || Role::of_name(name) == Some(Role::Effects))
    };
    let shown = rows.iter().filter(|row| typed.all || !is_effect(&row.name));
    print(format_args!(
        "{} x {} from {}, {}\n",
        counted(imported.chains as u64, "chain"),
        counted(imported.draws as u64, "draw"),
        typed.run.display(),
        counted(imported.divergences, "divergence"),
    ));
    print(table::shown(tables::parameters(shown, false)));
    Ok(Outcome::Done)
}

/// Refuses a run without draws.
fn some_draws(sampled: &Sampled, run: &Path) -> Result<(), Failure> {
    if sampled.run.draws > 0 {
        return Ok(());
    }
    let run = run.display();
    Err(Failure::Input(anyhow!("{run} has no draws yet; go on with it: `warpnuts sample --resume {run}`")))
}

/// Joins shards.
pub fn merge(typed: &MergeArguments) -> Result<Outcome, Failure> {
    let out = &typed.out;
    folder::refuse_typed(out)?;
    let shards = typed.shards.iter().map(|shard| Sampled::open(shard).map_err(Failure::input));
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    let draws: Vec<Draws> = shards.iter().map(|shard| shard.draws.clone()).collect();
    let merging = experiment::Merging::of(shards).map_err(Failure::input)?;
    resolve::room(merging.settings(), false, merging.model(), 1, Some(out))?;
    folder::make_typed(out)?;
    let merged = merging.into_store(out).map_err(|error| {
        conclude::discard(out);
        match draws.iter().find_map(|draws| draws.damage().into_iter().next()) {
            Some(damage) => Failure::Input(anyhow!("{damage}; put back a copy, or sample that shard again")),
            None => Failure::Run(anyhow!(
                "{} could not be written: {error}; make room, or name another folder",
                out.display()
            )),
        }
    })?;
    let Some(summary) = conclude::conclude(&merged, out, false, false)? else { return Ok(Outcome::Interrupted) };
    conclude::print_summary(&summary, None::<&str>, false);
    print(format_args!("Written: {}", conclude::written(out, false)));
    Ok(conclude::outcome(&summary))
}

/// Writes draws as text.
pub fn export(typed: &ExportArguments) -> Result<Outcome, Failure> {
    let run = &folder::of_run(&typed.run);
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    let Some(store) = sampled.draws.store() else { return Ok(Outcome::Done) };
    some_draws(&sampled, run)?;
    let name = match typed.format {
        ExportFormat::Csv => "draws.csv",
        ExportFormat::CmdstanCsv => "cmdstan",
    };
    let path = &typed.out.clone().unwrap_or_else(|| folder::beside(run).join(name));
    let mistaken = match typed.format {
        ExportFormat::Csv if path.is_dir() => Some("is a folder, and csv is a single file; name a file"),
        ExportFormat::CmdstanCsv if path.is_file() => {
            Some("is a file, and cmdstan-csv is a file a chain; name a folder")
        }
        _ => None,
    };
    if let Some(mistaken) = mistaken {
        return Err(Failure::Input(anyhow!("{} {mistaken} with --out", path.display())));
    }
    if path.exists() && !typed.force {
        return Err(Failure::Input(anyhow!(
            "{} is there already; name another place with --out, or overwrite it with --force",
            path.display()
        )));
    }
    // A pipe needs no disk space.
    if !path.exists() || path.is_file() || path.is_dir() {
        resolve::room_for_text(summary::text_size(store), path)?;
    }
    let written = match typed.format {
        ExportFormat::Csv => {
            folder::make_above(path).and_then(|()| summary::write_csv(path, &sampled, store)).map(|()| None)
        }
        ExportFormat::CmdstanCsv => into_folder(path, || summary::write_cmdstan(path, &sampled, store)).map(Some),
    };
    let written = written.map_err(|error| match conclude::no_damage(&sampled, run) {
        Err(damage) => damage,
        Ok(()) => {
            Failure::Input(anyhow!("{} could not be written: {error}; name another place with --out", path.display()))
        }
    })?;
    let files = written.map_or(String::new(), |files| format!("{} in ", counted(files.len() as u64, "file")));
    print(format_args!("Written: {files}{}", path.display()));
    conclude::how_far(&sampled, run);
    Ok(Outcome::Done)
}

/// Writes files into a folder; if that fails, removes the folder, unless it existed before.
fn into_folder<T>(folder: &Path, write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let is_new = !folder.exists();
    folder::make_above(folder)?;
    if !folder.is_dir() {
        std::fs::create_dir(folder)?;
    }
    write().inspect_err(|_| {
        if is_new {
            conclude::discard(folder);
        }
    })
}
