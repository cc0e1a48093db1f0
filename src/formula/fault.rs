//! What can be wrong with a formula, each in one sentence that says what to change.

use crate::data::MAX_MAGNITUDE;
use crate::data::text::{and, listed, shown};

use super::design::{MOST_POPULATION, MOST_VARYING};

/// What is wrong at a place of a formula.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormulaFault {
    /// A token that cannot follow.
    #[error("expected {expected}, found {found}")]
    Expected { expected: String, found: String },

    #[error("there is nothing here; write an outcome, `~` and terms, as in `y ~ x + (1 | g)`")]
    Empty,

    #[error(
        "two bars say in brms which terms are correlated with each other, and here only the columns of one term are; write \
         one, as in `(1 + x | g)`"
    )]
    TwoBars,

    /// What brms has between the outcome and `~`.
    #[error("{}", instead(function, column))]
    Addition { function: String, column: String },

    /// A character without a meaning.
    #[error("`{character}` has no meaning in a formula; {cure}")]
    Character { character: char, cure: &'static str },

    #[error("this backtick is never closed; write another one after the name")]
    OpenBacktick,

    #[error("there is no name between these backticks; write the name of a column")]
    EmptyName,

    #[error("a name that begins with a digit stands in backticks; write `{}`", shown(name))]
    DigitFirst { name: String },

    #[error("this number is too large; write one up to {MAX_MAGNITUDE:e}")]
    HugeNumber,

    #[error("`.` does not stand for all other columns here; write their names")]
    Dot,

    #[error("this `(` is never closed; write the `)` that belongs to it")]
    Unclosed,

    #[error("this `)` closes nothing; take it out, or write the `(` that belongs to it")]
    ClosesNothing,

    #[error("a group-level term stands in parentheses; write them around it, as in `(1 + x | g)`")]
    BareGroup,

    #[error("this is nested too deeply; write it with fewer parentheses, signs and powers")]
    TooDeep,

    /// A function that formulas do not have.
    #[error("there is no function `{}`; {cure}", shown(function))]
    UnknownFunction { function: String, cure: String },

    #[error("`{function}` takes {takes}, here it has {has}; write it as in `{example}`")]
    Arguments { function: &'static str, takes: &'static str, has: usize, example: &'static str },

    #[error("`factor` takes the name of a column; write it as in `factor(dose)`")]
    FactorOfExpression,

    #[error("the degree of a polynomial is a whole number from 1 to {MOST_VARYING}; write it as in `poly(x, 2)`")]
    Degree,

    #[error("`{function}` cannot be part of arithmetic or of the outcome; write it as a term of its own")]
    NotArithmetic { function: &'static str },

    #[error(
        "`{number}` is not a term: only 1 and 0 are, with and without an intercept; write arithmetic within I(), as in \
         `I(x / 10)`"
    )]
    NumberAsTerm { number: String },

    #[error(
        "a sign cannot stand within an interaction or a power of terms; write arithmetic within I(), as in `I(-x)`"
    )]
    SignedTerm,

    #[error(
        "the power of a sum of terms is a whole number from 2 to 9, as in `(a + b)^2`; write arithmetic within \
         I(), as in `I(x^2)`"
    )]
    Power,

    #[error(
        "terms are not multiplied as numbers: the interaction of `{}` with itself is the same term; write arithmetic \
         within I(), as in `I(x^2)`",
        shown(term)
    )]
    WithItself { term: String },

    #[error(
        "there is no term `{}` before this to take away; leave it out, or write I(-x) for the negative of x",
        shown(term)
    )]
    NothingToTake { term: String },

    #[error("this makes more than {most} terms; write fewer, or a lower power")]
    TooManyTerms { most: usize },

    #[error("this multiplies the same terms again and again; write each product and each power once")]
    TooManyProducts,

    #[error("a group-level term can only be added; write it as in `y ~ x + (1 + x | g)`")]
    GroupNotAdded,

    #[error("a group-level term cannot stand within another; write one after the other, as in `(1 | g1) + (1 | g2)`")]
    GroupWithin,

    #[error("the groups are those of columns as they are; write them as in `(1 | g)`, `(1 | g1:g2)` or `(1 | g1/g2)`")]
    GroupedByExpression,

    #[error("nothing varies by group here; write it as in `(1 | g)` or `(0 + x | g)`, or leave it out")]
    NothingVaries,

    #[error(
        "`{}` varies by `{}` twice; write it in one of the two terms, as in `(1 | g) + (0 + x | g)`",
        shown(column),
        shown(factor)
    )]
    VariesTwice { column: String, factor: String },

    #[error(
        "there is no group-level term, and a model without one is not possible yet; add a term such as (1 | county)"
    )]
    NoGroups,

    #[error("this is the formula of the noise's sd, which is called sigma; write it as in `sigma ~ lab`")]
    NotSigma,

    #[error(
        "sigma has no group-level terms; write the column as a term of its own, as in `sigma ~ {}`, which gives every \
         level its sigma",
        shown(factor)
    )]
    SigmaByGroup { factor: String },

    #[error(
        "`{0}` has numbers, which say what group a row is of; write `factor({0})` for a sigma of each level, or `I({0})` for \
         a log sigma that grows with the number",
        shown(column)
    )]
    SigmaByNumber { column: String },

    #[error("there is nothing that sigma depends on; write it as in `sigma ~ lab`, or leave it out")]
    NothingOfSigma,

    #[error("the outcome has no column in it; write one, as in `log(radon) ~ floor + (1 | county)`")]
    NoOutcome,

    #[error("`{}` is the outcome and cannot explain itself; take it out of the terms", shown(column))]
    OutcomeAsTerm { column: String },

    #[error("`{}` is the outcome and cannot be what it is grouped by; write another column after `|`", shown(column))]
    OutcomeAsGroup { column: String },

    /// A name that is not in the header.
    #[error("there is no column `{}`; {}", shown(column), meant(closest, header))]
    UnknownColumn { column: String, closest: Option<String>, header: Vec<String> },

    #[error(
        "the outcome must be numbers, and `{}` has words such as `{}`; choose a column of numbers",
        shown(column),
        shown(word)
    )]
    OutcomeOfWords { column: String, word: String },

    #[error(
        "the outcome has two values, and `{}` has {}; choose another column, or write the level that counts as 1 into a column \
         of 0 and 1",
        shown(column),
        values_of(levels)
    )]
    OutcomeOfLevels { column: String, levels: Vec<String> },

    #[error(
        "trials are of outcomes that are numbers, and `{}` has words; write the number of successes",
        shown(column)
    )]
    TrialsOfWords { column: String },

    #[error(
        "arithmetic needs numbers, and `{}` has words such as `{}`; write the column as a term of its own, whose \
         levels are compared with the first",
        shown(column),
        shown(word)
    )]
    WordsInArithmetic { column: String, word: String },

    /// A value that no model can use.
    #[error("`{}` is {} at {place}{}; change or leave out that row, or write another expression", shown(expression),
        magnitude(*value), values(operands))]
    NotFinite { expression: String, value: f64, place: String, operands: Vec<(String, f64)> },

    #[error("`{}` has one level only, `{}`, and needs two or more; choose another column", shown(column), shown(level))]
    OneLevel { column: String, level: String },

    #[error("`{}` is {} in every row and explains nothing; leave it out", shown(column), number_text(*value))]
    Constant { column: String, value: f64 },

    #[error(
        "no row has what `{}` needs: its levels never meet; leave the interaction out, or merge levels",
        shown(column)
    )]
    NeverMeet { column: String },

    #[error("`{}` is a linear combination of {}; leave one of them out", shown(column), combined(*intercept, on))]
    Aliased { column: String, intercept: bool, on: Vec<String> },

    #[error(
        "a polynomial of degree {degree} needs more than {degree} different values, and here are {distinct}; write a \
         lower degree"
    )]
    FewValues { degree: usize, distinct: usize },

    #[error(
        "the terms make {count} population-level columns, and at most {MOST_POPULATION} are possible; leave some out"
    )]
    ManyPopulation { count: usize },

    #[error(
        "the term makes {count} columns that vary by group, and at most {MOST_VARYING} are possible; leave some out"
    )]
    ManyVarying { count: usize },

    #[error("two columns or factors would be called `{}`; rename a column or a level of the data", shown(name))]
    RepeatedName { name: String },

    #[error("two levels of `{}` would be called `{}`; rename labels of the data", shown(factor), shown(level))]
    RepeatedLevel { factor: String, level: String },

    /// A level of a categorical column that the rows of the model do not have.
    #[error(
        "`{}` is `{}` at {place}, and the model knows nothing of this level; write one of: {}",
        shown(column),
        shown(level),
        listed(levels)
    )]
    NewLevel { column: String, level: String, place: String, levels: Vec<String> },

    #[error("what `{}` is at other rows is not in the store of this run; sample again", shown(expression))]
    NotLearnt { expression: String },
}

