//! `warpnuts predict`: the expectation and the outcome at new rows, from the draws of a run.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::anyhow;
use clap::Args;
use warpnuts::data::RowRequest;
use warpnuts::draws::store::PredictionWriter;
use warpnuts::experiment::Sampled;
use warpnuts::predict::{
    DrawnVariables, Evaluator, NewLevels, PredictError, PredictionTable, RowGrid, RowReader, RowSource, Rows,
    WrittenRows,
};
use warpnuts::summary::{counted, number};

use super::progress::PATIENCE;
use super::reading::ReadingArguments;
use super::words::{NEW_LEVELS, one_of};
use super::{Failure, Outcome, complain, conclude, folder, print, progress, table};

/// The file of the table, and the folder of all draws, in the run's folder.
const TABLE: &str = "predictions.csv";
const DRAWS: &str = "predictions.zarr";

/// Rows that are shown on the terminal.
const SHOWN: usize = 12;

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
#[command(group(clap::ArgGroup::new("rows").args(["data", "at"]).required(true)))]
pub struct PredictArguments {
    /// Folder of a run, or its store
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// File of rows to be predicted, with the columns of the model except the outcome; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    data: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArguments,

    /// Instead of a file, a grid: the values of a column, as in floor=0,1 or county=all, once for each column; other
    /// numbers are at their means, words at their reference level, and levels are new
    #[arg(long, value_name = "COLUMN=VALUES", help_heading = "Data")]
    at: Vec<String>,

    /// What becomes of levels that the run's data do not have; a label that is missing is one of those in the data, and
    /// not known which
    #[arg(long, default_value = "population", value_parser = one_of(&NEW_LEVELS))]
    new_levels: NewLevels,

    /// Predict from the priors of the run's model, without its data
    #[arg(long)]
    prior: bool,

    /// Draws that predict, at most: evenly spaced ones of all chains
    #[arg(long, value_name = "N", default_value = "4000", value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    draws: u32,

    /// Probabilities of the quantiles
    #[arg(long, value_name = "LIST", default_value = "0.05,0.5,0.95")]
    quantiles: String,

    /// File for the table; `-` is standard output [default: predictions.csv in the run's folder]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,

    /// Write the expectation and an outcome for every draw and row too, as the group `predictions` of a Zarr store
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = DRAWS, help_heading = "Output")]
    save_draws: Option<PathBuf>,

    /// Overwrite the table that is there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Predicts, writes, prints.
