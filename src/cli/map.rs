//! `warpnuts map`: the posterior mode, and what is wrong with it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use warpnuts::exact::Exact;
use warpnuts::experiment::{self, Settings};
use warpnuts::mode::{self, Landscape, Mode, NoMode};
use warpnuts::model::{CoefficientPlace, Model};
use warpnuts::summary::{self, DataSummary, RunSummary, Words, decimals, number, significant};

use super::arguments::{DataArguments, PriorArguments};
use super::subject::Subject;
use super::{Failure, Outcome, folder, print, progress, table, wrap};

/// Groups shown at each end.
const SHOWN: usize = 4;

/// Arguments of `map`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct MapArguments {
    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    priors: PriorArguments,

    /// Seed of the run that modes are held against
    #[arg(long, default_value_t = 1, help_heading = "Sampling")]
    seed: u64,

    /// Folder to be made for the results [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,

    /// Show every group
    #[arg(long, help_heading = "Output")]
    all: bool,

    /// No progress
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

/// A variable's row of `map.csv`; missing answers are NaN.
#[derive(Debug, Clone, Serialize)]
struct ModeRow {
    parameter: String,
    non_centered_mode: f64,
    marginal_mode: f64,
    sampled_mean: f64,
    sampled_mcse: f64,
    exact_mean: f64,
}

/// A mode, or why there is none.
#[derive(Debug, Serialize)]
struct Found {
    log_density: f64,
    /// The largest absolute entry of the gradient at the mode, in the sampler's units.
    gradient: f64,
    none: Option<String>,
}

/// The contents of `map.json`, in order.
#[derive(Serialize)]
struct MapAnswer<'a> {
    version: &'static str,
    data: DataSummary,
    seed: u64,
    centered: Option<&'a mode::Path>,
    non_centered: Found,
    marginal: Found,
    sampled_is_trustworthy: bool,
    parameters: &'a [ModeRow],
    verdict: &'a [String],
}

/// Finds modes, samples, integrates, prints, writes.
pub fn run(typed: MapArguments) -> Result<Outcome, Failure> {
    let subject = Subject::read(&typed.data, &typed.priors)?;
    subject.warn();
    let (dataset, model) = (subject.dataset(), subject.model("non-centered")?);
    mode::admits(&model).map_err(Failure::input)?;
    let folder = folder::make(typed.out.as_deref(), "map")?;
    progress::obey_interruptions()?;

    let marginal = mode::marginal(&model);
    let non_centered = mode::non_centered(&model);
    let path = marginal.as_ref().ok().map(|marginal| mode::path(&model, marginal));
    let settings = Settings { seed: typed.seed, ..Settings::default() };
    let (suited, _) = subject.suited(settings.likelihood);
    let sampled_model = Arc::new(model.in_coordinates(suited));
    let sampled = progress::watch(&sampled_model, &settings, typed.quiet, |progress| {
        experiment::sample(sampled_model.clone(), settings, progress)
    });
    let sampled = sampled.map_err(Failure::run)?;
    if sampled.interrupted {
        std::fs::remove_dir(&folder).ok();
        return Ok(Outcome::Interrupted);
    }
    let sampled = RunSummary::of(&sampled);
    let exact = if super::exact::is_quick(&model) { Exact::of(&model).ok() } else { None };
    let rows = rows(&model, non_centered.as_ref().ok(), marginal.as_ref().ok(), &sampled, exact.as_ref());

    print(format_args!(
        "{} observations in {} groups from {}: where the posterior's density is highest",
        dataset.n_observations(),
        dataset.n_groups(),
        dataset.source(),
    ));
    Words::of(&model).lines().for_each(print);
    print("");
    if let Some(path) = &path {
        print(format_args!("Centered, as {} goes to 0, all else where the density is highest:\n", path.sigma));
        print(table::path(path));
        print("");
    }
    let varying = model.layout().varying();
    let shown_one = &varying[path.as_ref().map_or(varying.len() - 1, |path| path.coefficient)];
    print(
        "Modes over all hyperparameters, scales by their logarithms (and the offsets, where non-centered), and means:\n",
    );
    print(table::modes(cells(&rows[..model.layout().hyperparameters()], exact.is_some())));
    print("");
    print(table::modes(cells(&shown(&rows[shown_one.effects.clone()], typed.all), exact.is_some())));
    let verdict = verdict(&model, path.as_ref(), [&non_centered, &marginal], shown_one, &rows, &sampled);
    for paragraph in &verdict {
        print(format_args!("\n{}", wrap(paragraph)));
    }

    let answer = MapAnswer {
        version: env!("CARGO_PKG_VERSION"),
        data: DataSummary::of(dataset),
        seed: typed.seed,
        centered: path.as_ref(),
        non_centered: found(&non_centered),
        marginal: found(&marginal),
        sampled_is_trustworthy: sampled.is_trustworthy(),
        parameters: &rows,
        verdict: &verdict,
    };
    let [json, csv] = ["map.json", "map.csv"].map(|file| folder.join(file));
    summary::write_json(&json, &answer).map_err(|error| folder::unwritten(&json, &error))?;
    summary::write_rows(&csv, &rows).map_err(|error| folder::unwritten(&csv, &error))?;
    print(format_args!("\nWritten: {}, {}", json.display(), csv.display()));
    Ok(Outcome::Done)
}

