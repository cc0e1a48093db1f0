//! The end of a command that has a run: its summary, its files, its printed results and its exit code.

use std::fmt::Display;
use std::path::Path;

use anyhow::anyhow;
use warpnuts::checks;
use warpnuts::data::one_line;
use warpnuts::draws::store::{self, Store};
use warpnuts::engine::{DeviceFailure, EngineError};
use warpnuts::experiment::{Choice, Sampled};
use warpnuts::summary::{self, RunSummary, counted, significant};

use super::progress::{PATIENCE, Waiting};
use super::{Failure, Outcome, complain, print, progress, table};

/// Summarizes a run and writes its files into `folder`. If nothing was drawn, returns `None`, and removes the folder
/// unless the run can be resumed there.
pub fn conclude(
    sampled: &Sampled,
    folder: &Path,
    save_draws: bool,
    quiet: bool,
) -> Result<Option<RunSummary>, Failure> {
    let name = folder.display();
    if sampled.run.draws == 0 {
        if store::has_checkpoint(folder) {
            complain(format_args!("interrupted {}; `warpnuts sample --resume {name}` goes on", before_draws(sampled)));
        } else {
            nothing_drawn(sampled, folder);
        }
        return Ok(None);
    }
    let words = format!(
        "interrupted while the draws were summarized: they are whole, and `warpnuts summary {name}` does it again"
    );
    let waiting = Waiting { quiet, patience: PATIENCE, words };
    let summary = progress::wait(waiting, &|| "the draws are summarized".to_string(), || checks::summarize(sampled));
    no_damage(sampled, folder)?;
    let write = || {
        summary::write_json(&folder.join("summary.json"), &summary)?;
        summary::write_parameters(&folder.join("summary.csv"), &summary)?;
        match sampled.draws.store() {
            Some(store) if save_draws => summary::write_csv(&folder.join("draws.csv"), sampled, store),
            _ => Ok(()),
        }
    };
    write().map_err(|error| {
        Failure::Run(anyhow!(
            "the results could not be written into {name}: {error}; the draws are kept there, and `warpnuts summary {name}` \
             reads them"
        ))
    })?;
    Ok(Some(summary))
}

/// Reports that a run was interrupted before its first draw, and removes its folder.
pub fn nothing_drawn<D>(sampled: &Sampled<D>, folder: &Path) {
    complain(format_args!("interrupted {}: nothing was drawn", before_draws(sampled)));
    discard(folder);
}

/// Where a run without draws was interrupted.
fn before_draws<D>(sampled: &Sampled<D>) -> String {
    match sampled.settings.sampler.has_chains() {
        true => format!("in warm-up, after {} transitions a chain", sampled.run.warmup),
        false => "before the first draw".to_string(),
    }
}

/// Removes a folder that this program made for a run, and everything in it.
pub fn discard(folder: &Path) {
    drop(std::fs::remove_dir_all(folder));
}

/// The failure of a run. Removes its folder if there is nothing to resume; otherwise the message says how to resume.
pub fn failed(folder: &Path, error: EngineError) -> Failure {
    let drawn = Store::open(folder).map_or(0, |store| store.draws());
    if drawn == 0 && !store::has_checkpoint(folder) {
        discard(folder);
        return Failure::run(error);
    }
    let name = folder.display();
    let kept =
        if drawn == 0 { "the warm-up so far".to_string() } else { counted(drawn as u64, "draw") + " of each chain" };
    Failure::Run(anyhow!(
        "{error}\n  {kept} can be had from {name}; `warpnuts sample --resume {name}` goes on from there"
    ))
}

/// Prints a headline, the lines `about` model and engine, the table of the run, and its warnings.
pub fn print_summary(summary: &RunSummary, about: impl IntoIterator<Item: Display>, all: bool) {
    print(headline(summary));
    about.into_iter().for_each(print);
    print("");
    print(table::parameters(summary, all));
    print("");
    for advice in &summary.warnings {
        let [problem, remedy] = [&advice.problem, &advice.remedy].map(|text| one_line(text));
        print(format_args!("warning: {problem}.\n  What to do: {remedy}."));
    }
    if summary.warnings.is_empty() {
        print(summary::tables::no_warnings(summary));
    }
}

/// Lines about a run: its model, why it has its parameterization, and its engine.
pub fn about(summary: &RunSummary, why: Option<&str>, choice: &Choice) -> Vec<String> {
    summary.words.lines().chain(why).map(str::to_string).chain([computed(choice)]).collect()
}

/// A run's engine, why it was chosen, and the time of its kernels if the device has timestamps.
pub fn computed(Choice { backend, reason, measured }: &Choice) -> String {
    let kernels = backend.gpu().map(|gpu| gpu.meter().reading().kernel.saturating_sub(*measured));
    let kernels = kernels.filter(|time| !time.is_zero());
    let kernels = kernels.map(|time| format!("; its kernels ran for {:.2} s", time.as_secs_f64())).unwrap_or_default();
    format!("engine {} on {}: {reason}{kernels}", backend.name(), backend.device())
}

