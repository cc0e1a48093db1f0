//! `warpnuts sample --resume`: an interrupted run goes on as if nothing had happened.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use clap::ValueEnum;
use warpnuts::data::Dataset;
use warpnuts::draws::Precision;
use warpnuts::draws::store::STORE;
use warpnuts::engine::{EngineError, SinkError};
use warpnuts::experiment::{self, Choice, Interrupted, Keep, Keeping, Settings};

use super::arguments::{CentringArgument, Shard};
use super::sample::{self, Ending, RunOnceArguments, SampleArguments};
use super::{Failure, Outcome, complain, folder, progress, report, resolve};

/// Goes on with the run in `folder`.
pub fn run(folder: &Path, typed: &SampleArguments) -> Result<Outcome, Failure> {
    let folder = &*folder::of_run(folder);
    let name = folder.display();
    let mut interrupted = Interrupted::read(folder).map_err(Failure::input)?;
    if let Some(threads) = typed.once.run.threads {
        interrupted.settings.threads = threads.into();
    }
    if !folder.join(STORE).is_dir() {
        return Err(Failure::Input(anyhow!(
            "{name} is a store alone, and where its chains stood is in the folder of its run; name that"
        )));
    }
    let differences = differences(typed, &interrupted)?;
    if !differences.is_empty() {
        return Err(Failure::Input(anyhow!(
            "--resume {name} goes on with the settings of that run, and these differ:\n  {}\nleave them out, or sample anew",
            differences.join("\n  ")
        )));
    }
    if interrupted.is_complete() {
        // No error: a job that is submitted again need not know whether it had come to its end.
        complain(format_args!(
            "{name} is complete: it has all {} draws of each chain; `warpnuts summary {name}` shows them",
            interrupted.settings.draws
        ));
        return Ok(Outcome::Done);
    }
    let choice = choice(typed, &interrupted, folder)?;
    progress::obey_interruptions()?;
    let keeping = Keeping { folder, interval: Duration::from_secs_f64(typed.once.output.checkpoint_every) };
    let (output, data) = (&typed.once.output, interrupted.store.model().dataset());
    let pages = report::Pages::begin(&typed.report, &typed.funnel, data, 1, output.quiet)?;
    let (model, settings) = (interrupted.store.model().clone(), interrupted.settings);
    let sampled = progress::watch(&model, &settings, output.quiet, |progress| {
        experiment::resume(&keeping, &choice.backend, interrupted, progress)
    });
    let sampled = sampled.map_err(|error| match error {
        EngineError::Sink(SinkError(error)) if is_refusal(&error) => {
            let remedy = match error.kind() {
                ErrorKind::ResourceBusy => "",
                ErrorKind::InvalidData => "; put back a copy of that file, or sample again",
                _ => "; ask for permission to write there, or go on with a copy",
            };
            Failure::Input(anyhow!("{name} cannot be gone on with: {error}{remedy}"))
        }
        error => Failure::Run(anyhow!("{error}\n  What was drawn before is kept in {name}")),
    })?;
    sample::finish(&sampled, folder, output, Ending { why: None, choice, pages, all: typed.once.all })
}

/// Whether there was nothing to go on with, or no way to, from the beginning.
fn is_refusal(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), InvalidData | ResourceBusy | PermissionDenied | ReadOnlyFilesystem)
}

/// The engine and the adapter the run was on; others would draw other numbers.
fn choice(typed: &SampleArguments, interrupted: &Interrupted, folder: &Path) -> Result<Choice, Failure> {
    let Interrupted { store, settings, engine, device, .. } = interrupted;
    let asked = super::arguments::EngineArgument::from_str(engine, true).map_err(|_| {
        Failure::Input(anyhow!("{}: it was sampled on engine {engine}, which is unknown", folder.display()))
    })?;
    let software = typed.once.engine.allow_software_adapter;
    let adapter =
        typed.once.engine.adapter.as_deref().or_else(|| device.split(" (").next().filter(|_| engine != "cpu"));
    let choice = experiment::choose(resolve::engine(asked), adapter, software, store.model(), settings)
        .map_err(Failure::input)?;
    if engine != "cpu" && choice.backend.device() != *device {
        return Err(Failure::Input(anyhow!(
            "{} was sampled on {device}, and only there can it go on to the same draws; here is {}",
            folder.display(),
            choice.backend.device()
        )));
    }
    let reason = "where the run was before".to_string();
    Ok(Choice { reason, ..choice })
}

