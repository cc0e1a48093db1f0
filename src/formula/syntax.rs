//! A formula as it is written: expressions, each with the characters that it spans.

use std::fmt::{self, Display, Formatter};

use super::error::Characters;
use super::fault::number_text;
use super::tokens::is_plain;

#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub form: Form,
    pub span: Characters,
}

#[derive(Debug, Clone)]
pub(super) enum Form {
    Number(f64),
    Column(String),
    Negative(Box<Expression>),
    /// One operand or more after the first, with operators of one precedence, which apply from left to right.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    Power(Box<Expression>, Box<Expression>),
    Parentheses(Box<Expression>),
    /// `(varying | by)`, or `(varying || by)` where coefficients are not correlated.
    Group {
        varying: Box<Expression>,
        by: Box<Expression>,
        correlated: bool,
    },
    Call(Function, Box<Expression>),
    /// `factor(column)`.
    Factor(Mention),
    /// `poly(x, degree)`.
    Poly(Box<Expression>, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Colon,
}

/// The functions of one column of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Identity,
    Log,
    Log2,
    Log10,
    Log1p,
    Exp,
    Sqrt,
    Abs,
    Center,
    Scale,
}

/// The name of a column, where a formula mentions it.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub name: String,
    pub span: Characters,
    /// Whether its labels are asked for, whatever they look like.
    pub as_label: bool,
}

impl Function {
    pub const ALL: [Function; 10] = [
        Function::Identity,
        Function::Log,
        Function::Log2,
        Function::Log10,
        Function::Log1p,
        Function::Exp,
        Function::Sqrt,
        Function::Abs,
        Function::Center,
        Function::Scale,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Function::Identity => "I",
            Function::Log => "log",
            Function::Log2 => "log2",
            Function::Log10 => "log10",
            Function::Log1p => "log1p",
            Function::Exp => "exp",
            Function::Sqrt => "sqrt",
            Function::Abs => "abs",
            Function::Center => "center",
            Function::Scale => "scale",
        }
    }

    /// A correct call.
    pub fn example(self) -> &'static str {
        match self {
            Function::Identity => "I(x^2)",
            Function::Log => "log(x)",
            Function::Log2 => "log2(x)",
            Function::Log10 => "log10(x)",
            Function::Log1p => "log1p(x)",
            Function::Exp => "exp(x)",
            Function::Sqrt => "sqrt(x)",
            Function::Abs => "abs(x)",
            Function::Center => "center(x)",
            Function::Scale => "scale(x)",
        }
    }
}

impl Operator {
    pub fn is_additive(self) -> bool {
        matches!(self, Operator::Plus | Operator::Minus)
    }
}

impl Expression {
    /// The name of a variable in names of coefficients: a column's own, or the expression.
    pub fn name(&self) -> String {
        match &self.form {
            Form::Column(name) => name.clone(),
            _ => self.to_string(),
        }
    }

    /// Adds the columns that it mentions, in order.
    pub fn mentions(&self, found: &mut Vec<Mention>) {
        match &self.form {
            Form::Number(_) => {}
            Form::Column(name) => found.push(Mention { name: name.clone(), span: self.span, as_label: false }),
            Form::Factor(column) => found.push(column.clone()),
            Form::Negative(inner) | Form::Parentheses(inner) | Form::Call(_, inner) | Form::Poly(inner, _) => {
                inner.mentions(found);
            }
            Form::Chain(first, rest) => {
                first.mentions(found);
                rest.iter().for_each(|(_, operand)| operand.mentions(found));
            }
            Form::Power(left, right) | Form::Group { varying: left, by: right, .. } => {
                left.mentions(found);
                right.mentions(found);
            }
        }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Number(number) => f.write_str(&number_text(*number)),
            Form::Column(name) => f.write_str(&quoted(name)),
            Form::Negative(inner) => write!(f, "-{inner}"),
            Form::Chain(first, rest) => {
                write!(f, "{first}")?;
                rest.iter().try_for_each(|(operator, operand)| write!(f, "{operator}{operand}"))
            }
            Form::Power(base, exponent) => write!(f, "{base}^{exponent}"),
            Form::Parentheses(inner) => write!(f, "({inner})"),
            Form::Group { varying, by, correlated: true } => write!(f, "{varying} | {by}"),
            Form::Group { varying, by, correlated: false } => write!(f, "{varying} || {by}"),
            Form::Call(function, argument) => write!(f, "{}({argument})", function.name()),
            Form::Factor(column) => write!(f, "factor({})", quoted(&column.name)),
            Form::Poly(argument, degree) => write!(f, "poly({argument}, {degree})"),
        }
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Plus => " + ",
            Operator::Minus => " - ",
            Operator::Times => " * ",
            Operator::Over => "/",
            Operator::Colon => ":",
        })
    }
}

/// A name as formulas write it.
pub fn quoted(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { format!("`{name}`") }
}
