//! A formula is expanded over the rows of a file.

use std::collections::{HashMap, HashSet};

use crate::data::collinear::{Dependence, first};
use crate::data::{Frame, Labels};

use super::coding::{Coded, Coding};
use super::design::{DesignTerm, FormulaDesign, INTERCEPT, MOST_POPULATION, MOST_VARYING, ModelColumn};
use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::groups::GroupTerm;
use super::references::References;
use super::syntax::{Expression, Form};
use super::terms::Terms;
use super::values::{numbers, unknown};

/// The columns of a model.
pub(super) fn expand(
    outcome: &Expression,
    population: &Terms,
    groups: &[GroupTerm],
    frame: &Frame,
    references: &References,
) -> Located<FormulaDesign> {
    let outcome = ModelColumn { name: outcome.name(), values: outcome_values(outcome, frame)? };
    let coding = Coding::new(population, frame, references)?;
    let count = coding.width();
    if count > MOST_POPULATION
        && let (Some(first), Some(last)) = (population.terms.first(), population.terms.last())
    {
        return first.span.to(last.span).fault(FormulaFault::ManyPopulation { count });
    }
    let mut names = ColumnNames::default();
    let population = columns(&coding, population.intercept, frame, &mut names)?;
    let terms = groups.iter().map(|group| term(group, frame, references, &mut names)).collect::<Located<_>>()?;
    Ok(FormulaDesign { outcome, population, terms })
}

fn outcome_values(outcome: &Expression, frame: &Frame) -> Located<Vec<f64>> {
    match &outcome.form {
        Form::Column(column) => match (frame.numbers(column), frame.labels(column)) {
            (None, Some(labels)) => {
                let word = labels.levels.first().cloned().unwrap_or_default();
                outcome.span.fault(FormulaFault::OutcomeOfWords { column: column.clone(), word })
            }
            _ => numbers(outcome, frame),
        },
        _ => numbers(outcome, frame),
    }
}

fn term(group: &GroupTerm, frame: &Frame, references: &References, names: &mut ColumnNames) -> Located<DesignTerm> {
    let levels = levels(group, frame)?;
    let coding = Coding::new(&group.varying, frame, references)?;
    let count = coding.width();
    if count > MOST_VARYING {
        return group.span.fault(FormulaFault::ManyVarying { count });
    }
    let columns = columns(&coding, group.varying.intercept, frame, names)?;
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
struct ColumnNames(HashMap<String, String>);

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

/// The columns of terms, with the intercept: each has its own name, and none depends on the others.
fn columns(coding: &Coding, intercept: bool, frame: &Frame, names: &mut ColumnNames) -> Located<Vec<ModelColumn>> {
    let coded = coding.columns(frame)?;
    names.check(&coded)?;
    let values: Vec<&[f64]> = coded.iter().map(|coded| &coded.column.values[..]).collect();
    if let Some(Dependence { dependent, on }) = first(&values, intercept) {
        let on = on.iter().map(|column| coded[*column].column.name.clone()).collect();
        let Coded { column, span, .. } = &coded[dependent];
        return span.fault(FormulaFault::Aliased { column: column.name.clone(), intercept, on });
    }
    let ones = intercept.then(|| ModelColumn { name: INTERCEPT.to_owned(), values: vec![1.0; frame.n_rows()] });
    Ok(ones.into_iter().chain(coded.into_iter().map(|coded| coded.column)).collect())
}

/// The levels of the columns of a factor together.
fn levels(group: &GroupTerm, frame: &Frame) -> Located<Labels> {
    let mut together: Option<Labels> = None;
    for column in &group.factor {
        let labels = frame.labels(&column.name).map_or_else(|| unknown(&column.name, column.span), Ok)?;
        together = Some(match together {
            None => labels.clone(),
            Some(outer) => pairs(&outer, labels),
        });
    }
    let labels = together.unwrap_or(Labels { levels: Vec::new(), of: Vec::new() });
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
            pairs.levels.push(format!("{}_{}", outer.levels[pair.0 as usize], inner.levels[pair.1 as usize]));
            pairs.levels.len() as u32 - 1
        });
        pairs.of.push(level);
    }
    pairs
}