pub fn run(typed: &PredictArguments) -> Result<Outcome, Failure> {
    let quantiles = quantiles(&typed.quantiles)?;
    let run = &folder::of_run(&typed.run);
    let to_standard_output = typed.out.as_deref() == Some(Path::new("-"));
    let path = typed.out.clone().unwrap_or_else(|| folder::beside(run).join(TABLE));
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    if !to_standard_output {
        refuse_existing(&path, typed.force)?;
    }
    progress::obey_interruptions()?;
    let variables = if typed.prior {
        DrawnVariables::of_prior(&sampled.model, sampled.settings.seed, typed.draws as usize)
    } else {
        let variables = DrawnVariables::of(&sampled, typed.draws as usize).map_err(failure)?;
        conclude::no_damage(&sampled, run)?;
        variables
    };
    let trusted = typed.prior || conclude::is_trusted(&sampled, run);
    let reader = RowReader::new(&sampled.model, typed.new_levels).map_err(failure)?;
    let (wanted, may_miss, reading) = (reader.wanted(), reader.may_miss(), typed.reading.meaning());
    let mut chosen = Vec::new();
    let source = match &typed.data {
        Some(path) => RowSource::File(RowRequest { path, wanted: &wanted, may_miss: &may_miss, reading: &reading }),
        None => {
            let grid = RowGrid::of(&reader, &typed.at).map_err(failure)?;
            chosen.clone_from(&grid.chosen);
            RowSource::Grid(grid)
        }
    };
    let evaluator = Evaluator::new(&variables);
    let name = path.display().to_string();
    let predictions = PredictionTable { reader: &reader, evaluator: &evaluator, quantiles: &quantiles, file: &name };
    let folder = typed.save_draws.as_deref().map(|typed| match typed == Path::new(DRAWS) {
        true => folder::beside(run).join(DRAWS),
        false => typed.to_path_buf(),
    });
    let mut all = folder.as_deref().map(|folder| all_draws(folder, &variables)).transpose()?;
    let done = AtomicUsize::new(0);
    let keep = |rows: &Rows, numbers: &[u64]| {
        if progress::is_interrupted() {
            return Err(PredictError::Interrupted);
        }
        done.fetch_add(rows.count, Relaxed);
        match &mut all {
            Some(writer) => add(writer, &evaluator, rows, numbers),
            None => Ok(()),
        }
    };
    let written = if to_standard_output {
        predictions.write(source, io::stdout(), keep)
    } else {
        folder::make_above(&path).map_err(|error| Failure::Input(anyhow!("{name} cannot be written: {error}")))?;
        let far = || format!("{} predicted", counted(done.load(Relaxed) as u64, "row"));
        progress::show_far(PATIENCE, &far, || predictions.write_file(source, &path, keep))
    };
    let written = match written {
        // Who reads the output has seen enough.
        Err(PredictError::Unwritten { reason, .. }) if to_standard_output && reason.kind() == ErrorKind::BrokenPipe => {
            return Ok(Outcome::Done);
        }
        Ok(written) => written,
        Err(error) => {
            if let Some(folder) = &folder {
                drop(std::fs::remove_dir_all(folder));
            }
            if matches!(error, PredictError::Interrupted) {
                complain(error);
                return Ok(Outcome::Interrupted);
            }
            return Err(failure(error));
        }
    };
    if let (Some(writer), Some(folder)) = (all, &folder) {
        writer.finish().map_err(|error| unwritten(folder, &error))?;
    }
    if !to_standard_output {
        print(format_args!(
            "{} predicted by {} of {}{}",
            counted(written.rows as u64, "row"),
            counted(variables.count() as u64, "draw"),
            if typed.prior { "the prior of " } else { "" },
            run.display()
        ));
    }
    notes(&written, typed.new_levels, &chosen, to_standard_output);
    if !to_standard_output {
        show(&path, &wanted.iter().map(|column| &column.name[..]).collect::<Vec<_>>(), &predictions.names(), &written);
        print(format_args!("Written: {name}"));
    }
    if let (Some(folder), false) = (&folder, to_standard_output) {
        print(format_args!("         {}", folder.display()));
    }
    Ok(if trusted { Outcome::Done } else { Outcome::Distrusted })
}

/// The probabilities that were typed, in ascending order.
fn quantiles(typed: &str) -> Result<Vec<f64>, Failure> {
    let refused = |problem: &str| {
        Failure::Input(anyhow!(
            "--quantiles {typed}: {problem}; write probabilities between 0 and 1, as in 0.05,0.5,0.95"
        ))
    };
    let number = |word: &str| match word.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number < 1.0 => Ok(number),
        _ => Err(refused(&format!("`{}` is no probability", word.trim()))),
    };
    let mut quantiles = typed.split(',').map(number).collect::<Result<Vec<f64>, Failure>>()?;
    quantiles.sort_by(f64::total_cmp);
    match quantiles.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(refused("one is there twice")),
        false => Ok(quantiles),
    }
}

/// Refuses to overwrite a table.
fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    let name = path.display();
    if path.is_dir() {
        return Err(Failure::Input(anyhow!("{name} is a folder, and the table is a file; name a file with --out")));
    }
    if path.is_file() && !force {
        return Err(Failure::Input(anyhow!(
            "{name} is there already; name another place with --out, or overwrite it with --force"
        )));
    }
    Ok(())
}

