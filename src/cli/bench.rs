//! `warpnuts bench`: the CPU against the GPU, for people who choose hardware.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use warpnuts::bench::{self, Bench, LeftOut, Plan, Rate, Split, Timing, Watch, simulate};
use warpnuts::data::{Dataset, MAX_COEFFICIENTS};
use warpnuts::density::Likelihood;
use warpnuts::experiment::{self, Backend, Settings};
use warpnuts::model::{Model, PriorScales};
use warpnuts::summary::{counted, significant, write_json};

use super::arguments::{DataArguments, EngineArgument, ReportArguments};
use super::{Failure, Outcome, complain, folder, meaning, print, progress, report, table};

/// Numbers of chains that are timed where none are typed: powers of four.
const CHAINS: std::ops::RangeInclusive<u32> = 0..=8;

/// The most chains.
const MOST_CHAINS: u32 = 1 << 24;

/// The most observations that are simulated.
const MOST_OBSERVATIONS: usize = 100_000_000;

/// What can be typed behind `bench`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct BenchArguments {
    #[command(flatten)]
    data: DataArguments,

    /// Simulate data instead: so many observations, groups and coefficients, such as 1000000,1000,2
    #[arg(long, value_name = "N,J,K", help_heading = "Data")]
    #[arg(conflicts_with_all = ["data", "group", "outcome", "predictors", "center_predictors"])]
    simulate: Option<String>,

    /// Numbers of chains, such as 64,1024 [default: 1 to 65536 by powers of four]
    #[arg(long, value_name = "LIST", help_heading = "Timing")]
    chains: Option<String>,

    /// How the likelihood is computed: groups, observations or both
    #[arg(long, default_value = "both", help_heading = "Timing")]
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
    let plan = Plan {
        chains: chains(typed.chains.as_deref())?,
        likelihoods: likelihoods(&typed.likelihood)?,
        budget: budget(&typed.budget)?,
        seed: typed.seed,
    };
    let engines = engines(typed.engine.as_deref())?;
    let dataset = match &typed.simulate {
        Some(shape) => simulated(shape, typed.seed)?,
        None => meaning::dataset(&typed.data)?,
    };
    let model = meaning::model(&dataset, &PriorScales::for_data(&dataset), "non-centered")?;
    let (backends, no_gpu) = backends(&typed, &engines, &model)?;
    let folder = folder::make(typed.out.as_deref(), "bench")?;
    progress::obey_interruptions()?;

    let tell = |what: &str| {
        if !typed.quiet {
            complain(what);
        }
    };
    let watch = Watch { tell: &tell, is_stopped: &progress::is_interrupted };
    let mut bench = bench::run(&model, &backends, &plan, watch).map_err(Failure::run)?;
    bench.no_gpu = no_gpu;
    print(headline(&bench));
    for likelihood in &plan.likelihoods {
        let rows: Vec<Vec<String>> =
            bench.timings.iter().filter(|timing| timing.likelihood == *likelihood).map(row).collect();
        if !rows.is_empty() {
            print(format_args!("\nThe likelihood over {}:\n{}", name(*likelihood), table::of(&HEADER, rows)));
        }
    }
    print(LEGEND);
    for line in left_out(&bench.left_out) {
        print(line);
    }
    let (csv, json) = (folder.join("bench.csv"), folder.join("bench.json"));
    bench
        .write_csv(&csv)
        .and_then(|()| write_json(&json, &bench))
        .with_context(|| format!("the results could not be written into {}", folder.display()))
        .map_err(Failure::Run)?;
    print(format_args!("\nWritten: {}, {}", csv.display(), json.display()));
    report::of_bench(&typed.report, &bench, &folder)?;
    Ok(if bench.interrupted { Outcome::Interrupted } else { Outcome::Done })
}

// What was typed

fn refuse<T>(option: &str, typed: &str, remedy: &str) -> Result<T, Failure> {
    Err(Failure::Input(anyhow!("--{option} {typed}: {remedy}")))
}

fn chains(typed: Option<&str>) -> Result<Vec<u32>, Failure> {
    let Some(typed) = typed else { return Ok(CHAINS.map(|power| 4u32.pow(power)).collect()) };
    let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=MOST_CHAINS).contains(number));
    match typed.split(',').map(number).collect() {
        Some(chains) => Ok(chains),
        None => refuse("chains", typed, "write numbers from 1 to 16777216, such as 64,1024"),
    }
}

fn likelihoods(typed: &str) -> Result<Vec<Likelihood>, Failure> {
    match typed {
        "groups" => Ok(vec![Likelihood::Groups]),
        "observations" => Ok(vec![Likelihood::Observations]),
        "both" => Ok(vec![Likelihood::Groups, Likelihood::Observations]),
        _ => refuse("likelihood", typed, "write groups, observations or both"),
    }
}

/// Seconds, or minutes with an `m` behind them.
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

