//! The view that all figures of a report share: the coefficient, the group, and how many numbers of a run are shown.

use std::ops::Range;

use super::Options;
use crate::data::Dataset;
use crate::diagnostics::Summary;
use crate::experiment::{Keep, Sampled};
use crate::summary::RunSummary;

/// The notebook's group, in the order of the data: radon's TRAVERSE, of four homes.
const NOTEBOOKS_GROUP: usize = 75;

/// The budget of numbers for a figure's lines, all runs together.
const NUMBERS: usize = 60_000;

/// The shared view.
#[derive(Debug, Clone)]
pub struct View {
    /// k: the coefficient that is shown.
    pub coefficient: usize,
    /// The coefficient's name: `b`, or `b[hours]`.
    pub effect: String,
    /// The name of the coefficient's sigma.
    pub sigma: String,
    /// The names of all K coefficients.
    pub coefficients: Vec<String>,
    /// The group whose effect is shown against sigma.
    pub group: usize,
    /// Why this group.
    pub why_group: String,
    /// The names of all groups.
    pub groups: Vec<String>,
    /// Observations of each group.
    pub sizes: Vec<usize>,
    /// Indices of the coefficient's effects among the named variables.
    pub effects: Range<usize>,
    /// Whether group effects are stored.
    pub has_effects: bool,
    /// The budget of numbers for a figure's lines, for one run.
    pub numbers: usize,
}

impl View {
    /// The view of the first run, used for all runs.
    pub fn of(sampled: &Sampled, summary: &RunSummary, options: &Options) -> View {
        let (model, layout) = (&sampled.model, sampled.model.layout());
        let dataset = model.dataset();
        let coefficients = model.coefficient_names();
        let names = model.names();
        // The slope whose sigma has the smallest ESS, or the intercept if there is no slope.
        let slopes = if layout.coefficients == 1 { 0..1 } else { 1..layout.coefficients };
        let ess = |k: usize| {
            let row: Option<&Summary> = summary.parameters.get(&names[layout.sigma(k)]);
            row.map_or(f64::INFINITY, |row| row.ess_bulk)
        };
        let coefficient = slopes.min_by(|a, b| ess(*a).total_cmp(&ess(*b))).unwrap_or(0);
        let sizes: Vec<usize> = (0..dataset.n_groups()).map(|j| dataset.group_range(j).len()).collect();
        let (group, why_group) = match options.funnel_group {
            Some(group) if group < sizes.len() => (group, "asked for".to_string()),
            _ if sizes.len() > NOTEBOOKS_GROUP => {
                (NOTEBOOKS_GROUP, format!("number {NOTEBOOKS_GROUP}, as in the notebook"))
            }
            _ => {
                let smallest = (0..sizes.len()).min_by_key(|j| sizes[*j]).unwrap_or(0);
                (smallest, "the one with the fewest observations".to_string())
            }
        };
        View {
            coefficient,
            effect: coefficients[coefficient].clone(),
            sigma: names[layout.sigma(coefficient)].clone(),
            coefficients,
            group,
            why_group,
            groups: dataset.groups().to_vec(),
            sizes,
            effects: layout.effects(coefficient),
            has_effects: sampled.settings.keep == Keep::All,
            numbers: NUMBERS / options.runs.max(1),
        }
    }

    /// The name of the effect: `b[YELLOW MEDICINE]`, or with several predictors `b[hours,North]`.
    pub fn effect_of_group(&self) -> String {
        let stem = self.effect.strip_suffix(']').map_or(format!("{}[", self.effect), |stem| format!("{stem},"));
        format!("{stem}{}]", self.groups[self.group])
    }

    /// `slopes` or `intercepts`.
    pub fn effects_word(&self) -> &'static str {
        if self.coefficient == 0 { "intercepts" } else { "slopes" }
    }
}

/// A group that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no {column} `{typed}` to show the funnel of; write one of its names, such as `{example}`, or a number from 0 \
     to {last}"
)]
pub struct NoSuchGroup {
    column: String,
    typed: String,
    example: String,
    last: usize,
}

/// The group that `typed` means: a name, or else an index in the order of the data, from 0.
///
/// # Errors
/// If `typed` is neither.
pub fn funnel_group(typed: &str, dataset: &Dataset) -> Result<usize, NoSuchGroup> {
    let groups = dataset.groups();
    let by_name = groups.iter().position(|group| group == typed.trim());
    let by_index = || typed.trim().parse().ok().filter(|index| *index < groups.len());
    by_name.or_else(by_index).ok_or_else(|| NoSuchGroup {
        column: dataset.group_name().to_string(),
        typed: typed.to_string(),
        example: groups[0].clone(),
        last: groups.len() - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_or_numbered() {
        let radon = Dataset::radon().unwrap();
        assert_eq!(funnel_group("75", &radon), Ok(75));
        assert_eq!(funnel_group(" AITKIN", &radon), Ok(0));
        let unknown = funnel_group("85", &radon).unwrap_err().to_string();
        assert!(unknown.contains("no county `85`") && unknown.contains("0 to 84"), "{unknown}");
    }
}
