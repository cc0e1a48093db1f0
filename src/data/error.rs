//! Errors in data, each with a message of one line that names the place and the remedy.

use std::fmt::{self, Display, Formatter};
use std::io;

use super::MAX_COEFFICIENTS;
use super::faults::{CellFault, CellPosition, MissingRows};
use super::left_out::LeftOut;
use super::text::{and, between, counted, did_you_mean, fields, listed, shown};

/// Why a [`Dataset`](super::Dataset) or a [`Frame`](super::Frame) cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such file.
    #[error("{file} does not exist; check the path (`-` reads standard input)")]
    NotFound { file: String },

    /// A path below a file.
    #[error("{file} cannot be there: `{above}` is a file, not a directory; check the path")]
    NotADirectory { file: String, above: String },

    /// A directory.
    #[error("{file} is a directory; name a CSV file in it")]
    IsDirectory { file: String },

    /// The operating system refuses to open or to read the file.
    #[error("{file} cannot be read: {reason}; check its permissions and the disk it is on")]
    Unreadable { file: String, reason: io::Error },

    /// NUL bytes in the header: an encoding with two bytes a character, or not text at all.
    #[error(
        "{file} is not UTF-8 text{}",
        match encoding {
            Some(encoding) => format!(", but UTF-16 by its looks; add --encoding {encoding}"),
            None => "; save it as CSV in UTF-8".to_string(),
        }
    )]
    NotText { file: String, encoding: Option<&'static str> },

    /// A workbook of Excel or LibreOffice, or another archive of that kind.
    #[error("{file} is not UTF-8 text, but a spreadsheet or a zip archive; save it as CSV, or unpack it")]
    Zip { file: String },

    /// A compressed file that is truncated or altered.
    #[error("{file} cannot be unpacked ({format}): {reason}; copy or pack it again")]
    Damaged { file: String, format: &'static str, reason: io::Error },

    /// Feather, version 1.
    #[error(
        "{file} is a Feather file of version 1, which is no more in use; save it as version 2, as Parquet or as CSV"
    )]
    OldFeather { file: String },

    /// A Parquet or Arrow file that cannot be read.
    #[error("{file} cannot be read as {format}: {reason}; write it again, or save it as CSV")]
    Columnar { file: String, format: &'static str, reason: String },

    /// A format that this program was built without.
    #[error(
        "{file} is a file of {format}, which this program was built without (cargo's feature `columnar`); save it as CSV"
    )]
    WithoutColumnar { file: String, format: &'static str },

    /// A row that does not end.
    #[error(
        "{file}, line {line}: a row goes on for more than 16 MB; close the double quote that is open in it, or name a file of \
         text"
    )]
    LongRow { file: String, line: u64 },

    /// Lines that end with carriage returns only, as on early Macintosh computers.
    #[error("{file} ends its lines with bare carriage returns; save it with line feeds (LF or CRLF)")]
    BareCarriageReturns { file: String },

    /// No bytes, or blank lines only.
    #[error("{file} is empty; it needs a header with the names of the columns, and a line for each observation")]
    Empty { file: String },

    /// No observation.
    #[error("{file} has a header and no observation; add a line for each observation")]
    HeaderOnly { file: String },

    /// One column in two roles.
    #[error(
        "{file}: column `{column}` is asked for twice, as {first} and as {second}; give it one role",
        column = shown(column)
    )]
    UsedTwice { file: String, column: String, first: &'static str, second: &'static str },

    /// One predictor named twice.
    #[error("{file}: predictor `{column}` is named twice; name it once", column = shown(column))]
    PredictorTwice { file: String, column: String },

    /// More predictors than the engines support.
    #[error(
        "{file}: {count} predictors are too many; \
         name at most {} ({MAX_COEFFICIENTS} coefficients with the intercept)",
        MAX_COEFFICIENTS - 1
    )]
    TooManyPredictors { file: String, count: usize },

    /// A name that is not in the header.
    #[error(
        "column `{column}` is not in {file}; {}it has: {}{hint}",
        did_you_mean(closest),
        listed(columns),
        column = shown(column)
    )]
    MissingColumn { file: String, column: String, closest: Option<String>, columns: Vec<String>, hint: HeaderHint },

    /// A name that occurs in the header more than once.
    #[error("{file}, line {line}: {times} columns are called `{column}`; rename all but one", column = shown(column))]
    RepeatedColumn { file: String, line: u64, column: String, times: usize },

    /// A line with more or fewer fields than the header.
    #[error(
        "{file}, line {line}: {found} where the header has {expected} (separator: {separator}); {cure}",
        found = fields(*found)
    )]
    UnequalLengths { file: String, line: u64, expected: usize, found: usize, separator: String, cure: String },

    /// A quote that is never closed.
    #[error("{file}, line {line}: a double quote is opened and never closed; close it, or remove it")]
    UnclosedQuote { file: String, line: u64 },

    /// A faulty cell.
    #[error("{file}, {place}: column `{column}` {fault}", column = shown(column))]
    BadCell { file: String, place: CellPosition, column: String, fault: Box<CellFault> },

    /// Words where each row needs a number.
    #[error("{file}: column `{column}` has words, and {what} are numbers; name another column", column = shown(column))]
    Words { file: String, column: String, what: &'static str },

    /// A number that has to be positive.
    #[error(
        "{file}, {place}: column `{column}` has {value}, and {what} are positive; remove the row or fill in a positive number",
        column = shown(column)
    )]
    NotPositive { file: String, place: String, column: String, value: f64, what: &'static str },

    /// Rows with missing values, where these are to be refused.
    #[error(transparent)]
    Missing(MissingRows),

    /// No row is without missing values.
    #[error(
        "{file}: every row misses a value ({left_out}); fill them in, leave out the column, or say which words mean that a \
         value is missing (--missing-labels)"
    )]
    AllMissing { file: String, left_out: LeftOut },

    /// A single group has rows without missing values.
    #[error(
        "{file}: column `{column}` has one group only, `{}`, in the rows that miss no value ({} left out: {left_out}); \
         a hierarchical model needs two or more, fill values in or choose another column",
        shown(group),
        counted(left_out.rows, "row"),
        column = shown(column)
    )]
    OneGroupLeft { file: String, column: String, group: String, left_out: LeftOut },

    /// Columns of different lengths.
    #[error(
        "{file}: column `{column}` has {found} values for {expected} group labels; give one for each",
        column = shown(column)
    )]
    ColumnLength { file: String, column: String, expected: usize, found: usize },

    /// Columns of different lengths in a frame.
    #[error(
        "{file}: column `{column}` has {found} values where the first has {expected}; give one for each row",
        column = shown(column)
    )]
    UnequalColumns { file: String, column: String, expected: usize, found: usize },

    /// Different numbers of predictors and of their names.
    #[error("{file}: {columns} predictors come with {names} names; give one for each")]
    PredictorNames { file: String, columns: usize, names: usize },

    /// A single group.
    #[error(
        "{file}: column `{column}` has one group only, `{}`; \
         a hierarchical model needs two or more, choose another column",
        shown(group),
        column = shown(column)
    )]
    OneGroup { file: String, column: String, group: String },

    /// A constant outcome.
    #[error(
        "{file}: outcome `{column}` does not vary ({}); choose another column",
        between(*min, *max),
        column = shown(column)
    )]
    ConstantOutcome { file: String, column: String, min: f64, max: f64 },

    /// An outcome that is constant within each group.
    #[error(
        "{file}: outcome `{column}` does not vary within any group: there is no noise, and no posterior of its sd; choose another \
         outcome, or another column of groups",
        column = shown(column)
    )]
    ConstantWithinGroups { file: String, column: String },

    /// An outcome without residual noise.
    #[error(
        "{file}: within groups the predictors explain outcome `{column}` to within rounding: there is no noise, and no posterior \
         of its sd; was it computed from them? choose another column, or leave a predictor out",
        column = shown(column)
    )]
    NoNoise { file: String, column: String },

    /// An outcome without residual noise in the rows of one sigma.
    #[error(
        "{file}: groups and predictors explain outcome `{column}` to within rounding in the {rows} rows that have the sigma of row \
         {row}: that sigma is 0; leave these rows out, or let the formula of sigma have less",
        column = shown(column)
    )]
    NoNoiseOfSigma { file: String, column: String, rows: usize, row: usize },

    /// A constant predictor, like the intercept.
    #[error(
        "{file}: predictor `{column}` does not vary ({}), which is what the intercept is for; leave it out",
        between(*min, *max),
        column = shown(column)
    )]
    ConstantPredictor { file: String, column: String, min: f64, max: f64 },

    /// Predictors that are linearly dependent.
    #[error(
        "{file}: predictor `{column}` is a linear combination of the intercept and {}; leave one of them out",
        and(others),
        column = shown(column)
    )]
    Collinear { file: String, column: String, others: Vec<String> },
}

/// A hint about a header without a requested column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderHint {
    None,
    /// One name, without any possible separator.
    OneField,
    /// One name, with whitespace in it.
    Blanks,
    /// One name, with this possible separator in it.
    Delimiter(char),
    /// Mostly numbers.
    LooksLikeData,
    /// Not UTF-8; the text decoded as windows-1252.
    Encoding(String),
}

impl Display for HeaderHint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            HeaderHint::None => Ok(()),
            HeaderHint::OneField => {
                write!(f, " (its header has one field: separate them by commas, semicolons or tabs)")
            }
            HeaderHint::Blanks => {
                write!(f, " (its header has one field; if blanks separate them, add --delimiter space)")
            }
            HeaderHint::Delimiter('\t') => write!(f, " (its header has one field; add --delimiter tab)"),
            HeaderHint::Delimiter(c) => {
                write!(f, " (its header has one field; if {c} separates them, add --delimiter '{c}')")
            }
            HeaderHint::LooksLikeData => {
                write!(f, " (which look like data: put a line with the names of the columns above them)")
            }
            HeaderHint::Encoding(text) => write!(
                f,
                " (which is not UTF-8; in windows-1252 it says: {}; if that is right add --encoding windows-1252)",
                shown(text)
            ),
        }
    }
}
