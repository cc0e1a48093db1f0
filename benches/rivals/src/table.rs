//! The results as a Markdown table, with a column for each program. Each cell has the median over the seeds, and the
//! smallest and largest value where they show effects of the machine or of chance.

use warpnuts::model::{Centering, Model};

use crate::measured::Measured;
use crate::outcome::{CHAINS, DRAWS, WARMUP};
use crate::programs::{BASE, Program};

/// A line of the table: a number from an experiment and the base's experiment of the same seed.
struct Line {
    name: &'static str,
    decimals: usize,
    spread: bool,
    value: fn(&Measured, &Measured) -> f64,
}

const fn line(name: &'static str, decimals: usize, spread: bool, value: fn(&Measured, &Measured) -> f64) -> Line {
    Line { name, decimals, spread, value }
}

const TIME: [Line; 2] = [
    line("wall time, ms", 0, true, |it, _| 1e3 * it.seconds),
    line("CPU time, ms", 0, true, |it, _| 1e3 * it.cpu_seconds),
];
const GRADIENTS: [Line; 4] = [
    line("gradients in warm-up, thousands", 1, false, |it, _| 1e-3 * it.gradients[0]),
    line("gradients of the draws, thousands", 1, false, |it, _| 1e-3 * it.gradients[1]),
    line("gradients/s, millions", 2, true, |it, _| 1e-6 * it.gradients_a_second()),
    line("gradients/CPU s, millions", 2, true, |it, _| 1e-6 * it.gradients_a_cpu_second()),
];
const TRAJECTORIES: [Line; 3] = [
    line("leapfrogs a draw", 1, false, |it, _| it.leapfrogs_a_draw),
    line("step size", 3, false, |it, _| it.step_size),
    line("mean acceptance", 3, false, |it, _| it.acceptance),
];
const TRUST: [Line; 4] = [
    line("divergences", 0, true, |it, _| it.divergences),
    line("largest R-hat", 3, true, |it, _| it.largest_rhat),
    line("mean of sigma_b", 4, true, |it, _| it.sigma_b.mean),
    line("sd of sigma_b", 4, true, |it, _| it.sigma_b.sd),
];
const WORTH: [Line; 8] = [
    line("smallest bulk ESS", 0, true, |it, _| it.ess),
    line("ESS/1000 gradients", 2, true, |it, _| it.ess_a_thousand_gradients()),
    line("ESS/s", 0, true, |it, _| it.ess_a_second()),
    line("ESS/CPU s", 0, true, |it, _| it.ess_a_cpu_second()),
    line("ESS/s, ratio seed by seed", 2, true, |it, base| it.ess_a_second() / base.ess_a_second()),
    line("ESS/CPU s, ratio seed by seed", 2, true, |it, base| it.ess_a_cpu_second() / base.ess_a_cpu_second()),
    line("ESS of sigma_b/CPU s", 0, true, |it, _| it.sigma_b_ess_a_cpu_second()),
    line("ESS of sigma_b/CPU s, ratio seed by seed", 1, true, |it, base| {
        it.sigma_b_ess_a_cpu_second() / base.sigma_b_ess_a_cpu_second()
    }),
];

/// The lines of the table; for the centered model, whose chains may get stuck, lines about trust replace trajectories.
fn lines(effect: Centering) -> Vec<Line> {
    let middle = match effect {
        Centering::NonCentered | Centering::Partial => TRAJECTORIES.into_iter().collect::<Vec<_>>(),
        Centering::Centered => TRUST.into_iter().collect(),
    };
    TIME.into_iter().chain(GRADIENTS).chain(middle).chain(WORTH).collect()
}

/// The processor features and the experiment of this build.
pub fn build() -> String {
    let features = if cfg!(target_feature = "avx512f") {
        "AVX-512"
    } else if cfg!(target_feature = "avx2") {
        "AVX2"
    } else {
        "the baseline of the architecture"
    };
    format!("Built for {features}; {CHAINS} chains, {WARMUP} + {DRAWS} transitions each, one after the other.")
}

/// Prints the table of `measured[program][seed]`.
pub fn print(model: &Model, effect: Centering, programs: &[Program], measured: &[Vec<Measured>]) {
    let names: Vec<&str> = programs.iter().map(|program| program.name).collect();
    println!("| {effect}, median of {} (smallest - largest) | {} |", measured[BASE].len(), names.join(" | "));
    println!("|---|{}", "---|".repeat(programs.len()));
    for Line { name, decimals, spread, value } in lines(effect) {
        let cells: Vec<String> = measured
            .iter()
            .map(|seeds| cell(seeds.iter().zip(&measured[BASE]).map(|(it, base)| value(it, base)), decimals, spread))
            .collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    let variables = model.names();
    let smallest: Vec<String> = measured.iter().map(|seeds| most_frequent(seeds, &variables)).collect();
    println!("| smallest ESS is of | {} |", smallest.join(" | "));
}

/// Median of the values, and the smallest and largest.
fn cell(values: impl Iterator<Item = f64>, decimals: usize, spread: bool) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (n, last) = (values.len(), values.len() - 1);
    let median = 0.5 * (values[(n - 1) / 2] + values[n / 2]);
    if spread {
        format!("{median:.decimals$} ({:.decimals$} - {:.decimals$})", values[0], values[last])
    } else {
        format!("{median:.decimals$}")
    }
}

/// The variable that most often has the smallest effective sample size, and the number of seeds.
fn most_frequent(seeds: &[Measured], variables: &[String]) -> String {
    let count = |variable| seeds.iter().filter(|seed| seed.ess_of == variable).count();
    let variable = seeds.iter().map(|seed| seed.ess_of).max_by_key(|&variable| count(variable)).unwrap_or(0);
    format!("{} ({} of {})", variables[variable], count(variable), seeds.len())
}
