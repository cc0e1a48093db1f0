//! `warpnuts bench`: the CPU against the GPU, for people who choose hardware.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use warpnuts::bench::{self, Bench, BenchPlan, CertifiedModel, Watch, simulate};
use warpnuts::data::{Dataset, MAX_COEFFICIENTS};
use warpnuts::density::cpu;
use warpnuts::experiment::{self, Backend, EngineChoice, Sampler, Settings};
use warpnuts::model::{Coordinates, Likelihood, Model, PriorScales};
use warpnuts::summary::write_json;

use super::arguments::{DataArguments, PriorArguments, ReportArguments};
use super::subject::Subject;
use super::words::{self, ENGINES, Word, one_of};
use super::{Failure, Outcome, complain, folder, print, progress, report, resolve, sampler, timings};

/// The default numbers of chains, as powers of four.
const CHAINS: std::ops::RangeInclusive<u32> = 0..=8;

/// The default number of chains where cost against groups or predictors is measured.
const CHAINS_OF_SHAPES: u32 = 4096;

/// The default shape of simulated data: radon's observations a group, numbers of groups and of predictors.
const OBSERVATIONS_A_GROUP: usize = 11;
const GROUPS: usize = 85;
const PREDICTORS: usize = 1;

/// The word for both ways to compute the likelihood.
const BOTH: &str = "both";

/// The most chains.
const MOST_CHAINS: u32 = 1 << 24;

/// The most observations that are simulated.
const MOST_OBSERVATIONS: usize = 100_000_000;

/// The samplers that are timed.
const BENCHED: [Word<Sampler>; 2] = [
    ("nuts", "Gradients, and transitions of the No-U-Turn Sampler", Sampler::Nuts),
    ("independent", "Independent draws, by the engines cpu and gpu", Sampler::Independent),
];

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct BenchArguments {
    #[command(flatten)]
    data: DataArguments,

    /// Simulate data instead: so many observations, groups and coefficients, such as 1000000,1000,2
    #[arg(long, value_name = "N,J,K", help_heading = "Data")]
    #[arg(conflicts_with_all = ["data", "formula", "group", "outcome", "predictors", "center_predictors"])]
    simulate: Option<String>,

    /// Cost against size: simulated data of each of these numbers of groups, such as 85,340,1360,4000 [default: 85]
    #[arg(long, value_name = "LIST", help_heading = "Data")]
    #[arg(conflicts_with_all = ["data", "formula", "group", "outcome", "predictors", "center_predictors", "simulate"])]
    groups: Option<String>,

    /// The same of each of these numbers of predictors, such as 1,2,4 [default: 1]
    #[arg(long = "predictors", value_name = "LIST", help_heading = "Data")]
    #[arg(conflicts_with_all = ["data", "formula", "group", "outcome", "predictors", "center_predictors", "simulate"])]
    predictor_counts: Option<String>,

    /// What is timed
    #[arg(long, value_parser = one_of(&BENCHED), default_value = "nuts", help_heading = "Timing")]
    sampler: Sampler,

    /// As in `warpnuts sample`; of marginal models, over groups alone, hyperparameters are drawn and no effects
    /// [default: non-centered; marginal for independent draws]
    #[arg(long, help_heading = "Timing")]
    parameterization: Option<String>,

    /// Numbers of chains, such as 64,1024 [default: 1 to 65536 by powers of four; with --groups or --predictors, 4096]
    #[arg(long, value_name = "LIST", help_heading = "Timing")]
    chains: Option<String>,

    /// How the likelihood is computed: groups, observations or both
    #[arg(long, default_value = BOTH, help_heading = "Timing")]
    likelihood: String,

    /// About how long it may take once everything is compiled, such as 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", help_heading = "Timing")]
    budget: String,

    /// Seed of all random numbers
    #[arg(long, default_value_t = 1, help_heading = "Timing")]
    seed: u64,

    /// Engines that take part, such as cpu,gpu-density [default: all of them]
    #[arg(long, value_name = "LIST", help_heading = "Engine")]
    engine: Option<String>,

    /// Part of the name of the GPU adapter to take; `warpnuts devices` lists them [default: the fastest kind]
    #[arg(long, value_name = "NAME", help_heading = "Engine")]
    adapter: Option<String>,

    /// Take an adapter that is software on the CPU, if there is no other
    #[arg(long, help_heading = "Engine")]
    allow_software_adapter: bool,

    /// Folder to be made for the results [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,

    /// No progress
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,

    #[command(flatten)]
    report: ReportArguments,
}

