//! `warpnuts sample`: one model, one parameterization, its posterior.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use warpnuts::draws::store::Store;
use warpnuts::driver::Tuned;
use warpnuts::experiment::{
    self, Backend, Choice, Goal, Keep, Keeping, Known, MetricShape, Sampled, Sampler, Settings,
};
use warpnuts::model::Model;
use warpnuts::nuts::LowRank;
use warpnuts::summary::counted;

use super::arguments::{
    DataArguments, EngineArguments, FunnelArguments, OutputArguments, PriorArguments, ReportArguments, RunArguments,
    Shard,
};
use super::sampler::{self, ChosenSampler};
use super::subject::{Problem, Subject};
use super::words::{Asked, SAMPLERS, one_of};
use super::{Failure, Outcome, complain, conclude, folder, keep_summary, print, progress, report, resolve, table};

/// Arguments that say which model is sampled, and how.
#[derive(Debug, Args)]
pub struct RunOnceArguments {
    #[command(flatten)]
    pub data: DataArguments,

    #[command(flatten)]
    pub priors: PriorArguments,

    /// `marginal` (or `collapsed`): group effects integrated out, and drawn from their exact conditional normal
    /// afterwards; `centered`, `non-centered`, or one for each coefficient as `a=centered,b=non-centered`; of a formula
    /// also `partial`: each effect between the two, as its own rows say; `auto` takes `marginal`, and where effects are
    /// needed `partial` of a formula, `non-centered` of --likelihood observations
    #[arg(long, default_value = "auto", help_heading = "Sampling")]
    pub parameterization: String,

    /// How draws are made
    #[arg(long, value_parser = one_of(&SAMPLERS), default_value = "auto", help_heading = "Sampling")]
    pub sampler: Asked<Sampler>,

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

/// Arguments of `sample`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SampleArguments {
    #[command(flatten)]
    pub once: RunOnceArguments,

    /// End once every variable is this precise: `ess=10000` wants 10,000 effective draws in the bulk and in the tails,
    /// `mcse=0.01sd` a Monte Carlo error of the mean of 0.01 posterior sds. The run is judged at fixed numbers of
    /// draws, and ends at --draws otherwise [default for --draws: twenty times what independent draws would take]
    #[arg(long, value_name = "GOAL", help_heading = "Sampling")]
    pub until: Option<Goal>,

    /// Take step size and metric from an earlier run of the same model, and learn nothing: shards of an experiment then
    /// draw exactly what one process would
    #[arg(long, value_name = "DIR", help_heading = "Sampling", conflicts_with = "metric")]
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

