//! How a file is to be read: what separates fields, what stands for the decimal point, which words mean that a value is
//! missing; and what becomes of rows that miss one.

use std::str::FromStr;

/// Words that stand for a missing value, beside an empty cell.
pub const MISSING_LABELS: [&str; 10] = ["NA", "NaN", "N/A", "n/a", "#N/A", "null", "NULL", ".", "?", "-"];

/// How to read a file. The default suits most: what can be guessed is, and rows that miss a value are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// What stands between fields.
    pub delimiter: Delimiter,
    /// What stands between a number's whole part and its fraction.
    pub decimal: Decimal,
    /// How bytes are to become text. A byte order mark says so itself.
    pub encoding: Encoding,
    /// What becomes of rows that miss a value in a column that is used.
    pub missing: Missing,
    /// Words that stand for a missing value, as they are written; an empty cell always does. One that is a number stands for
    /// that number however it is written.
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

/// What stands between fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// A comma, a semicolon or a tab, whichever the header has most of; with a decimal comma rather a semicolon or a tab.
    Guessed,
    /// This character.
    Byte(u8),
    /// Any number of blanks and tabs.
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

/// What stands between a number's whole part and its fraction.
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

/// How bytes become text: an encoding of the WHATWG's standard, by any of its names there; UTF-8 where none is given.
///
/// `latin1` is one of the names of windows-1252, which has all its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoding(pub(super) Option<&'static encoding_rs::Encoding>);

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Encoding, String> {
        let found = encoding_rs::Encoding::for_label_no_replacement(text.as_bytes());
        let found = found.ok_or("write utf-8, latin1, windows-1252, utf-16, or another name that browsers know")?;
        // What is said to be UTF-8 is checked like what is not said to be anything, instead of repaired.
        Ok(Encoding(Some(found).filter(|encoding| *encoding != encoding_rs::UTF_8)))
    }
}

/// What becomes of rows that miss a value in a column that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They are left out, and counted.
    Drop,
    /// They are listed, and nothing is read.
    Refuse,
}