/// Times, prints, writes.
pub fn run(typed: BenchArguments) -> Result<Outcome, Failure> {
    let shapes = shapes(&typed)?;
    let mut plan = BenchPlan {
        chains: chains(typed.chains.as_deref(), !shapes.is_empty())?,
        likelihoods: likelihoods(&typed.likelihood)?,
        budget: budget(&typed.budget)?,
        seed: typed.seed,
    };
    if let (Sampler::Independent, Some(chains)) = (typed.sampler, &typed.chains) {
        return refuse("chains", chains, "independent draws have no chains; leave it out, or use --sampler nuts");
    }
    let engines = engines(typed.engine.as_deref(), typed.sampler)?;
    let default = if typed.sampler == Sampler::Nuts { "non-centered" } else { "marginal" };
    let parameterization = typed.parameterization.as_deref().unwrap_or(default);
    let model = |dataset: Arc<Dataset>| resolve::model(&dataset, &PriorScales::for_data(&dataset), parameterization);
    let models: Vec<Arc<Model>> = match &typed.simulate {
        _ if !shapes.is_empty() => of_shapes(&shapes, typed.seed)?.into_iter().map(model).collect::<Result<_, _>>()?,
        Some(shape) => vec![model(simulated(shape, typed.seed)?)?],
        None => vec![Subject::read(&typed.data, &PriorArguments::default())?.model(parameterization)?],
    };
    cpu::admits(&models[0]).map_err(Failure::input)?;
    if models[0].mixed().is_some() && typed.likelihood == BOTH {
        plan.likelihoods = vec![models[0].likelihood()];
    } else if *models[0].coordinates() == Coordinates::Collapsed {
        plan.likelihoods.retain(|likelihood| *likelihood == Likelihood::Groups);
    }
    if plan.likelihoods.is_empty() {
        return refuse(
            "likelihood",
            &typed.likelihood,
            "write groups: --parameterization marginal integrates effects out",
        );
    }
    let proposals = proposals(typed.sampler, &models)?;
    let (backends, no_gpu) = backends(&typed, &engines, &models[0])?;
    let folder = folder::make(typed.out.as_deref(), "bench")?;
    progress::obey_interruptions()?;

    let report = |what: &str| {
        if !typed.quiet {
            complain(what);
        }
    };
    let watch = Watch { report: &report, is_stopped: &progress::is_interrupted };
    let bench = match &proposals {
        None => {
            let bench = Bench { no_gpu, ..bench::run(&models, &backends, &plan, watch).map_err(Failure::run)? };
            timings::print_timings(&bench, &plan.likelihoods);
            bench
        }
        Some(proposals) => {
            let bench = Bench { no_gpu, ..bench::run_independent(proposals, &backends, &plan, watch) };
            timings::print_independent(&bench);
            bench
        }
    };
    let (csv, json) = (folder.join("bench.csv"), folder.join("bench.json"));
    bench.write_csv(&csv).map_err(|error| folder::unwritten(&csv, &error))?;
    write_json(&json, &bench).map_err(|error| folder::unwritten(&json, &error))?;
    print(format_args!("\nWritten: {}, {}", csv.display(), json.display()));
    if proposals.is_none() {
        report::of_bench(&typed.report, &bench, &folder)?;
    }
    Ok(if bench.interrupted { Outcome::Interrupted } else { Outcome::Done })
}

fn refuse<T>(option: &str, typed: &str, remedy: &str) -> Result<T, Failure> {
    Err(Failure::Input(anyhow!("--{option} {typed}: {remedy}")))
}

fn chains(typed: Option<&str>, of_shapes: bool) -> Result<Vec<u32>, Failure> {
    let default = || if of_shapes { vec![CHAINS_OF_SHAPES] } else { CHAINS.map(|power| 4u32.pow(power)).collect() };
    let Some(typed) = typed else { return Ok(default()) };
    let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=MOST_CHAINS).contains(number));
    match typed.split(',').map(number).collect() {
        Some(chains) => Ok(chains),
        None => refuse("chains", typed, "write numbers from 1 to 16777216, such as 64,1024"),
    }
}

/// Every pair of a number of groups and a number of predictors; none unless cost against these sizes was asked for.
fn shapes(typed: &BenchArguments) -> Result<Vec<(usize, usize)>, Failure> {
    if typed.groups.is_none() && typed.predictor_counts.is_none() {
        return Ok(Vec::new());
    }
    let list = |option: &str, typed: &Option<String>, default: usize, limits: std::ops::RangeInclusive<usize>| {
        let Some(typed) = typed else { return Ok(vec![default]) };
        let number = |text: &str| text.trim().parse().ok().filter(|number| limits.contains(number));
        match typed.split(',').map(number).collect::<Option<Vec<usize>>>() {
            Some(numbers) => Ok(numbers),
            None => refuse(option, typed, &format!("write numbers from {} to {}", limits.start(), limits.end())),
        }
    };
    let mut groups = list("groups", &typed.groups, GROUPS, 2..=MOST_OBSERVATIONS / OBSERVATIONS_A_GROUP)?;
    let mut predictors = list("predictors", &typed.predictor_counts, PREDICTORS, 0..=MAX_COEFFICIENTS - 1)?;
    for sizes in [&mut groups, &mut predictors] {
        sizes.sort_unstable();
        sizes.dedup();
    }
    Ok(groups.iter().flat_map(|groups| predictors.iter().map(|predictors| (*groups, *predictors))).collect())
}

