//! Resolves arguments: reads and checks data, and refuses settings that do not fit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use warpnuts::data::{Columns, Dataset, one_line};
use warpnuts::draws::Precision;
use warpnuts::experiment::{self, Backend, Choice, Keep, MANY_CHAINS, MetricShape, Sampler, Settings};
use warpnuts::machine;
use warpnuts::model::{Coordinates, Model, PriorScales};
use warpnuts::summary::{Advice, advice};

use super::arguments::{DataArguments, EngineArguments, PriorArguments, RunArguments};
use super::sampler::CertifiedDraws;
use super::words::Asked;
use super::{Failure, complain, table};

/// The word for the parameterization that suits the data.
pub const AUTO: &str = "auto";

/// A shorter warm-up may have no window.
const SHORTEST_WARMUP_FOR_UNITS: u32 = 50;

/// Reads and checks the data.
pub fn dataset(typed: &DataArguments) -> Result<Arc<Dataset>, Failure> {
    let needed = [("--group COLUMN", &typed.group), ("--outcome COLUMN", &typed.outcome)];
    let missing: Vec<&str> = needed.iter().filter(|(_, column)| column.is_none()).map(|(option, _)| *option).collect();
    if typed.data.is_some() && !missing.is_empty() {
        return Err(Failure::Input(anyhow!(
            "--data goes with columns, and {} is required; write which columns of the file these are",
            missing.join(" and ")
        )));
    }
    let radon = Columns::radon();
    let named = typed.group.is_some() || typed.outcome.is_some() || !typed.predictors.is_empty();
    let columns = Columns {
        group: typed.group.clone().unwrap_or(radon.group),
        outcome: typed.outcome.clone().unwrap_or(radon.outcome),
        predictors: if typed.data.is_none() && !named { radon.predictors } else { typed.predictors.clone() },
    };
    let dataset = match &typed.data {
        Some(path) => Dataset::from_path_with(path, &columns, &typed.reading.meaning()),
        None => Dataset::from_built_in(&columns),
    }
    .map_err(Failure::input)?;
    note(&dataset);
    Ok(Arc::new(dataset.centered(typed.center_predictors)))
}

/// Says what was assumed to read the data, and how many rows were left out.
pub fn note(dataset: &Dataset) {
    for assumed in dataset.assumed() {
        complain(format_args!("note: {assumed}"));
    }
    let left_out = dataset.left_out();
    if !left_out.is_empty() {
        let all = left_out.rows + dataset.n_observations();
        let (are, they) = if left_out.rows == 1 { ("is", "it misses") } else { ("are", "they miss") };
        complain(format_args!(
            "note: {} of {all} rows {are} left out, for {they} a value: {left_out} (--missing refuse lists them)",
            left_out.rows
        ));
    }
}

/// The typed priors, and the defaults for the rest.
pub fn priors(typed: &PriorArguments, dataset: &Dataset) -> PriorScales {
    with_typed(PriorScales::for_data(dataset), typed)
}

/// These scales, with the typed ones in place.
pub fn with_typed(mut scales: PriorScales, typed: &PriorArguments) -> PriorScales {
    if let Some(sd) = typed.prior_mu_sd {
        scales.mu_sd.fill(sd);
    }
    if let Some(scale) = typed.prior_sigma_scale {
        scales.sigma_scale.fill(scale);
    }
    if let Some(scale) = typed.prior_eps_scale {
        scales.eps_scale = scale;
    }
    scales
}

/// Warns of problems with data and priors, for commands that print no summary of a run.
pub fn warn(dataset: &Dataset, priors: &PriorScales) {
    say(advice::of_data(dataset, priors));
}

pub fn say(all: Vec<Advice>) {
    for Advice { problem, remedy, .. } in all {
        complain(format_args!("warning: {}; {}", one_line(&problem), one_line(&remedy)));
    }
}

/// The model of `dataset`, with the scaling that suits the sampler.
pub fn model(dataset: &Arc<Dataset>, priors: &PriorScales, parameterization: &str) -> Result<Arc<Model>, Failure> {
    let coordinates = Coordinates::parse(parameterization, dataset.predictor_names()).map_err(Failure::input)?;
    Ok(model_of(dataset, priors, coordinates))
}

/// The model of `dataset`, in the parameterization that suits the data if none was typed, and why.
pub fn suited_model(
    dataset: &Arc<Dataset>,
    priors: &PriorScales,
    parameterization: &str,
    run: &RunArguments,
) -> Result<(Arc<Model>, Option<String>), Failure> {
    let likelihood = run.likelihood;
    if parameterization.trim() != AUTO {
        let coordinates = Coordinates::parse(parameterization, dataset.predictor_names());
        let coordinates = coordinates.and_then(|coordinates| coordinates.over(likelihood)).map_err(Failure::input)?;
        return Ok((model_of(dataset, priors, coordinates), None));
    }
    let (coordinates, reason) = experiment::suited(dataset, likelihood);
    let model = model_of(dataset, priors, coordinates);
    let reason = format!("parameterization {}: {reason}", model.parameterization());
    Ok((model, Some(reason)))
}

