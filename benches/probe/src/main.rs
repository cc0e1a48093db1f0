//! Asks a Vulkan driver, without wgpu, how it compiles warpnuts' kernels and how fast its device is at best. Each
//! question has a process of its own with a time limit, because a driver may crash or hang.

mod cases;
mod ceilings;
mod compile;
mod kernels;
mod table;
mod vulkan;
mod watched;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use serde_json::{Value, json};

use cases::Case;
use vulkan::Card;
use watched::{Watched, watch};

/// What a Vulkan driver makes of warpnuts' kernels, and what its device can do at best.
#[derive(Debug, Parser)]
struct Arguments {
    /// Part of the device's name; without it the first discrete GPU, or else the first device
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Seconds that a case may take in all
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    limit: Duration,
    /// Only the cases whose names begin so
    #[arg(long, value_name = "BEGINNING", num_args = 1..)]
    only: Vec<String>,
    /// Kernels that are compiled side by side; without it, one for every two cores, and no more than eight
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    jobs: Option<u8>,
    /// Leave the driver's statistics out, should it be their fault
    #[arg(long)]
    no_statistics: bool,
    /// A file that gets all there is to know of each case, as a line of JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Answers one case, in the process that is watched
    #[arg(long, hide = true)]
    case: Option<String>,
}

fn seconds(text: &str) -> Result<Duration> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).context("not a number of seconds")
}

/// 0 if all cases were asked, whatever the answers; 2 for bad usage, or without a device.
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.case {
        Some(name) => {
            watched::result(&answer(name, &arguments));
            Ok(())
        }
        None => ask_all(&arguments),
    };
    done.map_or_else(
        |error| {
            eprintln!("probe: {error:#}");
            ExitCode::from(2)
        },
        |()| ExitCode::SUCCESS,
    )
}

/// The result of case `name`, or the error that prevented it.
fn answer(name: &str, arguments: &Arguments) -> Value {
    let result = || -> Result<Value> {
        let case = Case::of(name).with_context(|| format!("there is no case {name}"))?;
        let card = Card::choose(arguments.adapter.as_deref())?;
        match case {
            Case::Device => {
                Ok(json!({ "outcome": "SUCCESS", "lines": card.lines(), "compute_family": card.compute_family() }))
            }
            Case::Fma(family) => ceilings::fma(&card, family),
            Case::Copy(way) => ceilings::copy(&card, way),
            Case::Compile { kernel, version, robust } => {
                compile::compile(&card, kernel, version, robust, !arguments.no_statistics)
            }
        }
    };
    result().unwrap_or_else(|error| json!({ "outcome": format!("{error:#}") }))
}

/// Asks every case and prints a line for each.
fn ask_all(arguments: &Arguments) -> Result<()> {
    let log = arguments.json.as_ref().map(|path| File::create(path).with_context(|| path.display().to_string()));
    let log = Mutex::new(log.transpose()?);

    let (device, outcome) = ask(Case::Device, arguments, &log)?;
    let device = device
        .result
        .filter(|result| result["lines"].is_array())
        .with_context(|| format!("no device to ask: {outcome}"))?;
    let compute = device["compute_family"].as_u64().map(|family| family as u32);
    let all = Case::all(compute);
    for beginning in &arguments.only {
        if !all.iter().any(|case| case.name().starts_with(beginning)) {
            let names: Vec<String> = all.iter().map(|case| case.name()).collect();
            bail!("no case begins with {beginning}; there are: {}", names.join(" "));
        }
    }
    for line in device["lines"].as_array().into_iter().flatten() {
        say(&format!("{:<38} {}", line[0].as_str().unwrap_or(""), line[1].as_str().unwrap_or("")))?;
    }
    let begins = |case: &Case| arguments.only.iter().any(|beginning| case.name().starts_with(beginning));
    let wanted = all.into_iter().filter(|case| arguments.only.is_empty() || begins(case));
    let (kernels, ceilings): (Vec<Case>, Vec<Case>) = wanted.partition(|case| matches!(case, Case::Compile { .. }));

    if !ceilings.is_empty() {
        say("")?;
    }
    for case in ceilings {
        let (_, outcome) = ask(case, arguments, &log)?;
        say(&format!("{:<20} {outcome}", case.name()))?;
    }
    if kernels.is_empty() {
        return Ok(());
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or((cores / 2).clamp(1, 8), usize::from);
    say(&format!("\n{}", table::heading()))?;
    let waiting = Mutex::new(kernels.into_iter());
    let work = || -> Result<()> {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(case) = next else { return Ok(()) };
            let (watched, outcome) = ask(case, arguments, &log)?;
            say(&table::of_kernel(&case.name(), &outcome, watched.result.as_ref()))?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a worker died"))));
        ends.fold(Ok(()), Result::and)
    })
}

/// Prints a line at once.
fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

/// Asks `case` in a process of its own; also returns the outcome in a few words.
fn ask(case: Case, arguments: &Arguments, log: &Mutex<Option<File>>) -> Result<(Watched, String)> {
    let name = case.name();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--case", &name]).args(arguments.adapter.iter().flat_map(|part| ["--adapter", part]));
    command.args(arguments.no_statistics.then_some("--no-statistics"));
    // Drivers cache compiled kernels; the times are without caches.
    command.env("__GL_SHADER_DISK_CACHE", "0").env("MESA_SHADER_CACHE_DISABLE", "true");
    let watched = watch(&mut command, arguments.limit)?;
    let outcome = match (&watched.result, &watched.failure) {
        (_, Some(failure)) => match watched.said.last() {
            Some(last) => format!("{failure}; it said: {last}"),
            None => failure.clone(),
        },
        (result, None) => {
            let outcome = result.as_ref().and_then(|result| result["outcome"].as_str());
            outcome.unwrap_or("nothing came of it").to_string()
        }
    };
    if let Some(file) = log.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        let Watched { result, seconds, said, .. } = &watched;
        let line = json!({ "case": name, "outcome": outcome, "wall_seconds": seconds, "result": result, "said": said });
        writeln!(file, "{line}").context("cannot write to the file of --json")?;
    }
    Ok((watched, outcome))
}
