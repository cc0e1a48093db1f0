//! Export of draws as text: one CSV file with a line for each draw, or CmdStan's files, one for each chain.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::files::write_whole;
use crate::draws::store::Store;
use crate::experiment::Sampled;
use crate::model::Array;
use crate::nuts::{Kind, Statistic};

/// Most numbers in memory at once: 32 MiB.
const TOGETHER: usize = 4 << 20;

/// Draws from which the length of all text is estimated.
const FEW: usize = 100;

/// Calls `take` for each chain with its index in the store and its draws, `[draw][number]`.
fn each_chain(store: &Store, mut take: impl FnMut(usize, &[f64]) -> io::Result<()>) -> io::Result<()> {
    let size = store.draws() * store.width();
    let together = (TOGETHER / size.max(1)).max(1);
    for first in (0..store.chains()).step_by(together) {
        let chains = first..(first + together).min(store.chains());
        let numbers = store.part(chains.clone(), 0..store.draws());
        if let Some(damage) = store.damage().first() {
            return Err(io::Error::other(damage.to_string()));
        }
        for (chain, numbers) in chains.zip(numbers.chunks(size.max(1))) {
            take(chain, numbers)?;
        }
    }
    Ok(())
}

/// Approximate size of a store's draws as text, in bytes, in either format: estimated from the first draws of the first
/// chain.
pub fn text_size(store: &Store) -> u128 {
    let (draws, columns) = (store.draws().min(FEW), store.variables() + store.extent().statistics().len());
    let numbers = store.part(0..1, 0..draws);
    let written = numbers.chunks_exact(store.width()).flat_map(|numbers| &numbers[..columns]);
    let bytes: usize = written.map(|number| number.to_string().len() + ",".len()).sum();
    bytes as u128 * (store.chains() * store.draws()) as u128 / draws.max(1) as u128
}

/// A statistic as text: booleans and counts without a decimal point.
fn written(statistic: Statistic, number: f64) -> String {
    match statistic.kind() {
        Kind::Count | Kind::Flag => format!("{}", number as u64),
        Kind::Real => number.to_string(),
    }
}

/// Writes a CSV file with a line for each draw, chain by chain: its statistics and the variables that were kept.
///
/// # Errors
/// If the file cannot be written, or a chunk is damaged.
pub fn write_csv(path: &Path, sampled: &Sampled, store: &Store) -> io::Result<()> {
    write_whole(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        let kept = store.extent().statistics();
        let statistics = kept.iter().map(|statistic| statistic.name());
        let names = sampled.names.iter().map(String::as_str);
        csv.write_record(["chain", "draw"].into_iter().chain(statistics).chain(names))?;
        let variables = store.variables();
        each_chain(store, |chain, numbers| {
            let chain = (sampled.settings.first_chain as usize + chain).to_string();
            for (draw, numbers) in numbers.chunks_exact(store.width()).enumerate() {
                csv.write_field(&chain)?;
                csv.write_field(draw.to_string())?;
                for (statistic, number) in kept.iter().zip(&numbers[variables..]) {
                    csv.write_field(written(*statistic, *number))?;
                }
                for number in &numbers[..variables] {
                    csv.write_field(number.to_string())?;
                }
                csv.write_record(None::<&[u8]>)?;
            }
            Ok(())
        })?;
        csv.flush()
    })
}

/// CmdStan's names for the statistics, in its order.
const CMDSTAN: [(&str, Statistic); 7] = [
    ("lp__", Statistic::Lp),
    ("accept_stat__", Statistic::AcceptanceRate),
    ("stepsize__", Statistic::StepSize),
    ("treedepth__", Statistic::TreeDepth),
    ("n_leapfrog__", Statistic::NSteps),
    ("divergent__", Statistic::Diverging),
    ("energy__", Statistic::Energy),
];

