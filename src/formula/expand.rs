//! A formula is expanded over the rows of a file.

use std::collections::{HashMap, HashSet};

use crate::data::Labels;
use crate::data::collinear::{Dependence, first};

use super::coding::{Coded, Coding};
use super::design::{DesignColumns, DesignTerm, FormulaDesign, INTERCEPT, MOST_POPULATION, MOST_VARYING, ModelColumn};
use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::groups::GroupTerm;
use super::learnt::Evaluation;
use super::syntax::{Expression, Form};
use super::terms::Terms;
use super::values::{numbers, unknown};

/// The columns of a model, but those of sigma.
pub(super) fn expand(
    outcome: &Expression,
    two_levels: bool,
    trials: Option<&Expression>,
    terms: (&Terms, &[GroupTerm]),
    at: &Evaluation,
    names: &mut ColumnNames,
) -> Located<FormulaDesign> {
    let (values, outcome_levels) = match labels_of(outcome, at) {
        Some((column, labels)) => {
            if trials.is_some() {
                return outcome.span.fault(FormulaFault::TrialsOfWords { column: column.clone() });
            }
            let (values, levels) = zero_or_one(outcome, column, labels, two_levels, at)?;
            (values, Some(levels))
        }
        None => (numbers(outcome, at)?, None),
    };
    let outcome = ModelColumn { name: outcome.name(), values };
    let DesignColumns { trials, population, terms, sigma } = columns_at(trials, terms, at, names)?;
    Ok(FormulaDesign { outcome, outcome_levels, trials, population, terms, sigma })
}

/// The columns of the population and of all group-level terms.
pub(super) fn columns_at(
    trials: Option<&Expression>,
    (population, groups): (&Terms, &[GroupTerm]),
    at: &Evaluation,
    names: &mut ColumnNames,
) -> Located<DesignColumns> {
    let population = columns_of(population, at, names)?;
    let terms = groups.iter().map(|group| term(group, at, names)).collect::<Located<_>>()?;
    let trials = match trials {
        Some(trials) => Some(ModelColumn { name: trials.name(), values: numbers(trials, at)? }),
        None => None,
    };
    Ok(DesignColumns { trials, population, terms, sigma: Vec::new() })
}

/// The columns of terms of the population, or of sigma.
pub(super) fn columns_of(terms: &Terms, at: &Evaluation, names: &mut ColumnNames) -> Located<Vec<ModelColumn>> {
    let coding = Coding::new(terms, at)?;
    let count = coding.width();
    if count > MOST_POPULATION
        && let (Some(first), Some(last)) = (terms.terms.first(), terms.terms.last())
    {
        return first.span.to(last.span).fault(FormulaFault::ManyPopulation { count });
    }
    columns(&coding, terms.intercept, at, names)
}

/// The column of an outcome whose cells are words, and its labels.
fn labels_of<'a>(outcome: &'a Expression, at: &Evaluation<'a>) -> Option<(&'a String, &'a Labels)> {
    let Form::Column(column) = &outcome.form else { return None };
    match (at.frame.numbers(column), at.frame.labels(column)) {
        (None, Some(labels)) => Some((column, labels)),
        _ => None,
    }
}

/// An outcome of two words as 0 and 1, and the words: 0 is the reference level, or the first in the order of the
/// alphabet, as in R.
fn zero_or_one(
    outcome: &Expression,
    column: &str,
    labels: &Labels,
    two_levels: bool,
    at: &Evaluation,
) -> Located<(Vec<f64>, [String; 2])> {
    if !two_levels {
        let word = labels.levels.first().cloned().unwrap_or_default();
        return outcome.span.fault(FormulaFault::OutcomeOfWords { column: column.to_owned(), word });
    }
    let [first, second] = &labels.levels[..] else {
        return outcome
            .span
            .fault(FormulaFault::OutcomeOfLevels { column: column.to_owned(), levels: labels.levels.clone() });
    };
    let zero = match at.reference(column) {
        Some(reference) => reference,
        None => first.min(second),
    };
    let levels = if zero == first { [first, second] } else { [second, first] };
    let values = labels.of.iter().map(|of| if labels.levels[*of as usize] == *levels[1] { 1.0 } else { 0.0 });
    Ok((values.collect(), levels.map(String::clone)))
}

