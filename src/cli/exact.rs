//! `warpnuts exact`: the posterior by quadrature, without Monte Carlo.

use clap::Args;
use serde::Serialize;
use warpnuts::exact::{Exact, ExactRow};
use warpnuts::summary::{self, DataSummary, Words};

use super::arguments::{DataArguments, PriorArguments};
use super::{Failure, Outcome, folder, meaning, print, table};

/// What can be typed behind `exact`.
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

/// What `exact.json` holds, in its order.
#[derive(Serialize)]
struct Answer<'a> {
    version: &'static str,
    data: DataSummary,
    accuracy: f64,
    grid_points: usize,
    log_evidence: f64,
    parameters: std::collections::BTreeMap<&'a str, ExactRow>,
}

/// Integrates, prints, writes.
pub fn run(typed: ExactArguments) -> Result<Outcome, Failure> {
    let dataset = meaning::dataset(&typed.data)?;
    let priors = meaning::priors(&typed.priors, &dataset);
    meaning::warn(&dataset, &priors);
    let model = meaning::model(&dataset, &priors, "non-centered")?;
    let exact = Exact::of(&model).map_err(Failure::input)?;
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
    Words::of(&model).lines().for_each(print);
    print("");
    print(table::exact(&exact, if typed.all { exact.names().len() } else { model.layout().hyperparameters() }));
    let path = folder.join("exact.json");
    let answer = Answer {
        version: env!("CARGO_PKG_VERSION"),
        data: DataSummary::of(&dataset),
        accuracy: exact.accuracy(),
        grid_points: exact.grid_points(),
        log_evidence: exact.log_evidence(),
        parameters: exact.names().iter().map(String::as_str).zip(exact.summary().iter().copied()).collect(),
    };
    summary::write_json(&path, &answer).map_err(|error| folder::unwritten(&path, &error))?;
    print(format_args!("\nWritten: {}", path.display()));
    Ok(Outcome::Done)
}
