//! Values of expressions, row by row.

use crate::data::moments::{mean, sd};
use crate::data::{Frame, Labels, MAX_MAGNITUDE};

use super::design::ModelColumn;
use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::learnt::Evaluation;
use super::poly::Polynomials;
use super::syntax::{Expression, Form, Function, Mention, Operator};

/// A variable of a term.
pub(super) enum Variable {
    /// One column or, of a polynomial, several.
    Numbers(Vec<ModelColumn>),
    /// A categorical variable, its reference level first.
    Categorical { name: String, labels: Labels },
}

impl Variable {
    pub fn is_categorical(&self) -> bool {
        matches!(self, Variable::Categorical { .. })
    }
}

/// The values of a variable of a term.
pub(super) fn variable(expression: &Expression, at: &Evaluation) -> Located<Variable> {
    let name = expression.name();
    match &expression.form {
        Form::Factor(column) => categorical(name, column, at),
        Form::Column(column) if !at.is_numeric(column) => {
            let mention = Mention { name: column.clone(), span: expression.span, as_label: true };
            categorical(name, &mention, at)
        }
        Form::Poly(argument, degree) => {
            let columns = polynomials(&name, argument, *degree, expression.span, at)?;
            let named = columns.into_iter().zip(1..);
            let named = named.map(|(values, k)| ModelColumn { name: format!("{name}[{k}]"), values });
            Ok(Variable::Numbers(named.collect()))
        }
        _ => Ok(Variable::Numbers(vec![ModelColumn { values: numbers(expression, at)?, name }])),
    }
}

/// The columns of `poly(argument, degree)`.
fn polynomials(
    text: &str,
    argument: &Expression,
    degree: usize,
    span: Characters,
    at: &Evaluation,
) -> Located<Vec<Vec<f64>>> {
    let values = numbers(argument, at)?;
    if let Some(known) = at.known() {
        return known.polynomials.get(text).map_or_else(|| not_learnt(text, span), |known| Ok(known.at(&values)));
    }
    let found = Polynomials::of(&values, degree);
    let found = found.map_or_else(|distinct| span.fault(FormulaFault::FewValues { degree, distinct }), Ok);
    let (polynomials, columns) = found?;
    at.learn(|learnt| {
        learnt.polynomials.insert(text.to_owned(), polynomials);
    });
    Ok(columns)
}

fn categorical(name: String, column: &Mention, at: &Evaluation) -> Located<Variable> {
    let Some(labels) = at.frame.labels(&column.name) else {
        return unknown(&column.name, column.span);
    };
    if let Some(known) = at.known() {
        return match known.levels.get(&column.name) {
            Some(levels) => Ok(Variable::Categorical { name, labels: relabelled(labels, levels, column, at.frame)? }),
            None => not_learnt(&name, column.span),
        };
    }
    let mut labels = labels.clone();
    if let [] | [_] = &labels.levels[..] {
        let level = labels.levels.concat();
        return column.span.fault(FormulaFault::OneLevel { column: column.name.clone(), level });
    }
    if let Some(reference) = at.reference(&column.name)
        && let Some(first) = labels.levels.iter().position(|level| level == reference)
    {
        labels.levels[..=first].rotate_right(1);
        let moved = |level: u32| match level as usize {
            level if level == first => 0,
            level if level < first => level as u32 + 1,
            level => level as u32,
        };
        labels.of.iter_mut().for_each(|level| *level = moved(*level));
    }
    at.learn(|learnt| {
        learnt.levels.insert(column.name.clone(), labels.levels.clone());
    });
    Ok(Variable::Categorical { name, labels })
}

/// The labels of other rows, numbered as those of the model.
fn relabelled(labels: &Labels, levels: &[String], column: &Mention, frame: &Frame) -> Located<Labels> {
    let mut numbers = Vec::with_capacity(labels.levels.len());
    for (here, level) in (0..).zip(&labels.levels) {
        let Some(number) = levels.iter().position(|known| known == level) else {
            let row = labels.of.iter().position(|of| *of == here).unwrap_or(0);
            let (column_name, place) = (column.name.clone(), frame.place(row));
            let (level, levels) = (level.clone(), levels.to_vec());
            return column.span.fault(FormulaFault::NewLevel { column: column_name, level, place, levels });
        };
        numbers.push(number as u32);
    }
    let of = labels.of.iter().map(|of| numbers[*of as usize]).collect();
    Ok(Labels { levels: levels.to_vec(), of })
}

