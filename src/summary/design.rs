//! Warnings about a design that does not identify what the model estimates.

use super::{Advice, counted, significant};
use crate::data::{Dataset, DesignWarnings, Discrete, FactorWarnings};
use crate::family::OutcomeKind;
use crate::mode;
use crate::model::{Mixed, MixedTerm, Model};

/// A predictor further from zero than this many sds ties intercepts to slopes so strongly that there may be several
/// modes.
const VERY_FAR: f64 = 10.0;

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
                "read mu_{coefficient} and nothing else of it (sigma_{coefficient} widens it), or write a formula, in which a slope may \
                 be one that all groups share: --formula '{outcome} ~ {name} + (1 | {group})'"
            ),
            Vec::new(),
        );
    }
    all.extend(discrete.map(|discrete| of_discrete(outcome, discrete)));
    all.extend(of_labels(group, &alike));
    all
}

/// A warning for each parameter of a formula that the data do not identify, with a remedy.
pub(super) fn of_formula(model: &Model, mixed: &Mixed) -> Vec<Advice> {
    let dataset = model.dataset();
    let modes_are_searched_for = mode::admits(model).is_ok();
    // Only the sd of rows can be mistaken for a level's deviation.
    let has_sigma = mixed.rows.has_sigma() && mixed.family.is_location_scale();
    let mut all = Vec::new();
    let mut say = |kind: &'static str, problem: String, remedy: String| {
        all.push(Advice { kind, problem, remedy, proposals: Vec::new(), distrust: false });
    };
    for FactorWarnings { factor, one_row_a_level, few_levels, alike: _ } in dataset.factor_warnings() {
        if one_row_a_level && has_sigma {
            say(
                "one-row-a-group",
                format!(
                    "every level of `{factor}` has one row only: sd_{factor}__Intercept and sigma cannot be told apart, and what \
                     is said of each by itself comes from its prior"
                ),
                match mixed.rows.has_errors() {
                    true => format!(
                        "leave --with-sigma out, so that all that is not known of errors is sd_{factor}__Intercept, or take a \
                         coarser factor"
                    ),
                    false => format!(
                        "leave the term of `{factor}` out, take a coarser factor, or name the column of known errors (--se)"
                    ),
                },
            );
        }
        if let Some(levels) = few_levels {
            say(
                "few-groups",
                format!(
                    "there are only {levels} levels of `{factor}`: how far levels spread is hardly known from so few, and \
                     sd_{factor} is much what its prior says"
                ),
                format!(
                    "say what you know of it, as --prior 'sd_{factor} ~ half_normal(1)' in the outcome's unit, and report that the \
                     answer depends on it"
                ),
            );
        }
    }
    for term in &mixed.terms {
        let (factor, columns) = (dataset.factor_name(term.factor), term.columns.len());
        let rows = dataset.most_rows_of_a_level(term.factor);
        if columns > 1 && rows <= columns && has_sigma {
            say(
                "one-row-a-group",
                format!(
                    "no level of `{factor}` has more than {rows} rows, and {columns} coefficients vary by it: their sds and sigma \
                     cannot all be told apart, and what is said of each by itself comes from its prior"
                ),
                format!("let fewer columns vary by `{factor}`, or take a coarser factor"),
            );
        }
    }
    for term in &mixed.terms {
        let factor = dataset.factor_name(term.factor);
        for column in term.columns.iter().filter(|column| **column > 0) {
            if dataset.is_constant_within(term.factor, column - 1) {
                let name = Mixed::column_name(dataset, *column);
                say(
                    "constant-within-groups",
                    format!(
                        "`{name}` is constant within every level of `{factor}`: a slope of its own no level can have, and \
                         sd_{factor}__{name} is what its prior says"
                    ),
                    format!(
                        "take `{name}` out of the term of `{factor}`; outside of it, it has the slope that all levels share"
                    ),
                );
            }
        }
    }
    for far in dataset.far_predictors() {
        let varies = |term: &&MixedTerm| {
            term.columns.iter().any(|column| *column > 0 && Mixed::column_name(dataset, *column) == far.name)
        };
        if let Some(term) = mixed.terms.iter().find(varies) {
            let factor = dataset.factor_name(term.factor);
            all.push(Advice {
                kind: "far-predictor",
                problem: format!(
                    "`{}` (mean {}, sd {}) is far from zero, and its slope varies by `{factor}`: the intercepts of its levels, where \
                     it is zero, are tied to the slopes, and the model is another one than with a zero that lies among the data",
                    far.name,
                    significant(far.mean),
                    significant(far.sd),
                ),
                remedy: format!(
                    "unless zero means what you want, write center({0}) for {0} in the formula, in the term of `{factor}` too",
                    far.name
                ),
                proposals: Vec::new(),
                // A zero this far away makes modes.
                distrust: far.mean.abs() > VERY_FAR * far.sd && !modes_are_searched_for,
            });
        }
    }
    if mixed.family.outcomes() == OutcomeKind::Real {
        all.extend(dataset.discrete_outcome().map(|discrete| of_discrete(dataset.outcome_name(), discrete)));
    }
    for FactorWarnings { factor, alike, .. } in dataset.factor_warnings() {
        all.extend(of_labels(&factor, &alike));
    }
    all
}

/// The warning about an outcome that is not normal.
fn of_discrete(outcome: &str, discrete: Discrete) -> Advice {
    let values = match discrete {
        Discrete::Two => "two values".to_string(),
        Discrete::Whole(most) => format!("whole numbers up to {most}"),
    };
    Advice {
        kind: "discrete-outcome",
        problem: format!(
            "outcome `{outcome}` has only {values}, and the model takes it for normal: means and slopes are those of a linear \
             probability or count model, and the residual sd and predictions of single rows mean little"
        ),
        remedy: match discrete {
            Discrete::Two => "take a formula and the family of yes and no: --family binomial".to_string(),
            Discrete::Whole(_) => {
                "take a formula and a family of counts, --family poisson or negbinomial; of ratings, use the means with that in mind"
                    .to_string()
            }
        },
        proposals: Vec::new(),
        distrust: false,
    }
}

/// The warning about labels that are alike.
fn of_labels(group: &str, alike: &[[String; 2]]) -> Option<Advice> {
    let pairs: Vec<String> = alike.iter().take(SHOWN).map(|[a, b]| format!("`{a}` and `{b}`")).collect();
    let more = alike.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {}", counted(more as u64, "more pair")) } else { String::new() };
    (!alike.is_empty()).then(|| Advice {
        kind: "labels-alike",
        problem: format!(
            "groups of `{group}` differ only in case, blanks or Unicode form: {}{more}; they are taken for different groups",
            pairs.join(", ")
        ),
        remedy: "if they are one, write their labels alike in the file".to_string(),
        proposals: Vec::new(),
        distrust: false,
    })
}
