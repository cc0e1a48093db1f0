//! `warpnuts sample`: one model, one parameterization, its posterior.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use warpnuts::draws::store::{self, Store};
use warpnuts::driver::Learnt;
use warpnuts::engine::{DeviceFailure, EngineError};
use warpnuts::experiment::{self, Backend, Choice, Keep, Keeping, Sampled, Settings};
use warpnuts::model::Model;
use warpnuts::summary::{self, RunSummary, counted, significant};

use super::arguments::{
    DataArguments, EngineArguments, FunnelArguments, OutputArguments, PriorArguments, ReportArguments, RunArguments,
    Shard,
};
use super::progress::Waiting;
use super::{Failure, Outcome, complain, folder, meaning, print, progress, report, resume, stored, summed, table};

/// What can be typed to say which model is sampled, and how.
#[derive(Debug, Args)]
pub struct RunOnceArguments {
    #[command(flatten)]
    pub data: DataArguments,

    #[command(flatten)]
    pub priors: PriorArguments,

    /// `marginal` (or `collapsed`): group effects integrated out, and drawn from their exact conditional normal afterwards;
    /// `centered`, `non-centered`, or one for each coefficient as `a=centered,b=non-centered`; `auto` takes `marginal`, unless
    /// --likelihood observations needs the effects
    #[arg(long, default_value = "auto", help_heading = "Sampling")]
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

/// What can be typed behind `sample`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SampleArguments {
    #[command(flatten)]
    pub once: RunOnceArguments,

    /// Take step size and metric from an earlier run of the same model, and learn nothing: shards of an experiment then
    /// draw exactly what one process would
    #[arg(long, value_name = "DIR", help_heading = "Sampling")]
    pub metric_from: Option<PathBuf>,

    /// Run only part I of N of the chains, as 1/4; `warpnuts merge` joins the parts
    #[arg(long, value_name = "I/N", help_heading = "Sampling", conflicts_with = "first_chain")]
    pub shard: Option<Shard>,

    /// Keep the transitions of warm-up too, as ArviZ's warmup_posterior and warmup_sample_stats; no summary counts them
    #[arg(long, help_heading = "Output")]
    pub save_warmup: bool,

    /// Keep each observation's log likelihood under each draw, as `az.loo` wants it
    #[arg(long, help_heading = "Output")]
    pub log_likelihood: bool,

    /// Keep a replicate of each observation with each draw, as posterior predictive checks want them
    #[arg(long, help_heading = "Output")]
    pub posterior_predictive: bool,

    /// Go on with the run in this folder that was interrupted, to end with the bytes of one that was not; everything is as
    /// it was there
    #[arg(long, value_name = "DIR", help_heading = "Output", conflicts_with_all = ["out", "metric_from"])]
    pub resume: Option<PathBuf>,

    #[command(flatten)]
    pub report: ReportArguments,

    #[command(flatten)]
    pub funnel: FunnelArguments,

    /// The options that were typed, rather than left at their defaults.
    #[arg(skip)]
    pub typed: Vec<String>,
}

/// A run that may begin: everything that was typed is read, checked and chosen.
pub struct Ready {
    pub model: Arc<Model>,
    /// Why it has the parameterization it has, where none was typed.
    pub why: Option<String>,
    pub settings: Settings,
    pub learnt: Option<Learnt>,
    pub choice: Choice,
    pub pages: report::Pages,
}

/// Samples, prints, writes.
pub fn run(typed: SampleArguments) -> Result<Outcome, Failure> {
    if let Some(folder) = &typed.resume {
        return resume::run(folder, &typed);
    }
    let ready = ready(&typed, None)?;
    let folder = folder::make(typed.once.output.out.as_deref(), "sample")?;
    progress::obey_interruptions()?;

    let Ready { model, why, settings, learnt, choice, pages } = ready;
    if settings.keep == Keep::Summary {
        return summed::run(&typed, why.as_deref(), &choice, model, settings, learnt, &folder);
    }
    let sampled = sample_into(&folder, &choice.backend, model, settings, learnt, &typed.once.output)?;
    finish(&sampled, &folder, why.as_deref(), &choice, pages, &typed)
}

/// Reads, checks and chooses what was typed; `purpose` needs draws.
pub fn ready(typed: &SampleArguments, purpose: Option<&str>) -> Result<Ready, Failure> {
    let dataset = meaning::dataset(&typed.once.data)?;
    let priors = meaning::priors(&typed.once.priors, &dataset);
    let (model, why) = meaning::suited_model(&dataset, &priors, &typed.once.parameterization, &typed.once.run)?;
    let settings = settings(typed, &model)?;
    let needing_draws = [
        (purpose.unwrap_or_default(), purpose.is_some()),
        ("--save-draws", typed.once.output.save_draws),
        ("--save-warmup", typed.save_warmup),
        ("--log-likelihood", typed.log_likelihood),
        ("--posterior-predictive", typed.posterior_predictive),
        ("--shard", typed.shard.is_some()),
        ("--open", typed.report.open),
    ];
    summed::check(&settings, &needing_draws)?;
    let learnt = typed.metric_from.as_deref().map(|from| learnt(from, &model)).transpose()?;
    if settings.keep == Keep::Summary && learnt.as_ref().is_some_and(|learnt| learnt.spread.is_none()) {
        return Err(Failure::Input(anyhow!(
            "--keep summary sums up draws in units that warm-up learns, and the run of --metric-from had too short a warm-up for \
             that; name one with at least 50 transitions of warm-up, or leave --metric-from out"
        )));
    }
    let choice = meaning::choice(&typed.once.engine, &model, &settings)?;
    let pages = report::Pages::begin(&typed.report, &typed.funnel, &dataset, 1)?;
    meaning::room(&settings, typed.once.output.save_draws, &model, 1, typed.once.output.out.as_deref())?;
    Ok(Ready { model, why, settings, learnt, choice, pages })
}

