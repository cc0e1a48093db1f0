//! `warpnuts verify`: a run held against the exact posterior.

use anyhow::Context;
use warpnuts::exact::Exact;
use warpnuts::summary::{self, RunSummary};
use warpnuts::verify::Verification;

use super::sample::SampleArguments;
use super::{Failure, Outcome, folder, meaning, print, progress, table};

/// Samples, integrates, compares, writes.
pub fn run(typed: SampleArguments) -> Result<Outcome, Failure> {
    let dataset = meaning::dataset(&typed.data)?;
    let priors = meaning::priors(&typed.priors, &dataset);
    let model = meaning::model(&dataset, &priors, &typed.parameterization)?;
    let settings = meaning::settings(&typed.run, &model)?;
    let exact = Exact::of(&model).map_err(Failure::input)?;
    let backend = meaning::backend(&typed.engine, &model, &settings)?;
    let folder = folder::make(typed.output.out.as_deref(), "verify")?;
    progress::obey_interruptions()?;

    let hyperparameters = model.layout().hyperparameters();
    let sampled = progress::sample(&backend, model, settings, typed.output.quiet).map_err(Failure::run)?;
    let Some(run) = super::sample::conclude(&sampled, &folder, typed.output.save_draws)? else {
        return Ok(Outcome::Interrupted);
    };
    let verification = Verification::of(&sampled, &run, &exact);
    let path = folder.join("verification.json");
    summary::write_json(&path, &verification)
        .with_context(|| format!("{} could not be written", path.display()))
        .map_err(Failure::Run)?;
    print(format_args!(
        "{}: {} draws held against the exact posterior, in Monte Carlo standard errors\n",
        run.parameterization,
        run.total_draws()
    ));
    print(table::verification(&verification, if typed.all { verification.scores.len() } else { hyperparameters }));
    print(format_args!("\n{}", verdict(&verification, &run)));
    print(format_args!("Written: {}, {}", path.display(), super::sample::written(&folder, typed.output.save_draws)));
    super::sample::device_failure(&sampled)?;
    Ok(match (run.interrupted, verification.biased) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Distrusted,
        (false, false) => Outcome::Done,
    })
}

/// What the scores of all variables say.
fn verdict(verification: &Verification, run: &RunSummary) -> String {
    let Verification { largest, largest_of, root_mean_square, limit, biased, scores, .. } = verification;
    let meaning = match (*biased, run.is_trustworthy()) {
        (true, _) => "The run is biased beyond doubt.",
        (false, true) => "Nothing is wrong that so many draws could show.",
        (false, false) => {
            "The scores are small because the errors are large: the run's own diagnostics say not to trust it (`warpnuts \
             sample` shows them)."
        }
    };
    format!(
        "Of the {} z-scores of {} variables the largest is {largest:.1} ({largest_of}); a sound run stays below {limit:.1}. Their \
         root mean square is {root_mean_square:.2} (near 1; group effects hang together, so it may well be 0.7 or 1.3).\n{meaning}",
        4 * scores.len(),
        scores.len(),
    )
}