/// A model, and the word after the `@` of its parameterization.
pub type WordedModel = (Arc<Model>, Option<String>);

/// The model of `dataset` in each of several parameterizations.
pub fn models(
    dataset: &Arc<Dataset>,
    priors: &PriorScales,
    parameterizations: &str,
    run: &RunArguments,
) -> Result<Vec<WordedModel>, Failure> {
    let all = Coordinates::parse_list(parameterizations, dataset.predictor_names()).map_err(Failure::input)?;
    let over = |coordinates: Coordinates| coordinates.over(run.likelihood).map_err(Failure::input);
    all.into_iter().map(|(coordinates, word)| Ok((model_of(dataset, priors, over(coordinates)?), word))).collect()
}

fn model_of(dataset: &Arc<Dataset>, priors: &PriorScales, coordinates: Coordinates) -> Arc<Model> {
    Arc::new(Model::builder(dataset.clone()).priors(priors.clone()).coordinates(coordinates).build())
}

/// The settings of a run, as typed.
pub fn asked(typed: &RunArguments) -> Settings {
    Settings {
        sampler: Sampler::Nuts,
        chains: typed.chains,
        first_chain: typed.first_chain,
        warmup: typed.warmup,
        draws: typed.draws,
        until: None,
        seed: typed.seed,
        target_accept: typed.target_accept,
        max_tree_depth: typed.max_tree_depth,
        metric: MetricShape::Diagonal,
        likelihood: typed.likelihood,
        keep: typed.keep,
        thin: typed.thin,
        shard_of: None,
        save_warmup: false,
        log_likelihood: false,
        posterior_predictive: false,
        draw_precision: typed.draw_precision,
        threads: typed.threads.map_or_else(machine::threads, usize::from),
    }
}

/// The settings of a run, unless they do not fit into memory or do not suit the model.
pub fn settings(typed: &RunArguments, model: &Model, sampler: Sampler) -> Result<Settings, Failure> {
    sampler.admits(model).map_err(Failure::input)?;
    let settings = match sampler.has_chains() {
        true => Settings { sampler, metric: metric(typed.metric, model, sampler)?, ..asked(typed) },
        false => Settings { sampler, warmup: 0, thin: 1, ..asked(typed) },
    };
    let learns_units = !sampler.has_chains() || settings.warmup >= SHORTEST_WARMUP_FOR_UNITS;
    if settings.keep == Keep::Summary {
        summed(&settings, learns_units)?;
    }
    if settings.draw_precision == Precision::F16 && !learns_units {
        return Err(Failure::Input(anyhow!(
            "--draw-precision f16 keeps draws in units that warm-up learns, and --warmup {} is too short for that; warm up \
             with at least {SHORTEST_WARMUP_FOR_UNITS} transitions, or use f32",
            settings.warmup
        )));
    }
    if u64::from(settings.draws) * u64::from(settings.thin) > u64::from(u32::MAX / 2) {
        return Err(Failure::Input(anyhow!(
            "--draws {} of every {} transitions are more than {} transitions of a chain; lower one of the two",
            settings.draws,
            settings.thin,
            u32::MAX / 2
        )));
    }
    if settings.keep != Keep::Summary {
        memory(settings.memory_beside_store(model), &settings)?;
    }
    Ok(settings)
}

/// The form of the metric of chains of `model`.
fn metric(asked: Asked<MetricShape>, model: &Model, sampler: Sampler) -> Result<MetricShape, Failure> {
    match asked {
        Asked::Only(MetricShape::LowRank) if sampler == Sampler::Riemannian => Err(Failure::Input(anyhow!(
            "--metric low-rank is one that warm-up learns, and --sampler riemannian has its own; leave one of the two out"
        ))),
        Asked::Only(shape) => Ok(shape),
        Asked::Auto if model.mixed().is_some() && sampler != Sampler::Riemannian => Ok(MetricShape::LowRank),
        Asked::Auto => Ok(MetricShape::Diagonal),
    }
}

/// Refuses a run that needs more memory than is available.
fn memory(needed: u128, settings: &Settings) -> Result<(), Failure> {
    let available = machine::available_memory().map_or(u128::from(u64::MAX), u128::from);
    if needed <= available {
        return Ok(());
    }
    Err(Failure::Input(anyhow!(
        "{} chains of {} draws would take {} of memory, and {} are free; lower --chains or --draws",
        settings.chains,
        settings.draws,
        size(needed),
        size(available),
    )))
}