/// How to run, with what only `sample` can be told.
fn settings(typed: &SampleArguments, model: &Model) -> Result<Settings, Failure> {
    let settings = Settings {
        save_warmup: typed.save_warmup,
        log_likelihood: typed.log_likelihood,
        posterior_predictive: typed.posterior_predictive,
        ..meaning::settings(&typed.once.run, model)?
    };
    if (typed.log_likelihood || typed.posterior_predictive) && settings.variables(model) < model.layout().dim() {
        return Err(Failure::Input(anyhow!(
            "--log-likelihood and --posterior-predictive need the group effects, and --keep hyper leaves them out; leave one of \
             the two out"
        )));
    }
    let Some(Shard { number, count }) = typed.shard else { return Ok(settings) };
    settings.shard(number, count).ok_or_else(|| {
        let together = match settings.chains_per_superchain() {
            1 => String::new(),
            several => format!(" in superchains of {several}"),
        };
        Failure::Input(anyhow!(
            "--shard {number}/{count} would have no chains: there are {}{together}; ask for fewer shards, or for more --chains",
            settings.chains
        ))
    })
}

/// What an earlier run has learnt, if it is of a model of the same coordinates.
fn learnt(from: &Path, model: &Model) -> Result<Learnt, Failure> {
    let store = Store::open(from).map_err(Failure::input)?;
    let is_width = |width: &f64| *width > 0.0 && width.is_finite();
    let name = from.display();
    if let Some(damage) = store.damage().first() {
        return Err(Failure::Input(anyhow!("--metric-from {name}: {damage}; put back a copy, or name another run")));
    }
    let learnt = store.learnt().cloned().ok_or_else(|| {
        Failure::Input(anyhow!(
            "--metric-from {name}: that run has not come to the end of its warm-up; resume it first"
        ))
    })?;
    let (theirs, ours) = (store.model().parameterization(), model.parameterization());
    let same = theirs == ours && learnt.scale.len() == model.dim();
    if !same || store.model().dataset().groups() != model.dataset().groups() {
        return Err(Failure::Input(anyhow!(
            "--metric-from {name}: a metric is of one model, and that run is of another ({theirs}, {}, and not {ours}, {}); \
             name a run of this one",
            counted(store.model().dataset().n_groups() as u64, "group"),
            counted(model.dataset().n_groups() as u64, "group"),
        )));
    }
    if !learnt.scale.iter().chain([&learnt.step_size]).all(is_width) {
        return Err(Failure::Input(anyhow!(
            "--metric-from {name}: its step size and metric are no widths; the store is damaged: name another run"
        )));
    }
    Ok(learnt)
}

/// Samples into a folder that was made for it, with a line of progress.
pub fn sample_into(
    folder: &Path,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    learnt: Option<Learnt>,
    output: &OutputArguments,
) -> Result<Sampled, Failure> {
    let keeping = Keeping { folder, interval: Duration::from_secs_f64(output.checkpoint_every) };
    let sampled = progress::watch(&model, &settings, output.quiet, |progress| {
        experiment::sample_into(&keeping, backend, model.clone(), settings, learnt, progress)
    });
    sampled.map_err(|error| failed(folder, error))
}

/// What a run's error means: where nothing was drawn, the folder goes; where something was, it says how to go on.
pub fn failed(folder: &Path, error: EngineError) -> Failure {
    let drawn = Store::open(folder).map_or(0, |store| store.draws());
    if drawn == 0 && !may_go_on(folder) {
        // Only a folder of our own making, with nothing in it that anybody would miss.
        drop(std::fs::remove_dir_all(folder));
        return Failure::run(error);
    }
    let name = folder.display();
    let kept =
        if drawn == 0 { "the warm-up so far".to_string() } else { counted(drawn as u64, "draw") + " of each chain" };
    Failure::Run(anyhow!(
        "{error}\n  {kept} can be had from {name}; `warpnuts sample --resume {name}` goes on from there"
    ))
}

/// Whether there is a checkpoint in a run's folder, if only one of warm-up.
fn may_go_on(folder: &Path) -> bool {
    store::has_checkpoint(folder)
}

