//! `warpnuts sample`: one model, one parameterization, its posterior.

use std::path::Path;

use anyhow::{Context, anyhow};
use clap::Args;
use warpnuts::engine::DeviceFailure;
use warpnuts::experiment::Sampled;
use warpnuts::summary::{self, RunSummary, counted, significant};

use super::arguments::{
    DataArguments, EngineArguments, FunnelArguments, OutputArguments, PriorArguments, ReportArguments, RunArguments,
};
use super::report::{Pages, of_run};
use super::{Failure, Outcome, complain, folder, meaning, print, progress, table};

/// What can be typed to say what is sampled, and how.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SampleArguments {
    #[command(flatten)]
    pub data: DataArguments,

    #[command(flatten)]
    pub priors: PriorArguments,

    /// `centered`, `non-centered`, one for each coefficient as `a=centered,b=non-centered`, or `marginal`: group effects
    /// integrated out, and drawn from their exact conditional normal afterwards
    #[arg(long, default_value = "non-centered", help_heading = "Sampling")]
    pub parameterization: String,

    #[command(flatten)]
    pub run: RunArguments,

    #[command(flatten)]
    pub engine: EngineArguments,

    #[command(flatten)]
    pub output: OutputArguments,

    /// Print the group effects too
    #[arg(long, help_heading = "Output")]
    pub all: bool,
}

/// The same, and what there is to say of the report.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SampleCommand {
    #[command(flatten)]
    sample: SampleArguments,

    #[command(flatten)]
    report: ReportArguments,

    #[command(flatten)]
    funnel: FunnelArguments,
}

/// Samples, prints, writes.
pub fn run(SampleCommand { sample: typed, report, funnel }: SampleCommand) -> Result<Outcome, Failure> {
    let dataset = meaning::dataset(&typed.data)?;
    let priors = meaning::priors(&typed.priors, &dataset);
    let model = meaning::model(&dataset, &priors, &typed.parameterization)?;
    let settings = meaning::settings(&typed.run, &model)?;
    let choice = meaning::choice(&typed.engine, &model, &settings)?;
    let pages = Pages::begin(&report, &funnel, &dataset, 1)?;
    let folder = folder::make(typed.output.out.as_deref(), "sample")?;
    progress::obey_interruptions()?;

    let sampled = progress::sample(&choice.backend, model, settings, typed.output.quiet).map_err(Failure::run)?;
    let Some(summary) = conclude(&sampled, &folder, typed.output.save_draws)? else {
        return Ok(Outcome::Interrupted);
    };
    print(headline(&summary));
    meaning::say(&choice);
    print("");
    print(table::parameters(&summary, typed.all));
    print("");
    for advice in &summary.warnings {
        print(format_args!("warning: {}.\n  What to do: {}.", advice.problem, advice.remedy));
    }
    if summary.warnings.is_empty() {
        print(format_args!("No warnings: no divergences, the chains agree, and there are effective draws enough."));
    }
    print(format_args!("Written: {}", written(&folder, typed.output.save_draws)));
    of_run(&report, pages, &sampled, &summary, &folder)?;
    device_failure(&sampled)?;
    Ok(match (summary.interrupted, summary.is_trustworthy()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Distrusted,
    })
}

/// Summarizes a run and writes its files into `folder`; `None`, and no files nor folder, where nothing was drawn.
pub fn conclude(sampled: &Sampled, folder: &Path, save_draws: bool) -> Result<Option<RunSummary>, Failure> {
    if sampled.run.draws == 0 {
        complain(format_args!(
            "interrupted in warm-up, after {} transitions a chain: nothing was drawn",
            sampled.run.warmup
        ));
        // Only a folder of our own making, and only where nothing is in it.
        std::fs::remove_dir(folder).ok();
        return Ok(None);
    }
    let summary = RunSummary::of(sampled);
    let write = || {
        summary::write_json(&folder.join("summary.json"), &summary)?;
        summary::write_parameters(&folder.join("summary.csv"), &summary)?;
        if save_draws { summary::write_draws(&folder.join("draws.csv"), sampled) } else { Ok(()) }
    };
    write()
        .with_context(|| format!("the results could not be written into {}", folder.display()))
        .map_err(Failure::Run)?;
    Ok(Some(summary))
}

/// Says what happened to the device in the middle of a run; an error where the run ended with it, though what was drawn
/// is written.
pub fn device_failure(sampled: &Sampled) -> Result<(), Failure> {
    match &sampled.run.failure {
        None => Ok(()),
        Some(DeviceFailure { error, resumed: true }) => {
            complain(format_args!("warning: {error}\n  The run went on on the CPU, and is complete."));
            Ok(())
        }
        Some(DeviceFailure { error, resumed: false }) => Err(Failure::Run(anyhow!(
            "{error}\n  {} of {} draws of each chain had been made, and are written",
            sampled.run.draws,
            sampled.settings.draws
        ))),
    }
}

/// What was sampled, and at what cost.
fn headline(summary: &RunSummary) -> String {
    let data = &summary.data;
    format!(
        "{} observations in {} groups from {}, {}\n\
         {} x {} in {:.2} s ({:.2} s warm-up), {} gradients a second\n\
         {:.1} leapfrogs a draw, step size {}, acceptance {:.2}, {} (and {} in warm-up)\n\
         smallest bulk ESS {} ({} a second)",
        data.observations,
        data.groups,
        data.source,
        summary.parameterization,
        counted(u64::from(summary.settings.chains), "chain"),
        counted(summary.draws as u64, "draw"),
        summary.wall_seconds.total,
        summary.wall_seconds.warmup,
        table::thousands(summary.gradients_per_second()),
        summary.leapfrogs_per_draw,
        significant(summary.step_size),
        summary.acceptance,
        counted(summary.divergences, "divergence"),
        summary.warmup_divergences,
        summary.min_ess_bulk.as_ref().map_or("-".to_string(), |ess| format!("{:.0} of {}", ess.value, ess.parameter)),
        table::thousands(summary.ess_per_second()),
    )
}

/// The files of a run.
pub fn written(folder: &Path, save_draws: bool) -> String {
    let files: &[&str] =
        if save_draws { &["summary.json", "summary.csv", "draws.csv"] } else { &["summary.json", "summary.csv"] };
    files.iter().map(|file| folder.join(file).display().to_string()).collect::<Vec<_>>().join(", ")
}
