//! `warpnuts loo`: how well runs predict rows that they have not seen, one run or several side by side.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use warpnuts::diagnostics::{ComparedModel, compare};
use warpnuts::experiment::Sampled;
use warpnuts::loo::{CrossValidation, LeftOutSets, LeftOutUnit, LooError, Refits, by_importance, check_same_rows};
use warpnuts::predict::DrawnVariables;
use warpnuts::summary::{self, counted, number};

use super::progress::{PATIENCE, Waiting};
use super::{Failure, Outcome, complain, conclude, exact, folder, print, progress, table, wrap};

/// The file with a line for each unit that was left out, in the run's folder.
const TABLE: &str = "loo.csv";

/// The R-hat of refits up to which they are trusted: they are short.
const GOOD_RHAT: f64 = 1.05;

/// A difference of elpd below this says nothing, and fewer units have standard errors that are too small (Sivula,
/// Magnusson, Matamoros and Vehtari, 2020, "Uncertainty in Bayesian leave-one-out cross-validation based model
/// comparison").
const SMALL: f64 = 4.0;
const FEW: usize = 100;

/// Arguments of `loo`.
#[derive(Debug, Args)]
pub struct LooArguments {
    /// Folders of runs of the same data, or their stores
    #[arg(value_name = "DIR", required = true)]
    runs: Vec<PathBuf>,

    /// Fit the model again without each row, instead of weighting draws
    #[arg(long, conflicts_with_all = ["by", "folds"])]
    exact: bool,

    /// Leave out all rows of a level of this factor together, and fit the model again without them
    #[arg(long, value_name = "FACTOR", conflicts_with = "folds")]
    by: Option<String>,

    /// Leave out one of so many parts of the rows at a time, and fit the model again without it
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    folds: Option<u32>,

    /// No line of progress
    #[arg(long)]
    quiet: bool,
}

/// A run with what was left out of it.
struct JudgedRun {
    sampled: Sampled,
    folder: PathBuf,
    sets: LeftOutSets,
    units: Vec<LeftOutUnit>,
    result: CrossValidation,
    /// Why bad rows were not refitted, if they were not.
    unrefitted: Option<LooError>,
    draws: usize,
    trusted: bool,
}

/// A line of the table of units.
#[derive(Serialize)]
struct UnitLine {
    /// The row of the file, counted from 1, or a level.
    left_out: String,
    rows: usize,
    elpd: f64,
    p: Option<f64>,
    pareto_k: Option<f64>,
    method: &'static str,
    mcse: Option<f64>,
}

/// Leaves out, writes, prints.
pub fn run(typed: &LooArguments) -> Result<Outcome, Failure> {
    progress::obey_interruptions()?;
    let mut runs = Vec::new();
    for run in &typed.runs {
        let run = &folder::of_run(run);
        let sampled = Sampled::open(run).map_err(Failure::input)?;
        if let Some(JudgedRun { sampled: first, .. }) = runs.first() {
            check_same_rows(first.model.dataset(), sampled.model.dataset()).map_err(Failure::input)?;
        }
        match leave_out(sampled, run, typed) {
            Err(error @ LooError::Engine(_)) => return Err(Failure::run(error)),
            Err(error) => return Err(Failure::Input(anyhow!("{}: {error}", run.display()))),
            Ok(left_out) => {
                conclude::no_damage(&left_out.sampled, run)?;
                runs.push(left_out);
            }
        }
    }
    for run in &runs {
        let path = folder::beside(&run.folder).join(TABLE);
        summary::write_rows(&path, &lines(run))
            .map_err(|error| Failure::Run(anyhow!("{} could not be written: {error}; make room", path.display())))?;
    }
    match &runs[..] {
        [run] => print_one(run, typed),
        several => print_several(several),
    }
    runs.iter().for_each(|run| warn(run, runs.len() > 1));
    let written = runs.iter().map(|run| folder::beside(&run.folder).join(TABLE).display().to_string());
    print(format_args!("Written: {}", written.collect::<Vec<_>>().join(", ")));
    Ok(if runs.iter().all(is_sound) { Outcome::Done } else { Outcome::Distrusted })
}