fn term(group: &GroupTerm, at: &Evaluation, names: &mut ColumnNames) -> Located<DesignTerm> {
    let levels = levels(group, at)?;
    let coding = Coding::new(&group.varying, at)?;
    let count = coding.width();
    if count > MOST_VARYING {
        return group.span.fault(FormulaFault::ManyVarying { count });
    }
    let columns = columns(&coding, group.varying.intercept, at, names)?;
    Ok(DesignTerm {
        factor: group.name(),
        levels: levels.levels,
        level_of: levels.of,
        correlated: group.correlated && columns.len() > 1,
        columns,
    })
}

/// The names of columns, each with the term that it is of: a name means one column throughout a formula.
#[derive(Default)]
pub(super) struct ColumnNames(HashMap<String, String>);

impl ColumnNames {
    /// Checks the columns of the population or of a group-level term, and adds them.
    fn check(&mut self, columns: &[Coded]) -> Located<()> {
        let mut here = HashSet::from([INTERCEPT]);
        for Coded { column: ModelColumn { name, .. }, term, span } in columns {
            let known = self.0.entry(name.clone()).or_insert_with(|| term.clone());
            if !here.insert(name) || known != term {
                return span.fault(FormulaFault::RepeatedName { name: name.clone() });
            }
        }
        Ok(())
    }
}

/// The columns of terms, with the intercept: each has its own name, and none depends on the others at the rows of the
/// model.
fn columns(coding: &Coding, intercept: bool, at: &Evaluation, names: &mut ColumnNames) -> Located<Vec<ModelColumn>> {
    let coded = coding.columns(at)?;
    if at.known().is_none() {
        names.check(&coded)?;
        check_independence(&coded, intercept)?;
    }
    let ones = intercept.then(|| ModelColumn { name: INTERCEPT.to_owned(), values: vec![1.0; at.frame.n_rows()] });
    Ok(ones.into_iter().chain(coded.into_iter().map(|coded| coded.column)).collect())
}

/// Checks that no column depends on the others.
fn check_independence(coded: &[Coded], intercept: bool) -> Located<()> {
    let values: Vec<&[f64]> = coded.iter().map(|coded| &coded.column.values[..]).collect();
    if let Some(Dependence { dependent, on }) = first(&values, intercept) {
        let on = on.iter().map(|column| coded[*column].column.name.clone()).collect();
        let Coded { column, span, .. } = &coded[dependent];
        return span.fault(FormulaFault::Aliased { column: column.name.clone(), intercept, on });
    }
    Ok(())
}

/// The levels of the columns of a factor together; at other rows than the model's, the empty level where one is
/// missing.
fn levels(group: &GroupTerm, at: &Evaluation) -> Located<Labels> {
    let mut together: Option<Labels> = None;
    for column in &group.factor {
        let labels = at.frame.labels(&column.name).map_or_else(|| unknown(&column.name, column.span), Ok)?;
        together = Some(match together {
            None => labels.clone(),
            Some(outer) => pairs(&outer, labels),
        });
    }
    let labels = together.unwrap_or(Labels { levels: Vec::new(), of: Vec::new() });
    if at.known().is_some() {
        return Ok(labels);
    }
    let span: Characters = group.factor_span();
    if labels.levels.len() < 2 {
        return span.fault(FormulaFault::OneLevel { column: group.name(), level: labels.levels.concat() });
    }
    let mut names = HashSet::new();
    match labels.levels.iter().find(|level| !names.insert(*level)) {
        Some(level) => span.fault(FormulaFault::RepeatedLevel { factor: group.name(), level: level.clone() }),
        None => Ok(labels),
    }
}

/// The pairs of labels that occur, in order of first appearance.
fn pairs(outer: &Labels, inner: &Labels) -> Labels {
    let mut pairs = Labels { levels: Vec::new(), of: Vec::with_capacity(outer.of.len()) };
    let mut known: HashMap<(u32, u32), u32> = HashMap::new();
    for pair in outer.of.iter().copied().zip(inner.of.iter().copied()) {
        let level = *known.entry(pair).or_insert_with(|| {
            pairs.levels.push(match (&outer.levels[pair.0 as usize][..], &inner.levels[pair.1 as usize][..]) {
                ("", _) | (_, "") => String::new(),
                (outer, inner) => format!("{outer}_{inner}"),
            });
            pairs.levels.len() as u32 - 1
        });
        pairs.of.push(level);
    }
    pairs
}
