//! Reads one cell: a number, a word, a label, a missing value, or a fault.

use std::borrow::Cow;

use super::looks;
use super::reading::{Decimal, ReadOptions};
use super::wanted::WantedColumn;
use super::{CellFault, MAX_MAGNITUDE};

/// A cell that has a value: a number if it is wanted and there is one, and its text if that is wanted or is a word.
pub(super) struct CellValue<'t> {
    pub number: Option<f64>,
    pub text: Option<Cow<'t, str>>,
}

/// A reader of cells with the options of [`ReadOptions`].
pub(super) struct CellReader {
    decimal: Decimal,
    /// Whether words are values too, or numbers only.
    takes_words: bool,
    /// Words for a missing value, beside the empty cell.
    words: Vec<String>,
    /// The first bytes of `words`.
    begins: [bool; 256],
    /// The values of those `words` that are numbers.
    numbers: Vec<f64>,
}

impl CellReader {
    pub fn new(reading: &ReadOptions, takes_words: bool) -> CellReader {
        let words: Vec<String> = reading.missing_labels.iter().map(|word| word.trim().to_owned()).collect();
        let mut begins = [false; 256];
        for word in &words {
            begins[usize::from(*word.as_bytes().first().unwrap_or(&0))] = true;
        }
        let numbers = words.iter().filter_map(|word| parsed(word, reading.decimal)).collect();
        CellReader { decimal: reading.decimal, takes_words, words, begins, numbers }
    }

    /// What is wanted of a cell, or `None` if its value is missing. `is_known` says whether text is a word, and may say
    /// no.
    pub fn cell<'t>(
        &self,
        text: Cow<'t, [u8]>,
        wanted: &WantedColumn,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Option<CellValue<'t>>, CellFault> {
        if wanted.as_value
            && !wanted.as_label
            && let Some(number) = self.plain(&text)
        {
            return Ok(Some(CellValue { number: Some(number), text: None }));
        }
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(utf8(text)?),
            Cow::Owned(text) => Cow::Owned(utf8(&text)?.to_owned()),
        };
        if self.is_missing(&text) {
            return Ok(None);
        }
        // To find out that text is a word takes much longer than to find it among the words so far.
        if !wanted.as_value || is_known(&text) {
            return Ok(Some(CellValue { number: None, text: Some(text) }));
        }
        match self.number(text.as_bytes()) {
            Ok(None) => Ok(None),
            Ok(number) => Ok(Some(CellValue { number, text: Some(text) })),
            Err(CellFault::NotANumber { look, .. }) if self.takes_words && look.is_word() => {
                Ok(Some(CellValue { number: None, text: Some(text) }))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The number, or `None` if it is missing.
    pub fn number(&self, text: &[u8]) -> Result<Option<f64>, CellFault> {
        // Nearly all cells are plain numbers, which need no further checks.
        if let Some(value) = self.plain(text) {
            return Ok(Some(value));
        }
        let text = utf8(text)?;
        if self.is_missing(text) {
            return Ok(None);
        }
        match parsed(text, self.decimal) {
            Some(value) if !self.numbers.is_empty() && self.means_missing(value) => Ok(None),
            Some(value) if value.abs() <= MAX_MAGNITUDE => Ok(Some(value)),
            // `1e999` parses as infinity, but is not spelled like one.
            Some(_) if text.contains(|c: char| c.is_ascii_digit()) => Err(CellFault::TooLarge(text.into())),
            Some(_) => Err(CellFault::NotFinite(text.into())),
            None => Err(CellFault::NotANumber { text: text.into(), look: looks::of(text, self.decimal) }),
        }
    }

    /// The value of a cell that is a plain number, and does not mean a missing value.
    fn plain(&self, text: &[u8]) -> Option<f64> {
        let first = *text.first()?;
        let is_plain = first.is_ascii_digit() || (first == b'-' || first == b'.') && text.len() > 1;
        if !is_plain || self.decimal != Decimal::Point {
            return None;
        }
        let value: f64 = fast_float2::parse(text).ok()?;
        (value.abs() <= MAX_MAGNITUDE && !self.means_missing(value)).then_some(value)
    }

    /// Whether this number means a missing value; NaN does if it is one of the words.
    pub fn means_missing(&self, value: f64) -> bool {
        self.numbers.iter().any(|missing| *missing == value || missing.is_nan() && value.is_nan())
    }

    fn is_missing(&self, text: &str) -> bool {
        text.as_bytes()
            .first()
            .is_none_or(|byte| self.begins[usize::from(*byte)] && self.words.iter().any(|w| w == text))
    }

    /// Whether the cell is a word, such as the name of a category.
    pub fn is_word(&self, text: &[u8]) -> bool {
        matches!(self.number(text), Err(CellFault::NotANumber { look, .. }) if look.is_word())
    }
}

/// The text of a cell, without whitespace around it.
fn utf8(text: &[u8]) -> Result<&str, CellFault> {
    // Most cells have no such whitespace; whitespace beyond ASCII needs the full trim.
    let is_trimmed = [text.first(), text.last()].iter().all(|byte| byte.is_some_and(u8::is_ascii_graphic));
    match std::str::from_utf8(text) {
        Ok(text) if is_trimmed => Ok(text),
        Ok(text) => Ok(text.trim()),
        Err(_) => Err(CellFault::NotUtf8(encoding_rs::WINDOWS_1252.decode(text).0.trim().to_owned())),
    }
}

/// Parses a number with this decimal mark.
fn parsed(text: &str, decimal: Decimal) -> Option<f64> {
    match decimal {
        Decimal::Point => text.parse().ok(),
        Decimal::Comma if text.contains('.') => None,
        Decimal::Comma => {
            let mut point = [0; 40];
            let Some(point) = point.get_mut(..text.len()) else { return text.replace(',', ".").parse().ok() };
            point.copy_from_slice(text.as_bytes());
            for byte in point.iter_mut().filter(|byte| **byte == b',') {
                *byte = b'.';
            }
            std::str::from_utf8(point).ok()?.parse().ok()
        }
    }
}
