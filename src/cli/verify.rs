//! `warpnuts verify`: a run, made now or read from its folder, held against the exact posterior.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use warpnuts::data::{BUILT_IN, Columns, Dataset, STANDARD_INPUT};
use warpnuts::exact::Exact;
use warpnuts::summary::{self, Recorded, RecordedDraws};
use warpnuts::verify::Verification;

use super::sample::SampleArguments;
use super::{Failure, Outcome, folder, meaning, print, progress, table};

/// What can be typed behind `verify`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct VerifyArguments {
    /// Folder of a run that `sample` or `compare` has written; without it, a run is made now
    ///
    /// Data, columns and priors are those that the folder names; --data FILE says where the data are now.
    #[arg(value_name = "DIR", conflicts_with_all = [
        "group", "outcome", "predictors", "center_predictors", "prior_mu_sd", "prior_sigma_scale", "prior_eps_scale",
        "parameterization", "chains", "warmup", "draws", "seed", "first_chain", "target_accept", "max_tree_depth",
        "likelihood", "threads", "keep", "save_draws", "engine", "adapter", "allow_software_adapter",
    ])]
    run_folder: Option<PathBuf>,

    #[command(flatten)]
    sample: SampleArguments,
}

/// Samples or reads, integrates, compares, writes.
pub fn run(typed: VerifyArguments) -> Result<Outcome, Failure> {
    match typed.run_folder {
        Some(run) => read(&run, &typed.sample),
        None => sample(typed.sample),
    }
}

/// A run that is made now.
fn sample(typed: SampleArguments) -> Result<Outcome, Failure> {
    let dataset = meaning::dataset(&typed.data)?;
    let priors = meaning::priors(&typed.priors, &dataset);
    let model = meaning::model(&dataset, &priors, &typed.parameterization)?;
    let settings = meaning::settings(&typed.run, &model)?;
    let exact = Exact::of(&model).map_err(Failure::input)?;
    let choice = meaning::choice(&typed.engine, &model, &settings)?;
    let folder = folder::make(typed.output.out.as_deref(), "verify")?;
    progress::obey_interruptions()?;

    meaning::say(&choice);
    let sampled = progress::sample(&choice.backend, model, settings, typed.output.quiet).map_err(Failure::run)?;
    let Some(run) = super::sample::conclude(&sampled, &folder, typed.output.save_draws)? else {
        return Ok(Outcome::Interrupted);
    };
    let verification = Verification::of(&sampled, &run, &exact);
    let told = Told {
        parameterization: &run.parameterization,
        draws: run.total_draws(),
        trustworthy: run.is_trustworthy(),
        interrupted: run.interrupted,
        predictors: run.data.predictors.len(),
        all: typed.all,
    };
    let written = super::sample::written(&folder, typed.output.save_draws);
    let outcome = tell(&verification, &told, &folder, Some(&written))?;
    super::sample::device_failure(&sampled)?;
    Ok(outcome)
}

/// A run that was made before.
fn read(run: &Path, typed: &SampleArguments) -> Result<Outcome, Failure> {
    let recorded = Recorded::read(run).map_err(Failure::input)?;
    let draws = RecordedDraws::read(run, &recorded).map_err(Failure::input)?;
    let dataset = dataset(&recorded, typed.data.data.as_deref(), run)?;
    let coefficients = dataset.n_coefficients();
    if recorded.priors.mu_sd.len() != coefficients || recorded.priors.sigma_scale.len() != coefficients {
        return Err(Failure::Input(anyhow!(
            "{}: its priors are not those of {coefficients} coefficients; sample again",
            run.join("summary.json").display()
        )));
    }
    let model = meaning::model(&dataset, &recorded.priors, "non-centered")?;
    let exact = Exact::of(&model).map_err(Failure::input)?;
    let verification = Verification::of_recorded(&recorded, draws.as_ref(), &exact);
    if verification.compared == 0 {
        return Err(Failure::Input(anyhow!(
            "nothing in {} can be verified: {}; sample again, with 4 --draws or more",
            run.display(),
            verification.left_out.join("; ")
        )));
    }
    let folder = folder::make(typed.output.out.as_deref(), "verify")?;
    let told = Told {
        parameterization: &recorded.parameterization,
        draws: recorded.total_draws(),
        trustworthy: recorded.is_trustworthy(),
        interrupted: recorded.interrupted,
        predictors: recorded.data.predictors.len(),
        all: typed.all,
    };
    tell(&verification, &told, &folder, None)
}

