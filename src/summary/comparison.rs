//! Runs of one model under several parameterizations, side by side: they should agree, and where they do not, at least
//! one of them is wrong.

use serde::Serialize;

use super::{Extreme, RunSummary, decimals, number};
use crate::diagnostics::Summary;
use crate::exact::{Exact, ExactRow};

/// What `comparison.json` holds, in its order.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The variable on which the runs are compared: the sigma that is hardest to sample.
    pub focus: String,
    /// A row a run.
    pub runs: Vec<Row>,
    /// The parameterization of the run that is to be trusted most.
    pub best: String,
    /// The exact posterior of the focus, where there is one.
    pub exact: Option<ExactRow>,
    /// Every other run's difference from it.
    pub differences: Vec<Difference>,
    /// What that means, in paragraphs.
    pub verdict: Vec<String>,
}

/// One run's row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Centered or not, coefficient by coefficient.
    pub parameterization: String,
    /// Whether nothing says that the draws should not be trusted.
    pub trustworthy: bool,
    /// Divergent transitions among the draws.
    pub divergences: u64,
    /// Largest R-hat.
    pub max_rhat: Option<Extreme>,
    /// Largest nested R-hat, where chains share starting points.
    pub max_nested_rhat: Option<Extreme>,
    /// Smallest bulk ESS.
    pub min_ess_bulk: Option<Extreme>,
    /// Smallest tail ESS.
    pub min_ess_tail: Option<Extreme>,
    /// Mean leapfrog steps of a draw.
    pub leapfrogs_per_draw: f64,
    /// The step size of all draws.
    pub step_size: f64,
    /// Mean acceptance of all draws.
    pub acceptance: f64,
    /// Gradients a second, warm-up included.
    pub gradients_per_second: f64,
    /// Smallest bulk ESS a second, warm-up included.
    pub ess_per_second: f64,
    /// The focus.
    pub focus: Option<Summary>,
}

/// How far a run's mean of the focus is from the best run's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The run's parameterization.
    pub parameterization: String,
    /// Its mean of the focus, minus the best run's.
    pub mean_difference: f64,
    /// The standard error of that difference, by both runs' MCSE.
    pub standard_error: f64,
    /// The former in units of the latter.
    pub standard_errors: f64,
}

impl Comparison {
    /// Compares runs of the same data; there must be one at least. With the `exact` posterior it says which is right.
    pub fn of(runs: &[RunSummary], exact: Option<&Exact>) -> Comparison {
        let focus = hardest_sigma(runs);
        let trust = |run: &RunSummary| (run.is_trustworthy(), smallest_ess(run));
        let order = |a: &RunSummary, b: &RunSummary| {
            let ((a, a_ess), (b, b_ess)) = (trust(a), trust(b));
            a.cmp(&b).then(a_ess.total_cmp(&b_ess))
        };
        let best = runs.iter().enumerate().max_by(|(_, a), (_, b)| order(a, b)).map_or(0, |(i, _)| i);
        let others = || runs.iter().enumerate().filter(|(i, _)| *i != best).map(|(_, run)| run);
        let best = &runs[best];
        let differences: Vec<Difference> = others().filter_map(|run| difference(run, best, &focus)).collect();
        let mut verdict: Vec<String> = runs.iter().map(|run| judge(run, best)).collect();
        verdict.extend(differences.iter().map(|difference| weigh(difference, best, &focus)));
        let exact =
            exact.and_then(|exact| Some(exact.summary()[exact.names().iter().position(|name| *name == focus)?]));
        if let Some(exact) = &exact {
            verdict.push(hold(runs, exact, &focus));
        }
        verdict.push(match runs {
            [only] => format!(
                "There is only the {} run, and nothing to compare it with: run it again, to the end.",
                only.parameterization
            ),
            _ => recommend(best, others().any(|run| !run.is_trustworthy())),
        });
        Comparison {
            runs: runs.iter().map(|run| row(run, &focus)).collect(),
            best: best.parameterization.clone(),
            focus,
            exact,
            differences,
            verdict,
        }
    }
}

fn smallest_ess(run: &RunSummary) -> f64 {
    run.min_ess_bulk.as_ref().map_or(0.0, |ess| ess.value)
}

/// The sigma with the smallest bulk ESS in any of the runs.
fn hardest_sigma(runs: &[RunSummary]) -> String {
    let sigmas = runs.iter().flat_map(|run| run.parameters.0.iter().filter(|row| row.name.starts_with("sigma_")));
    let hardest = sigmas.min_by(|a, b| a.summary.ess_bulk.total_cmp(&b.summary.ess_bulk));
    hardest.map_or("sigma_a".to_string(), |row| row.name.clone())
}