fn found(mode: &Result<Mode, NoMode>) -> Found {
    match mode {
        Ok(mode) => Found { log_density: mode.log_density, gradient: mode.gradient, none: None },
        Err(error) => Found { log_density: f64::NAN, gradient: f64::NAN, none: Some(error.to_string()) },
    }
}

/// A row for each variable.
fn rows(
    model: &Model,
    non_centered: Option<&Mode>,
    marginal: Option<&Mode>,
    sampled: &RunSummary,
    exact: Option<&Exact>,
) -> Vec<ModeRow> {
    let of = |mode: Option<&Mode>, i: usize| mode.map_or(f64::NAN, |mode| mode.named[i]);
    let row = |(i, parameter): (usize, String)| {
        let row = sampled.parameters.get(&parameter);
        ModeRow {
            non_centered_mode: of(non_centered, i),
            marginal_mode: of(marginal, i),
            sampled_mean: row.map_or(f64::NAN, |row| row.mean),
            sampled_mcse: row.map_or(f64::NAN, |row| row.mcse_mean),
            exact_mean: exact.map_or(f64::NAN, |exact| exact.mean(i)),
            parameter,
        }
    };
    model.names().into_iter().enumerate().map(row).collect()
}

/// The best estimate of a variable's mean.
fn mean(row: &ModeRow) -> f64 {
    if row.exact_mean.is_nan() { row.sampled_mean } else { row.exact_mean }
}

/// All effects, or those with the smallest and the largest means.
fn shown(effects: &[ModeRow], all: bool) -> Vec<ModeRow> {
    let mut sorted = effects.to_vec();
    if all || sorted.len() <= 2 * SHOWN {
        return sorted;
    }
    sorted.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    sorted.drain(SHOWN..sorted.len() - SHOWN);
    sorted
}

/// Names and numbers, with one decimal more than the sampled mean's MCSE justifies.
fn cells(rows: &[ModeRow], has_exact: bool) -> Vec<Vec<String>> {
    let cells = |row: &ModeRow| {
        let decimals = decimals(row.sampled_mcse);
        let sampled = format!("{} ± {}", number(row.sampled_mean, decimals), number(row.sampled_mcse, decimals));
        let [non_centered, marginal, exact] =
            [row.non_centered_mode, row.marginal_mode, row.exact_mean].map(|value| number(value, decimals));
        let mut cells = vec![row.parameter.clone(), non_centered, marginal, sampled];
        cells.extend(has_exact.then_some(exact));
        cells
    };
    rows.iter().map(cells).collect()
}