/// The values of arithmetic, all of which are finite.
pub(super) fn numbers(expression: &Expression, at: &Evaluation) -> Located<Vec<f64>> {
    let frame = at.frame;
    let values = match &expression.form {
        Form::Number(number) => vec![*number; frame.n_rows()],
        Form::Column(name) => return Ok(column(name, expression.span, frame)?.to_vec()),
        Form::Parentheses(inner) => return numbers(inner, at),
        Form::Negative(inner) => numbers(inner, at)?.into_iter().map(|value| -value).collect(),
        Form::Chain(first, rest) => {
            let mut values = numbers(first, at)?;
            for (operator, operand) in rest {
                let operation: fn(f64, f64) -> f64 = match operator {
                    Operator::Plus => |a, b| a + b,
                    Operator::Minus => |a, b| a - b,
                    Operator::Times => |a, b| a * b,
                    Operator::Over => |a, b| a / b,
                    Operator::Colon => return not_arithmetic(expression.span),
                };
                let operands = numbers(operand, at)?;
                values.iter_mut().zip(operands).for_each(|(value, operand)| *value = operation(*value, operand));
            }
            values
        }
        Form::Power(base, exponent) => {
            let bases = numbers(base, at)?;
            bases.into_iter().zip(numbers(exponent, at)?).map(|(base, exponent)| base.powf(exponent)).collect()
        }
        Form::Call(function, argument) => call(*function, argument, expression, at)?,
        Form::Group { .. } | Form::Factor(_) | Form::Poly(..) => return not_arithmetic(expression.span),
    };
    check(expression, &values, frame)?;
    Ok(values)
}

fn call(function: Function, argument: &Expression, whole: &Expression, at: &Evaluation) -> Located<Vec<f64>> {
    let mut values = numbers(argument, at)?;
    let operation: fn(f64) -> f64 = match function {
        Function::Identity => return Ok(values),
        Function::Log => f64::ln,
        Function::Log2 => f64::log2,
        Function::Log10 => f64::log10,
        Function::Log1p => f64::ln_1p,
        Function::Exp => f64::exp,
        Function::Sqrt => f64::sqrt,
        Function::Abs => f64::abs,
        Function::Center | Function::Scale => {
            let [centre, scale] = centre_and_scale(function, argument, whole, &values, at)?;
            values.iter_mut().for_each(|value| *value = (*value - centre) / scale);
            return Ok(values);
        }
    };
    values.iter_mut().for_each(|value| *value = operation(*value));
    Ok(values)
}

/// What `center(argument)` or `scale(argument)` subtracts, and divides by.
fn centre_and_scale(
    function: Function,
    argument: &Expression,
    whole: &Expression,
    values: &[f64],
    at: &Evaluation,
) -> Located<[f64; 2]> {
    let text = whole.to_string();
    if let Some(known) = at.known() {
        return known.scales.get(&text).copied().map_or_else(|| not_learnt(&text, whole.span), Ok);
    }
    let centre = mean(values);
    let scale = match (function, constant(values)) {
        (Function::Scale, Some(value)) => {
            return argument.span.fault(FormulaFault::Constant { column: argument.name(), value });
        }
        (Function::Scale, None) => sd(values, centre),
        _ => 1.0,
    };
    at.learn(|learnt| {
        learnt.scales.insert(text, [centre, scale]);
    });
    Ok([centre, scale])
}

/// The error for an expression whose constants are not in the store of a run.
fn not_learnt<T>(expression: &str, span: Characters) -> Located<T> {
    span.fault(FormulaFault::NotLearnt { expression: expression.to_owned() })
}

/// The value that all rows have.
pub(super) fn constant(values: &[f64]) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    rest.iter().all(|value| value == first).then_some(*first)
}

fn column<'a>(name: &str, span: Characters, frame: &'a Frame) -> Located<&'a [f64]> {
    match (frame.numbers(name), frame.labels(name)) {
        (Some(values), _) => Ok(values),
        (None, Some(labels)) => {
            let word = labels.levels.first().cloned().unwrap_or_default();
            span.fault(FormulaFault::WordsInArithmetic { column: name.to_owned(), word })
        }
        (None, None) => unknown(name, span),
    }
}

/// The error for a column that the file has not, or that was not asked for.
pub(super) fn unknown<T>(name: &str, span: Characters) -> Located<T> {
    span.fault(FormulaFault::UnknownColumn { column: name.to_owned(), closest: None, header: Vec::new() })
}

fn not_arithmetic<T>(span: Characters) -> Located<T> {
    span.fault(FormulaFault::NotArithmetic { function: "a term" })
}

/// Whether a value is one that a model can use.
pub(super) fn is_usable(value: f64) -> bool {
    value.abs() <= MAX_MAGNITUDE
}

/// Checks the values of an expression; the message has those of its columns.
fn check(expression: &Expression, values: &[f64], frame: &Frame) -> Located<()> {
    let Some(row) = values.iter().position(|value| !is_usable(*value)) else {
        return Ok(());
    };
    let mut mentions = Vec::new();
    expression.mentions(&mut mentions);
    let mut operands: Vec<(String, f64)> = Vec::new();
    for Mention { name, .. } in mentions {
        if let Some(column) = frame.numbers(&name)
            && operands.iter().all(|(known, _)| *known != name)
        {
            operands.push((name, column[row]));
        }
    }
    expression.span.fault(FormulaFault::NotFinite {
        expression: expression.to_string(),
        value: values[row],
        place: frame.place(row),
        operands,
    })
}
