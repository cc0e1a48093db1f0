//! Warnings about a design that does not identify what the model estimates.

use super::{Advice, counted};
use crate::data::{Dataset, DesignWarnings, Discrete};

/// Most pairs of labels that are shown.
const SHOWN: usize = 3;

/// A warning for each parameter that the data do not identify, with a remedy.
pub(super) fn advice(dataset: &Dataset) -> Vec<Advice> {
    let DesignWarnings { one_row_a_group, few_groups, constant_within_groups, discrete, alike } = dataset.design();
    let (group, outcome) = (dataset.group_name(), dataset.outcome_name());
    let mut all = Vec::new();
    let mut say = |kind: &'static str, problem: String, remedy: String, proposals: Vec<String>| {
        all.push(Advice { kind, problem, remedy, proposals, distrust: false });
    };
    if one_row_a_group {
        say(
            "one-row-a-group",
            format!(
                "every group of `{group}` has one row only: sigma_a and eps cannot be told apart, only their squares' sum is \
                 known, and what is said of each by itself comes from its prior"
            ),
            "take a coarser column of groups, or report neither by itself; how the priors decide shows with another \
             --prior-sigma-scale"
                .to_string(),
            Vec::new(),
        );
    }
    if let Some(groups) = few_groups {
        say(
            "few-groups",
            format!(
                "there are only {groups} groups of `{group}`: how far groups spread is hardly known from so few, and each sigma is \
                 much what its prior says"
            ),
            "say what you know of it with --prior-sigma-scale, in the outcome's unit, and report that the answer depends on it"
                .to_string(),
            Vec::new(),
        );
    }
    for name in &constant_within_groups {
        let coefficient = if dataset.predictor_names().len() == 1 { "b".to_string() } else { format!("b[{name}]") };
        say(
            "constant-within-groups",
            format!(
                "predictor `{name}` is constant within every group of `{group}`: a slope of its own no group can have, and \
                 sigma_{coefficient} is what its prior says"
            ),
            format!(
                "read mu_{coefficient} and nothing else of it (sigma_{coefficient} widens it), or leave `{name}` out: a slope that all \
                 groups share is not to be had yet"
            ),
            Vec::new(),
        );
    }
    let values = match discrete {
        Some(Discrete::Two) => Some("two values".to_string()),
        Some(Discrete::Whole(most)) => Some(format!("whole numbers up to {most}")),
        None => None,
    };
    if let Some(values) = values {
        say(
            "discrete-outcome",
            format!(
                "outcome `{outcome}` has only {values}, and the model takes it for normal: means and slopes are those of a linear \
                 probability or count model, and eps and predictions of single rows mean little"
            ),
            "use the means with that in mind; families for yes and no and for counts are not to be had yet".to_string(),
            Vec::new(),
        );
    }
    if !alike.is_empty() {
        let pairs: Vec<String> = alike.iter().take(SHOWN).map(|[a, b]| format!("`{a}` and `{b}`")).collect();
        let more = alike.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {}", counted(more as u64, "more pair")) } else { String::new() };
        say(
            "labels-alike",
            format!(
                "groups of `{group}` differ only in case, blanks or Unicode form: {}{more}; they are taken for different groups",
                pairs.join(", ")
            ),
            "if they are one, write their labels alike in the file".to_string(),
            Vec::new(),
        );
    }
    all
}
