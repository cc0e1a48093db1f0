//! Decides whether a column has numbers or categories.
//!
//! A column that is wanted as a value is one of numbers if all its cells are numbers, and one of categories if all are
//! words: truth values, bounds such as `<30`, and numbers with different units, such as `2seater` and `3rd`, are words
//! too. It is refused if
//!
//! - it has numbers and words: a few words among numbers are seldom categories, and the few are named;
//! - all words are numbers with the same unit, such as `12 kg`.
//!
//! What stands for a number or a date in another notation is refused where it is read. Rows that are left out do not
//! count.

use super::cells::CellValue;
use super::faults::{CellFault, CellPosition};
use super::labels::{LabelIndex, Labels};
use super::looks::{self, Look};
use super::reading::Decimal;
use super::wanted::WantedColumn;

/// A column of a part of a file, without the rows that are left out.
pub(super) struct ColumnPart {
    as_value: bool,
    as_label: bool,
    numbers: Vec<f64>,
    /// Cells of a value that are words.
    words: LabelIndex,
    /// All cells of a label.
    labels: LabelIndex,
    first_number: Option<(CellPosition, String)>,
    first_word: Option<(CellPosition, String)>,
}

/// A whole column.
pub(super) struct TypedColumn {
    pub numbers: Option<Vec<f64>>,
    pub labels: Option<Labels>,
}

impl ColumnPart {
    /// An empty column, with capacity for `rows` rows.
    pub fn new(wanted: &WantedColumn, rows: usize) -> ColumnPart {
        let WantedColumn { as_value, as_label, .. } = *wanted;
        ColumnPart {
            as_value,
            as_label,
            numbers: Vec::with_capacity(if as_value { rows } else { 0 }),
            words: LabelIndex::default(),
            labels: LabelIndex::with_capacity(if as_label { rows } else { 0 }),
            first_number: None,
            first_word: None,
        }
    }

    /// Adds a cell; `found` says where it is, and what its text is.
    pub fn push(&mut self, cell: &CellValue, found: impl Fn() -> (CellPosition, String)) {
        match cell {
            CellValue { number: Some(number), .. } => {
                self.first_number.get_or_insert_with(found);
                self.numbers.push(*number);
            }
            CellValue { text: Some(word), .. } if self.as_value => {
                self.first_word.get_or_insert_with(found);
                self.words.push(word);
            }
            _ => {}
        }
        if let Some(label) = cell.text.as_deref().filter(|_| self.as_label) {
            self.labels.push(label);
        }
    }

    /// Whether a cell is this word.
    pub fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Adds the same column of the next part, which begins after `lines` lines.
    pub fn append(&mut self, next: ColumnPart, lines: u64) {
        let after = |(place, text): (CellPosition, String)| (place.after(lines), text);
        self.numbers.extend(&next.numbers);
        self.words.append(next.words.into_labels());
        self.labels.append(next.labels.into_labels());
        self.first_number = self.first_number.take().or_else(|| next.first_number.map(after));
        self.first_word = self.first_word.take().or_else(|| next.first_word.map(after));
    }

    /// The whole column, by the rules above, or the place of a fault.
    pub fn typed(mut self, decimal: Decimal) -> Result<TypedColumn, (CellPosition, CellFault)> {
        let words = self.words.into_labels();
        let (n_numbers, n_words) = (self.numbers.len(), words.of.len());
        match (self.first_number, self.first_word) {
            (Some((place, text)), Some(_)) if n_numbers < n_words => {
                return Err((place, CellFault::NumberAmongWords { text, words: n_words, values: n_numbers + n_words }));
            }
            (Some(_), Some((place, text))) => {
                return Err((
                    place,
                    match looks::of(&text, decimal) {
                        Look::Text => {
                            CellFault::WordAmongNumbers { text, numbers: n_numbers, values: n_numbers + n_words }
                        }
                        look => CellFault::NotANumber { text, look },
                    },
                ));
            }
            (None, Some((place, text))) if have_one_unit(&words.levels) => {
                let look = looks::of(&text, decimal);
                return Err((place, CellFault::NotANumber { text, look }));
            }
            _ => {}
        }
        self.numbers.shrink_to_fit();
        let labels = if self.as_label { Some(self.labels.into_labels()) } else { None };
        Ok(TypedColumn {
            numbers: Some(self.numbers).filter(|_| n_numbers > 0),
            labels: labels.or_else(|| Some(words).filter(|_| n_words > 0)),
        })
    }
}

/// Whether all words are numbers with the same unit.
fn have_one_unit(words: &[String]) -> bool {
    let mut units = words.iter().map(|word| looks::unit(word));
    match units.next() {
        Some(Some(unit)) => units.all(|other| other == Some(unit)),
        _ => false,
    }
}
