//! The goal of a run in its summary: what it was, whether it is reached, and which variable is furthest from it.

use serde::Serialize;

use super::{Extreme, beyond, counted};
use crate::diagnostics::Summary;
use crate::experiment::diagnosis::reaches_goal;
use crate::experiment::{Goal, Settings};

/// How a run with a goal ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Until {
    /// The goal.
    pub goal: Goal,
    /// Whether the run ended at the goal.
    pub reached: bool,
    /// The measure of precision: `bulk ESS`, `tail ESS` or `MCSE over sd`.
    pub measure: &'static str,
    /// The least precise variable, and its precision.
    pub least_precise: Option<Extreme>,
    /// The share of the goal that this variable has, in effective draws.
    #[serde(skip)]
    pub share: f64,
}

impl Until {
    /// How a run ended that has a goal, with these rows, nested R-hats and names of its variables.
    pub(super) fn of(
        settings: &Settings,
        interrupted: bool,
        rows: &[Summary],
        nested: &[Option<f64>],
        names: &[String],
    ) -> Option<Until> {
        let goal = settings.until?;
        let known = rows.iter().zip(names).filter(|(row, _)| !goal.share(row).is_nan());
        let least = known.min_by(|(a, _), (b, _)| goal.share(a).total_cmp(&goal.share(b)));
        let (measure, value) = least.map_or(("precision", f64::NAN), |(row, _)| goal.measure(row));
        Some(Until {
            goal,
            reached: !interrupted && rows.iter().zip(nested).all(|(row, nested)| reaches_goal(settings, row, *nested)),
            measure,
            least_precise: least.map(|(_, name)| Extreme { value, parameter: name.clone() }),
            share: least.map_or(f64::NAN, |(row, _)| goal.share(row)),
        })
    }

    /// How far the run is from its goal, as a sentence without a point.
    pub(super) fn missed(&self, draws: usize) -> String {
        let reason = match &self.least_precise {
            None => "nothing is known of any variable's precision".to_string(),
            Some(_) if self.share >= 1.0 => {
                "every variable is as precise as that, but R-hat or ESS say that this cannot be relied on".to_string()
            }
            Some(Extreme { value, parameter }) => {
                let (Goal::Ess(limit) | Goal::Mcse(limit)) = self.goal;
                format!("the {} of {parameter} is {}", self.measure, beyond(*value, limit))
            }
        };
        format!("--until {} was not reached with {} of each chain: {reason}", self.goal, counted(draws as u64, "draw"))
    }
}
