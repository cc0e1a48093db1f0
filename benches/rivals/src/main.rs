//! warpnuts against nuts-rs on radon: the same posterior, run and core, seed by seed in turn.

mod agreement;
mod by_hand;
mod lent;
mod measured;
mod ours;
mod outcome;
mod posterior;
mod programs;
mod table;
mod theirs;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use warpnuts::data::Dataset;
use warpnuts::model::{Centering, Scaling};

use measured::Measured;
use programs::Program;

/// Times warpnuts and nuts-rs on radon, four chains of 1000 + 1000 transitions on one core, and checks that they sample
/// the same posterior.
#[derive(Parser)]
struct Arguments {
    /// Experiments of each program; each has its own seed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

fn main() -> Result<ExitCode> {
    let Arguments { seeds } = Arguments::parse();
    let dataset = Arc::new(Dataset::radon().context("the radon data that come with warpnuts")?);
    println!("{}\n", table::build());
    let mut agreed = true;
    for effect in [Centering::NonCentered, Centering::Centered] {
        agreed &= agreement::of_gradients(&dataset, effect);
        let model = Arc::new(programs::model(&dataset, effect, Scaling::standardizing(&dataset)));
        let programs = programs::all(&model, effect);
        let measured = race(&programs, seeds)?;
        table::print(&model, effect, &programs, &measured);
        agreed &= agreement::of_sigma_b(&programs, &measured);
        println!();
    }
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all programs in turn, seed after seed, so that a machine that slows down slows all of them; the first round
/// warms up and is not counted. Returns `[program][seed]`.
fn race(programs: &[Program], seeds: u64) -> Result<Vec<Vec<Measured>>> {
    let mut measured: Vec<Vec<Measured>> = programs.iter().map(|_| Vec::new()).collect();
    for seed in 0..=seeds {
        for (program, measured) in programs.iter().zip(&mut measured) {
            let outcome = (program.run)(seed).with_context(|| format!("{}, seed {seed}", program.name))?;
            if seed > 0 {
                measured.push(Measured::of(&outcome));
            }
        }
    }
    Ok(measured)
}
