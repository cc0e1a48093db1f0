//! The page's tables: runs side by side, hyperparameters, verdict, and all it takes to make the runs again.

use serde::Serialize;

use super::run::Run;
use crate::diagnostics;
use crate::exact::ExactRow;
use crate::summary::{Comparison, Extreme, Parameter, Row, RunSummary, counted, decimals, number, significant};

/// What stands above the figures.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    /// The command that makes the runs again.
    command: String,
    version: &'static str,
    /// What it all means, in paragraphs.
    verdict: Vec<String>,
    /// What is wrong, and what to do.
    warnings: Vec<Warning>,
    /// A column for each run, and for the truth.
    comparison: Option<Table>,
    runs: Vec<OfRun<'a>>,
}

/// Of one run.
#[derive(Debug, Serialize)]
struct OfRun<'a> {
    name: &'a str,
    slot: usize,
    trustworthy: bool,
    /// Everything that summary.json holds, but for the group effects.
    summary: &'a RunSummary,
    hyperparameters: Table,
    /// Settings, one a row.
    facts: Vec<[String; 2]>,
}

#[derive(Debug, Serialize)]
struct Warning {
    run: String,
    problem: String,
    remedy: String,
}

/// Cells as they are shown; the first of each row is its name.
#[derive(Debug, Serialize)]
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl<'a> Summary<'a> {
    /// Of these runs, and how they compare.
    pub fn of(command: &str, runs: &'a [Run], comparison: Option<&Comparison>) -> Summary<'a> {
        let warnings = runs.iter().flat_map(|run| {
            run.summary.warnings.iter().map(|advice| Warning {
                run: run.name.clone(),
                problem: advice.problem.clone(),
                remedy: advice.remedy.clone(),
            })
        });
        let verdict = match (comparison, runs) {
            (Some(comparison), _) => comparison.verdict.clone(),
            (None, [run]) if run.summary.warnings.is_empty() => {
                vec!["No warnings: no divergences, the chains agree, and there are effective draws enough.".to_string()]
            }
            (None, [run]) if !run.summary.is_trustworthy() => {
                vec!["This run is not to be trusted, for the reasons below.".to_string()]
            }
            _ => Vec::new(),
        };
        Summary {
            command: command.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            verdict,
            warnings: warnings.collect(),
            comparison: comparison.map(side_by_side),
            runs: runs.iter().map(of_run).collect(),
        }
    }
}

fn of_run(run: &Run) -> OfRun<'_> {
    OfRun {
        name: &run.name,
        slot: run.slot,
        trustworthy: run.summary.is_trustworthy(),
        summary: &run.summary,
        hyperparameters: hyperparameters(&run.summary),
        facts: facts(&run.summary),
    }
}

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}

/// A column for each run, and one for the truth: there are fewer runs than there is to tell of them.
fn side_by_side(comparison: &Comparison) -> Table {
    let (runs, focus) = (&comparison.runs, &comparison.focus);
    let nested = runs.iter().any(|run| run.max_nested_rhat.is_some());
    let extreme = |extreme: &Option<Extreme>, decimals: usize| {
        let shown = |extreme: &Extreme| format!("{} ({})", number(extreme.value, decimals), extreme.parameter);
        extreme.as_ref().map_or("-".to_string(), shown)
    };
    let of_focus =
        |run: &Row, cell: fn(&diagnostics::Summary) -> String| run.focus.as_ref().map_or("-".to_string(), cell);
    let mean = |row: &diagnostics::Summary| {
        let digits = decimals(row.mcse_mean);
        format!("{} ± {}", number(row.mean, digits), number(row.mcse_mean, digits))
    };
    let sd = |row: &diagnostics::Summary| number(row.sd, decimals(row.mcse_mean));
    let truth = comparison.exact.as_ref();
    let exactly = |value: fn(&ExactRow) -> f64| truth.map(|exact| number(value(exact), decimals(exact.sd) + 2));
    let row = |name: &str, cell: &dyn Fn(&Row) -> String, exact: Option<String>| {
        let mut cells = vec![name.to_string()];
        cells.extend(runs.iter().map(cell));
        cells.extend(truth.map(|_| exact.unwrap_or_default()));
        cells
    };
    let rhat = |run: &Row| extreme(if nested { &run.max_nested_rhat } else { &run.max_rhat }, 3);
    let rows = vec![
        row(&format!("mean of {focus} ± MCSE"), &|run| of_focus(run, mean), exactly(|exact| exact.mean)),
        row(&format!("sd of {focus}"), &|run| of_focus(run, sd), exactly(|exact| exact.sd)),
        row("divergences", &|run| run.divergences.to_string(), None),
        row(if nested { "largest nested R-hat" } else { "largest R-hat" }, &rhat, None),
        row("smallest bulk ESS", &|run| extreme(&run.min_ess_bulk, 0), None),
        row("smallest tail ESS", &|run| extreme(&run.min_ess_tail, 0), None),
        row("leapfrogs a draw", &|run| number(run.leapfrogs_per_draw, 1), None),
        row("step size", &|run| significant(run.step_size), None),
        row("acceptance", &|run| number(run.acceptance, 2), None),
        row("gradients a second", &|run| number(run.gradients_per_second, 0), None),
        row("bulk ESS a second", &|run| number(run.ess_per_second, 0), None),
    ];
    let mut header = vec![String::new()];
    header.extend(runs.iter().map(|run| run.parameterization.clone()));
    header.extend(truth.map(|_| "exact".to_string()));
    Table { header, rows }
}

