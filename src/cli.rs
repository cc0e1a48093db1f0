//! The command line: subcommands, and their exit codes.

mod arguments;
mod bench;
mod compare;
mod conclude;
mod devices;
mod effects;
mod exact;
mod finish;
mod folder;
mod formula;
mod keep_summary;
mod loo;
mod map;
mod predict;
mod progress;
mod reading;
mod report;
mod resolve;
mod resume;
mod sample;
mod sampler;
mod sensitivity;
mod subject;
mod table;
mod timings;
mod verify;
mod words;

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use warpnuts::faults;

/// Bayesian hierarchical linear regression, sampled with the No-U-Turn Sampler.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sample a model and summarize its posterior
    Sample(sample::SampleArguments),
    /// Sample a model in several parameterizations, and say which is right
    Compare(compare::CompareArguments),
    /// Integrate the posterior instead of sampling it (one predictor or none)
    Exact(exact::ExactArguments),
    /// Find the posterior mode, and show what is wrong with it
    Map(map::MapArguments),
    /// Sample a model, or read a run's folder, and hold it against the exact posterior (one predictor or none)
    Verify(verify::VerifyArguments),
    /// Predict new rows, or a grid of them, from the draws of a run
    Predict(predict::PredictArguments),
    /// Effects of columns, shares of variance, pooling and hypotheses, from the draws of a run
    Effects(effects::EffectsArguments),
    /// Say how well runs predict rows that they have not seen, and which of several does best
    Loo(loo::LooArguments),
    /// Say how much the posterior of a run leans on its priors, and how much on the data
    Sensitivity(sensitivity::SensitivityArguments),
    /// Print the table and the diagnostics of a run that was stored
    Summary(finish::SummaryArguments),
    /// Make the report of a run, or of a comparison, again
    Report(report::StoredReportArguments),
    /// Join the shards of an experiment
    Merge(finish::MergeArguments),
    /// Write the draws of a run as text
    Export(finish::ExportArguments),
    /// List the GPU adapters, what they allow, and which one would be taken
    Devices,
    /// Time the CPU against the GPU, for numbers of chains and both likelihoods
    Bench(bench::BenchArguments),
}

/// Reads the command line, and records which options of `sample` or `verify` were typed.
pub fn parse() -> Cli {
    let mut matches = Cli::command().mut_subcommand("verify", verify::with_conflicts).get_matches();
    let typed = matches.subcommand().map_or(Vec::new(), |(_, typed)| {
        let ids = typed.ids().map(|id| id.as_str()).filter(|id| typed.try_contains_id(id).unwrap_or(false));
        ids.filter(|id| typed.value_source(id) == Some(ValueSource::CommandLine)).map(str::to_string).collect()
    });
    let mut cli = Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit());
    match &mut cli.command {
        Command::Sample(arguments) => arguments.typed = typed,
        Command::Verify(arguments) => arguments.sample.typed = typed,
        _ => {}
    }
    cli
}

/// Runs the command.
pub fn run(typed: Cli) -> Result<Outcome, Failure> {
    match typed.command {
        Command::Sample(arguments) => match &arguments.resume {
            Some(folder) => resume::run(folder, &arguments),
            None => sample::run(arguments),
        },
        Command::Compare(arguments) => compare::run(arguments),
        Command::Exact(arguments) => exact::run(arguments),
        Command::Map(arguments) => map::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Effects(arguments) => effects::run(&arguments),
        Command::Loo(arguments) => loo::run(&arguments),
        Command::Sensitivity(arguments) => sensitivity::run(&arguments),
        Command::Summary(arguments) => finish::summarize(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Merge(arguments) => finish::merge(&arguments),
        Command::Export(arguments) => finish::export(&arguments),
        Command::Devices => devices::run(),
        Command::Bench(arguments) => bench::run(arguments),
    }
}

/// Prints a line, or several. The reader may close the pipe before the end (`| head`): the files have everything.
fn print(text: impl Display) {
    drop(writeln!(io::stdout(), "{text}"));
}

/// Prints a line to standard error.
pub fn complain(text: impl Display) {
    // In one write: other processes may write to the same terminal or log, as those of `mpirun` do.
    drop(io::stderr().write_all(format!("{text}\n").as_bytes()));
}

/// Breaks a paragraph into lines of up to 100 characters.
fn wrap(paragraph: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in paragraph.split(' ') {
        let width = word.chars().count();
        if length > 0 && length + 1 + width > 100 {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += width;
    }
    lines
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done, but the diagnostics say not to trust the run.
    Distrusted,
    /// Stopped by the user; the draws so far are kept.
    Interrupted,
}

impl Outcome {
    /// 0, 3 or 130.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Outcome::Done => 0,
            Outcome::Distrusted if faults::is_planted("trusted-anyway") => 0,
            Outcome::Distrusted => 3,
            Outcome::Interrupted => 130,
        })
    }
}

/// Why a command did not run to its end.
#[derive(Debug)]
pub enum Failure {
    /// The input cannot be used; nothing was written.
    Input(anyhow::Error),
    /// An error during the run.
    Run(anyhow::Error),
    /// The result is not to be trusted, and is not printed.
    Unsound(anyhow::Error),
}

impl Failure {
    fn input(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Input(error.into())
    }

    fn run(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Run(error.into())
    }

    /// 2, 1 or 3.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Input(_) => 2,
            Failure::Run(_) => 1,
            Failure::Unsound(_) => 3,
        })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Input(error) | Failure::Run(error) | Failure::Unsound(error) => write!(f, "{error}"),
        }
    }
}
