//! `warpnuts sensitivity`: how much a posterior leans on its priors, and how much on the data.

use std::path::PathBuf;

use clap::Args;
use warpnuts::diagnostics::SensitivityDiagnosis;
use warpnuts::experiment::Sampled;
use warpnuts::predict::DrawnVariables;
use warpnuts::sensitivity::{Sensitivities, Sensitivity};
use warpnuts::summary::{self, number};

use super::{Failure, Outcome, complain, conclude, exact, folder, print, progress, table, wrap};

/// The file with all sensitivities, in the run's folder.
const FILE: &str = "sensitivity.json";

/// The k-hat up to which weights can be trusted.
const GOOD_K: f64 = 0.7;

/// Arguments of `sensitivity`.
#[derive(Debug, Args)]
pub struct SensitivityArguments {
    /// Folder of a run, or its store
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// Of the group effects too
    #[arg(long)]
    all: bool,
}

/// Computes, prints, writes.
pub fn run(typed: &SensitivityArguments) -> Result<Outcome, Failure> {
    let run = &folder::of_run(&typed.run);
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    progress::obey_interruptions_at_once(exact::NOTHING_WRITTEN.to_string())?;
    let variables = DrawnVariables::of(&sampled, usize::MAX).map_err(Failure::input)?;
    conclude::no_damage(&sampled, run)?;
    let found = Sensitivities::of(&variables, typed.all);
    let row = |row: &Sensitivity| {
        let diagnosis = row.diagnosis().map_or(String::new(), |diagnosis| diagnosis.to_string());
        vec![row.parameter.clone(), number(row.prior, 3), number(row.likelihood, 3), diagnosis]
    };
    print(format_args!(
        "Sensitivity of each posterior to the priors and to the likelihood, each to the power 1 +- 0.01: from 0.05 on it matters\n"
    ));
    print(table::of(&["", "prior", "likelihood", ""], found.parameters.iter().map(row)));
    print("");
    for sentence in sentences(&found) {
        print(wrap(&sentence));
    }
    let path = folder::beside(run).join(FILE);
    summary::write_json(&path, &found).map_err(|error| folder::unwritten(&path, &error))?;
    let [prior, likelihood] = found.pareto_k;
    let reliable = prior <= GOOD_K && likelihood <= GOOD_K;
    if !reliable {
        complain(format_args!(
            "warning: the importance weights are not reliable (largest k-hat {}); make more draws",
            number(prior.max(likelihood), 2)
        ));
    }
    let trusted = conclude::is_trusted(&sampled, run);
    print(format_args!("Written: {}", path.display()));
    Ok(if reliable && trusted { Outcome::Done } else { Outcome::Distrusted })
}

/// A sentence for each variable whose posterior leans on its prior, or one for all.
fn sentences(found: &Sensitivities) -> Vec<String> {
    let of = |row: &Sensitivity| {
        let name = &row.parameter;
        Some(match row.diagnosis()? {
            SensitivityDiagnosis::PriorDataConflict => format!(
                "{name} leans on the prior and on the data, which may say different things: compare the prior with what \
                 you know, and sample with another one."
            ),
            SensitivityDiagnosis::StrongPriorOrWeakLikelihood => format!(
                "{name} leans on the prior more than on the data: the prior is strong, or the data say little of it. Report \
                 the prior beside it, or sample with a wider one."
            ),
        })
    };
    let all: Vec<String> = found.parameters.iter().filter_map(of).collect();
    if all.is_empty() { vec!["No posterior leans on its prior.".to_string()] } else { all }
}