/// A new store for all draws.
fn all_draws(folder: &Path, variables: &DrawnVariables) -> Result<PredictionWriter, Failure> {
    let outcome = variables.model().dataset().outcome_name();
    let made = folder::make_above(folder)
        .and_then(|()| PredictionWriter::create(folder, outcome, variables.chains(), variables.draws()));
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Input(anyhow!("{} is there already; name a new folder with --save-draws", folder.display()))
        }
        _ => unwritten(folder, &error),
    })
}

fn unwritten(folder: &Path, error: &io::Error) -> Failure {
    Failure::Run(anyhow!("{} could not be written: {error}; make room, or name another folder", folder.display()))
}

/// Adds the draws of some rows to a store, a chunk at a time.
fn add(writer: &mut PredictionWriter, evaluator: &Evaluator, rows: &Rows, numbers: &[u64]) -> Result<(), PredictError> {
    let mut first = 0;
    while first < rows.count {
        let range = first..(first + writer.together()).min(rows.count);
        let [expectations, outcomes] = evaluator.all_draws(rows, range.clone(), numbers);
        let added = writer.add(&numbers[range.clone()], &expectations, &outcomes);
        added.map_err(|reason| PredictError::Unwritten { file: "the store of all draws".to_string(), reason })?;
        first = range.end;
    }
    Ok(())
}

/// What has to be known of the rows, each in a sentence.
fn notes(written: &WrittenRows, new_levels: NewLevels, chosen: &[(String, String)], to_standard_output: bool) {
    let say = |text: String| if to_standard_output { complain(format_args!("note: {text}")) } else { print(text) };
    let WrittenRows { unanswered, new, unknown, .. } = *written;
    if unanswered > 0 {
        say(format!(
            "{} without an answer, since a value of the model's columns is missing.",
            counted(unanswered as u64, "row")
        ));
    }
    if new > 0 && chosen.is_empty() {
        let how = match new_levels {
            NewLevels::Average => "taken at the population's mean",
            _ => "drawn from the population",
        };
        say(format!(
            "{} with a level that the run's data do not have; effects there are {how}.",
            counted(new as u64, "row")
        ));
    }
    if unknown > 0 {
        say(format!(
            "{} without a label: any level of the run's data is possible there.",
            counted(unknown as u64, "row")
        ));
    }
    for (column, value) in chosen {
        say(format!("{column} is not in --at: it is {value}."));
    }
}

/// Prints the first rows of the table: the model's columns and the answers.
fn show(path: &Path, wanted: &[&str], answers: &[String], written: &WrittenRows) {
    let Ok(mut file) = csv::Reader::from_path(path) else { return };
    let Ok(header) = file.headers().cloned() else { return };
    let first = header.len() - answers.len();
    let columns: Vec<usize> = (0..header.len()).filter(|i| *i >= first || wanted.contains(&&header[*i])).collect();
    let rows = file.records().flatten().take(SHOWN).map(|record| {
        let cell = |i: &usize| match (*i >= first, record[*i].parse::<f64>()) {
            (true, Ok(value)) => {
                number(value, warpnuts::summary::decimals(record[first + 1].parse().unwrap_or(1.0)) + 1)
            }
            _ => warpnuts::data::one_line(&record[*i]),
        };
        columns.iter().map(cell).collect::<Vec<String>>()
    });
    let names: Vec<&str> = columns.iter().map(|i| &header[*i]).collect();
    print(format_args!("\n{}", table::of(&names, rows)));
    if written.rows > SHOWN {
        print(format_args!("... and {} more", counted((written.rows - SHOWN) as u64, "row")));
    }
    print("");
}

/// The failure of a prediction: of its input, or of the writing.
fn failure(error: PredictError) -> Failure {
    match error {
        PredictError::Unwritten { .. } => Failure::run(error),
        _ => Failure::input(error),
    }
}