/// What is wrong with a reference level.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReferenceFault {
    #[error("the formula has no column of this name; {}", meant(closest, columns))]
    NoColumn { closest: Option<String>, columns: Vec<String> },

    #[error("this is a column of numbers; write `factor({column})` in the formula to take its numbers as labels")]
    Numbers { column: String },

    #[error("this column only says which rows are of one group, which needs no reference level; leave the option out")]
    Grouping,

    #[error("no column of the formula has words, and only such a column has a reference level; leave the option out")]
    NoCategorical,

    #[error("the column has no such level; {}", meant(closest, levels))]
    NoLevel { closest: Option<String>, levels: Vec<String> },

    #[error("the column already has the reference level `{}`; name one of the two", shown(other))]
    Twice { other: String },
}

/// What is written in the place of brms's `y | function(column)`.
fn instead(function: &str, column: &str) -> String {
    let column = shown(column);
    match function {
        "se" => format!(
            "known errors are named outside the formula; write `--se {column}`, and `--with-sigma` beside it where sigma is \
             estimated, too"
        ),
        "weights" => format!("weights are named outside the formula; write `--weights {column}`"),
        _ => "only the outcome stands before `~`; write it alone, as in `y ~ x + (1 | g)`".to_owned(),
    }
}

fn values_of(levels: &[String]) -> String {
    match levels {
        [only] => format!("`{}` in every row", shown(only)),
        all => format!("{}: {}", all.len(), listed(all)),
    }
}

