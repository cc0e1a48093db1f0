//! `warpnuts compare`: one model in several parameterizations and by independent draws, and which of them to trust.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use warpnuts::exact::Exact;
use warpnuts::experiment::{self, Backend, Keep, Known, Sampler, Settings};
use warpnuts::model::{CoordinatesError, Model};
use warpnuts::summary::{self, Comparison, RunSummary, Words};

use super::arguments::{
    DataArguments, EngineArguments, FunnelArguments, OutputArguments, PriorArguments, ReportArguments, RunArguments,
};
use super::subject::Subject;
use super::{
    Failure, Outcome, complain, conclude, exact, folder, keep_summary, print, progress, report, resolve, sample,
    sampler, table, wrap,
};

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct CompareArguments {
    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    priors: PriorArguments,

    /// What is compared, separated by commas: `centered`, `non-centered`, `marginal`, `a=centered,b=non-centered`, each
    /// by another sampler after an `@`, as `centered@walnuts` and `centered@riemannian`; and `independent`, draws
    /// without chains, where they are certified; of a formula also `partial`, and its terms by their factors,
    /// `s=partial,d=centered` [default: centered,non-centered,marginal,independent; of a formula
    /// centered,non-centered,partial,marginal, as far as they are admitted]
    #[arg(long, value_name = "LIST", help_heading = "Sampling")]
    parameterizations: Option<String>,

    #[command(flatten)]
    run: RunArguments,

    #[command(flatten)]
    engine: EngineArguments,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    report: ReportArguments,

    #[command(flatten)]
    funnel: FunnelArguments,
}

/// The word for independent draws in the list of what is compared.
const INDEPENDENT: &str = "independent";

/// One run of the comparison.
struct PlannedRun {
    model: Arc<Model>,
    settings: Settings,
    known: Option<Known>,
}

/// Samples one model after the other, prints, writes.
pub fn run(typed: CompareArguments) -> Result<Outcome, Failure> {
    let subject = Subject::read(&typed.data, &typed.priors)?;
    subject.warn();
    let dataset = subject.dataset().clone();
    let mut planned = plan(&typed, &subject)?;
    let PlannedRun { model: first, settings, .. } = &planned[0];
    let (exact_model, settings) = (first.clone(), *settings);
    keep_summary::check(&settings, &[("--save-draws", typed.output.save_draws), ("--open", typed.report.open)])?;
    let has_draws = settings.keep != Keep::Summary;
    // One backend for all chains: the comparison is of models. Samplers that adapt locally have the narrowest choice.
    let mut chains = planned.iter().filter(|run| run.settings.sampler.has_chains());
    let local = planned.iter().find(|run| run.settings.sampler.is_local());
    let chains = local.or(chains.next());
    let choice = chains.map(|run| resolve::choice(&typed.engine, &run.model, &run.settings)).transpose()?;
    let backend = |settings: &Settings| match (&choice, settings.sampler) {
        (Some(choice), sampler) if sampler.has_chains() => choice.backend.clone(),
        _ => Backend::Cpu,
    };
    for PlannedRun { model, settings, .. } in &planned {
        let backend = backend(settings);
        backend.admits(model).map_err(Failure::input)?;
        resolve::memory_of_sums(settings, model, &backend)?;
    }
    resolve::room(&settings, typed.output.save_draws, &exact_model, planned.len(), typed.output.out.as_deref())?;
    let mut pages = report::Pages::begin(&typed.report, &typed.funnel, &dataset, planned.len(), typed.output.quiet)?;
    let (certified, no_independent) = propose(&mut planned)?;
    let folder = folder::make(typed.output.out.as_deref(), "compare")?;
    progress::obey_interruptions()?;

    print(format_args!(
        "{} observations in {} groups from {}",
        dataset.n_observations(),
        dataset.n_groups(),
        dataset.source(),
    ));
    Words::of(&exact_model).lines().for_each(print);
    if let Some(choice) = &choice {
        let Settings { chains, warmup, draws, .. } = planned[0].settings;
        print(format_args!("each model with {chains} chains x ({warmup} warm-up transitions + {draws} draws)"));
        print(conclude::computed(choice));
    }
    certified.iter().for_each(print);
    let mut runs: Vec<RunSummary> = Vec::new();
    let mut written = Vec::new();
    for (i, PlannedRun { model, settings, known }) in planned.into_iter().enumerate() {
        if progress::is_interrupted() {
            break;
        }
        let name = settings.sampler.run_name(&model.parameterization()).to_string();
        let inside = folder::inside(&folder, &folder_name(&name, i))?;
        let backend = backend(&settings);
        if !has_draws {
            let summary = keep_summary::sample_into(&inside, &backend, model, settings, known, typed.output.quiet)?;
            written.extend(summary.iter().map(|_| conclude::written_summary(&inside)));
            runs.extend(summary);
            continue;
        }
        let sampled = sample::sample_into(&inside, &backend, model, settings, known, &typed.output)?;
        if let Some(summary) = conclude::conclude(&sampled, &inside, typed.output.save_draws, typed.output.quiet)? {
            pages.add(&sampled, &summary, &inside);
            runs.push(summary);
            written.push(conclude::written(&inside, typed.output.save_draws));
            conclude::device_failure(&sampled)?;
        }
    }
    if runs.is_empty() {
        std::fs::remove_dir(&folder).ok();
        return Ok(Outcome::Interrupted);
    }

    // Written before the long part, so that `warpnuts report` can use it after an interruption.
    let path = folder.join("comparison.json");
    let write = |comparison: &Comparison| {
        summary::write_json(&path, comparison).map_err(|error| folder::unwritten(&path, &error))
    };
    let compared = |exact: Option<&Exact>| {
        let no_independent = no_independent.clone();
        Comparison { no_independent, ..Comparison::of(&runs, exact) }
    };
    write(&compared(None))?;
    let quick = exact::is_quick(&exact_model) && !progress::is_interrupted();
    let (exact, modes) = if quick {
        let words = report::interrupted(&folder);
        let is_wanted = has_draws && pages.is_wanted();
        exact::integrate_beside(&exact_model, typed.output.quiet, words, || {
            is_wanted.then(|| report::FoundModes::of(&exact_model)).flatten()
        })
    } else {
        (Err(Failure::Input(anyhow!("it would take long"))), None)
    };
    if let Err(Failure::Unsound(error)) = &exact {
        complain(format_args!("note: the runs are not held against the exact posterior: {error}"));
    }
    let sharp = |exact: &Exact| runs.iter().all(|run| report::is_sharp(exact, run));
    let exact = exact.ok().filter(|exact| {
        if !sharp(exact) {
            complain(format_args!(
                "note: the runs are not held against the exact posterior: its integral has not settled, it may be off by {:.1e} \
                 posterior sds, and the runs' own errors are not far above that",
                exact.accuracy()
            ));
        }
        sharp(exact)
    });
    let comparison = compared(exact.as_ref());
    write(&comparison)?;
    print("");
    print(table::comparison(&comparison));
    if has_draws {
        pages.compare(&comparison, exact.as_ref(), modes);
        print(format_args!("\n{}", pages.sketches()));
    }
    for paragraph in &comparison.verdict {
        print(format_args!("\n{}", wrap(paragraph)));
    }
    print(format_args!("\nWritten: {}\n         {}", path.display(), written.join("\n         ")));
    if has_draws {
        report::say(pages.write(&folder)?);
    }
    Ok(if progress::is_interrupted() { Outcome::Interrupted } else { Outcome::Done })
}

