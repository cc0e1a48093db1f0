//! Arguments that say how a data file is written, and what happens to rows with missing values.

use clap::Args;
use warpnuts::data::{Decimal, Delimiter, Encoding, Missing, ReadOptions};

use super::words::{MISSING, one_of};

/// How to read a file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Data")]
pub struct ReadingArguments {
    /// What separates fields: a character, `tab`, or `space` for blanks and tabs [default: a comma, a semicolon or a
    /// tab]
    #[arg(long, value_name = "CHAR", requires = "data")]
    pub delimiter: Option<Delimiter>,

    /// Decimal mark of numbers, `.` or `,` [default: a point]
    #[arg(long, value_name = "CHAR", requires = "data")]
    pub decimal: Option<Decimal>,

    /// Encoding of text: utf-8, latin1, windows-1252, utf-16, or another [default: utf-8, or what a byte order mark
    /// says]
    #[arg(long, value_name = "NAME", requires = "data")]
    pub encoding: Option<Encoding>,

    /// What becomes of rows that miss a value in a column that is used [default: drop]
    #[arg(long, value_parser = one_of(&MISSING), requires = "data")]
    pub missing: Option<Missing>,

    /// Words that mean that a value is missing, in place of NA,NaN,N/A,n/a,#N/A,null,NULL,.,?,-; an empty cell always
    /// does
    #[arg(long, value_name = "LIST", requires = "data", allow_hyphen_values = true)]
    pub missing_labels: Option<String>,
}

impl ReadingArguments {
    /// The typed options, and the defaults for the rest.
    pub fn meaning(&self) -> ReadOptions {
        let default = ReadOptions::default();
        let labels = |list: &String| list.split(',').map(|word| word.trim().to_string()).collect();
        ReadOptions {
            delimiter: self.delimiter.unwrap_or(default.delimiter),
            decimal: self.decimal.unwrap_or(default.decimal),
            encoding: self.encoding.unwrap_or(default.encoding),
            missing: self.missing.unwrap_or(Missing::Drop),
            missing_labels: self.missing_labels.as_ref().map_or(default.missing_labels, labels),
        }
    }
}
