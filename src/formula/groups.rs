//! Group-level terms: `(1 + x | g1/g2)` becomes a term for each of the factors `g1` and `g1:g2`.

use std::fmt::{self, Display, Formatter};

use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::syntax::{Expression, Form, Mention, quoted};
use super::terms::{Summand, Terms, crossed, summands};

/// A group-level term with one factor.
#[derive(Debug, Clone)]
pub(super) struct GroupTerm {
    /// The columns whose labels together are the levels.
    pub factor: Vec<Mention>,
    pub varying: Terms,
    /// Whether it is written with `|`.
    pub correlated: bool,
    /// The parentheses.
    pub span: Characters,
}

/// The terms of the population and those of groups.
pub(super) fn split(terms: &Expression) -> Located<(Terms, Vec<GroupTerm>)> {
    let is_group = |summand: &&Summand| matches!(summand.expression.form, Form::Group { .. });
    let (grouped, population): (Vec<Summand>, Vec<Summand>) = summands(terms).iter().partition(is_group);
    let population = Terms::of(&population)?;
    let mut groups = Vec::new();
    for Summand { taken, expression } in grouped {
        if let Form::Group { varying, by, correlated } = &expression.form {
            if taken {
                return expression.span.fault(FormulaFault::GroupNotAdded);
            }
            groups.extend(of(varying, by, *correlated, expression.span)?);
        }
    }
    Ok((population, groups))
}

fn of(varying: &Expression, by: &Expression, correlated: bool, span: Characters) -> Located<Vec<GroupTerm>> {
    let within = |summand: &&Summand| matches!(summand.expression.form, Form::Group { .. });
    let sum = summands(varying);
    if let Some(nested) = sum.iter().chain(&summands(by)).find(within) {
        return nested.expression.span.fault(FormulaFault::GroupWithin);
    }
    let varying = Terms::of(&sum)?;
    if !varying.intercept && varying.terms.is_empty() {
        return span.fault(FormulaFault::NothingVaries);
    }
    let group = |factor: Vec<Mention>| GroupTerm { factor, varying: varying.clone(), correlated, span };
    Ok(factors(by)?.into_iter().map(group).collect())
}

/// The factors after `|`.
fn factors(by: &Expression) -> Located<Vec<Vec<Mention>>> {
    let sum = summands(by);
    if let Some(number) = sum.iter().find(|summand| matches!(summand.expression.form, Form::Number(_)) || summand.taken)
    {
        return number.expression.span.fault(FormulaFault::GroupedByExpression);
    }
    let column = |expression: Expression| match expression.form {
        Form::Column(name) => Ok(Mention { name, span: expression.span, as_label: true }),
        _ => expression.span.fault(FormulaFault::GroupedByExpression),
    };
    crossed(&sum)?.into_iter().map(|factor| factor.into_iter().map(column).collect()).collect()
}

impl GroupTerm {
    /// The name of the factor: `county`, or `batch:cask`.
    pub fn name(&self) -> String {
        self.factor.iter().map(|column| &column.name[..]).collect::<Vec<_>>().join(":")
    }

    /// The place of the factor.
    pub fn factor_span(&self) -> Characters {
        match &self.factor[..] {
            [first, .., last] if first.span.start < last.span.start => first.span.to(last.span),
            [first, ..] => first.span,
            [] => self.span,
        }
    }
}

impl Display for GroupTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let factor: Vec<String> = self.factor.iter().map(|column| quoted(&column.name)).collect();
        let bar = if self.correlated { "|" } else { "||" };
        write!(f, "({} {bar} {})", self.varying, factor.join(":"))
    }
}