/// A row for each hyperparameter, with as many decimals as the error of its mean leaves meaning to.
fn hyperparameters(summary: &RunSummary) -> Table {
    let nested = summary.max_nested_rhat.is_some();
    let header = ["", "mean", "sd", "5 %", "50 %", "95 %", "MCSE", "bulk ESS", "tail ESS"];
    let header = [strings(&header), strings(&[if nested { "nested R-hat" } else { "R-hat" }])].concat();
    let row = |Parameter { name, summary: row, nested_rhat }: &Parameter| {
        let digits = decimals(row.mcse_mean);
        let mut cells = vec![name.clone()];
        cells.extend([row.mean, row.sd, row.q05, row.q50, row.q95].map(|value| number(value, digits)));
        cells.push(number(row.mcse_mean, digits + 1));
        cells.extend([row.ess_bulk, row.ess_tail].map(|value| number(value, 0)));
        cells.push(number(nested_rhat.unwrap_or(row.rhat), 3));
        cells
    };
    Table { header, rows: summary.parameters.0.iter().map(row).collect() }
}

/// All it takes to make a run again.
fn facts(summary: &RunSummary) -> Vec<[String; 2]> {
    let (data, settings) = (&summary.data, &summary.settings);
    let predictors = match &data.predictors[..] {
        [] => "no predictor".to_string(),
        names => names.join(", "),
    };
    let mut facts = vec![
        (
            "data",
            format!("{}, {} in {} groups", data.source, counted(data.observations as u64, "observation"), data.groups),
        ),
        ("checksum of the data", data.checksum.clone()),
        ("outcome", data.outcome.clone()),
        ("predictors", predictors),
        ("groups", data.group.clone()),
        ("parameterization", summary.parameterization.clone()),
        ("priors", summary.words.priors.trim_start_matches("priors: ").to_string()),
        ("chains", format!("{}, from number {} on", settings.chains, settings.first_chain)),
        ("draws of each chain", format!("{} after {} warm-up transitions", summary.draws, settings.warmup)),
        ("seed", summary.seed.to_string()),
        ("target acceptance", settings.target_accept.to_string()),
        ("most doublings", settings.max_tree_depth.to_string()),
        ("likelihood", settings.likelihood.to_string()),
        ("draws kept", format!("{}, {}", settings.keep, settings.draw_precision)),
        ("engine", format!("{} on {}", summary.engine, summary.adapter)),
        (
            "time",
            format!(
                "{} s, of which warm-up {} s; {} gradients",
                significant(summary.wall_seconds.total),
                significant(summary.wall_seconds.warmup),
                summary.gradient_evaluations.total
            ),
        ),
        ("version", format!("warpnuts {}", summary.version)),
    ];
    if let Some(centring) = &summary.words.centring {
        facts.insert(4, ("centred", centring.trim_start_matches("centred: ").to_string()));
    }
    if !data.left_out.is_empty() {
        let rows = counted(data.left_out.rows as u64, "row");
        facts.insert(1, ("left out", format!("{rows} without a value: {}", data.left_out)));
    }
    if let Some(failure) = &summary.device_failure {
        facts.push(("device failure", failure.clone()));
    }
    facts.into_iter().map(|(name, value)| [name.to_string(), value]).collect()
}