fn meant(closest: &Option<String>, columns: &[String]) -> String {
    match closest {
        Some(name) => format!("did you mean `{}`?", shown(name)),
        None => format!("write one of: {}", listed(columns)),
    }
}

fn magnitude(value: f64) -> String {
    match value {
        nan if nan.is_nan() => "not a number".to_owned(),
        infinite if infinite.is_infinite() => format!("{} infinity", if value > 0.0 { "plus" } else { "minus" }),
        large => format!("{}, which is beyond {MAX_MAGNITUDE:e},", number_text(large)),
    }
}

fn values(operands: &[(String, f64)]) -> String {
    let each: Vec<String> =
        operands.iter().map(|(name, value)| format!("`{}` is {}", shown(name), number_text(*value))).collect();
    if each.is_empty() { String::new() } else { format!(", where {}", each.join(" and ")) }
}

fn combined(intercept: bool, on: &[String]) -> String {
    match (intercept, on) {
        (false, _) => and(on),
        (true, []) => "the intercept".to_owned(),
        (true, [only]) => format!("the intercept and `{}`", shown(only)),
        (true, _) => format!("the intercept, {}", and(on)),
    }
}

/// A number in the digits that give it back, with an exponent where there would be many zeros.
pub(super) fn number_text(number: f64) -> String {
    format!("{number:?}").trim_end_matches(".0").to_owned()
}