/// What was typed that is not as the run has it.
fn differences(typed: &SampleArguments, interrupted: &Interrupted) -> Result<Vec<String>, Failure> {
    let RunOnceArguments { run, data, priors, .. } = &typed.once;
    let model = interrupted.store.model();
    let (theirs, dataset, scales) = (&interrupted.settings, model.dataset(), model.priors());
    let whole = theirs.shard_of.unwrap_or(theirs.chains);
    let all_are = |values: &[f64], value: Option<f64>| value.is_none_or(|value| values.iter().all(|v| *v == value));
    let mut differences = Vec::new();
    for option in &typed.typed {
        let mut differs = |same: bool, ours: &dyn ToString, theirs: &dyn ToString| {
            if !same {
                let option = option.replace('_', "-");
                let option = if option == "predictors" { "predictor" } else { &option };
                differences.push(format!("--{option} {}, there {}", ours.to_string(), theirs.to_string()));
            }
        };
        match option.as_str() {
            "chains" => differs(run.chains == whole, &run.chains, &whole),
            "warmup" => differs(run.warmup == theirs.warmup, &run.warmup, &theirs.warmup),
            "draws" => differs(run.draws == theirs.draws, &run.draws, &theirs.draws),
            "thin" => differs(run.thin == theirs.thin, &run.thin, &theirs.thin),
            "seed" => differs(run.seed == theirs.seed, &run.seed, &theirs.seed),
            "first_chain" => differs(run.first_chain == theirs.first_chain, &run.first_chain, &theirs.first_chain),
            "target_accept" => {
                differs(run.target_accept == theirs.target_accept, &run.target_accept, &theirs.target_accept);
            }
            "max_tree_depth" => {
                differs(run.max_tree_depth == theirs.max_tree_depth, &run.max_tree_depth, &theirs.max_tree_depth);
            }
            "likelihood" => {
                let ours = resolve::likelihood(run.likelihood);
                differs(ours == theirs.likelihood, &lower(&ours), &lower(&theirs.likelihood));
            }
            "keep" => {
                let ours: Keep = resolve::keep(run.keep);
                differs(ours == theirs.keep, &lower(&ours), &lower(&theirs.keep));
            }
            "draw_precision" => {
                let ours: Precision = resolve::precision(run.draw_precision);
                differs(ours == theirs.draw_precision, &lower(&ours), &lower(&theirs.draw_precision));
            }
            "save_warmup" => differs(theirs.save_warmup, &"", &"without"),
            "log_likelihood" => differs(theirs.log_likelihood, &"", &"without"),
            "posterior_predictive" => differs(theirs.posterior_predictive, &"", &"without"),
            "shard" => {
                let ours = typed.shard.and_then(|Shard { number, count }| {
                    Settings { chains: whole, first_chain: 0, shard_of: None, ..*theirs }.shard(number, count)
                });
                let range = |settings: &Settings| {
                    format!("chains {}..{}", settings.first_chain, settings.first_chain + settings.chains)
                };
                let same = ours.is_some_and(|ours| range(&ours) == range(theirs));
                differs(same, &ours.map_or("of nothing".to_string(), |ours| range(&ours)), &range(theirs));
            }
            "parameterization" => {
                let there = model.parameterization();
                let dataset = std::sync::Arc::new(dataset.clone());
                let (ours, _) = resolve::suited_model(&dataset, scales, &typed.once.parameterization, run)?;
                let ours = ours.parameterization();
                differs(ours == there, &ours, &there);
            }
            "prior_mu_sd" => {
                let ours = priors.prior_mu_sd;
                differs(all_are(&scales.mu_sd, ours), &ours.unwrap_or_default(), &format!("{:?}", scales.mu_sd));
            }
            "prior_sigma_scale" => {
                let ours = priors.prior_sigma_scale;
                let there = format!("{:?}", scales.sigma_scale);
                differs(all_are(&scales.sigma_scale, ours), &ours.unwrap_or_default(), &there);
            }
            "prior_eps_scale" => {
                let ours = priors.prior_eps_scale;
                differs(all_are(&[scales.eps_scale], ours), &ours.unwrap_or_default(), &scales.eps_scale);
            }
            "group" => {
                let ours = data.group.clone().unwrap_or_default();
                differs(ours == dataset.group_name(), &ours, &dataset.group_name());
            }
            "outcome" => {
                let ours = data.outcome.clone().unwrap_or_default();
                differs(ours == dataset.outcome_name(), &ours, &dataset.outcome_name());
            }
            "predictors" => {
                let (ours, there) = (data.predictors.join(","), dataset.predictor_names().join(","));
                differs(ours == there, &ours, &there);
            }
            "center_predictors" => {
                let ours = data.center_predictors;
                let mut centred = dataset.predictor_means().iter().map(|mean| *mean != 0.0);
                let (same, there) = match ours {
                    CentringArgument::Auto => (true, ""),
                    CentringArgument::Yes => (centred.all(|centred| centred), "not all"),
                    CentringArgument::No => (!centred.any(|centred| centred), "some"),
                };
                differs(same, &lower(&ours), &there);
            }
            "data" => {
                let ours = same_columns(typed, dataset)?;
                let path = data.data.as_ref().map_or(String::new(), |path| path.display().to_string());
                differs(ours.checksum() == dataset.checksum(), &path, &format!("{} as it was then", dataset.source()));
            }
            "engine" => {
                let ours = typed
                    .once
                    .engine
                    .engine
                    .to_possible_value()
                    .map_or(String::new(), |value| value.get_name().to_string());
                differs(ours == interrupted.engine || ours == "auto", &ours, &interrupted.engine);
            }
            _ => {}
        }
    }
    Ok(differences)
}

/// The file that was typed, with the columns of the run.
fn same_columns(typed: &SampleArguments, theirs: &Dataset) -> Result<Dataset, Failure> {
    let columns = warpnuts::data::Columns {
        group: theirs.group_name().to_string(),
        outcome: theirs.outcome_name().to_string(),
        predictors: theirs.predictor_names().to_vec(),
    };
    let path = typed.once.data.data.clone().unwrap_or_default();
    let reading = typed.once.data.reading.meaning();
    let dataset = Dataset::from_path_with(&path, &columns, &reading).map_err(Failure::input)?;
    Ok(dataset.centered_as(theirs))
}

/// As it is typed: all of these are words.
fn lower(word: &impl std::fmt::Debug) -> String {
    format!("{word:?}").to_lowercase()
}
