//! Runs of one model under several parameterizations, and independent draws, side by side. They should agree; where
//! they do not, at least one is wrong.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{Extreme, RunSummary, decimals, local, number};
use crate::diagnostics::Summary;
use crate::exact::{Exact, ExactRow};
use crate::experiment::Sampler;
use crate::model::Role;

/// Probability that a sound run is said to disagree with the exact posterior, if its errors are normal.
const FALSE_ALARM: f64 = 0.01;

/// The content of `comparison.json`, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The variable that is compared: the sigma that is hardest to sample.
    pub focus: String,
    /// A row for each run.
    pub runs: Vec<ComparisonRow>,
    /// The name of the most trustworthy run.
    pub best: String,
    /// Why there is no run of independent draws, where one was asked for.
    pub no_independent: Option<String>,
    /// The exact posterior of the focus, if there is one.
    pub exact: Option<ExactRow>,
    /// Differences of the other runs from the best.
    pub differences: Vec<MeanDifference>,
    /// Differences of all runs from the exact posterior, if there is one.
    pub against_exact: Vec<Held>,
    /// The conclusions, a paragraph each.
    pub verdict: Vec<String>,
}

/// One run's row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct ComparisonRow {
    /// `independent`, or the parameterization of the chains: `centered`, `non-centered`, one of these for each
    /// coefficient, or `marginal`; with `@walnuts` or `@riemannian` after it where steps adapt to each place.
    pub name: String,
    /// Whether no warning says that the draws should not be trusted.
    pub trustworthy: bool,
    /// Divergent transitions among the draws; missing for independent draws, like all else that is about chains.
    pub divergences: Option<u64>,
    /// Independent draws that repeat the one before; missing for chains. Where it is 0, every draw counts for one.
    pub repeated: Option<u64>,
    /// Largest R-hat.
    pub max_rhat: Option<Extreme>,
    /// Largest nested R-hat, where chains share starting points.
    pub max_nested_rhat: Option<Extreme>,
    /// Smallest bulk ESS.
    pub min_ess_bulk: Option<Extreme>,
    /// Smallest tail ESS.
    pub min_ess_tail: Option<Extreme>,
    /// Mean leapfrog steps per draw.
    pub leapfrogs_per_draw: f64,
    /// Step size of the draws.
    pub step_size: f64,
    /// Mean acceptance of the draws.
    pub acceptance: f64,
    /// Gradients per second, warm-up included.
    pub gradients_per_second: f64,
    /// Smallest bulk ESS per second, warm-up included.
    pub ess_per_second: f64,
    /// Summary of the focus.
    pub focus: Option<Summary>,
}

/// The difference of a run's mean of the focus from the best run's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanDifference {
    /// The run's name.
    pub name: String,
    /// The run's mean of the focus, minus the best run's.
    pub mean_difference: f64,
    /// Standard error of the difference, from both runs' MCSE.
    pub standard_error: f64,
    /// The difference, in standard errors.
    pub standard_errors: f64,
}

/// Differences of a run's means of the hyperparameters from the exact means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The run's name.
    pub name: String,
    /// (mean - exact mean) / MCSE of the focus.
    pub standard_errors_of_focus: f64,
    /// The hyperparameter whose mean is furthest off, in standard errors; the focus, if it is beyond the limit.
    pub worst: String,
    /// Mean - exact mean of the worst hyperparameter, in its unit.
    pub error: f64,
    /// The error, in standard errors.
    pub standard_errors: f64,
    /// Number of meaningful decimals of the error.
    #[serde(skip)]
    decimals: usize,
    /// Whether chance explains all errors.
    pub agrees: bool,
}