/// What is left out of a run, as typed.
fn leave_out(sampled: Sampled, run: &Path, typed: &LooArguments) -> Result<JudgedRun, LooError> {
    let data = sampled.model.dataset();
    let sets = match (&typed.by, typed.folds) {
        (Some(factor), _) => Some(LeftOutSets::levels(data, factor)?),
        (_, Some(folds)) => Some(LeftOutSets::folds(data, folds as usize, sampled.settings.seed)?),
        (None, None) if typed.exact => Some(LeftOutSets::rows(0..data.n_observations())),
        (None, None) => None,
    };
    let draws = sampled.draws.chains() * sampled.draws.draws();
    if draws == 0 {
        return Err(warpnuts::predict::PredictError::NoDraws.into());
    }
    let hyperparameters = || {
        let of = |i| sampled.draws.variable(i).into_owned();
        (0..sampled.model.layout().hyperparameters()).map(of).collect::<Vec<Vec<f64>>>()
    };
    let refits = || Refits::new(&sampled.model, sampled.settings.seed, &hyperparameters());
    let refitted = |sets: &LeftOutSets, refits: &Refits| {
        let done = AtomicUsize::new(0);
        let count = sets.sets.len();
        let waiting = Waiting { quiet: typed.quiet, patience: PATIENCE, words: exact::NOTHING_WRITTEN.to_string() };
        let far = || format!("{} of {} refits", done.load(Relaxed), table::thousands(count as f64));
        progress::wait(waiting, &far, || {
            sets.refitted(refits, || {
                done.fetch_add(1, Relaxed);
            })
        })
    };
    let (sets, units, unrefitted) = match sets {
        Some(sets) => {
            let refits = refitted(&sets, &refits()?)?;
            (sets, refits.into_iter().map(LeftOutUnit::of_refit).collect(), None)
        }
        None => {
            let variables = DrawnVariables::of(&sampled, usize::MAX)?;
            let mut units: Vec<LeftOutUnit> =
                by_importance(&variables).into_iter().map(LeftOutUnit::of_importance).collect();
            drop(variables);
            let good_k = CrossValidation::of(&units, draws).sums.good_k;
            let bad: Vec<usize> = (0..units.len()).filter(|i| units[*i].is_unreliable(good_k)).collect();
            let unrefitted = match (!bad.is_empty()).then(refits).transpose() {
                Ok(None) => None,
                Ok(Some(refits)) => {
                    let again = refitted(&LeftOutSets::rows(bad.iter().copied()), &refits)?;
                    bad.iter().zip(again).for_each(|(row, refit)| units[*row] = units[*row].refitted(refit));
                    None
                }
                Err(refusal) => Some(refusal),
            };
            (LeftOutSets::rows(0..data.n_observations()), units, unrefitted)
        }
    };
    let result = CrossValidation::of(&units, draws);
    let trusted = conclude::is_trusted(&sampled, run);
    Ok(JudgedRun { folder: run.to_path_buf(), sets, units, result, unrefitted, draws, trusted, sampled })
}

/// The name of each unit: the row of the file, or the level.
fn names(run: &JudgedRun) -> Vec<String> {
    let data = run.sampled.model.dataset();
    let units = run.sets.units();
    match run.sets.factor {
        Some(factor) => data.levels(factor).to_vec(),
        None => units.iter().map(|rows| (data.row_of(rows[0]) + 1).to_string()).collect(),
    }
}

