//! Sentences about noise that differs between the levels of a factor, and the formula of sigma that says so.

use super::factors::FactorNoise;
use crate::formula::quoted;
use crate::model::{Model, Structure};
use crate::summary::{Advice, number};

/// A level of so many times the noise of all rows may change the answer by itself.
const LOUD: f64 = 2.0;

/// A formula of sigma is proposed for a factor of so many levels, or fewer.
const MOST_LEVELS: usize = 30;

/// The sentence about a factor: of its noise, as of Gaussian outcomes, or of how outcomes vary about expectations.
pub fn of_factor(model: &Model, factor: &FactorNoise, is_noise: bool) -> Advice {
    let [least, most] = &factor.extremes;
    let (outcome, name) = (model.dataset().outcome_name(), &factor.factor);
    let (much, little) = (number(most.ratio, 1), number(least.ratio, 2));
    let assumed = match model.log_sigma() {
        Some(_) => "which its formula of sigma does not have",
        None => "and the model has one noise for all",
    };
    let problem = match is_noise {
        true => format!(
            "the noise of `{outcome}` differs between the levels of `{name}`: it is {much} times that of all rows in {}, and \
             {little} times in {}, {assumed}",
            most.level, least.level,
        ),
        false => format!(
            "`{outcome}` varies about its expectations by more in some levels of `{name}` than in others: {much} times as much \
             as in all rows in {}, and {little} times in {}",
            most.level, least.level,
        ),
    };
    let without = match most.ratio >= LOUD {
        true => format!("; see whether the answer holds without {}", most.level),
        false => String::new(),
    };
    match sigma_by(model, name) {
        Some((option, takes_the_place)) => {
            let remedy =
                format!("use {option}, by which each level has its own sigma and its rows their own weight{without}");
            let proposals = if takes_the_place { vec![option.replace('\'', "")] } else { Vec::new() };
            Advice { proposals, ..Advice::about_data("noise-by-level", problem, remedy) }
        }
        None => {
            let weigh = match is_noise {
                true => ": all weigh in means and slopes as if their noise were the same",
                false => "",
            };
            let remedy = format!(
                "take the intervals of levels of much noise for too narrow, and those of levels of little for too wide\
                 {weigh}{without}"
            );
            Advice::about_data("noise-by-level", problem, remedy)
        }
    }
}

/// The options by which sigma differs between the levels of a factor, and whether they take the place of one of the
/// run's or stand beside its formula; `None` if they would not help.
fn sigma_by(model: &Model, factor: &str) -> Option<(String, bool)> {
    let data = model.dataset();
    let place = (0..data.n_factors()).find(|place| data.factor_name(*place) == factor)?;
    let levels = data.levels(place);
    let has_sigma = model.mixed().is_none_or(|mixed| mixed.rows.errors.is_none());
    // The levels of `a:b` are those of two columns, and an apostrophe would end the quotes.
    let is_column = !factor.contains([':', '\'']);
    if !model.family().is_location_scale() || !has_sigma || !is_column || levels.len() > MOST_LEVELS {
        return None;
    }
    let is_of_numbers = levels.iter().all(|level| level.parse::<f64>().is_ok());
    let term = if is_of_numbers { format!("factor({})", quoted(factor)) } else { quoted(factor).to_string() };
    if let Some((sigma, _)) = model.log_sigma() {
        let known = &sigma.formula;
        let is_there = known.split(['~', '+']).any(|other| other.trim() == term) || known.contains('\'');
        return (!is_there).then(|| (format!("--sigma-formula '{known} + {term}'"), true));
    }
    let option = format!("--sigma-formula 'sigma ~ {term}'");
    match model.structure() {
        Structure::Formula(_) => Some((option, true)),
        Structure::Shorthand(_) => {
            let (rest, _) = right_side(model)?;
            let formula = format!("{} ~ {rest}", quoted(data.outcome_name()));
            (!formula.contains('\'')).then(|| (format!("--formula '{formula}' {option}"), false))
        }
    }
}

/// The right side of the model's formula, and whether the run has one; `None` if its outcome is a function.
pub fn right_side(model: &Model) -> Option<(String, bool)> {
    let data = model.dataset();
    match model.structure() {
        Structure::Formula(mixed) => {
            let outcome = quoted(data.outcome_name());
            let (_, right) = mixed.formula.split_once('~').filter(|(left, _)| left.trim() == outcome)?;
            Some((right.trim().to_string(), true))
        }
        Structure::Shorthand(_) => {
            let (group, predictors) = (quoted(data.group_name()), data.predictor_names());
            let columns = std::iter::once("1".to_string()).chain(predictors.iter().map(|name| quoted(name)));
            let columns = columns.collect::<Vec<String>>().join(" + ");
            let bars = if predictors.is_empty() { "|" } else { "||" };
            Some((format!("{columns} + ({columns} {bars} {group})"), false))
        }
    }
}