/// Refuses a run whose streaming sums, if on the host, need more memory than is available.
pub fn memory_of_sums(settings: &Settings, model: &Model, backend: &Backend) -> Result<(), Failure> {
    // Sums over independent draws are made on the host wherever the draws are.
    let on_device = matches!(backend, Backend::Gpu { .. }) && settings.sampler.has_chains();
    if settings.keep == Keep::Summary && !on_device { memory(settings.memory_of_sums(model), settings) } else { Ok(()) }
}

/// Refuses settings that streaming sums do not support.
fn summed(settings: &Settings, learns_units: bool) -> Result<(), Failure> {
    let refuse = |problem: String| Err(Failure::Input(anyhow!("--keep summary {problem}")));
    if settings.chains < MANY_CHAINS {
        return refuse(format!(
            "takes errors from the spread over the chains, and --chains {} are too few for that; run at least \
             {MANY_CHAINS}, or keep draws",
            settings.chains
        ));
    }
    if !learns_units {
        return refuse(format!(
            "sums up draws in units that warm-up learns, and --warmup {} is too short for that; warm up with at least \
             {SHORTEST_WARMUP_FOR_UNITS} transitions",
            settings.warmup
        ));
    }
    if settings.thin > 1 {
        return refuse("takes no room for draws, and every one counts; leave --thin out".to_string());
    }
    if settings.draw_precision != Precision::F64 {
        return refuse("keeps no draws in any precision; leave --draw-precision out".to_string());
    }
    Ok(())
}

/// Refuses runs whose draws, and their text if wanted, do not fit onto the disk.
pub fn room(settings: &Settings, text: bool, model: &Model, runs: usize, out: Option<&Path>) -> Result<(), Failure> {
    let as_text = if text { settings.text(model) } else { 0 };
    let needed = (settings.disk(model) + as_text) * runs as u128;
    let Some((free, folder)) = too_little_disk(needed, out) else { return Ok(()) };
    let keep = if settings.keep == Keep::All { ", keep only the hyperparameters (--keep hyper)" } else { "" };
    let precision =
        if settings.draw_precision == Precision::F64 { ", halve their size (--draw-precision f32)" } else { "" };
    let no_text = if text { ", leave out --save-draws" } else { "" };
    Err(Failure::Input(anyhow!(
        "the draws would take up to {}, and {} are free where {} is; lower --chains or --draws{keep}{precision}{no_text}, or \
         name a folder elsewhere with --out",
        size(needed),
        size(free),
        folder.display()
    )))
}

/// Refuses text of so many bytes if it does not fit onto the disk.
pub fn room_for_text(needed: u128, out: &Path) -> Result<(), Failure> {
    let Some((free, folder)) = too_little_disk(needed, Some(out)) else { return Ok(()) };
    Err(Failure::Input(anyhow!(
        "the draws would take about {} as text, and {} are free where {} is; make room, or name another place with --out",
        size(needed),
        size(free),
        folder.display()
    )))
}

/// The free bytes where `out` is or will be, and the folder that was asked, if fewer than `needed`.
fn too_little_disk(needed: u128, out: Option<&Path>) -> Option<(u128, &Path)> {
    let there = out.into_iter().flat_map(Path::ancestors).find(|folder| folder.is_dir());
    let folder = there.unwrap_or(Path::new("."));
    // Zero free bytes mean no real disk, or a disk that will report its own error.
    let free = machine::available_disk(folder).filter(|free| *free > 0).map(u128::from)?;
    (free < needed).then_some((free, folder))
}

/// Bytes, in megabytes or gigabytes.
fn size(bytes: u128) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1e4 {
        format!("{} MB", table::thousands(megabytes.ceil()))
    } else {
        format!("{} GB", table::thousands((megabytes / 1e3).ceil()))
    }
}

/// The backend of a run.
pub fn choice(typed: &EngineArguments, model: &Arc<Model>, settings: &Settings) -> Result<Choice, Failure> {
    let choice =
        experiment::choose(typed.engine, typed.adapter.as_deref(), typed.allow_software_adapter, model, settings)
            .map_err(Failure::input)?;
    memory_of_sums(settings, model, &choice.backend)?;
    Ok(choice)
}

/// The backend of a run of independent draws.
pub fn independent(
    typed: &EngineArguments,
    CertifiedDraws { proposal, backend, .. }: &CertifiedDraws,
    model: &Arc<Model>,
    settings: &Settings,
) -> Result<Choice, Failure> {
    let choice = match backend.clone() {
        None => experiment::choose_for_independent(typed.adapter.as_deref(), proposal, model, settings)
            .map_err(Failure::input)?,
        Some(backend) => Choice { backend, reason: "as asked for".to_string(), measured: Duration::ZERO },
    };
    memory_of_sums(settings, model, &choice.backend)?;
    Ok(choice)
}