/// The data, the size of the run, and its cost.
fn headline(summary: &RunSummary) -> String {
    let data = &summary.data;
    let wall = summary.wall_seconds;
    let time = if wall.total.is_nan() {
        String::new()
    } else if !summary.has_chains() {
        format!(" in {:.2} s", wall.total)
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
    let ess = match &summary.min_ess_bulk {
        None => "smallest bulk ESS -".to_string(),
        Some(ess) if summary.every_draw_counts() => format!("ESS {:.0}: every draw counts", ess.value),
        Some(ess) => format!("smallest bulk ESS {:.0} of {}", ess.value, one_line(&ess.parameter)),
    };
    let rows = match summary.has_chains() {
        true => counted(u64::from(summary.settings.chains), "chain"),
        false => summary.settings.chains.to_string(),
    };
    let cost = match summary.has_chains() {
        true => format!(
            "{:.1} leapfrogs a draw, step size {}, acceptance {:.2}, {} (and {} in warm-up)",
            summary.leapfrogs_per_draw,
            significant(summary.step_size),
            summary.acceptance,
            counted(summary.divergences, "divergence"),
            summary.warmup_divergences,
        ),
        false => {
            let repeated = summary.repeated.filter(|repeated| *repeated > 0);
            let repeated = repeated.map_or(String::new(), |repeated| format!(", {repeated} repeated"));
            format!("independent draws: {:.2} proposals for each{repeated}", summary.leapfrogs_per_draw)
        }
    };
    let until = summary.until.as_ref().map_or(String::new(), |until| {
        let how = match (until.reached, summary.interrupted) {
            (true, _) => "reached",
            (false, true) => "interrupted before it was reached",
            (false, false) => "not reached",
        };
        format!(
            "\nuntil {}: {how}, with {} of at most {} draws of each chain",
            until.goal, summary.draws, summary.settings.draws
        )
    });
    let merged = summary.formula.as_ref().and_then(|formula| formula.merged_rows);
    let merged =
        merged.map_or(String::new(), |rows| format!(", merged to {} of their sums,", counted(rows as u64, "row")));
    let groups = match &summary.formula {
        None => format!("{} groups", data.groups),
        Some(formula) => {
            let factors =
                formula.factors.iter().map(|(factor, levels)| format!("{levels} levels of {}", one_line(factor)));
            factors.collect::<Vec<_>>().join(" and ")
        }
    };
    format!(
        "{} observations{merged} in {groups} from {}, {}\n\
         {rows} x {}{time}\n\
         {cost}\n\
         {ess}{rate}{until}",
        data.observations,
        data.source,
        summary.name(),
        counted(summary.draws as u64, "draw"),
    )
}

/// Names the files of a run whose draws are stored.
pub fn written(folder: &Path, save_draws: bool) -> String {
    files(folder, ["summary.json", "summary.csv", "draws.zarr"].into_iter().chain(save_draws.then_some("draws.csv")))
}

/// Names the files of a run with `--keep summary`.
pub fn written_summary(folder: &Path) -> String {
    files(folder, ["summary.json", "summary.csv"])
}

fn files<'a>(folder: &Path, names: impl IntoIterator<Item = &'a str>) -> String {
    let paths = names.into_iter().map(|name| folder.join(name).display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

/// Prints how far an incomplete run has come.
pub fn how_far(sampled: &Sampled, run: &Path) {
    if sampled.interrupted {
        print(format_args!(
            "The run has {} of {} draws of each chain; `warpnuts sample --resume {}` goes on.",
            sampled.run.draws,
            sampled.settings.draws,
            run.display()
        ));
    }
}

/// Refuses a run if some of its draws could not be read.
pub fn no_damage(sampled: &Sampled, run: &Path) -> Result<(), Failure> {
    let damage = sampled.draws.damage();
    let Some(first) = damage.first() else { return Ok(()) };
    let more = if damage.len() > 1 { format!(", and {} more are damaged", damage.len() - 1) } else { String::new() };
    Err(Failure::Input(anyhow!(
        "{first}{more}; put back a copy, or summarize the rest with `warpnuts summary {} --skip-damaged`",
        run.display()
    )))
}

/// Whether the diagnostics of a stored run say to trust it, and what is computed from it; warns if they do not.
pub fn is_trusted(sampled: &Sampled, run: &Path) -> bool {
    let trusted = RunSummary::of(sampled).is_trustworthy();
    if !trusted {
        complain(format_args!(
            "warning: the diagnostics of the run say not to trust it, and so nothing that is computed from it: \
             `warpnuts summary {}`",
            run.display()
        ));
    }
    trusted
}

/// Reports a device failure during the run; an error if the run ended there. The draws up to the failure are written.
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

/// The outcome of a summarized run.
pub fn outcome(summary: &RunSummary) -> Outcome {
    match (summary.interrupted, summary.is_trustworthy()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Distrusted,
    }
}
