//! Options for reading a file: the separator of fields, the decimal mark, the encoding, words for a missing value, and
//! the treatment of rows that miss a value.

use std::str::FromStr;

/// Words for a missing value, beside an empty cell.
pub const MISSING_LABELS: [&str; 10] = ["NA", "NaN", "N/A", "n/a", "#N/A", "null", "NULL", ".", "?", "-"];

/// How to read a file. By default the separator is guessed, and rows that miss a value are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The separator of fields.
    pub delimiter: Delimiter,
    /// The decimal mark.
    pub decimal: Decimal,
    /// The encoding of the bytes. A byte order mark overrides it.
    pub encoding: Encoding,
    /// The treatment of rows that miss a value in a column that is used.
    pub missing: Missing,
    /// Words for a missing value, as written; an empty cell is always missing. A word that is a number means that
    /// number in any notation.
    pub missing_labels: Vec<String>,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            delimiter: Delimiter::Guessed,
            decimal: Decimal::Point,
            encoding: Encoding::default(),
            missing: Missing::Drop,
            missing_labels: MISSING_LABELS.map(String::from).into(),
        }
    }
}

/// The separator of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// A comma, a semicolon or a tab, the most frequent in the header; rather not a comma if commas are decimal.
    Guessed,
    /// This character.
    Byte(u8),
    /// Any number of spaces and tabs.
    Blanks,
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Delimiter, String> {
        match (text, text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Delimiter::Byte(b'\t')),
            ("space" | " ", _) => Ok(Delimiter::Blanks),
            (_, &[byte]) if byte == b'\t' || byte.is_ascii_punctuation() && !b"\".+-_".contains(&byte) => {
                Ok(Delimiter::Byte(byte))
            }
            _ => Err("write `tab`, `space`, or one character that is in no number, such as `;` or `|`".to_string()),
        }
    }
}

/// The decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    Point,
    Comma,
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Decimal, String> {
        match text {
            "." => Ok(Decimal::Point),
            "," => Ok(Decimal::Comma),
            _ => Err("write a comma or a point".to_string()),
        }
    }
}

/// An encoding of the WHATWG's standard, by any of its names there; UTF-8 by default.
///
/// `latin1` is a name of windows-1252, which has all its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoding(pub(super) Option<&'static encoding_rs::Encoding>);

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Encoding, String> {
        let found = encoding_rs::Encoding::for_label_no_replacement(text.as_bytes());
        let found = found.ok_or("write utf-8, latin1, windows-1252, utf-16, or another name that browsers know")?;
        // An explicit UTF-8 is checked like the default, not repaired.
        Ok(Encoding(Some(found).filter(|encoding| *encoding != encoding_rs::UTF_8)))
    }
}

/// The treatment of rows that miss a value in a column that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Rows are left out, and counted.
    Drop,
    /// Rows are listed, and nothing is read.
    Refuse,
}