fn row(run: &RunSummary, focus: &str) -> Row {
    Row {
        parameterization: run.parameterization.clone(),
        trustworthy: run.is_trustworthy(),
        divergences: run.divergences,
        max_rhat: run.max_rhat.clone(),
        max_nested_rhat: run.max_nested_rhat.clone(),
        min_ess_bulk: run.min_ess_bulk.clone(),
        min_ess_tail: run.min_ess_tail.clone(),
        leapfrogs_per_draw: run.leapfrogs_per_draw,
        step_size: run.step_size,
        acceptance: run.acceptance,
        gradients_per_second: run.gradients_per_second(),
        ess_per_second: run.ess_per_second(),
        focus: run.parameters.get(focus).copied(),
    }
}

fn difference(run: &RunSummary, best: &RunSummary, focus: &str) -> Option<Difference> {
    let (ours, theirs) = (run.parameters.get(focus)?, best.parameters.get(focus)?);
    let mean_difference = ours.mean - theirs.mean;
    let standard_error = ours.mcse_mean.hypot(theirs.mcse_mean);
    Some(Difference {
        parameterization: run.parameterization.clone(),
        mean_difference,
        standard_error,
        standard_errors: mean_difference / standard_error,
    })
}

/// What a run's own diagnostics say of it.
fn judge(run: &RunSummary, best: &RunSummary) -> String {
    let verdict = judge_draws(run, best);
    if !run.interrupted {
        return verdict;
    }
    let planned = u64::from(run.settings.draws) * u64::from(run.settings.chains);
    let name = &run.parameterization;
    format!("The {name} run was interrupted after {} of {planned} draws. {verdict}", run.total_draws())
}

fn judge_draws(run: &RunSummary, best: &RunSummary) -> String {
    let name = &run.parameterization;
    if !run.is_trustworthy() {
        let problems = run.warnings.iter().filter(|advice| advice.distrust).map(|advice| advice.problem.as_str());
        return format!("The {name} run is not to be trusted: {}.", problems.collect::<Vec<_>>().join("; "));
    }
    let worth = smallest_ess(run);
    let fewer = smallest_ess(best) / worth;
    let fewer = if fewer > 2.0 { format!(", {fewer:.0} times fewer than in the best run") } else { String::new() };
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

/// What the difference between two runs means.
fn weigh(difference: &Difference, best: &RunSummary, focus: &str) -> String {
    let Difference { parameterization, mean_difference, standard_error, standard_errors } = difference;
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
        "The mean of {focus} in the {parameterization} run is {} {direction} the {} run's, or {:.1} standard errors (of \
         {}). {meaning}",
        number(mean_difference.abs(), decimals),
        best.parameterization,
        standard_errors.abs(),
        number(*standard_error, decimals),
    )
}

/// How far each run is from the truth.
fn hold(runs: &[RunSummary], exact: &ExactRow, focus: &str) -> String {
    let errors = runs.iter().filter_map(|run| {
        let row = run.parameters.get(focus)?;
        let (error, decimals) = (row.mean - exact.mean, decimals(row.mcse_mean));
        let direction = if error > 0.0 { "over-estimates" } else { "under-estimates" };
        Some(format!(
            "the {} run {direction} it by {} ({:.1} standard errors)",
            run.parameterization,
            number(error.abs(), decimals),
            error.abs() / row.mcse_mean,
        ))
    });
    format!(
        "The exact mean of {focus}, by quadrature and without Monte Carlo, is {}: {}.",
        number(exact.mean, decimals(exact.sd) + 2),
        errors.collect::<Vec<_>>().join("; "),
    )
}

/// What to do.
fn recommend(best: &RunSummary, others_fail: bool) -> String {
    let name = &best.parameterization;
    match (best.is_trustworthy(), others_fail) {
        (true, true) => format!(
            "Use --parameterization {name}. Where a sigma may be small, its group effects are squeezed together as it \
             shrinks: a funnel, whose neck is too narrow for any step size that suits the rest. Sampled as offsets in \
             units of sigma (non-centered), the same effects have no neck; where every group has many observations, it \
             is the other way round."
        ),
        (true, false) => {
            format!("Any of these can be used on these data; --parameterization {name} gives the most effective draws.")
        }
        (false, _) => {
            "None of these runs is to be trusted yet: take more --warmup and --draws, raise --target-accept, \
                       or look at the data."
                .to_string()
        }
    }
}
