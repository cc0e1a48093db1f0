//! Checks of a formula on its own: the outcome explains nothing, and nothing varies twice by a factor.

use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::groups::GroupTerm;
use super::syntax::{Expression, Mention};
use super::terms::Terms;

pub(super) fn check(outcome: &Expression, terms: Characters, population: &Terms, groups: &[GroupTerm]) -> Located<()> {
    let mut outcomes = Vec::new();
    outcome.mentions(&mut outcomes);
    if outcomes.is_empty() {
        return outcome.span.fault(FormulaFault::NoOutcome);
    }
    // With several columns, as in `I(after - before) ~ before`, one of them can explain the outcome.
    let only = outcomes.iter().all(|mention| mention.name == outcomes[0].name).then(|| &outcomes[0].name);
    for variable in population.variables.iter().chain(groups.iter().flat_map(|group| &group.varying.variables)) {
        let mut mentions = Vec::new();
        variable.mentions(&mut mentions);
        let itself = mentions.iter().find(|mention| Some(&mention.name) == only).map(|mention| mention.span);
        let same = (variable.name() == outcome.name()).then_some(variable.span);
        if let Some(span) = itself.or(same) {
            return span.fault(FormulaFault::OutcomeAsTerm { column: outcome.name() });
        }
    }
    if let Some(Mention { name, span, .. }) =
        groups.iter().flat_map(|group| &group.factor).find(|column| Some(&column.name) == only)
    {
        return span.fault(FormulaFault::OutcomeAsGroup { column: name.clone() });
    }
    if groups.is_empty() {
        return terms.fault(FormulaFault::NoGroups);
    }
    for (k, group) in groups.iter().enumerate() {
        for other in &groups[..k] {
            if group.name() == other.name() && group.factor.len() != other.factor.len() {
                return group.factor_span().fault(FormulaFault::RepeatedName { name: group.name() });
            }
            if let Some(column) = common(other, group) {
                return group.span.fault(FormulaFault::VariesTwice { column, factor: group.name() });
            }
        }
    }
    Ok(())
}

/// What varies in both terms, if they have one factor.
fn common(one: &GroupTerm, other: &GroupTerm) -> Option<String> {
    let factor = |group: &GroupTerm| sorted(group.factor.iter().map(|column| column.name.clone()));
    if factor(one) != factor(other) {
        return None;
    }
    if one.varying.intercept && other.varying.intercept {
        return Some("Intercept".to_owned());
    }
    let variables = |terms: &Terms, k: usize| sorted(terms.variables_of(&terms.terms[k]).map(Expression::to_string));
    let (one, other) = (&one.varying, &other.varying);
    let twice =
        (0..other.terms.len()).find(|&k| (0..one.terms.len()).any(|i| variables(one, i) == variables(other, k)));
    twice.map(|k| other.text(&other.terms[k]))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
