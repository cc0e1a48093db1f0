//! The page's tables: runs side by side, hyperparameters, verdict, and the settings that reproduce the runs.

use serde::Serialize;

use super::run::ReportedRun;
use crate::experiment::Sampler;
use crate::summary::tables::{ComparisonCells, SideBySide, Table, no_warnings, parameters};
use crate::summary::{Comparison, FormulaSummary, RunSummary, counted, number, significant};

/// The part of the page above the figures.
#[derive(Debug, Serialize)]
pub struct ReportSummary<'a> {
    /// The command that makes the runs again.
    command: String,
    version: &'static str,
    /// The conclusion, in paragraphs.
    verdict: Vec<String>,
    /// Problems and remedies.
    warnings: Vec<Warning>,
    /// A column for each run, and for the exact posterior.
    comparison: Option<Table>,
    runs: Vec<OfRun<'a>>,
}

/// The tables of one run.
#[derive(Debug, Serialize)]
struct OfRun<'a> {
    name: &'a str,
    slot: usize,
    trustworthy: bool,
    /// The contents of `summary.json`, without the group effects.
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

impl<'a> ReportSummary<'a> {
    /// The tables of these runs, and their comparison.
    pub fn of(command: &str, runs: &'a [ReportedRun], comparison: Option<&Comparison>) -> ReportSummary<'a> {
        let warnings = runs.iter().flat_map(|run| {
            run.summary.warnings.iter().map(|advice| Warning {
                run: run.name.clone(),
                problem: advice.problem.clone(),
                remedy: advice.remedy.clone(),
            })
        });
        let verdict = match (comparison, runs) {
            (Some(comparison), _) => {
                SideBySide::of(comparison).no_independent.into_iter().chain(comparison.verdict.clone()).collect()
            }
            (None, [run]) if run.summary.warnings.is_empty() => {
                vec![no_warnings(&run.summary).to_string()]
            }
            (None, [run]) if !run.summary.is_trustworthy() => {
                vec!["This run is not to be trusted, for the reasons below.".to_string()]
            }
            _ => Vec::new(),
        };
        ReportSummary {
            command: command.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            verdict,
            warnings: warnings.collect(),
            comparison: comparison.map(side_by_side),
            runs: runs.iter().map(of_run).collect(),
        }
    }
}

fn of_run(run: &ReportedRun) -> OfRun<'_> {
    OfRun {
        name: &run.name,
        slot: run.slot,
        trustworthy: run.summary.is_trustworthy(),
        summary: &run.summary,
        hyperparameters: parameters(&run.summary.parameters.0, run.summary.max_nested_rhat.is_some()),
        facts: facts(&run.summary),
    }
}

/// A column for each run, and one for the exact posterior: there are fewer runs than rows.
fn side_by_side(comparison: &Comparison) -> Table {
    let (SideBySide { rhat, runs, exact, .. }, focus) = (SideBySide::of(comparison), &comparison.focus);
    let extreme = |extreme: &Option<[String; 2]>| {
        extreme.as_ref().map_or("-".to_string(), |[value, parameter]| format!("{value} ({parameter})"))
    };
    let of_focus =
        |run: &ComparisonCells, i: usize| run.focus.as_ref().map_or("-".to_string(), |focus| focus[i].clone());
    let exactly = |i: usize| exact.as_ref().map(|exact| exact[i].clone());
    let row = |name: &str, cell: &dyn Fn(&ComparisonCells) -> String, truth: Option<String>| {
        let mut cells = vec![name.to_string()];
        cells.extend(runs.iter().map(cell));
        cells.extend(exact.as_ref().map(|_| truth.unwrap_or_default()));
        cells
    };
    let rows = vec![
        row(&format!("mean of {focus} ± MCSE"), &|run| of_focus(run, 0), exactly(0)),
        row(&format!("sd of {focus}"), &|run| of_focus(run, 1), exactly(1)),
        row("divergences", &|run| run.divergences.clone(), None),
        row(&format!("largest {rhat}"), &|run| extreme(&run.rhat), None),
        row("smallest bulk ESS", &|run| extreme(&run.ess_bulk), None),
        row("smallest tail ESS", &|run| extreme(&run.ess_tail), None),
        row("leapfrogs a draw", &|run| run.leapfrogs.clone(), None),
        row("step size", &|run| run.step_size.clone(), None),
        row("acceptance", &|run| run.acceptance.clone(), None),
        row("gradients a second", &|run| number(run.rates[0], 0), None),
        row("bulk ESS a second", &|run| number(run.rates[1], 0), None),
    ];
    let mut header = vec![String::new()];
    header.extend(runs.iter().map(|run| run.name.clone()));
    header.extend(exact.as_ref().map(|_| "exact".to_string()));
    Table { header, rows }
}

