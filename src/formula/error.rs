//! Errors of formulas: what is wrong, and the formula with carets under the place.

use std::ops::Range;

use super::fault::{FormulaFault, ReferenceFault};

/// Why a formula is refused, on its own or with the data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormulaError {
    /// A fault at a place in the formula; the message has three lines.
    #[error("formula: {fault}\n{}", underlined(formula, place))]
    At {
        fault: Box<FormulaFault>,
        formula: String,
        /// The first character at fault and the one after the last, counted from 0.
        place: Range<usize>,
    },

    /// A reference level that cannot be.
    #[error("--reference {column}={level}: {fault}")]
    Reference { column: String, level: String, fault: ReferenceFault },
}

/// A range of characters of a formula.
#[derive(Debug, Clone, Copy)]
pub(super) struct Characters {
    pub start: usize,
    pub end: usize,
}

impl Characters {
    /// From the start of this span to the end of another.
    pub fn to(self, other: Characters) -> Characters {
        Characters { start: self.start, end: other.end }
    }

    /// The error for a fault here.
    pub fn fault<T>(self, fault: FormulaFault) -> Located<T> {
        Err((Box::new(fault), self))
    }
}

/// A result, or a fault with its place.
pub(super) type Located<T> = Result<T, (Box<FormulaFault>, Characters)>;

/// The error for a fault in this formula.
pub(super) fn in_formula(formula: &str) -> impl Fn((Box<FormulaFault>, Characters)) -> FormulaError {
    move |(fault, span)| FormulaError::At { fault, formula: formula.to_owned(), place: span.start..span.end }
}

/// The formula on one line, and on the next line carets under the characters of a place.
fn underlined(formula: &str, place: &Range<usize>) -> String {
    let line: String = formula.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c }).collect();
    format!("  {}\n  {}{}", line.trim_end(), " ".repeat(place.start), "^".repeat(place.len().max(1)))
}
