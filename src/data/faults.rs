//! Faults of cells, and their positions.

use std::fmt::{self, Display, Formatter};

use super::MAX_MAGNITUDE;
use super::left_out::LeftOut;
use super::looks::Look;
use super::text::shown;

/// The position of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellPosition {
    /// A line of a file, counted as editors do: from 1, with the header and blank lines.
    Line(u64),
    /// A row, counted from 0, of columns in memory or of a Parquet or Arrow file.
    Row(usize),
}

impl CellPosition {
    /// This position in a part of a file, after `lines` lines of other parts.
    pub(super) fn after(self, lines: u64) -> CellPosition {
        match self {
            CellPosition::Line(line) => CellPosition::Line(lines + line),
            row => row,
        }
    }
}

impl Display for CellPosition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            CellPosition::Line(line) => write!(f, "line {line}"),
            CellPosition::Row(row) => write!(f, "row {row} (counted from 0)"),
        }
    }
}

/// A fault of one cell, with the cell's text where useful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellFault {
    /// An empty group label.
    EmptyGroup,
    /// Text that is not a number, where a number must be.
    NotANumber { text: String, look: Look },
    /// One of a few words in a column of numbers, with the number of cells that are numbers, and of all cells.
    WordAmongNumbers { text: String, numbers: usize, values: usize },
    /// One of a few numbers in a column of words, with the number of cells that are words, and of all cells.
    NumberAmongWords { text: String, words: usize, values: usize },
    /// A column of an unsuitable type in a Parquet or Arrow file.
    Type(String),
    /// NaN or an infinity.
    NotFinite(String),
    /// Beyond [`MAX_MAGNITUDE`].
    TooLarge(String),
    /// Not UTF-8; the text decoded as windows-1252.
    NotUtf8(String),
}

impl Display for CellFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const FILL: &str = "remove the row or fill in a number";
        match self {
            CellFault::EmptyGroup => write!(f, "is empty; remove the row or fill in its group"),
            CellFault::NotANumber { text, look: Look::Text } => write!(
                f,
                "has `{}` where a number must be; {FILL}, or add it to --missing-labels if it means that there is none",
                shown(text)
            ),
            CellFault::NotANumber { text, look } => {
                write!(f, "has `{}` where a number must be: that looks like {look}", shown(text))
            }
            CellFault::WordAmongNumbers { text, numbers, values } => write!(
                f,
                "has `{}` where {numbers} of {values} values are numbers; {FILL}, add it to --missing-labels if it means that \
                 there is none, or write factor() around the column's name if its values are categories",
                shown(text)
            ),
            CellFault::NumberAmongWords { text, words, values } => write!(
                f,
                "has `{}` where {words} of {values} values are words; remove the row, fill in a word, or write factor() around the \
                 column's name if its values are categories",
                shown(text)
            ),
            CellFault::Type(name) => write!(f, "is of type {name} where numbers must be; convert it to numbers"),
            CellFault::NotFinite(text) => write!(f, "has `{text}`, not a finite number; {FILL}"),
            CellFault::TooLarge(text) => {
                let text = shown(text);
                write!(f, "has `{text}`, beyond {MAX_MAGNITUDE:e} in size; remove the row or rescale the column")
            }
            CellFault::NotUtf8(text) => write!(
                f,
                "is not UTF-8; in windows-1252 it says `{}`: if that is right add --encoding windows-1252, or else the encoding it is \
                 in",
                shown(text)
            ),
        }
    }
}

/// All rows with missing values, as an error of one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}: {} a value ({left_out}), which --missing refuse refuses: {}; fill them in, remove the rows, or leave them out with \
     --missing drop",
    if left_out.rows == 1 { "1 row misses".to_string() } else { format!("{} rows miss", left_out.rows) },
    list(gaps, left_out)
)]
pub struct MissingRows {
    pub file: String,
    pub left_out: LeftOut,
    /// The first ten.
    pub gaps: Vec<Gap>,
}

/// A cell without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub place: CellPosition,
    pub column: String,
    /// The cell's text.
    pub text: String,
}

fn list(gaps: &[Gap], left_out: &LeftOut) -> String {
    let cell = |Gap { place, column, text }: &Gap| match text.as_str() {
        "" => format!("{place}, `{}` is empty", shown(column)),
        text => format!("{place}, `{}` has `{}`", shown(column), shown(text)),
    };
    let all: usize = left_out.missing.iter().map(|missing| missing.rows).sum();
    let cells: Vec<String> = gaps.iter().map(cell).collect();
    let more = all.saturating_sub(gaps.len());
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    cells.join("; ") + &more
}
