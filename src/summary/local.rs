//! In words, what samplers that adapt their steps to each place have rescued, and what that cost.

use super::{RunSummary, decimals, number};
use crate::exact::ExactRow;

/// A bias below this share of a posterior sd does no harm.
const HARMLESS: f64 = 0.1;

/// A difference of so many standard errors is hardly chance.
const SURE: f64 = 2.0;

/// A paragraph for each run of such a sampler: how far the mean of `focus` is from the exact one, beside the same
/// parameterization with steps that are the same everywhere, and how many gradients an effective draw takes, warm-up
/// and refused leapfrogs included, beside the best of the other chains.
pub fn tell(runs: &[RunSummary], exact: Option<&ExactRow>, focus: &str) -> Vec<String> {
    runs.iter()
        .filter(|run| run.settings.sampler.is_local())
        .filter_map(|run| of_run(run, runs, exact, focus))
        .collect()
}

fn of_run(run: &RunSummary, runs: &[RunSummary], exact: Option<&ExactRow>, focus: &str) -> Option<String> {
    let is_plain = |other: &&RunSummary| other.has_chains() && !other.settings.sampler.is_local();
    let plain = runs.iter().filter(is_plain).find(|other| other.parameterization == run.parameterization);
    let cost = |run: &RunSummary| {
        let ess = run.parameters.get(focus)?.ess_bulk;
        let cost = run.gradient_evaluations.total as f64 / ess;
        cost.is_finite().then_some(cost)
    };
    let others = runs.iter().filter(is_plain).filter(|other| other.parameterization != run.parameterization);
    let costs = others.filter(|other| other.is_trustworthy()).filter_map(|other| Some((cost(other)?, other.name())));
    let cheapest = costs.min_by(|(a, _), (b, _)| a.total_cmp(b));
    let (name, own) = (run.name(), cost(run)?);
    let mut beside = Vec::new();
    if let Some((plain, cost)) = plain.and_then(|plain| Some((plain.name(), cost(plain)?))) {
        beside.push(format!("{plain} takes {}", number(cost, 0)));
    }
    if let Some((cost, other)) = cheapest {
        beside.push(format!("{other} {}, {} times fewer", number(cost, 0), number(own / cost, 0)));
    }
    let beside = if beside.is_empty() { String::new() } else { format!(", where {}", beside.join(" and ")) };
    let paid =
        format!("What it cost: {} gradients an effective draw of {focus}, warm-up included{beside}", number(own, 0));
    let rescued = exact.and_then(|exact| rescued(run, plain, exact, focus));
    Some(match rescued {
        Some(rescued) => format!("What {name} has rescued: {rescued}. {paid}."),
        None => format!("{name}: {}", paid.replacen("What it cost: ", "", 1) + "."),
    })
}

/// How far the mean is from the exact one, beside that of the same parameterization.
fn rescued(run: &RunSummary, plain: Option<&RunSummary>, exact: &ExactRow, focus: &str) -> Option<String> {
    let error = |run: &RunSummary| {
        let row = run.parameters.get(focus)?;
        let all = [row.mean - exact.mean, row.mcse_mean, (row.mean - exact.mean) / exact.sd, row.mcse_mean / exact.sd];
        all.iter().all(|number| number.is_finite()).then_some(all)
    };
    let words = |[error, mcse, in_sds, mcse_in_sds]: [f64; 4]| {
        let decimals_of_sds = decimals(mcse_in_sds);
        format!(
            "off by {} ({} ± {} posterior sds)",
            number(error, decimals(mcse)),
            number(in_sds, decimals_of_sds),
            number(mcse_in_sds, decimals_of_sds)
        )
    };
    let own = error(run)?;
    let mean = format!("the mean of {focus} is {}", words(own));
    let Some((plain, theirs)) = plain.and_then(|plain| Some((plain.name(), error(plain)?))) else {
        return Some(mean);
    };
    let is_harmless = |[.., in_sds, error]: [f64; 4]| in_sds.abs() + SURE * error < HARMLESS;
    let is_biased = |[.., in_sds, error]: [f64; 4]| in_sds.abs() > SURE * error;
    let verdict = match (is_harmless(own), is_harmless(theirs)) {
        (true, true) => "neither bias does harm",
        (true, false) => "the bias is gone",
        (false, true) if is_biased(own) => "nothing, for this one is the worse",
        (false, _) if is_biased(own) => "a bias is still there",
        (false, _) => "so few effective draws cannot say whether the bias is gone",
    };
    Some(format!("{mean}, and in the {plain} run {}: {verdict}", words(theirs)))
}
