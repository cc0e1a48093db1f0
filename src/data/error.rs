//! What can be wrong with data, each in one line that names the place and what to change.

use std::fmt::{self, Display, Formatter};
use std::io;

use super::{MAX_COEFFICIENTS, MAX_MAGNITUDE};

/// The longest piece of a cell or a name that a message repeats, in characters.
const SHOWN: usize = 60;

/// The most column names that a message lists.
const LISTED: usize = 60;

/// Why there is no [`Dataset`](super::Dataset).
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such file.
    #[error("{file} does not exist; check the path (`-` reads standard input)")]
    NotFound { file: String },

    /// Something below a file.
    #[error("{file} cannot be there: `{above}` is a file, not a directory; check the path")]
    NotADirectory { file: String, above: String },

    /// A directory.
    #[error("{file} is a directory; name a CSV file in it")]
    IsDirectory { file: String },

    /// The operating system refuses, before the first byte or between two.
    #[error("{file} cannot be read: {reason}; check its permissions and the disk it is on")]
    Unreadable { file: String, reason: io::Error },

    /// UTF-16, a spreadsheet, an archive: there are NUL bytes in its header.
    #[error("{file} is not UTF-8 text (a spreadsheet, a compressed file, UTF-16?); save it as CSV in UTF-8")]
    NotText { file: String },

    /// Lines end as on a Macintosh of the last century.
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

    /// More than the engines hold.
    #[error(
        "{file}: {count} predictors are too many; \
         name at most {} ({MAX_COEFFICIENTS} coefficients with the intercept)",
        MAX_COEFFICIENTS - 1
    )]
    TooManyPredictors { file: String, count: usize },

    /// A name that the header does not have.
    #[error(
        "column `{column}` is not in {file}; {}it has: {}",
        did_you_mean(closest),
        listed(columns),
        column = shown(column)
    )]
    MissingColumn { file: String, column: String, closest: Option<String>, columns: Vec<String> },

    /// A name that the header has more than once.
    #[error("{file}, line {line}: {times} columns are called `{column}`; rename all but one", column = shown(column))]
    RepeatedColumn { file: String, line: u64, column: String, times: usize },

    /// A line with more or fewer fields than the header.
    #[error(
        "{file}, line {line}: {found} where the header has {expected} (separator: {separator}); \
         complete the line, or put double quotes around a field with a {separator} in it",
        found = fields(*found)
    )]
    UnequalLengths { file: String, line: u64, expected: usize, found: usize, separator: &'static str },

    /// A quote that swallows the rest of the file.
    #[error("{file}, line {line}: a double quote is opened and never closed; close it, or remove it")]
    UnclosedQuote { file: String, line: u64 },

    /// One cell.
    #[error("{file}, {place}: column `{column}` {fault}", column = shown(column))]
    BadCell { file: String, place: Place, column: String, fault: CellFault },

    /// Columns of different lengths.
    #[error(
        "{file}: column `{column}` has {found} values for {expected} group labels; give one for each",
        column = shown(column)
    )]
    ColumnLength { file: String, column: String, expected: usize, found: usize },

    /// Predictors without a name, or names without a predictor.
    #[error("{file}: {columns} predictors come with {names} names; give one for each")]
    PredictorNames { file: String, columns: usize, names: usize },

    /// Nothing to be hierarchical about.
    #[error(
        "{file}: column `{column}` has one group only, `{}`; \
         a hierarchical model needs two or more, choose another column",
        shown(group),
        column = shown(column)
    )]
    OneGroup { file: String, column: String, group: String },

    /// Nothing to explain.
    #[error(
        "{file}: outcome `{column}` does not vary ({}); choose another column",
        between(*min, *max),
        column = shown(column)
    )]
    ConstantOutcome { file: String, column: String, min: f64, max: f64 },

    /// An outcome of the groups, and not of the observations.
    #[error(
        "{file}: outcome `{column}` does not vary within any group: there is no noise, and no posterior of `eps`; keep one row \
         for each group, or choose another column",
        column = shown(column)
    )]
    ConstantWithinGroups { file: String, column: String },

    /// An outcome without residual noise.
    #[error(
        "{file}: within groups the predictors explain outcome `{column}` to within rounding: there is no noise, and no posterior \
         of `eps`; was it computed from them? choose another column, or leave a predictor out",
        column = shown(column)
    )]
    NoNoise { file: String, column: String },

    /// The intercept once more.
    #[error(
        "{file}: predictor `{column}` does not vary ({}), which is what the intercept is for; leave it out",
        between(*min, *max),
        column = shown(column)
    )]
    ConstantPredictor { file: String, column: String, min: f64, max: f64 },

    /// Slopes that the data cannot tell apart.
    #[error(
        "{file}: predictor `{column}` is a linear combination of the intercept and {}; leave one of them out",
        and(others),
        column = shown(column)
    )]
    Collinear { file: String, column: String, others: Vec<String> },
}

