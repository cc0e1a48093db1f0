//! What can be wrong with data, each in one line that names the place and what to change.

use std::fmt::{self, Display, Formatter};
use std::io;

use super::left_out::LeftOut;
use super::looks::Look;
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

    /// There are NUL bytes in its header: an encoding of two bytes a character, or no text at all.
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

    /// A compressed file that is cut off or altered.
    #[error("{file} cannot be unpacked ({format}): {reason}; copy or pack it again")]
    Damaged { file: String, format: &'static str, reason: io::Error },

    /// Feather's first version.
    #[error(
        "{file} is a Feather file of version 1, which is no more in use; save it as version 2, as Parquet or as CSV"
    )]
    OldFeather { file: String },

    /// A Parquet or Arrow file that cannot be read.
    #[error("{file} cannot be read as {format}: {reason}; write it again, or save it as CSV")]
    Columnar { file: String, format: &'static str, reason: String },

    /// This program was built without what it takes.
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
        "column `{column}` is not in {file}; {}it has: {}{hint}",
        did_you_mean(closest),
        listed(columns),
        column = shown(column)
    )]
    MissingColumn { file: String, column: String, closest: Option<String>, columns: Vec<String>, hint: HeaderHint },

    /// A name that the header has more than once.
    #[error("{file}, line {line}: {times} columns are called `{column}`; rename all but one", column = shown(column))]
    RepeatedColumn { file: String, line: u64, column: String, times: usize },

    /// A line with more or fewer fields than the header.
    #[error(
        "{file}, line {line}: {found} where the header has {expected} (separator: {separator}); {cure}",
        found = fields(*found)
    )]
    UnequalLengths { file: String, line: u64, expected: usize, found: usize, separator: String, cure: String },

    /// A quote that swallows the rest of the file.
    #[error("{file}, line {line}: a double quote is opened and never closed; close it, or remove it")]
    UnclosedQuote { file: String, line: u64 },

    /// One cell.
    #[error("{file}, {place}: column `{column}` {fault}", column = shown(column))]
    BadCell { file: String, place: Place, column: String, fault: CellFault },

    /// Rows without a value that are not to be left out.
    #[error(transparent)]
    Missing(MissingRows),

    /// Nothing is left without them.
    #[error(
        "{file}: every row misses a value ({left_out}); fill them in, leave out the column, or say which words mean that a \
         value is missing (--missing-labels)"
    )]
    AllMissing { file: String, left_out: LeftOut },

    /// No hierarchy is left without them.
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

/// All the rows that miss a value, in one line.
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
    pub place: Place,
    pub column: String,
    /// What is written there.
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

/// What a header looks like in which a column is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderHint {
    None,
    /// One name, with nothing in it that might separate.
    OneField,
    /// One name, with blanks in it.
    Blanks,
    /// One name, with one of these in it.
    Delimiter(char),
    /// Numbers, mostly.
    LooksLikeData,
    /// Not UTF-8; as Western European text it would be this.
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
    /// No group.
    EmptyGroup,
    /// Something else where a number must be.
    NotANumber { text: String, look: Look },
    /// A column of another type in a file that knows types.
    Type(String),
    /// NaN or an infinity.
    NotFinite(String),
    /// Beyond [`MAX_MAGNITUDE`].
    TooLarge(String),
    /// Some other encoding; as Western European text it would be this.
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
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => one_line(&text[..end]) + "...",
        None => one_line(text),
    }
}

fn fields(count: usize) -> String {
    counted(count, "field")
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
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
    match more {
        0 => names.join(", "),
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