/// The modes of the marginal density, if there are several.
fn several(model: &Model) -> Option<String> {
    let (landscape, names) = (Landscape::of(model), model.names());
    let peaks: Vec<String> = (landscape.peaks.iter().enumerate())
        .map(|(i, peak)| {
            let at = model.layout().positive_indices().map(|i| (names[i].as_str(), peak.named[i]));
            format!("{} (mass {})", summary::scales_at(at), significant(landscape.share(i)))
        })
        .collect();
    landscape.is_split().then(|| {
        format!(
            "The marginal density has {} modes, with masses by Laplace's approximation: {}. The highest need not be the one with \
             the mass.",
            peaks.len(),
            peaks.join("; ")
        )
    })
}

/// What is wrong with modes, in paragraphs.
fn verdict(
    model: &Model,
    path: Option<&mode::Path>,
    [non_centered, marginal]: [&Result<Mode, NoMode>; 2],
    coefficient: &CoefficientPlace,
    rows: &[ModeRow],
    sampled: &RunSummary,
) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(path) = path {
        let last = path.points.last().map_or(f64::NAN, |point| point.rise);
        said.push(match path.is_unbounded {
            true => format!(
                "Centered there is no mode: the density has no upper bound. Where all {} effects are equal to their mean, each \
                 of them has the density 1 / ({} sqrt(2 pi)), so that their log density rises by {} (the groups, less one for \
                 the Jacobian of log sigma; in the last row by {last:.2}) whenever {} is divided by e, whatever the data \
                 say. What an optimizer calls the mode is where it stopped in this spike. The same holds of every such scale.",
                coefficient.effects.len(), path.sigma, path.rise_without_end, path.sigma,
            ),
            false => format!(
                "Centered, the density rises by {last:.2} at the end of this path whenever {} is divided by e; it must come to \
                 {} for ever, and has not yet. There is no mode.",
                path.sigma, path.rise_without_end,
            ),
        });
    }
    for (name, mode) in [("Non-centered", non_centered), ("Marginal", marginal)] {
        if let Err(error) = mode {
            said.push(format!("{name}: {error}."));
        }
    }
    said.extend(several(model));
    let (sigma, effects) = (&rows[coefficient.scale], &rows[coefficient.effects.clone()]);
    let spread = |value: &dyn Fn(&ModeRow) -> f64| mode::spread(&effects.iter().map(value).collect::<Vec<_>>());
    let of_means = spread(&mean);
    let digits = decimals(of_means) + 1;
    let mut compared: Vec<String> = Vec::new();
    if non_centered.is_ok() {
        compared.push(format!(
            "the non-centered mode has {} at {} and spreads these effects by {} (sd over the groups)",
            sigma.parameter,
            number(sigma.non_centered_mode, digits),
            number(spread(&|row| row.non_centered_mode), digits),
        ));
    }
    if marginal.is_ok() {
        compared.push(format!(
            "the marginal mode at {} and by {}",
            number(sigma.marginal_mode, digits),
            number(spread(&|row| row.marginal_mode), digits),
        ));
    }
    compared.push(format!("the mean at {} and by {}", number(mean(sigma), digits), number(of_means, digits)));
    said.push(format!("Of one posterior, {}.", compared.join(", ")));
    if sigma.non_centered_mode > 2.0 * mean(sigma) {
        said.push(format!(
            "The non-centered mode errs the other way. The same effects are smaller offsets where {} is larger, and smaller \
             offsets have a higher density: nothing but its prior holds it, and the effects are hardly pooled at all.",
            sigma.parameter
        ));
    }
    said.push(
        "A mode is where the density is highest, which depends on the coordinates it is a density of; it says nothing of how \
         much volume there is around it. At the bottom of a funnel the density is highest and there is no volume at all. A mean \
         integrates density times volume, the probability itself, and is the same in all coordinates: that is what to report, \
         and why one samples. Nor is a mode a good place for a sampler to start from."
            .to_string(),
    );
    if !sampled.is_trustworthy() {
        said.push(
            "The run that the sampled means come from is not to be trusted: `warpnuts sample` says why, and what to do.".to_string(),
        );
    }
    said
}