fn of_shapes(shapes: &[(usize, usize)], seed: u64) -> Result<Vec<Arc<Dataset>>, Failure> {
    let data = |(groups, predictors): &(usize, usize)| {
        simulate(groups * OBSERVATIONS_A_GROUP, *groups, predictors + 1, seed).map(Arc::new).map_err(Failure::input)
    };
    shapes.iter().map(data).collect()
}

fn likelihoods(typed: &str) -> Result<Vec<Likelihood>, Failure> {
    match typed {
        "groups" => Ok(vec![Likelihood::Groups]),
        "observations" => Ok(vec![Likelihood::Observations]),
        BOTH => Ok(vec![Likelihood::Groups, Likelihood::Observations]),
        _ => refuse("likelihood", typed, "write groups, observations or both"),
    }
}

/// Seconds, or minutes if followed by an `m`.
fn budget(typed: &str) -> Result<Duration, Failure> {
    let (number, unit) = match typed.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (typed.strip_suffix('s').unwrap_or(typed), 1.0),
    };
    match number.parse::<f64>().map(|number| number * unit) {
        Ok(seconds) if (0.1..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => refuse("budget", typed, "write a time of at least 0.1 seconds, such as 90s or 5m"),
    }
}

/// The proposals of independent draws, if these are timed.
fn proposals(sampler: Sampler, models: &[Arc<Model>]) -> Result<Option<Vec<CertifiedModel>>, Failure> {
    let proposal = |model: &Arc<Model>| match sampler::propose(model) {
        Ok((proposal, ..)) => Ok(CertifiedModel { model: model.clone(), proposal }),
        Err(no) => Err(Failure::Input(anyhow!("draws of this model cannot be independent: {no}; use --sampler nuts"))),
    };
    if sampler.has_chains() {
        return Ok(None);
    }
    models.iter().map(proposal).collect::<Result<_, Failure>>().map(Some)
}

fn engines(typed: Option<&str>, sampler: Sampler) -> Result<Vec<EngineChoice>, Failure> {
    let is_there = |(.., engine): &&Word<EngineChoice>| match engine {
        EngineChoice::Auto => false,
        EngineChoice::GpuDensity => sampler == Sampler::Nuts,
        EngineChoice::Cpu | EngineChoice::Gpu => true,
    };
    let there: Vec<Word<EngineChoice>> = ENGINES.iter().filter(is_there).copied().collect();
    let Some(typed) = typed else { return Ok(there.iter().map(|(.., engine)| *engine).collect()) };
    match typed.split(',').map(|name| words::meaning(&there, name.trim())).collect() {
        Some(engines) => Ok(engines),
        None => {
            let names: Vec<&str> = there.iter().map(|(name, ..)| *name).collect();
            refuse("engine", typed, &format!("write some of {}", names.join(",")))
        }
    }
}

fn simulated(typed: &str, seed: u64) -> Result<Arc<Dataset>, Failure> {
    let numbers: Result<Vec<usize>, _> = typed.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[n, j, k]) if n <= MOST_OBSERVATIONS && (1..=n).contains(&j) && (1..=MAX_COEFFICIENTS).contains(&k) => {
            simulate(n, j, k, seed).map(Arc::new).map_err(Failure::input)
        }
        _ => refuse(
            "simulate",
            typed,
            &format!(
                "write the numbers of observations (up to {MOST_OBSERVATIONS}), groups (no more than observations) and \
                 coefficients (1 to {MAX_COEFFICIENTS}), such as 1000000,1000,2"
            ),
        ),
    }
}

/// The engines' backends, and why there is no GPU if none was asked for.
fn backends(
    typed: &BenchArguments,
    engines: &[EngineChoice],
    model: &Arc<Model>,
) -> Result<(Vec<Backend>, Option<String>), Failure> {
    let (mut backends, mut no_gpu) = (Vec::new(), None);
    for engine in engines {
        let (adapter, software) = (typed.adapter.as_deref(), typed.allow_software_adapter);
        match experiment::choose(*engine, adapter, software, model, &Settings::default()) {
            Ok(choice) => backends.push(choice.backend),
            Err(error) if typed.engine.is_none() && adapter.is_none() => no_gpu = Some(error.to_string()),
            Err(error) => return Err(Failure::input(error)),
        }
    }
    Ok((backends, no_gpu))
}
