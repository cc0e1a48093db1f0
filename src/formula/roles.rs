//! Checks of a formula on its own: the outcome explains nothing, and nothing varies twice by a factor.

use std::collections::{HashMap, HashSet};

use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::groups::GroupTerm;
use super::syntax::{Expression, Form, Mention};
use super::terms::Terms;
use crate::data::Frame;

pub(super) fn check(outcome: &Expression, terms: Characters, population: &Terms, groups: &[GroupTerm]) -> Located<()> {
    let outcomes = mentions_of(outcome);
    if outcomes.is_empty() {
        return outcome.span.fault(FormulaFault::NoOutcome);
    }
    let varying = groups.iter().flat_map(|group| &group.varying.variables);
    nothing_explains_itself(outcome, population.variables.iter().chain(varying))?;
    let only = only_column(&outcomes);
    if let Some(Mention { name, span, .. }) =
        groups.iter().flat_map(|group| &group.factor).find(|column| Some(&column.name) == only)
    {
        return span.fault(FormulaFault::OutcomeAsGroup { column: name.clone() });
    }
    if groups.is_empty() {
        return terms.fault(FormulaFault::NoGroups);
    }
    nothing_twice(groups)
}

/// Refuses the outcome among the variables that explain it, or its sigma.
pub(super) fn nothing_explains_itself<'a>(
    outcome: &Expression,
    variables: impl Iterator<Item = &'a Expression>,
) -> Located<()> {
    let outcomes = mentions_of(outcome);
    let only = only_column(&outcomes);
    for variable in variables {
        let mentions = mentions_of(variable);
        let itself = mentions.iter().find(|mention| Some(&mention.name) == only).map(|mention| mention.span);
        let same = (variable.name() == outcome.name()).then_some(variable.span);
        if let Some(span) = itself.or(same) {
            return span.fault(FormulaFault::OutcomeAsTerm { column: outcome.name() });
        }
    }
    Ok(())
}

/// Refuses a column of sigma whose numbers are labels of a group-level term: it would be taken for a quantity.
pub(super) fn no_group_is_a_number(sigma: &Terms, groups: &[GroupTerm], frame: &Frame) -> Located<()> {
    let is_label = |column: &String| groups.iter().flat_map(|group| &group.factor).any(|own| own.name == *column);
    for variable in &sigma.variables {
        if let Form::Column(column) = &variable.form
            && is_label(column)
            && frame.numbers(column).is_some()
        {
            return variable.span.fault(FormulaFault::SigmaByNumber { column: column.clone() });
        }
    }
    Ok(())
}

/// The column of an outcome of one column: with several, as in `I(after - before) ~ before`, one of them can explain
/// the outcome.
fn only_column(outcomes: &[Mention]) -> Option<&String> {
    let first = &outcomes.first()?.name;
    outcomes.iter().all(|mention| mention.name == *first).then_some(first)
}

fn mentions_of(expression: &Expression) -> Vec<Mention> {
    let mut mentions = Vec::new();
    expression.mentions(&mut mentions);
    mentions
}

/// Refuses what varies in two terms of one factor, and one name for two factors.
fn nothing_twice(groups: &[GroupTerm]) -> Located<()> {
    let mut lengths: HashMap<String, usize> = HashMap::new();
    // For each factor, the variables of each interaction that varies; of the intercept, none.
    let mut varied: HashMap<Vec<String>, HashSet<Vec<String>>> = HashMap::new();
    for group in groups {
        let (name, length) = (group.name(), group.factor.len());
        if *lengths.entry(name.clone()).or_insert(length) != length {
            return group.factor_span().fault(FormulaFault::RepeatedName { name });
        }
        let varied = varied.entry(sorted(group.factor.iter().map(|column| column.name.clone()))).or_default();
        let varies_twice = |column| group.span.fault(FormulaFault::VariesTwice { column, factor: group.name() });
        let Terms { intercept, terms, .. } = &group.varying;
        if *intercept && !varied.insert(Vec::new()) {
            return varies_twice("Intercept".to_owned());
        }
        for term in terms {
            if !varied.insert(sorted(group.varying.variables_of(term).map(Expression::to_string))) {
                return varies_twice(group.varying.text(term));
            }
        }
    }
    Ok(())
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
