//! Sentences about outcomes that are not Gaussian and do not look like their family's: their spread, levels, and shape.

use super::findings::Findings;
use super::noise_by_level::of_factor;
use super::rows::ResidualChecks;
use super::statistics::CheckedStatistic;
use crate::family::Family;
use crate::model::Model;
use crate::summary::{Advice, number};

/// An sd of residuals that is further from 1 than these matters.
const WIDE: f64 = 1.1;
const NARROW: f64 = 0.9;

/// The sentences about a model and the residuals of its rows.
pub fn sentences(model: &Model, checks: &ResidualChecks) -> Vec<Advice> {
    let sd = &checks.sd;
    // Where a dispersion is estimated, residuals spread as they should.
    let has_no_dispersion = model.family().dispersions().is_empty();
    if has_no_dispersion && sd.is_above() && sd.observed >= WIDE {
        return vec![of_more(model, sd)];
    }
    if has_no_dispersion && sd.is_below() && sd.observed <= NARROW {
        return vec![of_less(model, sd)];
    }
    let found = Findings::of(checks);
    let mut all: Vec<Advice> = Vec::new();
    all.extend(found.factors.iter().map(|factor| of_factor(model, factor, false)));
    if found.is_skewed {
        all.push(of_shape(model, "skewness", &checks.skewness));
    } else if found.is_heavy {
        all.push(of_shape(model, "excess kurtosis", &checks.kurtosis));
    }
    all
}

/// A statistic beside those of replicates, in words.
fn beside(name: &str, statistic: &CheckedStatistic) -> String {
    let [low, _, high] = statistic.replicated.map(|value| number(value, 2));
    format!(
        "the {name} of residuals is {}, and between {low} and {high} in 90 % of replicates",
        number(statistic.observed, 2)
    )
}

fn of_more(model: &Model, sd: &CheckedStatistic) -> Advice {
    let (outcome, beside) = (model.dataset().outcome_name(), beside("sd", sd));
    match model.family() {
        Family::Poisson => {
            let problem = format!("`{outcome}` varies more than counts of a Poisson distribution do: {beside}");
            let remedy =
                "use --family negbinomial, which estimates by how much: intervals of this model are too narrow";
            let proposals = vec!["--family negbinomial".to_string()];
            Advice { proposals, ..Advice::about_data("overdispersion", problem, remedy) }
        }
        _ => {
            let problem = format!("`{outcome}` varies more than independent trials of one probability do: {beside}");
            let remedy = "write the number of each row into a column `row` and add (1 | row) to the formula, which estimates by how \
                          much: intervals of this model are too narrow";
            Advice::about_data("overdispersion", problem, remedy)
        }
    }
}

fn of_less(model: &Model, sd: &CheckedStatistic) -> Advice {
    let (outcome, beside) = (model.dataset().outcome_name(), beside("sd", sd));
    let family = model.family().word();
    let problem = format!("`{outcome}` varies less than a {family} distribution lets it: {beside}");
    let remedy =
        "read intervals as too wide; see whether trials depend on each other, or whether counts have an upper bound";
    Advice::about_data("underdispersion", problem, remedy)
}

fn of_shape(model: &Model, name: &str, statistic: &CheckedStatistic) -> Advice {
    let family = model.family();
    let (outcome, beside) = (model.dataset().outcome_name(), beside(name, statistic));
    let other = match family {
        Family::Gamma => "; compare it with --family lognormal by `warpnuts loo`",
        Family::Lognormal => "; compare it with --family gamma by `warpnuts loo`",
        _ => "",
    };
    let problem =
        format!("`{outcome}` is not distributed about its expectations as --family {} says: {beside}", family.word());
    let remedy = format!("trust means and slopes more than predictions of single rows{other}");
    Advice::about_data("family-shape", problem, remedy)
}
