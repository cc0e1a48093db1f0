//! `warpnuts sample --resume`: continues an interrupted run, with the draws of a run that never stopped.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use warpnuts::data::{Centring, Dataset};
use warpnuts::draws::store::STORE;
use warpnuts::engine::{EngineError, SinkError};
use warpnuts::experiment::{self, Choice, Difference, Identity, Interrupted, Keeping, Settings};
use warpnuts::model::Coordinates;

use super::arguments::Shard;
use super::sample::{self, Ending, RunOnceArguments, SampleArguments};
use super::words::{self, ENGINES};
use super::{Failure, Outcome, complain, folder, formula, progress, report, resolve};

/// Continues the run in `folder`.
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
        // No error: a job that is submitted again need not know whether the run was complete.
        let drawn = interrupted.store.draws();
        let has = match interrupted.settings.until {
            Some(goal) if drawn < interrupted.settings.draws as usize => {
                format!("it reached --until {goal} with {drawn} draws of each chain")
            }
            _ => format!("it has all {drawn} draws of each chain"),
        };
        complain(format_args!("{name} is complete: {has}; `warpnuts summary {name}` shows them"));
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

/// Whether resuming was impossible from the start.
fn is_refusal(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), InvalidData | ResourceBusy | PermissionDenied | ReadOnlyFilesystem)
}

/// The engine and the adapter of the run; on others the draws would differ.
fn choice(typed: &SampleArguments, interrupted: &Interrupted, folder: &Path) -> Result<Choice, Failure> {
    let Interrupted { store, settings, engine, device, .. } = interrupted;
    let asked = words::meaning(&ENGINES, engine).ok_or_else(|| {
        Failure::Input(anyhow!("{}: it was sampled on engine {engine}, which is unknown", folder.display()))
    })?;
    let software = typed.once.engine.allow_software_adapter;
    let adapter =
        typed.once.engine.adapter.as_deref().or_else(|| device.split(" (").next().filter(|_| engine != "cpu"));
    let choice = experiment::choose(asked, adapter, software, store.model(), settings).map_err(Failure::input)?;
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

/// The typed options that differ from the run's, in the order in which they were typed.
fn differences(typed: &SampleArguments, interrupted: &Interrupted) -> Result<Vec<String>, Failure> {
    let model = interrupted.store.model();
    let there = &interrupted.settings;
    let theirs = interrupted.identity();
    let ours = ours(typed, interrupted, &theirs)?;
    let mut all = ours.differences(&theirs);
    let mut which = |option, ours: &dyn ToString, theirs: &dyn ToString| {
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        if ours != theirs {
            all.push(Difference { option, what: "the chains", ours, theirs });
        }
    };
    let whole = there.shard_of.unwrap_or(there.chains);
    which("chains", &ours.settings.chains, &whole);
    which("first-chain", &ours.settings.first_chain, &there.first_chain);
    let shard = typed.shard.and_then(|Shard { number, count }| {
        Settings { chains: whole, first_chain: 0, shard_of: None, ..*there }.shard(number, count)
    });
    let range =
        |settings: &Settings| format!("chains {}..{}", settings.first_chain, settings.first_chain + settings.chains);
    which("shard", &shard.as_ref().map_or("of nothing".to_string(), range), &range(there));
    let path = typed.once.data.data.as_ref().map_or(String::new(), |path| path.display().to_string());
    let place = |option: &str| typed.typed.iter().position(|id| option_of(id) == option);
    all.retain(|difference| place(difference.option).is_some());
    all.sort_by_key(|difference| place(difference.option));
    let said = |Difference { option, ours, theirs, .. }| match option {
        "data" => format!("--data {path}, there {} as it was then", model.dataset().source()),
        "center-predictors" => {
            format!("--{option} {ours}, there {}", if ours == "yes" { "not all" } else { "some" })
        }
        _ => format!("--{option} {ours}, there {theirs}"),
    };
    Ok(all.into_iter().map(said).collect())
}

/// The name of the option whose argument is `id`.
fn option_of(id: &str) -> String {
    if id == "predictors" { "predictor".to_string() } else { id.replace('_', "-") }
}

/// The run as typed; parts of its model that were not typed are the interrupted run's.
fn ours(typed: &SampleArguments, interrupted: &Interrupted, theirs: &Identity) -> Result<Identity, Failure> {
    let SampleArguments { once, until, save_warmup, log_likelihood, posterior_predictive, .. } = typed;
    let RunOnceArguments { data, priors, parameterization, run, engine, .. } = once;
    let dataset = interrupted.store.model().dataset();
    let is_typed = |option: &str| typed.typed.iter().any(|id| option_of(id) == option);
    let model = interrupted.store.model();
    let of_formula = match model.mixed() {
        Some(mixed) => Some(formula::again(data, &priors.priors, model, mixed)?),
        None if is_typed("formula") => Some((data.formula.clone().unwrap_or_default(), String::new(), None)),
        None => None,
    };
    let priors = theirs.priors.clone().map(|scales| resolve::with_typed(scales, priors));
    let parameterization = match (is_typed("parameterization"), &priors) {
        (false, _) => theirs.parameterization.clone(),
        (true, Some(priors)) => {
            let (model, _) = resolve::suited_model(&Arc::new(dataset.clone()), priors, parameterization, run)?;
            model.parameterization()
        }
        (true, None) if parameterization.trim() == resolve::AUTO => theirs.parameterization.clone(),
        (true, None) => {
            let coordinates = Coordinates::parse_terms(parameterization, &model.coefficient_names());
            coordinates.map_err(Failure::input)?.parameterization(&model.coefficient_names())
        }
    };
    let checksum = match &of_formula {
        Some((_, _, checksum)) => checksum.clone().unwrap_or(theirs.data.clone()),
        None if data.data.is_some() => same_columns(typed, dataset)?.checksum(),
        None => theirs.data.clone(),
    };
    let centred = |all: bool| vec![all; theirs.centred.len()];
    Ok(Identity {
        data: checksum,
        group: data.group.clone().unwrap_or(theirs.group.clone()),
        outcome: data.outcome.clone().unwrap_or(theirs.outcome.clone()),
        predictors: data.predictors.clone(),
        centred: match data.center_predictors {
            Centring::Far => theirs.centred.clone(),
            Centring::All => centred(true),
            Centring::None => centred(false),
        },
        parameterization,
        priors,
        formula: of_formula.map(|(formula, priors, _)| [formula, priors]),
        settings: Settings {
            sampler: once.sampler.or(theirs.settings.sampler),
            metric: run.metric.or(theirs.settings.metric),
            until: *until,
            save_warmup: *save_warmup,
            log_likelihood: *log_likelihood,
            posterior_predictive: *posterior_predictive,
            ..resolve::asked(run)
        },
        engine: match ENGINES[1..].iter().find(|(.., typed)| *typed == engine.engine) {
            Some((name, ..)) => name.to_string(),
            None => theirs.engine.clone(),
        },
    })
}

/// The typed file, with the columns of the run.
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
