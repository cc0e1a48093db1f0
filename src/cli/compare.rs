//! `warpnuts compare`: one model in several parameterizations, and which of them to trust.

use anyhow::anyhow;
use clap::Args;
use warpnuts::exact::Exact;
use warpnuts::experiment::{Keep, Sampler};
use warpnuts::summary::{self, Comparison, RunSummary, Words};

use super::arguments::{
    DataArguments, EngineArguments, FunnelArguments, OutputArguments, PriorArguments, ReportArguments, RunArguments,
};
use super::{
    Failure, Outcome, complain, conclude, exact, folder, keep_summary, print, progress, report, resolve, sample, table,
    wrap,
};

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct CompareArguments {
    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    priors: PriorArguments,

    /// What is compared, separated by commas: `centered`, `non-centered`, `marginal`, `a=centered,b=non-centered`
    #[arg(long, value_name = "LIST", default_value = "centered,non-centered,marginal", help_heading = "Sampling")]
    parameterizations: String,

    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    engine: EngineArguments,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    report: ReportArguments,

    #[command(flatten)]
    funnel: FunnelArguments,
}

/// Samples one model after the other, prints, writes.
pub fn run(typed: CompareArguments) -> Result<Outcome, Failure> {
    let dataset = resolve::dataset(&typed.data)?;
    let priors = resolve::priors(&typed.priors, &dataset);
    resolve::warn(&dataset, &priors);
    let models = resolve::models(&dataset, &priors, &typed.parameterizations, &typed.run)?;
    // All models have the same settings; each has to fit into memory.
    let settings = models
        .iter()
        .map(|model| resolve::settings(&typed.run, model, Sampler::Nuts))
        .collect::<Result<Vec<_>, _>>()?[0];
    keep_summary::check(&settings, &[("--save-draws", typed.output.save_draws), ("--open", typed.report.open)])?;
    let has_draws = settings.keep != Keep::Summary;
    // One backend for all models: the comparison is of models.
    let choice = resolve::choice(&typed.engine, &models[0], &settings)?;
    for model in &models {
        choice.backend.admits(model).map_err(Failure::input)?;
        resolve::memory_of_sums(&settings, model, &choice.backend)?;
    }
    resolve::room(&settings, typed.output.save_draws, &models[0], models.len(), typed.output.out.as_deref())?;
    let mut pages = report::Pages::begin(&typed.report, &typed.funnel, &dataset, models.len(), typed.output.quiet)?;
    let folder = folder::make(typed.output.out.as_deref(), "compare")?;
    progress::obey_interruptions()?;

    print(format_args!(
        "{} observations in {} groups from {}, each model with {} chains x ({} warm-up transitions + {} draws)",
        dataset.n_observations(),
        dataset.n_groups(),
        dataset.source(),
        settings.chains,
        settings.warmup,
        settings.draws,
    ));
    Words::of(&models[0]).lines().for_each(print);
    print(conclude::computed(&choice));
    let exact_model = models[0].clone();
    let mut runs: Vec<RunSummary> = Vec::new();
    let mut written = Vec::new();
    for (i, model) in models.into_iter().enumerate() {
        if progress::is_interrupted() {
            break;
        }
        let inside = folder::inside(&folder, &folder_name(&model.parameterization(), i))?;
        let backend = &choice.backend;
        if !has_draws {
            let summary = keep_summary::sample_into(&inside, backend, model, settings, None, typed.output.quiet)?;
            written.extend(summary.iter().map(|_| conclude::written_summary(&inside)));
            runs.extend(summary);
            continue;
        }
        let sampled = sample::sample_into(&inside, backend, model, settings, None, &typed.output)?;
        if let Some(summary) = conclude::conclude(&sampled, &inside, typed.output.save_draws, typed.output.quiet)? {
            pages.add(&sampled, &summary, &inside);
            runs.push(summary);
            written.push(conclude::written(&inside, typed.output.save_draws));
            conclude::device_failure(&sampled)?;
        }
    }
    if runs.is_empty() {
        std::fs::remove_dir(&folder).ok();
        return Ok(Outcome::Interrupted);
    }

    // Written before the long part, so that `warpnuts report` can use it after an interruption.
    let path = folder.join("comparison.json");
    let write = |comparison: &Comparison| {
        summary::write_json(&path, comparison).map_err(|error| folder::unwritten(&path, &error))
    };
    write(&Comparison::of(&runs, None))?;
    let quick = exact::is_quick(dataset.n_groups()) && !progress::is_interrupted();
    let (exact, modes) = if quick {
        let words = report::interrupted(&folder);
        let is_wanted = has_draws && pages.is_wanted();
        exact::integrate_beside(&exact_model, typed.output.quiet, words, || {
            is_wanted.then(|| report::FoundModes::of(&exact_model)).flatten()
        })
    } else {
        (Err(Failure::Input(anyhow!("it would take long"))), None)
    };
    if let Err(Failure::Unsound(error)) = &exact {
        complain(format_args!("note: the runs are not held against the exact posterior: {error}"));
    }
    let sharp = |exact: &Exact| runs.iter().all(|run| report::is_sharp(exact, run));
    let exact = exact.ok().filter(|exact| {
        if !sharp(exact) {
            complain(format_args!(
                "note: the runs are not held against the exact posterior: its integral has not settled, it may be off by {:.1e} \
                 posterior sds, and the runs' own errors are not far above that",
                exact.accuracy()
            ));
        }
        sharp(exact)
    });
    let comparison = Comparison::of(&runs, exact.as_ref());
    write(&comparison)?;
    print("");
    print(table::comparison(&comparison));
    if has_draws {
        pages.compare(&comparison, exact.as_ref(), modes);
        print(format_args!("\n{}", pages.sketches()));
    }
    for paragraph in &comparison.verdict {
        print(format_args!("\n{}", wrap(paragraph)));
    }
    print(format_args!("\nWritten: {}\n         {}", path.display(), written.join("\n         ")));
    if has_draws {
        report::say(pages.write(&folder)?);
    }
    Ok(if progress::is_interrupted() { Outcome::Interrupted } else { Outcome::Done })
}

/// The folder of run number `i`: its parameterization, if that suits the name of a folder.
fn folder_name(parameterization: &str, i: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-=,[]_. ".contains(c);
    match parameterization {
        name if name.len() <= 100 && name.chars().all(plain) => name.to_string(),
        _ => format!("mixed-{}", i + 1),
    }
}
