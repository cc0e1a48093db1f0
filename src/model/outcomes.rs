//! Legal outcomes: what a family cannot have is refused with the place of the first such row.

use crate::data::{Dataset, Frame, one_line};
use crate::family::{Family, OutcomeKind};
use crate::formula::FormulaDesign;

/// The largest count: up to here, every whole number is one of its own.
const LARGEST_COUNT: f64 = 9e15;

/// An outcome that a family cannot have, or a number of trials that is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OutcomeFault {
    /// An outcome.
    #[error("{file}, {place}, column {column}: {value} is no outcome of --family {family}: {problem}")]
    Outcome {
        /// The file.
        file: String,
        /// The line, or the row.
        place: String,
        /// The column, or the expression.
        column: String,
        /// The outcome.
        value: f64,
        /// The family, as typed.
        family: &'static str,
        /// What is wrong, and what to change.
        problem: &'static str,
    },
    /// Trials.
    #[error(
        "{file}, {place}: {value} in trials({column}) is no number of trials; write a whole number from 1, or leave out that row"
    )]
    Trials {
        /// The file.
        file: String,
        /// The line, or the row.
        place: String,
        /// The column, or the expression.
        column: String,
        /// The number.
        value: f64,
    },
    /// Trials of a family that has none.
    #[error(
        "trials({column}) are of --family binomial, and this is --family {family}; write the outcome alone before `~`"
    )]
    NoTrials {
        /// The column, or the expression.
        column: String,
        /// The family, as typed.
        family: &'static str,
    },
}

/// Checks the outcomes of a formula over the rows of `frame`.
///
/// # Errors
/// For the first row whose outcome or number of trials `family` cannot have.
pub fn check(frame: &Frame, design: &FormulaDesign, family: Family) -> Result<(), OutcomeFault> {
    let name = family.word();
    if let (Some(trials), false) = (&design.trials, family.outcomes() == OutcomeKind::Successes) {
        return Err(OutcomeFault::NoTrials { column: trials.name.clone(), family: name });
    }
    let file = one_line(frame.source());
    for (row, outcome) in design.outcome.values.iter().enumerate() {
        let trials = design.trials.as_ref().map(|trials| trials.values[row]);
        let place = || frame.place(row);
        if let Some(value) = trials.filter(|trials| !(is_count(*trials) && *trials >= 1.0)) {
            let column = design.trials.as_ref().map_or(String::new(), |trials| trials.name.clone());
            return Err(OutcomeFault::Trials { file, place: place(), column, value });
        }
        if let Some(mut problem) = problem(family, *outcome, trials.unwrap_or(1.0)) {
            if trials.is_none() && family.outcomes() == OutcomeKind::Successes {
                problem =
                    "without trials it is 0 or 1, or one of two words; write successes as in `k | trials(n) ~ ...`";
            }
            let (column, value) = (design.outcome.name.clone(), *outcome);
            return Err(OutcomeFault::Outcome { file, place: place(), column, value, family: name, problem });
        }
    }
    Ok(())
}

/// Whether every outcome of `dataset` is one of `family`.
pub fn are_legal(family: Family, dataset: &Dataset) -> bool {
    let trials = |i: usize| dataset.trials().map_or(1.0, |trials| trials[i]);
    dataset.outcome().iter().enumerate().all(|(i, outcome)| problem(family, *outcome, trials(i)).is_none())
}

/// What is wrong with an outcome, and what to change.
fn problem(family: Family, outcome: f64, trials: f64) -> Option<&'static str> {
    match family.outcomes() {
        OutcomeKind::Real => None,
        OutcomeKind::Positive if outcome > 0.0 => None,
        OutcomeKind::Positive => Some("it is above 0; leave out that row, or take a family that has such outcomes"),
        OutcomeKind::Count if is_count(outcome) => None,
        OutcomeKind::Count => {
            Some("it is a whole number from 0; leave out that row, or take a family that has such outcomes")
        }
        OutcomeKind::Successes if is_count(outcome) && outcome <= trials => None,
        OutcomeKind::Successes => {
            Some("it is a whole number of successes, at most as many as the row has trials; correct one of the two")
        }
    }
}

/// Whether a number is a whole one from 0.
fn is_count(number: f64) -> bool {
    number.fract() == 0.0 && (0.0..=LARGEST_COUNT).contains(&number)
}
