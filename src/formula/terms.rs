//! The algebra of terms: `a * b`, `(a + b)^2` and their like become a list of interactions.
//!
//! A term is a set of variables, and the intercept the empty set. Terms stand in the order of their numbers of
//! variables, and as written among equals, as in R.

use std::fmt::{self, Display, Formatter};

use super::error::{Characters, Located};
use super::fault::{FormulaFault, number_text};
use super::syntax::{Expression, Form, Operator};

/// The largest number of terms at any time.
const MOST_TERMS: usize = 256;

/// Most products of two terms in all. All interactions of eight variables take sixteen thousand.
const MOST_PRODUCTS: usize = 1 << 18;

/// The terms of the population, or of a group.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub intercept: bool,
    /// In the order in which `terms` need them.
    pub variables: Vec<Expression>,
    /// Without the intercept.
    pub terms: Vec<Interaction>,
}

/// The interaction of some variables: ascending indices of `Terms::variables`.
#[derive(Debug, Clone)]
pub(super) struct Interaction {
    pub variables: Vec<usize>,
    pub span: Characters,
}

/// One of the terms that are added, or taken away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summand<'a> {
    pub taken: bool,
    pub expression: &'a Expression,
}

/// The summands of an expression, through parentheses and signs, in order.
pub(super) fn summands(expression: &Expression) -> Vec<Summand<'_>> {
    let mut found = Vec::new();
    collect(expression, false, &mut found);
    found
}

fn collect<'a>(expression: &'a Expression, taken: bool, found: &mut Vec<Summand<'a>>) {
    match &expression.form {
        Form::Parentheses(inner) => collect(inner, taken, found),
        Form::Negative(inner) => collect(inner, !taken, found),
        Form::Chain(first, rest) if rest.iter().all(|(operator, _)| operator.is_additive()) => {
            collect(first, taken, found);
            for (operator, operand) in rest {
                collect(operand, taken != (*operator == Operator::Minus), found);
            }
        }
        _ => found.push(Summand { taken, expression }),
    }
}

impl Terms {
    /// The terms of a sum, with an intercept unless the sum takes it away.
    pub fn of(sum: &[Summand]) -> Located<Terms> {
        let mut algebra = Algebra::default();
        let start = Interaction { variables: Vec::new(), span: Characters { start: 0, end: 0 } };
        let mut terms = algebra.sum(sum, vec![start])?;
        let all = terms.len();
        terms.retain(|term| !term.variables.is_empty());
        let intercept = terms.len() < all;
        terms.sort_by_key(|term| term.variables.len());
        // Only the variables that are left, in the order of the sorted terms.
        let mut order: Vec<usize> = Vec::new();
        for term in &mut terms {
            let place = |variable: &usize| match order.iter().position(|known| known == variable) {
                Some(place) => place,
                None => {
                    order.push(*variable);
                    order.len() - 1
                }
            };
            term.variables = term.variables.iter().map(place).collect();
            term.variables.sort_unstable();
        }
        let variables = order.iter().map(|variable| algebra.variables[*variable].clone()).collect();
        Ok(Terms { intercept, variables, terms })
    }

    /// The variables of a term.
    pub fn variables_of<'a>(&'a self, term: &'a Interaction) -> impl Iterator<Item = &'a Expression> {
        term.variables.iter().map(|variable| &self.variables[*variable])
    }

    /// A term as formulas write it.
    pub fn text(&self, term: &Interaction) -> String {
        self.variables_of(term).map(Expression::to_string).collect::<Vec<_>>().join(":")
    }
}

impl Display for Terms {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.intercept { "1" } else { "0" })?;
        self.terms.iter().try_for_each(|term| write!(f, " + {}", self.text(term)))
    }
}

/// The interactions of a product of columns, as `g1/g2` has them; for the part after `|`.
pub(super) fn crossed(sum: &[Summand]) -> Located<Vec<Vec<Expression>>> {
    let mut algebra = Algebra::default();
    let terms = algebra.sum(sum, Vec::new())?;
    let columns =
        |term: &Interaction| term.variables.iter().map(|variable| algebra.variables[*variable].clone()).collect();
    Ok(terms.iter().map(columns).collect())
}

/// The variables met so far, and the number of products of terms.
#[derive(Default)]
struct Algebra {
    variables: Vec<Expression>,
    texts: Vec<String>,
    products: usize,
}

impl Algebra {
    /// Adds summands to terms, or takes them away.
    fn sum(&mut self, sum: &[Summand], mut terms: Vec<Interaction>) -> Located<Vec<Interaction>> {
        for Summand { taken, expression } in sum {
            let span = expression.span;
            let (taken, changes) = match &expression.form {
                Form::Number(number) if *number == 0.0 || *number == 1.0 => {
                    (*taken == (*number == 1.0), vec![Interaction { variables: Vec::new(), span }])
                }
                _ => (*taken, self.product(expression)?),
            };
            for change in changes {
                if !taken {
                    add(&mut terms, change)?;
                    continue;
                }
                let all = terms.len();
                terms.retain(|term| term.variables != change.variables);
                if terms.len() == all && !change.variables.is_empty() {
                    return span.fault(FormulaFault::NothingToTake { term: self.text(&change) });
                }
            }
        }
        Ok(terms)
    }