    /// Go on with the run in this folder that was interrupted, to end with the bytes of one that was not; everything is
    /// as it was there
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

/// A run that is ready to begin: its arguments are read, checked and resolved.
pub struct ResolvedRun {
    pub model: Arc<Model>,
    pub settings: Settings,
    /// A tuning to take over, or a proposal.
    pub known: Option<Known>,
    pub output: OutputArguments,
    pub ending: Ending,
}

/// Everything that the end of a run needs.
pub struct Ending {
    /// Why the model has its parameterization, if none was typed.
    pub why: Option<String>,
    /// The engine of the run.
    pub choice: Choice,
    pub pages: report::Pages,
    /// Whether the table has the group effects, too.
    pub all: bool,
}

/// Samples, prints, writes.
pub fn run(typed: SampleArguments) -> Result<Outcome, Failure> {
    let ResolvedRun { model, settings, known, output, ending } = ready(typed, None)?;
    let folder = folder::make(output.out.as_deref(), "sample")?;
    progress::obey_interruptions()?;

    let backend = &ending.choice.backend;
    if settings.keep == Keep::Summary {
        let Some(summary) = keep_summary::sample_into(&folder, backend, model, settings, known, output.quiet)? else {
            return Ok(Outcome::Interrupted);
        };
        conclude::print_summary(&summary, conclude::about(&summary, ending.why.as_deref(), &ending.choice), ending.all);
        print(format_args!("Written: {}", conclude::written_summary(&folder)));
        return Ok(conclude::outcome(&summary));
    }
    let sampled = sample_into(&folder, backend, model, settings, known, &output)?;
    finish(&sampled, &folder, &output, ending)
}

/// Resolves the arguments; `purpose` is a command that needs draws.
pub fn ready(mut typed: SampleArguments, purpose: Option<&str>) -> Result<ResolvedRun, Failure> {
    if let Some(goal) = typed.until.filter(|_| !typed.typed.iter().any(|id| id == "draws")) {
        typed.once.run.draws = goal.most(typed.once.run.chains);
    }
    let RunOnceArguments { data, priors, parameterization, sampler, run, engine, output, all } = &typed.once;
    let Problem { dataset, model, why } = Subject::read(data, priors)?.problem(parameterization, run, engine.engine)?;
    let chosen = sampler::choose(*sampler, &typed.typed, engine, &model)?;
    let ChosenSampler { sampler, independent, why: why_sampler } = chosen;
    let settings = settings(&typed, &model, sampler)?;
    let needing_draws = [
        (purpose.unwrap_or_default(), purpose.is_some()),
        ("--save-draws", output.save_draws),
        ("--save-warmup", typed.save_warmup),
        ("--log-likelihood", typed.log_likelihood),
        ("--posterior-predictive", typed.posterior_predictive),
        ("--shard", typed.shard.is_some()),
        ("--until", typed.until.is_some()),
        ("--open", typed.report.open),
    ];
    keep_summary::check(&settings, &needing_draws)?;
    let (model, learnt) = match typed.metric_from.as_deref() {
        Some(from) => learnt(from, &model).map(|(model, learnt)| (model, Some(learnt)))?,
        None => (model, None),
    };
    let settings = match &learnt {
        Some(learnt) => Settings { metric: MetricShape::of(&learnt.low_rank), ..settings },
        None => settings,
    };
    if settings.keep == Keep::Summary && learnt.as_ref().is_some_and(|learnt| learnt.spread.is_none()) {
        return Err(Failure::Input(anyhow!(
            "--keep summary sums up draws in units that warm-up learns, and the run of --metric-from had too short a warm-up for \
             that; name one with at least 50 transitions of warm-up, or leave --metric-from out"
        )));
    }
    let (proposal, choice) = match independent {
        None => (None, resolve::choice(engine, &model, &settings)?),
        Some(certified) => {
            let choice = resolve::independent(engine, &certified, &model, &settings)?;
            (Some(Known::Proposal(certified.proposal, certified.time)), choice)
        }
    };
    let known = proposal.or(learnt.map(Known::Tuning));
    let why = why.into_iter().chain(why_sampler).reduce(|a, b| format!("{a}\n{b}"));
    let pages = report::Pages::begin(&typed.report, &typed.funnel, &dataset, 1, output.quiet)?;
    resolve::room(&settings, output.save_draws, &model, 1, output.out.as_deref())?;
    let ending = Ending { why, choice, pages, all: *all };
    Ok(ResolvedRun { model, settings, known, output: typed.once.output, ending })
}

/// The settings of a run, with those that only `sample` has.
fn settings(typed: &SampleArguments, model: &Model, sampler: Sampler) -> Result<Settings, Failure> {
    let settings = Settings {
        until: typed.until,
        save_warmup: typed.save_warmup,
        log_likelihood: typed.log_likelihood,
        posterior_predictive: typed.posterior_predictive,
        ..resolve::settings(&typed.once.run, model, sampler)?
    };
    if (typed.log_likelihood || typed.posterior_predictive) && settings.variables(model) < model.layout().dim() {
        return Err(Failure::Input(anyhow!(
            "--log-likelihood and --posterior-predictive need the group effects, and --keep hyper leaves them out; leave one of \
             the two out"
        )));
    }
    if let Some(goal) = typed.until {
        check_goal(goal, &settings)?;
    }
    let Some(Shard { number, count }) = typed.shard else { return Ok(settings) };
    if typed.until.is_some() {
        return Err(Failure::Input(anyhow!(
            "--until ends a run where its own draws are enough, and shards have to be equally long; run shards with --draws"
        )));
    }
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

/// Refuses a goal that all draws could hardly reach.
fn check_goal(goal: Goal, settings: &Settings) -> Result<(), Failure> {
    let Settings { chains, draws, .. } = *settings;
    if goal.is_within(chains, draws) {
        return Ok(());
    }
    Err(Failure::Input(anyhow!(
        "--until {goal} takes {} effective draws, and --chains {chains} of --draws {draws} are only {}; raise --draws, which \
         is the most, or ask for less",
        table::thousands(goal.effective_draws()),
        table::thousands(f64::from(chains) * f64::from(draws)),
    )))
}

/// `model` with the weights of an earlier run, and the tuning of that run, if its model has the same coordinates.
fn learnt(from: &Path, model: &Model) -> Result<(Arc<Model>, Tuned), Failure> {
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
    if learnt.step_size == 0.0 {
        return Err(Failure::Input(anyhow!(
            "--metric-from {name}: its draws are independent, and it has no step size; name a run of --sampler nuts"
        )));
    }
    let told = |model: &Model| {
        let line = model.mixed().map(|mixed| format!("{}, ", mixed.line())).unwrap_or_default();
        let groups = counted(model.dataset().n_groups() as u64, "group");
        format!("{line}{}, {groups}", model.parameterization())
    };
    let (theirs, ours) = (told(store.model()), told(model));
    let same = theirs == ours && learnt.scale.len() == model.dim();
    if !same || store.model().dataset().groups() != model.dataset().groups() {
        return Err(Failure::Input(anyhow!(
            "--metric-from {name}: a metric is of one model, and that run is of another ({theirs}, and not {ours}); name a \
             run of this one"
        )));
    }
    let LowRank { eigenvectors, eigenvalues } = &learnt.low_rank;
    let are_widths = learnt.scale.iter().chain([&learnt.step_size]).chain(eigenvalues).all(is_width);
    if !are_widths || !eigenvectors.iter().all(|entry| entry.is_finite()) {
        return Err(Failure::Input(anyhow!(
            "--metric-from {name}: its step size and metric are no widths; the store is damaged: name another run"
        )));
    }
    Ok((Arc::new(model.with_weights(store.model().weights().clone())), learnt))
}

/// Samples into a new folder, with a line of progress.
pub fn sample_into(
    folder: &Path,
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    known: Option<Known>,
    output: &OutputArguments,
) -> Result<Sampled, Failure> {
    let keeping = Keeping { folder, interval: Duration::from_secs_f64(output.checkpoint_every) };
    let sampled = progress::watch(&model, &settings, output.quiet, |progress| {
        experiment::sample_into(&keeping, backend, model.clone(), settings, known, progress)
    });
    sampled.map_err(|error| conclude::failed(folder, error))
}

/// Summarizes, prints and writes a run.
pub fn finish(sampled: &Sampled, folder: &Path, output: &OutputArguments, ending: Ending) -> Result<Outcome, Failure> {
    let Ending { why, choice, pages, all } = ending;
    let Some(summary) = conclude::conclude(sampled, folder, output.save_draws, output.quiet)? else {
        return Ok(Outcome::Interrupted);
    };
    conclude::print_summary(&summary, conclude::about(&summary, why.as_deref(), &choice), all);
    print(format_args!("Written: {}", conclude::written(folder, output.save_draws)));
    // Ctrl-C after the last draw: the report would take more time.
    let is_late = progress::is_interrupted() && !summary.interrupted;
    if is_late && pages.is_wanted() {
        complain(report::interrupted(folder));
    } else {
        pages.of_run(sampled, &summary, folder)?;
    }
    if summary.interrupted {
        print(format_args!("`warpnuts sample --resume {}` goes on from there.", folder.display()));
    }
    conclude::device_failure(sampled)?;
    Ok(if progress::is_interrupted() { Outcome::Interrupted } else { conclude::outcome(&summary) })
}