/// The lines of the table of units.
fn lines(run: &JudgedRun) -> Vec<UnitLine> {
    let known = |number: f64| Some(number).filter(|number| !number.is_nan());
    let line = |((name, rows), unit): ((String, Vec<usize>), &LeftOutUnit)| UnitLine {
        left_out: name,
        rows: rows.len(),
        elpd: unit.observation.elpd_loo,
        p: known(unit.observation.p_loo),
        pareto_k: known(unit.observation.pareto_k),
        method: if unit.refit.is_some() { "refit" } else { "psis" },
        mcse: unit.refit.map(|refit| refit.error),
    };
    let mut lines: Vec<(usize, UnitLine)> =
        (run.sets.units().iter().map(|rows| run.sampled.model.dataset().row_of(rows[0])))
            .zip(names(run).into_iter().zip(run.sets.units()).zip(&run.units).map(line))
            .collect();
    lines.sort_by_key(|(row, _)| *row);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Prints the sums of one run.
fn print_one(run: &JudgedRun, typed: &LooArguments) {
    let (data, result) = (run.sampled.model.dataset(), &run.result);
    let count = run.units.len() as u64;
    let what = match (&typed.by, typed.folds) {
        (Some(factor), _) => format!("{} of {factor}, each predicted by all others", counted(count, "level")),
        (_, Some(folds)) => format!("{} in {folds} folds, each predicted by the other folds", counted(count, "row")),
        (None, None) => format!("{}, each predicted by all others", counted(count, "row")),
    };
    let how = match typed.exact || typed.by.is_some() || typed.folds.is_some() {
        true => counted(run.sets.sets.len() as u64, "refit").to_string(),
        false => counted(run.draws as u64, "weighted draw"),
    };
    print(format_args!("{what}, from {}: {how}\n", data.source()));
    let row = |name: &str, value: f64, se: f64| {
        let decimals = decimals(se);
        vec![name.to_string(), number(value, decimals), number(se, decimals)]
    };
    let mut rows = vec![row("elpd", result.sums.elpd_loo, result.sums.se)];
    if !result.sums.p_loo.is_nan() {
        rows.push(row("effective parameters", result.sums.p_loo, result.sums.se_p_loo));
    }
    print(table::of(&["", "estimate", "standard error"], rows));
    print("");
    if let Some((name, worst)) = worst(run) {
        let good = number(result.sums.good_k, 2);
        print(wrap(&format!(
            "Weights are reliable where k-hat is at most {good}; the largest is {} (row {name} of the file).",
            number(worst, 2)
        )));
    }
    if result.refitted > 0 && !result.sums.p_loo.is_nan() {
        let rows = counted(result.refitted as u64, "row");
        print(wrap(&format!("{rows} beyond: predicted exactly, by fitting the model again without each.")));
    }
    if result.refitted > 0 {
        let error = number(result.error, decimals(result.error));
        print(wrap(&format!("The Monte Carlo error of elpd that is due to refits is {error}.")));
    }
}

/// The unit with the largest k-hat.
fn worst(run: &JudgedRun) -> Option<(String, f64)> {
    let pairs = names(run).into_iter().zip(run.units.iter().map(|unit| unit.observation.pareto_k));
    pairs.filter(|(_, k)| !k.is_nan()).max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// Prints several runs side by side.
fn print_several(runs: &[JudgedRun]) {
    // All in the order of the first.
    let first = names(&runs[0]);
    let elpds: Vec<Vec<f64>> = runs
        .iter()
        .map(|run| {
            let own: std::collections::HashMap<String, f64> =
                names(run).into_iter().zip(run.units.iter().map(|unit| unit.observation.elpd_loo)).collect();
            first.iter().map(|name| own.get(name).copied().unwrap_or(f64::NAN)).collect()
        })
        .collect();
    let compared = compare(&elpds.iter().map(|elpds| &elpds[..]).collect::<Vec<_>>());
    let row = |model: &ComparedModel| {
        let run = &runs[model.model];
        let decimals = decimals(model.se);
        let mut cells = vec![run.folder.display().to_string()];
        cells.extend([model.elpd_loo, model.se, model.elpd_diff, model.dse].map(|value| number(value, decimals)));
        cells.push(number(model.weight, 2));
        cells.extend((!run.result.sums.p_loo.is_nan()).then(|| number(run.result.sums.p_loo, 1)));
        cells
    };
    let header = ["", "elpd", "se", "difference", "se", "weight", "parameters"];
    let columns = if runs.iter().any(|run| run.result.sums.p_loo.is_nan()) { header.len() - 1 } else { header.len() };
    print(table::of(&header[..columns], compared.iter().map(row)));
    print("");
    print(wrap(&sentence(runs, &compared, first.len())));
    print("Weights are those of stacking: of the mixture of these models that predicts best.");
}

/// What a comparison says.
fn sentence(runs: &[JudgedRun], compared: &[ComparedModel], units: usize) -> String {
    let name = |model: &ComparedModel| runs[model.model].folder.display().to_string();
    let (best, rest) = (&compared[0], &compared[1..]);
    let of = |model: &ComparedModel| {
        let decimals = decimals(model.dse);
        let (difference, error) = (number(model.elpd_diff, decimals), number(model.dse, decimals));
        if model.elpd_diff.is_nan() {
            format!("{} cannot be compared: its elpd is no number.", name(model))
        } else if model.elpd_diff < SMALL {
            format!(
                "{} predicts as well: a difference of {difference} (standard error {error}) is nothing.",
                name(model)
            )
        } else if model.elpd_diff < 2.0 * model.dse {
            format!(
                "These data do not say whether {} predicts worse: the difference is {difference} with a standard error of {error}.",
                name(model)
            )
        } else {
            format!("{} predicts worse, by {difference} (standard error {error}).", name(model))
        }
    };
    let mut all = vec![format!("{} has the largest elpd.", name(best))];
    all.extend(rest.iter().map(of));
    if units < FEW {
        all.push(format!("With {units} units left out, standard errors are rather too small."));
    }
    all.join(" ")
}

/// The decimals of an elpd with this error: one at least, as everywhere.
fn decimals(error: f64) -> usize {
    summary::decimals(error).max(1)
}

/// Whether a run and what was left out of it can be trusted.
fn is_sound(run: &JudgedRun) -> bool {
    run.trusted && run.result.unreliable == 0 && have_converged(run) && run.result.sums.elpd_loo.is_finite()
}

/// Whether all refits have converged.
fn have_converged(run: &JudgedRun) -> bool {
    run.result.refitted == 0 || run.result.largest_rhat <= GOOD_RHAT
}

/// Warns of what cannot be trusted; with the run's name if there are several.
fn warn(run: &JudgedRun, several: bool) {
    let name = run.folder.display();
    let of = if several { format!(" of {name}") } else { String::new() };
    if run.result.unreliable > 0 {
        let rows = counted(run.result.unreliable as u64, "row");
        let why = run.unrefitted.as_ref().map_or(String::new(), |why| format!("; {why}"));
        complain(format_args!(
            "warning: the elpd{of} is not reliable: k-hat is above {} in {rows}{why}",
            number(run.result.sums.good_k, 2)
        ));
    }
    if !have_converged(run) {
        complain(format_args!(
            "warning: not all refits{of} have converged: their largest R-hat is {}",
            number(run.result.largest_rhat, 2)
        ));
    }
}
