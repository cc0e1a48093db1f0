//! `warpnuts verify`: a run, made now or read from its folder, compared with the exact posterior.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Command, Id};
use warpnuts::experiment::Sampled;
use warpnuts::summary::{self, RunSummary};
use warpnuts::verify::Verification;

use super::sample::{Ending, ResolvedRun, RunOnceArguments, SampleArguments};
use super::{Failure, Outcome, conclude, exact, folder, print, progress, table};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct VerifyArguments {
    /// Folder of a run that `sample` or `compare` has written; without it, a run is made now
    ///
    /// Data, columns and priors are those of the run, which are in its store.
    #[arg(value_name = "DIR")]
    run_folder: Option<PathBuf>,

    #[command(flatten)]
    pub sample: SampleArguments,
}

/// The id of the argument for a run's folder.
const FOLDER: &str = "run_folder";

/// The options that go with a run's folder; all others say how to make a run.
const OF_READING: [&str; 3] = ["out", "all", "quiet"];

/// The command line of `verify`, in which a run's folder excludes the options that say how to make a run.
pub fn with_conflicts(command: Command) -> Command {
    let ids = command.get_arguments().map(|argument| argument.get_id().clone());
    let of_making: Vec<Id> = ids.filter(|id| id != FOLDER && !OF_READING.contains(&id.as_str())).collect();
    command.mut_arg(FOLDER, |folder| folder.conflicts_with_all(of_making))
}

/// Samples or reads, integrates, compares, writes.
pub fn run(typed: VerifyArguments) -> Result<Outcome, Failure> {
    match typed.run_folder {
        Some(run) => read(&run, &typed.sample.once),
        None => sample(typed.sample),
    }
}

/// Verifies a new run.
fn sample(typed: SampleArguments) -> Result<Outcome, Failure> {
    if let Some(folder) = &typed.resume {
        let name = folder.display();
        return Err(Failure::Input(anyhow!(
            "verify begins a run or reads one; go on with `warpnuts sample --resume {name}`, then `warpnuts verify {name}`"
        )));
    }
    let ResolvedRun { model, settings, known, output, ending } = super::sample::ready(typed, Some("verify"))?;
    progress::obey_interruptions_at_once(exact::NOTHING_WRITTEN.to_string())?;
    let exact = exact::integrate(&model, output.quiet)?;
    let folder = folder::make(output.out.as_deref(), "verify")?;

    let Ending { why, choice, pages, all } = ending;
    let sampled = super::sample::sample_into(&folder, &choice.backend, model, settings, known, &output)?;
    let Some(run) = conclude::conclude(&sampled, &folder, output.save_draws, output.quiet)? else {
        return Ok(Outcome::Interrupted);
    };
    conclude::about(&run, why.as_deref(), &choice).into_iter().for_each(print);
    let verification = Verification::of(&sampled, &run, &exact);
    let written = conclude::written(&folder, output.save_draws);
    let outcome = report(&verification, &sampled, &run, all, &folder, Some(&written))?;
    pages.of_run(&sampled, &run, &folder)?;
    conclude::device_failure(&sampled)?;
    Ok(if run.interrupted { Outcome::Interrupted } else { outcome })
}

/// Verifies a stored run.
fn read(run: &Path, typed: &RunOnceArguments) -> Result<Outcome, Failure> {
    let run = &folder::of_run(run);
    let sampled = Sampled::open(run).map_err(Failure::input)?;
    progress::obey_interruptions_at_once(exact::NOTHING_WRITTEN.to_string())?;
    let exact = exact::integrate(&sampled.model, typed.output.quiet)?;
    let summary = RunSummary::of(&sampled);
    conclude::no_damage(&sampled, run)?;
    let verification = Verification::of(&sampled, &summary, &exact);
    if verification.compared == 0 && verification.settled {
        return Err(Failure::Input(anyhow!(
            "{} has {} draws of each chain, too few to verify anything; sample again, with 4 --draws or more",
            run.display(),
            summary.draws
        )));
    }
    let folder = folder::make(typed.output.out.as_deref(), "verify")?;
    let outcome = report(&verification, &sampled, &summary, typed.all, &folder, None)?;
    conclude::how_far(&sampled, run);
    Ok(outcome)
}

/// Prints, and writes `verification.json` into `folder`; `written` names the files that are there already.
fn report(
    verification: &Verification,
    sampled: &Sampled,
    run: &RunSummary,
    all: bool,
    folder: &Path,
    written: Option<&str>,
) -> Result<Outcome, Failure> {
    let path = folder.join("verification.json");
    summary::write_json(&path, verification).map_err(|error| folder::unwritten(&path, &error))?;
    print(format_args!(
        "{}: {} draws held against the exact posterior, in Monte Carlo standard errors\n",
        run.name(),
        run.total_draws()
    ));
    let rows = if all { verification.scores.len() } else { sampled.model.layout().hyperparameters() };
    print(table::verification(verification, rows));
    print("");
    for sentence in &verification.left_out {
        print(format_args!("Note: {sentence}."));
    }
    print(verdict(verification, run.is_trustworthy()));
    let written = written.map_or(String::new(), |written| format!(", {written}"));
    print(format_args!("Written: {}{written}", path.display()));
    let unknown = verification.compared == 0 && !verification.settled;
    Ok(if verification.biased || unknown { Outcome::Distrusted } else { Outcome::Done })
}

/// The verdict on the scores of all variables.
fn verdict(verification: &Verification, trustworthy: bool) -> String {
    let Verification { largest, largest_of, root_mean_square, limit, compared, settled, biased, scores, .. } =
        verification;
    if *compared == 0 && !settled {
        return "Nothing could be compared: the exact posterior is not known well enough.".to_string();
    }
    if *compared == 0 {
        return "There are too few draws for any error, and nothing could be compared.".to_string();
    }
    let meaning = match (*biased, trustworthy) {
        (true, _) => "The run is biased beyond doubt.",
        (false, true) => "Nothing is wrong that so many draws could show.",
        (false, false) => {
            "The scores are small because the errors are large: the run's own diagnostics say not to trust it (`warpnuts \
             sample` shows them)."
        }
    };
    format!(
        "Of the {compared} z-scores of {} variables the largest is {largest:.1} ({largest_of}); a sound run stays below {limit:.1}. Their \
         root mean square is {root_mean_square:.2} (near 1; group effects hang together, so it may well be 0.7 or 1.3).\n{meaning}",
        scores.len(),
    )
}
