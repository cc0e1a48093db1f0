//! Reads one cell: a number, a group's label, a missing value, or a fault.

use super::looks::{self, Look};
use super::reading::{Decimal, ReadOptions};
use super::{CellFault, MAX_MAGNITUDE};

/// A reader of cells with the options of [`ReadOptions`].
pub(super) struct CellReader {
    decimal: Decimal,
    /// Words for a missing value, beside the empty cell.
    words: Vec<String>,
    /// The first bytes of `words`.
    begins: [bool; 256],
    /// The values of those `words` that are numbers.
    numbers: Vec<f64>,
}

impl CellReader {
    pub fn new(reading: &ReadOptions) -> CellReader {
        let words: Vec<String> = reading.missing_labels.iter().map(|word| word.trim().to_owned()).collect();
        let mut begins = [false; 256];
        for word in &words {
            begins[usize::from(*word.as_bytes().first().unwrap_or(&0))] = true;
        }
        let numbers = words.iter().filter_map(|word| parsed(word, reading.decimal)).collect();
        CellReader { decimal: reading.decimal, words, begins, numbers }
    }

    /// The group's label, or `None` if it is missing.
    pub fn label<'t>(&self, text: &'t [u8]) -> Result<Option<&'t str>, CellFault> {
        let text = utf8(text)?;
        Ok(Some(text).filter(|text| !self.is_missing(text)))
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
        matches!(self.number(text), Err(CellFault::NotANumber { look: Look::Text | Look::Truth, .. }))
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