/// The data that a run was made of, from where they are now; refused where they are others.
fn dataset(recorded: &Recorded, now: Option<&Path>, run: &Path) -> Result<Arc<Dataset>, Failure> {
    let data = &recorded.data;
    let columns =
        Columns { group: data.group.clone(), outcome: data.outcome.clone(), predictors: data.predictors.clone() };
    let say_where = "say where they are now with --data FILE";
    let dataset = match now {
        Some(path) => Dataset::from_path(path, &columns).map_err(Failure::input)?,
        None if data.source == BUILT_IN => Dataset::from_built_in(&columns).map_err(Failure::input)?,
        None if data.source == STANDARD_INPUT => {
            let run = run.display();
            return Err(Failure::Input(anyhow!("the data of {run} came from standard input; {say_where}")));
        }
        None => Dataset::from_path(Path::new(&data.source), &columns).map_err(|error| {
            Failure::Input(anyhow!("the data of {} are needed: {error}; {say_where}", run.display()))
        })?,
    };
    let centered = data.predictor_means_subtracted.iter().any(|mean| *mean != 0.0);
    let dataset = if centered { dataset.center_predictors() } else { dataset };
    let counts = [dataset.n_observations(), dataset.n_groups()];
    if counts != [data.observations, data.groups] {
        return Err(Failure::Input(anyhow!(
            "{} has {} observations in {} groups, and the run in {} was made of {} in {}; {say_where}",
            dataset.source(),
            counts[0],
            counts[1],
            run.display(),
            data.observations,
            data.groups,
        )));
    }
    if dataset.checksum() != data.checksum {
        return Err(Failure::Input(anyhow!(
            "{} has changed since the run in {} was made of it: the checksum of its columns is {}, not {}; {say_where}",
            dataset.source(),
            run.display(),
            dataset.checksum(),
            data.checksum,
        )));
    }
    Ok(Arc::new(dataset))
}

/// What is told of a run beside its scores.
struct Told<'a> {
    parameterization: &'a str,
    draws: usize,
    trustworthy: bool,
    interrupted: bool,
    predictors: usize,
    all: bool,
}

/// Prints, and writes `verification.json` into `folder`, beside what is `written` there already.
fn tell(verification: &Verification, told: &Told, folder: &Path, written: Option<&str>) -> Result<Outcome, Failure> {
    let path = folder.join("verification.json");
    summary::write_json(&path, verification)
        .with_context(|| format!("{} could not be written", path.display()))
        .map_err(Failure::Run)?;
    print(format_args!(
        "{}: {} draws held against the exact posterior, in Monte Carlo standard errors\n",
        told.parameterization, told.draws
    ));
    let rows = if told.all { verification.scores.len() } else { 2 * told.predictors + 3 };
    print(table::verification(verification, rows));
    print("");
    for sentence in &verification.left_out {
        print(format_args!("Note: {sentence}."));
    }
    print(verdict(verification, told.trustworthy));
    let written = written.map_or(String::new(), |written| format!(", {written}"));
    print(format_args!("Written: {}{written}", path.display()));
    Ok(match (told.interrupted, verification.biased) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Distrusted,
        (false, false) => Outcome::Done,
    })
}

/// What the scores of all variables say.
fn verdict(verification: &Verification, trustworthy: bool) -> String {
    let Verification { largest, largest_of, root_mean_square, limit, compared, biased, scores, .. } = verification;
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