/// Writes a file for each chain into an existing folder, in the format of CmdStan's `sample`: a configuration in
/// comments, a header, the adaptation, draws. Group effects are `a.1`, `a.2`, ..., in the order of the groups, slopes
/// of several predictors `b.1.1`, because names in this format cannot contain arbitrary text. Removes files of other
/// chains from the folder. Returns the paths written.
///
/// # Errors
/// If a file cannot be written, or a chunk is damaged.
pub fn write_cmdstan(folder: &Path, sampled: &Sampled, store: &Store) -> io::Result<Vec<PathBuf>> {
    let settings = &sampled.settings;
    let variables = stan_variables(sampled);
    let mut files = Vec::new();
    let mut old = chain_files(folder)?;
    each_chain(store, |chain, numbers| {
        let id = settings.first_chain as usize + chain + 1;
        let path = folder.join(format!("draws-{id}.csv"));
        write_whole(&path, |file| {
            configuration(file, sampled, id)?;
            let header =
                CMDSTAN.iter().map(|(name, _)| name.to_string()).chain(variables.iter().map(|(name, _)| name.clone()));
            writeln!(file, "{}", header.collect::<Vec<_>>().join(","))?;
            writeln!(file, "# Adaptation terminated")?;
            writeln!(file, "# Step size = {}", sampled.run.step_size)?;
            writeln!(file, "# Diagonal elements of inverse mass matrix:")?;
            let variances = sampled.run.low_rank.variances(&sampled.run.scale);
            let variances = variances.iter().map(f64::to_string);
            writeln!(file, "# {}", variances.collect::<Vec<_>>().join(", "))?;
            for numbers in numbers.chunks_exact(store.width()) {
                let (named, statistics) = numbers.split_at(store.variables());
                let statistics =
                    CMDSTAN.iter().map(|(_, statistic)| written(*statistic, statistics[*statistic as usize]));
                let named = variables.iter().map(|(_, i)| named[*i].to_string());
                let line = statistics.chain(named).collect::<Vec<_>>();
                writeln!(file, "{}", line.join(","))?;
            }
            let [warmup, sampling] = sampled.run.time.map(|time| time.as_secs_f64());
            writeln!(file, "# ")?;
            writeln!(file, "#  Elapsed Time: {warmup} seconds (Warm-up)")?;
            writeln!(file, "#                {sampling} seconds (Sampling)")?;
            writeln!(file, "#                {} seconds (Total)", warmup + sampling)?;
            writeln!(file, "# ")
        })?;
        files.push(path);
        Ok(())
    })?;
    // A reader would take chains of another run for chains of this one.
    old.retain(|path| !files.contains(path));
    old.iter().try_for_each(std::fs::remove_file)?;
    Ok(files)
}

/// The files of chains in a folder.
fn chain_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let is_a_chains = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.strip_prefix("draws-").and_then(|name| name.strip_suffix(".csv"));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    paths.filter(|path| path.as_ref().map_or(true, is_a_chains)).collect()
}

/// Writes CmdStan's configuration of a run, as far as it applies.
fn configuration(file: &mut dyn Write, sampled: &Sampled, id: usize) -> io::Result<()> {
    let settings = &sampled.settings;
    let lines = [
        "stan_version_major = 2".to_string(),
        "stan_version_minor = 36".to_string(),
        "stan_version_patch = 0".to_string(),
        "model = warpnuts_model".to_string(),
        "method = sample (Default)".to_string(),
        "  sample".to_string(),
        format!("    num_samples = {}", sampled.draws.draws() * settings.thin as usize),
        format!("    num_warmup = {}", settings.warmup),
        "    save_warmup = false (Default)".to_string(),
        format!("    thin = {}", settings.thin),
        "    adapt".to_string(),
        "      engaged = true (Default)".to_string(),
        format!("      delta = {}", settings.target_accept),
        "    algorithm = hmc (Default)".to_string(),
        "      hmc".to_string(),
        "        engine = nuts (Default)".to_string(),
        "          nuts".to_string(),
        format!("            max_depth = {}", settings.max_tree_depth),
        "        metric = diag_e (Default)".to_string(),
        format!("id = {id}"),
        "random".to_string(),
        format!("  seed = {}", settings.seed),
    ];
    lines.iter().try_for_each(|line| writeln!(file, "# {line}"))
}

/// The variables with Stan's names, which have indices from 1 after points, and the index of each among the named
/// variables. The first index of a matrix runs fastest.
fn stan_variables(sampled: &Sampled) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    for Array { name, axes, variables } in sampled.model.arrays() {
        if variables.iter().any(|i| *i >= sampled.names.len()) {
            continue;
        }
        match &axes[..] {
            [] => all.push((name, variables[0])),
            [_] => all.extend(variables.iter().enumerate().map(|(index, i)| (format!("{name}.{}", index + 1), *i))),
            [.., last] => {
                let columns = sampled.model.axis_length(*last);
                let rows = variables.len() / columns;
                let of = |row: usize, column: usize| {
                    (format!("{name}.{}.{}", row + 1, column + 1), variables[row * columns + column])
                };
                let places = (0..columns).flat_map(|column| (0..rows).map(move |row| (row, column)));
                all.extend(places.map(|(row, column)| of(row, column)));
            }
        }
    }
    all
}