    /// The terms of an expression that is no sum.
    fn product(&mut self, expression: &Expression) -> Located<Vec<Interaction>> {
        let span = expression.span;
        match &expression.form {
            Form::Number(number) => span.fault(FormulaFault::NumberAsTerm { number: number_text(*number) }),
            Form::Negative(_) => span.fault(FormulaFault::SignedTerm),
            Form::Group { .. } => span.fault(FormulaFault::GroupNotAdded),
            Form::Column(_) | Form::Call(..) | Form::Factor(_) | Form::Poly(..) => {
                Ok(vec![Interaction { variables: vec![self.variable(expression)], span }])
            }
            Form::Parentheses(_) => self.sum(&summands(expression), Vec::new()),
            Form::Chain(first, rest) => {
                let mut left = self.product(first)?;
                for (operator, operand) in rest {
                    let right = self.product(operand)?;
                    let span = first.span.to(operand.span);
                    left = self.combined(left, *operator, right, span)?;
                }
                Ok(left)
            }
            Form::Power(base, exponent) => self.power(base, exponent, span),
        }
    }

    fn combined(
        &mut self,
        left: Vec<Interaction>,
        operator: Operator,
        right: Vec<Interaction>,
        span: Characters,
    ) -> Located<Vec<Interaction>> {
        if let ([one], [other]) = (&left[..], &right[..])
            && one.variables == other.variables
        {
            return span.fault(FormulaFault::WithItself { term: self.text(one) });
        }
        match operator {
            Operator::Colon => self.interactions(&[], &left, &right, span),
            Operator::Over => {
                let mut all: Vec<usize> = left.iter().flat_map(|term| term.variables.clone()).collect();
                all.sort_unstable();
                all.dedup();
                self.interactions(&left, &[Interaction { variables: all, span }], &right, span)
            }
            _ => {
                let mut sum = left.clone();
                right.iter().try_for_each(|term| add(&mut sum, term.clone()))?;
                self.interactions(&sum, &left, &right, span)
            }
        }
    }

    /// `(a + b + c)^n`: all interactions of up to n of the terms.
    fn power(&mut self, base: &Expression, exponent: &Expression, span: Characters) -> Located<Vec<Interaction>> {
        let base = self.product(base)?;
        if let [term] = &base[..] {
            return span.fault(FormulaFault::WithItself { term: self.text(term) });
        }
        let times = match exponent.form {
            Form::Number(number) if number.fract() == 0.0 && (2.0..=9.0).contains(&number) => number as usize,
            _ => return exponent.span.fault(FormulaFault::Power),
        };
        let mut terms = base.clone();
        for _ in 1..times {
            terms = self.interactions(&terms, &terms, &base, span)?;
        }
        Ok(terms)
    }

    /// These terms and the interactions of each of the left with each of the right.
    fn interactions(
        &mut self,
        these: &[Interaction],
        left: &[Interaction],
        right: &[Interaction],
        span: Characters,
    ) -> Located<Vec<Interaction>> {
        self.products += left.len() * right.len();
        if self.products > MOST_PRODUCTS {
            return span.fault(FormulaFault::TooManyProducts);
        }
        let mut terms = these.to_vec();
        for one in left {
            for other in right {
                let mut variables = [&one.variables[..], &other.variables[..]].concat();
                variables.sort_unstable();
                variables.dedup();
                add(&mut terms, Interaction { variables, span })?;
            }
        }
        Ok(terms)
    }

    /// The index of a variable: expressions that are written alike are one variable.
    fn variable(&mut self, expression: &Expression) -> usize {
        let text = expression.to_string();
        self.texts.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.variables.push(expression.clone());
            self.texts.push(text);
            self.texts.len() - 1
        })
    }

    fn text(&self, term: &Interaction) -> String {
        match &term.variables[..] {
            [] => "1".to_owned(),
            some => some.iter().map(|variable| &self.texts[*variable][..]).collect::<Vec<_>>().join(":"),
        }
    }
}

/// Adds a term, unless it is there.
fn add(terms: &mut Vec<Interaction>, term: Interaction) -> Located<()> {
    if terms.iter().any(|known| known.variables == term.variables) {
        return Ok(());
    }
    if terms.len() == MOST_TERMS {
        return term.span.fault(FormulaFault::TooManyTerms { most: MOST_TERMS });
    }
    terms.push(term);
    Ok(())
}