/// Summarizes, prints and writes what a run has drawn.
pub fn finish(
    sampled: &Sampled,
    folder: &Path,
    why: Option<&str>,
    choice: &Choice,
    pages: report::Pages,
    typed: &SampleArguments,
) -> Result<Outcome, Failure> {
    let quiet = typed.once.output.quiet;
    let Some(summary) = conclude(sampled, folder, typed.once.output.save_draws, quiet)? else {
        return Ok(Outcome::Interrupted);
    };
    print(headline(&summary));
    tell_model(&summary, why);
    meaning::say(choice);
    print("");
    stored::tell(&summary, typed.once.all);
    print(format_args!("Written: {}", written(folder, typed.once.output.save_draws)));
    // Since the last draw: the report would be more of what is to stop.
    let is_late = progress::is_interrupted() && !summary.interrupted;
    if is_late && !typed.report.no_report {
        complain(report::interrupted(folder));
    } else {
        report::of_run(&typed.report, pages.quiet(quiet), sampled, &summary, folder)?;
    }
    if summary.interrupted {
        print(format_args!("`warpnuts sample --resume {}` goes on from there.", folder.display()));
    }
    device_failure(sampled)?;
    Ok(if progress::is_interrupted() { Outcome::Interrupted } else { outcome(&summary) })
}

/// Says what the model is made of, and why it has its parameterization.
pub fn tell_model(summary: &RunSummary, why: Option<&str>) {
    summary.words.lines().chain(why).for_each(print);
}

/// How a run ended that is summarized.
pub fn outcome(summary: &RunSummary) -> Outcome {
    match (summary.interrupted, summary.is_trustworthy()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Distrusted,
    }
}

/// Summarizes a run and writes its files into `folder`; `None` where nothing was drawn, and then no folder, unless the run
/// can go on there.
pub fn conclude(
    sampled: &Sampled,
    folder: &Path,
    save_draws: bool,
    quiet: bool,
) -> Result<Option<RunSummary>, Failure> {
    if sampled.run.draws == 0 {
        let made = sampled.run.warmup;
        if may_go_on(folder) {
            let name = folder.display();
            complain(format_args!(
                "interrupted in warm-up, after {made} transitions a chain; `warpnuts sample --resume {name}` goes on"
            ));
        } else {
            complain(format_args!("interrupted in warm-up, after {made} transitions a chain: nothing was drawn"));
            drop(std::fs::remove_dir_all(folder));
        }
        return Ok(None);
    }
    let words = format!(
        "interrupted while the draws were summarized: they are whole, and `warpnuts summary {}` does it again",
        folder.display()
    );
    let waiting = Waiting { quiet, patience: report::PATIENCE, words };
    let summary = progress::wait(waiting, &|| "the draws are summarized".to_string(), || RunSummary::of(sampled));
    stored::no_damage(sampled, folder)?;
    let write = || {
        summary::write_json(&folder.join("summary.json"), &summary)?;
        summary::write_parameters(&folder.join("summary.csv"), &summary)?;
        match sampled.draws.store() {
            Some(store) if save_draws => summary::write_csv(&folder.join("draws.csv"), sampled, store),
            _ => Ok(()),
        }
    };
    write().map_err(|error| {
        let name = folder.display();
        Failure::Run(anyhow!(
            "the results could not be written into {name}: {error}; the draws are kept there, and `warpnuts summary {name}` \
             reads them"
        ))
    })?;
    Ok(Some(summary))
}

/// Says what happened to the device in the middle of a run; an error where the run ended with it, though what was drawn
/// is written.
pub fn device_failure<D>(sampled: &Sampled<D>) -> Result<(), Failure> {
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
pub fn headline(summary: &RunSummary) -> String {
    let data = &summary.data;
    let wall = summary.wall_seconds;
    let time = if wall.total.is_nan() {
        String::new()
    } else {
        format!(
            " in {:.2} s ({:.2} s warm-up), {} gradients a second",
            wall.total,
            wall.warmup,
            table::thousands(summary.gradients_per_second())
        )
    };
    let rate = summary.ess_per_second();
    let rate = if rate.is_nan() { String::new() } else { format!(" ({} a second)", table::thousands(rate)) };
    format!(
        "{} observations in {} groups from {}, {}\n\
         {} x {}{time}\n\
         {:.1} leapfrogs a draw, step size {}, acceptance {:.2}, {} (and {} in warm-up)\n\
         smallest bulk ESS {}{rate}",
        data.observations,
        data.groups,
        data.source,
        summary.parameterization,
        counted(u64::from(summary.settings.chains), "chain"),
        counted(summary.draws as u64, "draw"),
        summary.leapfrogs_per_draw,
        significant(summary.step_size),
        summary.acceptance,
        counted(summary.divergences, "divergence"),
        summary.warmup_divergences,
        summary.min_ess_bulk.as_ref().map_or("-".to_string(), |ess| format!("{:.0} of {}", ess.value, ess.parameter)),
    )
}

/// The files of a run.
pub fn written(folder: &Path, save_draws: bool) -> String {
    let files = ["summary.json", "summary.csv", "draws.zarr"].into_iter().chain(save_draws.then_some("draws.csv"));
    files.map(|file| folder.join(file).display().to_string()).collect::<Vec<_>>().join(", ")
}