/// The settings that reproduce a run.
fn facts(summary: &RunSummary) -> Vec<[String; 2]> {
    let (data, settings) = (&summary.data, &summary.settings);
    let until = settings.until.map_or(String::new(), |goal| format!(", at most {} until {goal}", settings.draws));
    let evaluations = summary.gradient_evaluations.total;
    let tuned = match settings.sampler {
        Sampler::Walnuts => format!("{} of steps unrefined", settings.target_accept),
        _ => format!("target acceptance {}", settings.target_accept),
    };
    let metric = match settings.sampler {
        Sampler::Nuts | Sampler::Walnuts => format!(", {} metric", settings.metric),
        Sampler::Riemannian | Sampler::Independent => String::new(),
    };
    let (draws, sampler, work) = match settings.sampler {
        Sampler::Nuts | Sampler::Walnuts | Sampler::Riemannian => (
            format!("{} after {} warm-up transitions{until}", summary.draws, settings.warmup),
            format!("{}{metric}, {tuned}, {} doublings at most", settings.sampler, settings.max_tree_depth),
            format!(", of which warm-up {} s; {evaluations} gradients", significant(summary.wall_seconds.warmup)),
        ),
        Sampler::Independent => (
            format!("{}, independent: a chain is only a row of draws{until}", summary.draws),
            format!("independent, {:.2} proposals a draw", summary.leapfrogs_per_draw),
            format!(", that of the proposal included; {evaluations} densities"),
        ),
    };
    let observations = counted(data.observations as u64, "observation");
    let mut facts = match &summary.formula {
        None => vec![
            ("data", format!("{}, {observations} in {} groups", data.source, data.groups)),
            ("checksum of the data", data.checksum.clone()),
            ("outcome", data.outcome.clone()),
            ("predictors", if data.predictors.is_empty() { "no predictor".into() } else { data.predictors.join(", ") }),
            ("groups", data.group.clone()),
        ],
        Some(FormulaSummary { formula, factors, .. }) => {
            let factors = factors.iter().map(|(name, levels)| format!("{name} ({levels})"));
            vec![
                ("data", format!("{}, {observations}", data.source)),
                ("checksum of the data", data.checksum.clone()),
                ("formula", formula.clone()),
                ("groups", factors.collect::<Vec<_>>().join(", ")),
            ]
        }
    };
    facts.extend([
        ("parameterization", summary.parameterization.clone()),
        ("priors", summary.words.priors.trim_start_matches("priors: ").to_string()),
        ("chains", format!("{}, from number {} on", settings.chains, settings.first_chain)),
        ("draws of each chain", draws),
        ("seed", summary.seed.to_string()),
        ("sampler", sampler),
        ("likelihood", settings.likelihood.to_string()),
        ("draws kept", format!("{}, {}", settings.keep, settings.draw_precision)),
        ("engine", format!("{} on {}", summary.engine, summary.adapter)),
        ("time", format!("{} s{work}", significant(summary.wall_seconds.total))),
        ("version", format!("warpnuts {}", summary.version)),
    ]);
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