fn engines(typed: Option<&str>) -> Result<Vec<EngineArgument>, Failure> {
    let there = || EngineArgument::value_variants().iter().filter(|engine| !matches!(engine, EngineArgument::Auto));
    let Some(typed) = typed else { return Ok(there().copied().collect()) };
    let called = |engine: &EngineArgument| engine.to_possible_value().map(|value| value.get_name().to_string());
    let engine = |name: &str| there().find(|engine| called(engine).as_deref() == Some(name.trim())).copied();
    match typed.split(',').map(engine).collect::<Option<Vec<_>>>() {
        Some(engines) => Ok(engines),
        None => refuse(
            "engine",
            typed,
            &format!("write some of {}", there().filter_map(called).collect::<Vec<_>>().join(",")),
        ),
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

/// Where the engines compute; where no GPU can be had and none was asked for, why.
fn backends(
    typed: &BenchArguments,
    engines: &[EngineArgument],
    model: &Arc<Model>,
) -> Result<(Vec<Backend>, Option<String>), Failure> {
    let (mut backends, mut no_gpu) = (Vec::new(), None);
    for engine in engines {
        let (adapter, software) = (typed.adapter.as_deref(), typed.allow_software_adapter);
        match experiment::choose(meaning::engine(*engine), adapter, software, model, &Settings::default()) {
            Ok(choice) => backends.push(choice.backend),
            Err(error) if typed.engine.is_none() && adapter.is_none() => no_gpu = Some(error.to_string()),
            Err(error) => return Err(Failure::input(error)),
        }
    }
    Ok((backends, no_gpu))
}

// What is printed

/// The columns of the table.
const HEADER: [&str; 10] = [
    "chains",
    "engine",
    "gradients/s",
    "x cpu",
    "leapfrogs/s",
    "x cpu",
    "draws/s",
    "ESS/s",
    "x cpu",
    "host/transfer/kernel",
];

const LEGEND: &str = "
Medians of 3 to 5 repeats in which the engines took turns, ± half their range; `x cpu`: repeat by repeat, against the engine
cpu on all cores with as many chains. Gradients are batches alone, one a chain; leapfrogs, draws and ESS are those of sampling
transitions from draws of the posterior on. ESS is the smallest of the hyperparameters' (short chains' draws are worth more).
Host, transfer, kernel: where the lanes' time goes; transfer holds the waiting for other lanes' kernels too.";

fn headline(bench: &Bench) -> String {
    let data = &bench.data;
    let gpu = match (&bench.adapter, &bench.no_gpu) {
        (Some(adapter), _) => {
            format!("GPU: {} ({}, {}, {})", adapter.name, adapter.kind, adapter.backend, adapter.driver)
        }
        (None, Some(why)) => format!("no GPU: {why}"),
        (None, None) => "no GPU was asked for".to_string(),
    };
    format!(
        "{} observations in {} groups from {}, {} coordinates, {}\nCPU: {}, {} vectors\n{gpu}",
        data.observations,
        data.groups,
        data.source,
        bench.dim,
        bench.parameterization,
        bench.machine.processor,
        bench.machine.vectors,
    )
}

fn name(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::Groups => "groups",
        Likelihood::Observations => "observations",
    }
}

fn row(timing: &Timing) -> Vec<String> {
    let rate = |rate: &Option<Rate>| {
        rate.as_ref().map_or("-".to_string(), |rate| format!("{} ±{:.0}%", short(rate.median), 100.0 * rate.spread()))
    };
    let ratio = |rate: &Option<Rate>| rate.as_ref().map_or("-".to_string(), |rate| significant(rate.median));
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    let split = timing.sampling_split.or(timing.gradients_split);
    let kernel = |split: Split| split.kernel.map_or("-".to_string(), percent);
    vec![
        timing.chains.to_string(),
        timing.engine.to_string(),
        rate(&timing.gradients_per_second),
        ratio(&timing.gradients_ratio),
        rate(&timing.leapfrogs_per_second),
        ratio(&timing.leapfrogs_ratio),
        rate(&timing.draws_per_second),
        rate(&timing.ess_per_second),
        ratio(&timing.ess_ratio),
        split.map_or("-".to_string(), |split| {
            format!("{}/{}/{}", percent(split.host), percent(split.transfer), kernel(split))
        }),
    ]
}

/// A rate with three digits and a unit.
fn short(rate: f64) -> String {
    match rate {
        _ if rate >= 1e9 => format!("{}G", significant(rate / 1e9)),
        _ if rate >= 1e6 => format!("{}M", significant(rate / 1e6)),
        _ if rate >= 1e3 => format!("{}k", significant(rate / 1e3)),
        _ => significant(rate),
    }
}

/// A line for each engine and likelihood, with the first reason.
fn left_out(all: &[LeftOut]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>, &str)> = Vec::new();
    for LeftOut { likelihood, chains, engine, what, reason } in all {
        let what = if *what == "all" { "" } else { "the transitions of " };
        let subject = format!("{what}{engine} over {}", name(*likelihood));
        match lines.iter_mut().find(|(of, ..)| *of == subject) {
            Some((_, chains_of, _)) => chains_of.push(chains.to_string()),
            None => lines.push((subject, vec![chains.to_string()], reason)),
        }
    }
    let line = |(subject, chains, reason): (String, Vec<String>, &str)| {
        format!("Left out: {subject}, with {} ({reason}).", counted_chains(&chains))
    };
    let mut lines: Vec<String> = lines.into_iter().map(line).collect();
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

fn counted_chains(chains: &[String]) -> String {
    match chains {
        [one] => counted(one.parse().unwrap_or_default(), "chain"),
        several => format!("{} chains", several.join(", ")),
    }
}