impl Comparison {
    /// Compares runs of the same data, at least one. With the `exact` posterior, the verdict says which runs are right.
    pub fn of(runs: &[RunSummary], exact: Option<&Exact>) -> Comparison {
        let focus = hardest_sigma(runs);
        let held = |run: &RunSummary| exact.and_then(|exact| hold(run, exact, &focus));
        let trust =
            |run: &RunSummary| (run.is_trustworthy(), held(run).is_none_or(|held| held.agrees), smallest_ess(run));
        let order = |a: &RunSummary, b: &RunSummary| {
            let (a, b) = (trust(a), trust(b));
            (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
        };
        let best = runs.iter().enumerate().max_by(|(_, a), (_, b)| order(a, b)).map_or(0, |(i, _)| i);
        let others = || runs.iter().enumerate().filter(|(i, _)| *i != best).map(|(_, run)| run);
        let best = &runs[best];
        let differences: Vec<MeanDifference> = others().filter_map(|run| difference(run, best, &focus)).collect();
        let mut verdict: Vec<String> = runs.iter().map(|run| judge(run, best)).collect();
        verdict.extend(differences.iter().map(|difference| weigh(difference, best, &focus)));
        let against_exact: Vec<Held> = runs.iter().filter_map(held).collect();
        let exact =
            exact.and_then(|exact| Some(exact.summary()[exact.names().iter().position(|name| *name == focus)?]));
        if let Some(exact) = &exact {
            verdict.push(tell_right_from_wrong(&against_exact, runs, exact, &focus));
        }
        verdict.extend(local::tell(runs, exact.as_ref(), &focus));
        verdict.push(match runs {
            [only] => format!(
                "There is only the {} run, and nothing to compare it with: run it again, to the end.",
                only.name()
            ),
            _ => recommend(
                best,
                runs.iter().filter(|run| run.has_chains() && run.is_trustworthy()).max_by(|a, b| order(a, b)),
                others().any(|run| !run.is_trustworthy()),
                runs.iter().any(|run| run.parameterization == "marginal"),
            ),
        });
        Comparison {
            runs: runs.iter().map(|run| row(run, &focus)).collect(),
            best: best.name().to_string(),
            focus,
            no_independent: None,
            exact,
            differences,
            against_exact,
            verdict,
        }
    }
}

fn smallest_ess(run: &RunSummary) -> f64 {
    run.min_ess_bulk.as_ref().map_or(0.0, |ess| ess.value)
}

/// The sigma with the smallest bulk ESS in any of the runs.
fn hardest_sigma(runs: &[RunSummary]) -> String {
    let sigmas = runs.iter().flat_map(|run| run.parameters.0.iter().filter(|row| row.role == Some(Role::Scale)));
    let hardest = sigmas.min_by(|a, b| a.summary.ess_bulk.total_cmp(&b.summary.ess_bulk));
    hardest.map(|row| row.name.clone()).unwrap_or_default()
}

fn row(run: &RunSummary, focus: &str) -> ComparisonRow {
    let of_chains = |value: f64| if run.has_chains() { value } else { f64::NAN };
    ComparisonRow {
        name: run.name().to_string(),
        trustworthy: run.is_trustworthy(),
        divergences: run.has_chains().then_some(run.divergences),
        repeated: run.repeated,
        max_rhat: run.max_rhat.clone().filter(|_| run.has_chains()),
        max_nested_rhat: run.max_nested_rhat.clone(),
        min_ess_bulk: run.min_ess_bulk.clone(),
        min_ess_tail: run.min_ess_tail.clone(),
        leapfrogs_per_draw: of_chains(run.leapfrogs_per_draw),
        step_size: of_chains(run.step_size),
        acceptance: of_chains(run.acceptance),
        gradients_per_second: of_chains(run.gradients_per_second()),
        ess_per_second: run.ess_per_second(),
        focus: run.parameters.get(focus).copied(),
    }
}

fn difference(run: &RunSummary, best: &RunSummary, focus: &str) -> Option<MeanDifference> {
    let (ours, theirs) = (run.parameters.get(focus)?, best.parameters.get(focus)?);
    let mean_difference = ours.mean - theirs.mean;
    let standard_error = ours.mcse_mean.hypot(theirs.mcse_mean);
    Some(MeanDifference {
        name: run.name().to_string(),
        mean_difference,
        standard_error,
        standard_errors: mean_difference / standard_error,
    })
}

/// The verdict on a run from its own diagnostics.
fn judge(run: &RunSummary, best: &RunSummary) -> String {
    let verdict = judge_draws(run, best);
    if !run.interrupted {
        return verdict;
    }
    let planned = u64::from(run.settings.draws) * u64::from(run.settings.chains);
    let name = run.name();
    format!("The {name} run was interrupted after {} of {planned} draws. {verdict}", run.total_draws())
}

fn judge_draws(run: &RunSummary, best: &RunSummary) -> String {
    let name = run.name();
    if !run.is_trustworthy() {
        let problems = run.warnings.iter().filter(|advice| advice.distrust).map(|advice| advice.problem.as_str());
        return format!("The {name} run is not to be trusted: {}.", problems.collect::<Vec<_>>().join("; "));
    }
    let worth = smallest_ess(run);
    let fewer = smallest_ess(best) / worth;
    let fewer = if fewer > 2.0 { format!(", {fewer:.0} times fewer than in the best run") } else { String::new() };
    if !run.has_chains() {
        let repeated = match run.repeated {
            None => String::new(),
            Some(0) => ", and none was repeated".to_string(),
            Some(count) => format!(", but for {count} that repeat the one before"),
        };
        return format!(
            "The {name} run looks sound: its {} draws come from a certified proposal and are independent{repeated}{fewer}.",
            run.total_draws(),
        );
    }
    let divergences = match run.divergences {
        0 => "no transition diverged".to_string(),
        1 => "only one transition diverged".to_string(),
        count => format!("only {count} transitions diverged"),
    };
    format!(
        "The {name} run looks sound: {divergences}, its chains agree, and its {} draws are worth at least {worth:.0} \
         independent ones{fewer}.",
        run.total_draws(),
    )
}

/// The verdict on the difference between two runs.
fn weigh(difference: &MeanDifference, best: &RunSummary, focus: &str) -> String {
    let MeanDifference { name, mean_difference, standard_error, standard_errors } = difference;
    let decimals = decimals(*standard_error);
    let direction = if *mean_difference > 0.0 { "above" } else { "below" };
    let meaning = match standard_errors.abs() {
        z if z.is_nan() => "There are too few draws to say what that means.",
        z if z > 4.0 => "That is no accident: one of them is biased.",
        z if z > 2.0 => "Chance seldom does that.",
        _ if *standard_error > 2.0 * best.parameters.get(focus).map_or(f64::NAN, |row| row.mcse_mean) => {
            "Chance could do that, but only because so few effective draws leave so much room to it."
        }
        _ => "Chance does that.",
    };
    format!(
        "The mean of {focus} in the {name} run is {} {direction} the {} run's, or {:.1} standard errors (of \
         {}). {meaning}",
        number(mean_difference.abs(), decimals),
        best.name(),
        standard_errors.abs(),
        number(*standard_error, decimals),
    )
}

/// Compares a run with the exact posterior; `None` if the run kept no hyperparameter with a Monte Carlo error.
fn hold(run: &RunSummary, exact: &Exact, focus: &str) -> Option<Held> {
    let named = exact.names().iter().zip(exact.summary()).take(exact.layout().hyperparameters());
    let errors: Vec<(&String, f64, f64)> = named
        .filter_map(|(name, truth)| {
            let row = run.parameters.get(name)?;
            Some((name, row.mean - truth.mean, row.mcse_mean))
        })
        .filter(|(_, error, mcse)| (error / mcse).is_finite())
        .collect();
    // Bonferroni's bound.
    let limit = Normal::standard().inverse_cdf(1.0 - FALSE_ALARM / (2.0 * errors.len().max(1) as f64));
    let size = |(_, error, mcse): &&(&String, f64, f64)| (error / mcse).abs();
    let of_focus = errors.iter().find(|(name, ..)| *name == focus);
    let worst = errors.iter().max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let agrees = size(&worst) <= limit;
    let (worst, error, mcse) = *of_focus.filter(|focus| size(focus) > limit).unwrap_or(worst);
    Some(Held {
        name: run.name().to_string(),
        standard_errors_of_focus: of_focus.map_or(f64::NAN, |(_, error, mcse)| error / mcse),
        worst: worst.clone(),
        error,
        standard_errors: error / mcse,
        decimals: decimals(mcse),
        agrees,
    })
}

/// The verdict from the exact posterior: which runs are right, and how wrong the others are.
fn tell_right_from_wrong(held: &[Held], runs: &[RunSummary], exact: &ExactRow, focus: &str) -> String {
    let mut clauses: Vec<String> = held
        .iter()
        .filter(|held| !held.agrees)
        .map(|held| {
            let direction = if held.error > 0.0 { "over-estimates" } else { "under-estimates" };
            format!(
                "{} {direction} {} by {} ({:.1} standard errors)",
                held.name,
                held.worst,
                number(held.error.abs(), held.decimals),
                held.standard_errors.abs(),
            )
        })
        .collect();
    let is_sound = |held: &Held| runs.iter().any(|run| run.name() == held.name && run.is_trustworthy());
    let (sound, unsound): (Vec<&Held>, Vec<&Held>) =
        held.iter().filter(|held| held.agrees).partition(|held| is_sound(held));
    let names = |held: &[&Held]| and(held.iter().map(|held| held.name.clone()).collect());
    let verb = |held: &[&Held]| if held.len() == 1 { "agrees" } else { "agree" };
    let of_focus =
        |held: &[&Held]| and(held.iter().map(|held| format!("{:.1}", held.standard_errors_of_focus.abs())).collect());
    if !sound.is_empty() {
        let (names, verb, of_focus) = (names(&sound), verb(&sound), of_focus(&sound));
        clauses.push(format!(
            "{names} {verb} with the exact answer in every hyperparameter (in {focus} to {of_focus} standard errors)"
        ));
    }
    if !unsound.is_empty() {
        let (names, verb, of_focus) = (names(&unsound), verb(&unsound), of_focus(&unsound));
        clauses.push(format!(
            "{names} {verb} with it (in {focus} to {of_focus} standard errors), but that says little: a run that is not to \
             be trusted does not know its own errors"
        ));
    }
    format!(
        "The exact mean of {focus}, by quadrature and without Monte Carlo, is {}: {}.",
        number(exact.mean, decimals(exact.sd) + 2),
        clauses.join("; "),
    )
}

/// `a`, `a and b`, `a, b and c`.
fn and(mut words: Vec<String>) -> String {
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

/// The option that makes a run like this one.
fn option(run: &RunSummary) -> String {
    let (parameterization, sampler) = (&run.parameterization, run.settings.sampler);
    match sampler {
        Sampler::Nuts => format!("--parameterization {parameterization}"),
        Sampler::Walnuts | Sampler::Riemannian => format!("--parameterization {parameterization} --sampler {sampler}"),
        Sampler::Independent => "--sampler independent".to_string(),
    }
}

/// The recommendation; `chains` are the best chains to be trusted.
fn recommend(best: &RunSummary, chains: Option<&RunSummary>, others_fail: bool, has_marginal: bool) -> String {
    let (name, option_of_best) = (best.name(), option(best));
    let no_chains = match chains {
        _ if best.has_chains() => String::new(),
        None => " What is left are so few scales that draws need no chain.".to_string(),
        Some(chains) => {
            format!(" What is left are so few scales that draws need no chain. Of chains, use {}.", option(chains))
        }
    };
    match (best.is_trustworthy(), others_fail) {
        (true, true) if best.parameterization == "marginal" => format!(
            "Use {option_of_best}. Where a sigma may be small, group effects are squeezed together as it shrinks: a \
             funnel. With all effects integrated out there is none left; they are drawn from their exact conditional \
             distribution afterwards.{no_chains}"
        ),
        (true, true) if best.parameterization == "partial" => format!(
            "Use {option_of_best}. Where a sigma may be small, its group effects are squeezed together as it shrinks: a \
             funnel. Offsets in units of sigma have none, but where the data say much of an effect, its offset moves with \
             sigma. Here each effect is between the two, as far as its own rows say."
        ),
        (true, true) => format!(
            "Use {option_of_best}. Where a sigma may be small, its group effects are squeezed together as it \
             shrinks: a funnel, whose neck is too narrow for any step size that suits the rest. Sampled as offsets in \
             units of sigma (non-centered), the same effects have no neck; where every group has many observations, it \
             is the other way round."
        ),
        (true, false) => {
            format!("Any of these can be used on these data; {option_of_best} gives the most effective draws.")
        }
        (false, _) => {
            if let Some(options) = best.collapses_by().filter(|_| !has_marginal) {
                return format!(
                    "None of these runs is to be trusted. Use {options}: with all group effects integrated out there is no \
                     funnel left."
                );
            }
            let remedies = best.warnings.iter().filter(|advice| advice.distrust).map(|advice| advice.remedy.as_str());
            format!(
                "None of these runs is to be trusted. For {name}, the best of them: {}.",
                remedies.collect::<Vec<_>>().join("; ")
            )
        }
    }
}