/// The runs that are asked for: chains of each model, then independent draws, if they are in the list.
fn plan(typed: &CompareArguments, subject: &Subject) -> Result<Vec<PlannedRun>, Failure> {
    let list = typed.parameterizations.as_deref().unwrap_or(match subject {
        Subject::Shorthand(..) => "centered,non-centered,marginal,independent",
        Subject::Formula(..) => "centered,non-centered,partial,marginal",
    });
    let (independent, others): (Vec<&str>, Vec<&str>) = list.split(',').partition(|word| word.trim() == INDEPENDENT);
    if independent.len() > 1 {
        return Err(Failure::input(CoordinatesError::Repeated(INDEPENDENT.to_string())));
    }
    let planned = |list: &str, sampler: Sampler| {
        let mut models = subject.models(list, &typed.run).map_err(|failure| match failure {
            Failure::Input(error) if matches!(error.downcast_ref(), Some(CoordinatesError::Unknown(_))) => {
                Failure::Input(anyhow!("{error}, or `{INDEPENDENT}` for draws without chains"))
            }
            other => other,
        })?;
        if typed.parameterizations.is_none() && matches!(subject, Subject::Formula(..)) {
            // Effects that are too many to be integrated out are no reason to refuse the other parameterizations.
            models.retain(|(model, _)| experiment::is_admitted(model, typed.engine.engine));
        }
        let runs = models.into_iter().map(|(model, word)| {
            let sampler = word.map_or(Ok(sampler), |word| sampler::local(&word))?;
            let settings = resolve::settings(&typed.run, &model, sampler)?;
            Ok(PlannedRun { model, settings, known: None })
        });
        runs.collect::<Result<Vec<_>, Failure>>()
    };
    let mut all = if others.is_empty() { Vec::new() } else { planned(&others.join(","), Sampler::Nuts)? };
    if !independent.is_empty() {
        all.extend(planned("marginal", Sampler::Independent)?);
    }
    Ok(all)
}

/// Builds the proposal of independent draws, and says how good it is, or leaves them out, and says why.
fn propose(planned: &mut Vec<PlannedRun>) -> Result<(Option<String>, Option<String>), Failure> {
    let Some(run) = planned.last_mut().filter(|run| run.settings.sampler == Sampler::Independent) else {
        return Ok((None, None));
    };
    match sampler::propose(&run.model) {
        Ok((proposal, time, certified)) => {
            run.known = Some(Known::Proposal(proposal, time));
            Ok((Some(certified), None))
        }
        Err(no) if planned.len() == 1 => {
            Err(Failure::Input(anyhow!("draws of this model cannot be independent: {no}; add a parameterization")))
        }
        Err(no) => {
            planned.pop();
            Ok((None, Some(no.to_string())))
        }
    }
}

/// The folder of run number `i`: its name, if that suits the name of a folder.
fn folder_name(name: &str, i: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-=,[]_. @".contains(c);
    match name {
        name if name.len() <= 100 && name.chars().all(plain) => name.to_string(),
        _ => format!("mixed-{}", i + 1),
    }
}
