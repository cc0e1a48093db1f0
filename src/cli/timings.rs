//! Prints the timings of a bench: tables, `auto`'s choices, the sizes from which on cost grows, and missing
//! measurements.

use warpnuts::bench::{Bench, IndependentTiming, Modelled, NotMeasured, Rate, ScalingCurve, TimeSplit, Timing};
use warpnuts::model::Likelihood;
use warpnuts::summary::{counted, significant};

use super::{print, table};

/// The columns of the table.
const HEADER: [&str; 13] = [
    "groups",
    "predictors",
    "chains",
    "engine",
    "gradients/s",
    "x cpu",
    "leapfrogs/s",
    "x cpu",
    "ns a leapfrog",
    "draws/s",
    "ESS/s",
    "x cpu",
    "host/transfer/kernel",
];

const LEGEND: &str = "
Medians of 3 to 5 repeats in which the engines took turns, ± half their range; `x cpu`: repeat by repeat, against the engine
cpu on all cores with as many chains. Gradients are batches alone, one a chain; leapfrogs, draws and ESS are those of sampling
transitions from draws of the posterior on. ESS is the smallest of the hyperparameters' (short chains' draws are worth more).
Host, transfer, kernel: where the workers' time goes; transfer holds the waiting for other workers' kernels too.";

/// The columns of the table of independent draws.
const HEADER_OF_INDEPENDENT: [&str; 6] = ["groups", "predictors", "variables", "engine", "draws/s", "x cpu"];

const LEGEND_OF_INDEPENDENT: &str = "
Medians of up to 5 repeats in which the engines took turns, ± half their range; `x cpu`: repeat by repeat, against the engine
cpu on all cores. Draws are made as in a run, of all variables or of the hyperparameters, and dropped.";

/// Prints the results of a bench of independent draws.
pub fn print_independent(bench: &Bench) {
    print(headline(bench));
    let row = |timing: &IndependentTiming| {
        let IndependentTiming { groups, predictors, engine, keep, draws_per_second, draws_ratio, .. } = timing;
        let numbers = [groups, predictors].map(|number| number.to_string());
        [&numbers[..], &[keep.to_string(), engine.to_string(), rate(draws_per_second), ratio(draws_ratio)]].concat()
    };
    print(format_args!("\n{}", table::of(&HEADER_OF_INDEPENDENT, bench.independent.iter().map(row))));
    print(LEGEND_OF_INDEPENDENT);
    let shown = |timing: &IndependentTiming| {
        let IndependentTiming { groups, predictors, engine, keep, left_out, .. } = timing;
        let of = format!("{engine}, {keep}, of {groups} groups and {predictors} predictors");
        left_out.as_ref().map(|reason| format!("Left out: {of} ({reason})."))
    };
    bench.independent.iter().filter_map(shown).for_each(print);
}

/// Prints the results of a bench over these likelihoods.
pub fn print_timings(bench: &Bench, likelihoods: &[Likelihood]) {
    print(headline(bench));
    for likelihood in likelihoods {
        let rows: Vec<Vec<String>> =
            bench.timings.iter().filter(|timing| timing.likelihood == *likelihood).map(row).collect();
        if !rows.is_empty() {
            print(format_args!("\nThe likelihood over {}:\n{}", likelihood, table::of(&HEADER, rows)));
        }
    }
    print(LEGEND);
    let lines = choices(bench).into_iter().chain(bends(&bench.bends)).chain(left_out(&bench.left_out));
    lines.for_each(print);
}

fn headline(bench: &Bench) -> String {
    let gpu = match (&bench.adapter, &bench.no_gpu) {
        (Some(adapter), _) => {
            format!("GPU: {} ({}, {}, {})", adapter.name, adapter.kind, adapter.backend, adapter.driver)
        }
        (None, Some(why)) => format!("no GPU: {why}"),
        (None, None) => "no GPU was asked for".to_string(),
    };
    let model = |model: &Modelled| {
        let data = &model.data;
        format!(
            "{} observations in {} groups from {}, {} coordinates, {}\n",
            data.observations, data.groups, data.source, model.dim, model.parameterization
        )
    };
    let models: String = bench.models.iter().map(model).collect();
    format!("{models}CPU: {}, {} vectors\n{gpu}", bench.machine.processor, bench.machine.vectors)
}

fn rate(rate: &Option<Rate>) -> String {
    rate.as_ref().map_or("-".to_string(), |rate| format!("{} ±{:.0}%", short(rate.median), 100.0 * rate.spread()))
}

fn ratio(rate: &Option<Rate>) -> String {
    rate.as_ref().map_or("-".to_string(), |rate| significant(rate.median))
}

fn row(timing: &Timing) -> Vec<String> {
    let percent = |share: f64| format!("{:.0}%", 100.0 * share);
    let split = timing.sampling_split.or(timing.gradients_split);
    let kernel = |split: TimeSplit| split.kernel.map_or("-".to_string(), percent);
    vec![
        timing.groups.to_string(),
        timing.predictors.to_string(),
        timing.chains.to_string(),
        timing.engine.to_string(),
        rate(&timing.gradients_per_second),
        ratio(&timing.gradients_ratio),
        rate(&timing.leapfrogs_per_second),
        ratio(&timing.leapfrogs_ratio),
        timing.leapfrog_nanoseconds.map_or("-".to_string(), significant),
        rate(&timing.draws_per_second),
        rate(&timing.ess_per_second),
        ratio(&timing.ess_ratio),
        split.map_or("-".to_string(), |split| {
            format!("{}/{}/{}", percent(split.host), percent(split.transfer), kernel(split))
        }),
    ]
}

/// How often `auto` would choose the fastest engine, where it would not, and how accurate its expectations were.
fn choices(Bench { choices, timings, .. }: &Bench) -> Vec<String> {
    if choices.is_empty() {
        return Vec::new();
    }
    let wrong = || choices.iter().filter(|choice| choice.takes != choice.fastest);
    let ratio = |timing: &Timing| Some(timing.leapfrogs_expected? / timing.leapfrogs_per_second?.median);
    let ratios = || timings.iter().filter_map(ratio);
    let mut lines = vec![format!(
        "\n--engine auto, for runs of two seconds and more, takes the fastest in {} of {}. It would expect {} to {} times the \
         leapfrogs/s above.",
        choices.len() - wrong().count(),
        choices.len(),
        significant(ratios().fold(f64::NAN, f64::min)),
        significant(ratios().fold(f64::NAN, f64::max)),
    )];
    lines.extend(wrong().map(|choice| format!("  {choice}")));
    lines
}

/// The sizes from which on cost grows.
fn bends(all: &[ScalingCurve]) -> Vec<String> {
    if all.is_empty() {
        return Vec::new();
    }
    let title = "\nWhere cost bends: slopes of log time of a leapfrog of all chains against log size, 0 where more costs nothing, 1 where \
                 it costs in proportion:";
    std::iter::once(title.to_string()).chain(all.iter().map(|bends| format!("  {bends}"))).collect()
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

/// A line for each engine and likelihood that was left out, with the first reason.
fn left_out(all: &[NotMeasured]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>, &str)> = Vec::new();
    let one_shape = all.iter().all(|left| (left.groups, left.predictors) == (all[0].groups, all[0].predictors));
    for NotMeasured { likelihood, groups, predictors, chains, engine, what, reason } in all {
        let what = if *what == "all" { "" } else { "the transitions of " };
        let shape = if one_shape { String::new() } else { format!(" of {groups} groups and {predictors} predictors") };
        let subject = format!("{what}{engine} over {}{shape}", likelihood);
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
