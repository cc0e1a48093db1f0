//! Terms become columns, with R's rule for categorical variables.
//!
//! A categorical variable of a term is coded by contrasts with its reference level where the model has the term without
//! this variable, and by a dummy for every level where it does not: the columns say all that the term can, and say it
//! once. Without an intercept, the first categorical variable has a dummy for every level.

use crate::data::Labels;

use super::design::ModelColumn;
use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::learnt::Evaluation;
use super::terms::{Interaction, Terms};
use super::values::{Variable, constant, is_usable, variable};

/// Terms with the values of their variables.
pub(super) struct Coding<'a> {
    terms: &'a Terms,
    variables: Vec<Variable>,
    /// For each variable of each term, whether it has a dummy for every level.
    full: Vec<Vec<bool>>,
}

/// A column, with its term as formulas write it, and the place of the term.
pub(super) struct Coded {
    pub column: ModelColumn,
    pub term: String,
    pub span: Characters,
}

impl<'a> Coding<'a> {
    pub fn new(terms: &'a Terms, at: &Evaluation) -> Located<Coding<'a>> {
        let variables: Vec<Variable> =
            terms.variables.iter().map(|expression| variable(expression, at)).collect::<Located<_>>()?;
        let full = full(terms, &variables);
        Ok(Coding { terms, variables, full })
    }

    /// The number of columns, with the intercept.
    pub fn width(&self) -> usize {
        let factor = |(variable, full): (&usize, &bool)| match &self.variables[*variable] {
            Variable::Numbers(columns) => columns.len(),
            Variable::Categorical { labels, .. } => labels.levels.len() - usize::from(!full),
        };
        let of = |(term, full): (&Interaction, &Vec<bool>)| {
            term.variables.iter().zip(full).map(factor).fold(1, usize::saturating_mul)
        };
        let widths = self.terms.terms.iter().zip(&self.full).map(of);
        widths.fold(usize::from(self.terms.intercept), usize::saturating_add)
    }

    /// The columns, without the intercept. None is constant at the rows of the model.
    pub fn columns(&self, at: &Evaluation) -> Located<Vec<Coded>> {
        let mut coded = Vec::new();
        for (term, full) in self.terms.terms.iter().zip(&self.full) {
            let span = term.span;
            let only_levels = term.variables.iter().all(|variable| self.variables[*variable].is_categorical());
            for column in self.term(term, full) {
                check(&column, term, only_levels, at)?;
                coded.push(Coded { column, term: self.terms.text(term), span });
            }
        }
        Ok(coded)
    }

    /// The columns of one term; as in R, levels of its first variable change first.
    fn term(&self, term: &Interaction, full: &[bool]) -> Vec<ModelColumn> {
        let mut columns: Vec<ModelColumn> = Vec::new();
        for (k, (variable, full)) in term.variables.iter().zip(full).enumerate() {
            let these = match &self.variables[*variable] {
                Variable::Numbers(columns) => columns.clone(),
                Variable::Categorical { name, labels } => dummies(name, labels, *full),
            };
            columns = match k {
                0 => these,
                _ => these.iter().flat_map(|second| columns.iter().map(|first| product(first, second))).collect(),
            };
        }
        columns
    }
}

/// The columns of a categorical variable: one for each level, or for each except the reference.
fn dummies(name: &str, labels: &Labels, full: bool) -> Vec<ModelColumn> {
    let of = |(level, label): (u32, &String)| ModelColumn {
        name: format!("{name}[{label}]"),
        values: labels.of.iter().map(|own| f64::from(u8::from(*own == level))).collect(),
    };
    (0..).zip(&labels.levels).skip(usize::from(!full)).map(of).collect()
}

fn product(first: &ModelColumn, second: &ModelColumn) -> ModelColumn {
    ModelColumn {
        name: format!("{}:{}", first.name, second.name),
        values: first.values.iter().zip(&second.values).map(|(first, second)| first * second).collect(),
    }
}

/// For each variable of each term, whether a dummy for every level is needed.
///
/// The term without the variable is in the model if it is a term, or if a term before has it beside categorical
/// variables only, whose dummies sum to 1. R accepts a numeric variable beside it too, and then misses a slope.
fn full(terms: &Terms, variables: &[Variable]) -> Vec<Vec<bool>> {
    let is_categorical = |variable: &usize| variables[*variable].is_categorical();
    let mut full: Vec<Vec<bool>> = Vec::new();
    for (k, term) in terms.terms.iter().enumerate() {
        let needed = |variable: &usize| {
            let rest = || term.variables.iter().filter(move |other| *other != variable);
            let has_rest = |earlier: &Interaction| {
                rest().all(|other| earlier.variables.contains(other))
                    && earlier.variables.iter().all(|own| is_categorical(own) || rest().any(|other| other == own))
            };
            is_categorical(variable) && rest().next().is_some() && !terms.terms[..k].iter().any(has_rest)
        };
        full.push(term.variables.iter().map(needed).collect());
    }
    if !terms.intercept
        && let Some(first) = terms.terms.iter().position(|term| term.variables.iter().all(is_categorical))
        && let Some(variable) = full[first].first_mut()
    {
        *variable = true;
    }
    full
}

/// Checks that the values of a column are finite and, at the rows of the model, not all the same.
fn check(column: &ModelColumn, term: &Interaction, only_levels: bool, at: &Evaluation) -> Located<()> {
    if let Some(row) = column.values.iter().position(|value| !is_usable(*value)) {
        return term.span.fault(FormulaFault::NotFinite {
            expression: column.name.clone(),
            value: column.values[row],
            place: at.frame.place(row),
            operands: Vec::new(),
        });
    }
    if at.known().is_some() {
        return Ok(());
    }
    let name = column.name.clone();
    match constant(&column.values) {
        Some(0.0) if only_levels && term.variables.len() > 1 => {
            term.span.fault(FormulaFault::NeverMeet { column: name })
        }
        Some(value) => term.span.fault(FormulaFault::Constant { column: name, value }),
        None => Ok(()),
    }
}
