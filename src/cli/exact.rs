//! `warpnuts exact`: the posterior by quadrature, without Monte Carlo.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use warpnuts::exact::{Exact, ExactError, ExactRow, Integration};
use warpnuts::model::Model;
use warpnuts::summary::{self, DataSummary, Words};

use super::arguments::{DataArguments, PriorArguments};
use super::progress::Waiting;
use super::subject::Subject;
use super::{Failure, Outcome, folder, print, progress, table};

/// The most groups for which the exact posterior and modes take only some seconds, and the same of a grid of four axes.
const MOST_GROUPS: usize = 1000;
const MOST_GROUPS_OF_FOUR: usize = 200;

/// The message if Ctrl-C comes before the result.
pub const NOTHING_WRITTEN: &str = "interrupted: nothing was written";

/// Arguments of `exact`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct ExactArguments {
    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    priors: PriorArguments,

    /// Folder to be made for the results [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<std::path::PathBuf>,

    /// Print the group effects too
    #[arg(long, help_heading = "Output")]
    all: bool,
}

/// The contents of `exact.json`, in order.
#[derive(Serialize)]
struct ExactAnswer<'a> {
    version: &'static str,
    data: DataSummary,
    accuracy: f64,
    settled: bool,
    grid_points: usize,
    log_evidence: f64,
    parameters: std::collections::BTreeMap<&'a str, ExactRow>,
}

/// Integrates, prints, writes.
pub fn run(typed: ExactArguments) -> Result<Outcome, Failure> {
    let subject = Subject::read(&typed.data, &typed.priors)?;
    subject.warn();
    let (dataset, model) = (subject.dataset(), subject.model("non-centered")?);
    progress::obey_interruptions_at_once(NOTHING_WRITTEN.to_string())?;
    let exact = integrate(&model, false)?;
    let folder = folder::make(typed.out.as_deref(), "exact")?;

    print(format_args!(
        "{} observations in {} groups from {}: the posterior by quadrature, without Monte Carlo\n\
         {} points of the scales; no mean, sd or quantile is off by more than {:.0e} posterior sds; log evidence {:.4}",
        dataset.n_observations(),
        dataset.n_groups(),
        dataset.source(),
        table::thousands(exact.grid_points() as f64),
        exact.accuracy(),
        exact.log_evidence(),
    ));
    if !exact.is_settled() {
        print(format_args!(
            "The integral has not settled: there was no room for a finer grid, and these numbers still changed by up to {:.1e} \
             posterior sds.\n",
            exact.accuracy()
        ));
    }
    Words::of(&model).lines().for_each(print);
    print("");
    print(table::exact(&exact, if typed.all { exact.names().len() } else { model.layout().hyperparameters() }));
    let path = folder.join("exact.json");
    let answer = ExactAnswer {
        version: env!("CARGO_PKG_VERSION"),
        data: DataSummary::of(dataset),
        accuracy: exact.accuracy(),
        settled: exact.is_settled(),
        grid_points: exact.grid_points(),
        log_evidence: exact.log_evidence(),
        parameters: exact.names().iter().map(String::as_str).zip(exact.summary().iter().copied()).collect(),
    };
    summary::write_json(&path, &answer).map_err(|error| folder::unwritten(&path, &error))?;
    print(format_args!("\nWritten: {}", path.display()));
    Ok(Outcome::Done)
}

/// Whether the exact posterior of `model`, and its modes, take only some seconds.
pub fn is_quick(model: &Model) -> bool {
    let axes = model.layout().hyperparameters() - model.layout().locations();
    model.dataset().n_groups() <= if axes < 4 { MOST_GROUPS } else { MOST_GROUPS_OF_FOUR }
}

/// Integrates the posterior of `model`, before anything is written.
pub fn integrate(model: &Model, quiet: bool) -> Result<Exact, Failure> {
    integrate_beside(model, quiet, NOTHING_WRITTEN.to_string(), || ()).0
}

/// Integrates, and runs `beside` in parallel; Ctrl-C ends the program at once, with the message `words`.
pub fn integrate_beside<T: Send>(
    model: &Model,
    quiet: bool,
    words: String,
    beside: impl FnOnce() -> T + Send,
) -> (Result<Exact, Failure>, T) {
    /// The time before a line of progress is shown.
    const PATIENCE: Duration = Duration::from_secs(1);
    let integration = Integration::default();
    let far = || {
        let [grids, points] = integration.progress();
        format!("exact posterior: grid {grids}, {} points", table::thousands(points as f64))
    };
    let waiting = Waiting { quiet, patience: PATIENCE, words };
    let (exact, done) = progress::wait(waiting, &far, || rayon::join(|| Exact::watched(model, &integration), beside));
    let exact = exact.map_err(|error| match error {
        ExactError::NotSettled { .. } => Failure::Unsound(error.into()),
        _ => Failure::input(error),
    });
    (exact, done)
}