/// Where a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of a file as an editor counts them: from 1, the header's and blank ones too.
    Line(u64),
    /// An index into columns that never were a file.
    Row(usize),
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row} (counted from 0)"),
        }
    }
}

/// What is wrong with one cell; with its text, where that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellFault {
    /// No number.
    Empty,
    /// No group.
    EmptyGroup,
    /// Text where a number must be.
    NotANumber(String),
    /// A number with a comma for its point.
    DecimalComma(String),
    /// NaN or an infinity.
    NotFinite(String),
    /// Beyond [`MAX_MAGNITUDE`].
    TooLarge(String),
    /// Some other encoding.
    NotUtf8,
}

impl Display for CellFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const FILL: &str = "remove the row or fill in a number";
        match self {
            CellFault::Empty => write!(f, "is empty; {FILL}"),
            CellFault::EmptyGroup => write!(f, "is empty; remove the row or fill in its group"),
            CellFault::NotANumber(text) => {
                write!(f, "has `{}` where a number must be; {FILL}", shown(text))
            }
            CellFault::DecimalComma(text) => {
                let point = text.replace(',', ".");
                write!(f, "has `{text}`, with a decimal comma; write `{point}`")
            }
            CellFault::NotFinite(text) => write!(f, "has `{text}`, not a finite number; {FILL}"),
            CellFault::TooLarge(text) => {
                let text = shown(text);
                write!(f, "has `{text}`, beyond {MAX_MAGNITUDE:e} in size; remove the row or rescale the column")
            }
            CellFault::NotUtf8 => write!(f, "is not UTF-8; save the file in that encoding"),
        }
    }
}

/// Text that cannot break a message's line.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The beginning of a text that may be long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => one_line(&text[..end]) + "...",
        None => one_line(text),
    }
}

fn fields(count: usize) -> String {
    format!("{count} field{}", if count == 1 { "" } else { "s" })
}

fn between(min: f64, max: f64) -> String {
    if min == max { format!("every value is {min:?}") } else { format!("every value is between {min:?} and {max:?}") }
}

fn did_you_mean(closest: &Option<String>) -> String {
    closest.as_ref().map_or(String::new(), |name| format!("did you mean `{}`? ", shown(name)))
}

fn listed(columns: &[String]) -> String {
    let unnamed = |name: &String| match name.as_str() {
        "" => "(no name)".to_owned(),
        name => shown(name),
    };
    let names: Vec<String> = columns.iter().take(LISTED).map(unnamed).collect();
    let more = columns.len().saturating_sub(LISTED);
    match (columns.len(), more) {
        (1, _) => format!("{} (its header has one field: separate them by commas, semicolons or tabs)", names[0]),
        (_, 0) => names.join(", "),
        _ => format!("{}, and {more} more", names.join(", ")),
    }
}

fn and(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shown(name))).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, most)) => format!("{} and {last}", most.join(", ")),
        None => "nothing else".to_owned(),
    }
}
