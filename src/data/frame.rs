//! Columns of a file by name: what a formula is made of.

use super::error::DataError;
use super::faults::{CellFault, CellPosition};
use super::labels::{LabelIndex, Labels};
use super::left_out::LeftOut;
use super::lines::RowLines;
use super::{checks, text};

/// Columns of a file, row by row in the order of the file, typed by what is in them.
///
/// Rows that miss a value of a column are left out. A column that was asked for as a value has numbers, or labels if
/// its cells are words; one that was asked for as a label has labels. All numbers are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub(super) source: String,
    /// All names in the header.
    pub(super) names: Vec<String>,
    pub(super) numbers: Vec<(String, Vec<f64>)>,
    pub(super) labels: Vec<(String, Labels)>,
    pub(super) n_rows: usize,
    /// The row of the file with which these rows begin: 0, but for a block of a file without lines.
    pub(super) first_row: usize,
    /// For each row that is left out, in order, the number of rows before it that are not.
    pub(super) kept_before: Vec<usize>,
    pub(super) left_out: LeftOut,
    pub(super) lines: RowLines,
    pub(super) assumed: Vec<String>,
}

impl Frame {
    /// Builds a frame from columns in memory; a name in both lists has both.
    ///
    /// # Errors
    ///
    /// If columns differ in length, a list has a name twice, a number is not finite or beyond
    /// [`MAX_MAGNITUDE`](super::MAX_MAGNITUDE), a label is empty, or there is no row.
    pub fn from_columns(
        source_name: &str,
        numbers: Vec<(&str, Vec<f64>)>,
        labels: Vec<(&str, Vec<&str>)>,
    ) -> Result<Frame, DataError> {
        let file = text::one_line(source_name);
        let numbers: Vec<_> = numbers.into_iter().map(|(name, values)| (name.trim(), values)).collect();
        let labels: Vec<_> = labels.into_iter().map(|(name, of)| (name.trim(), of)).collect();
        let lengths = numbers.iter().map(|(name, values)| (*name, values.len()));
        let lengths: Vec<(&str, usize)> = lengths.chain(labels.iter().map(|(name, of)| (*name, of.len()))).collect();
        let n_rows = lengths.first().map_or(0, |(_, length)| *length);
        if let Some(&(column, found)) = lengths.iter().find(|(_, length)| *length != n_rows) {
            return Err(DataError::UnequalColumns { file, column: column.into(), expected: n_rows, found });
        }
        let (of_numbers, of_labels) = lengths.split_at(numbers.len());
        for list in [of_numbers, of_labels] {
            let mut names = list.iter().map(|(name, _)| *name).enumerate();
            if let Some((_, name)) = names.find(|(i, name)| list[..*i].iter().any(|(before, _)| before == name)) {
                return Err(DataError::RepeatedColumn { file, line: 1, column: name.into(), times: 2 });
            }
        }
        if n_rows == 0 {
            return Err(DataError::HeaderOnly { file });
        }
        let mut names: Vec<String> = Vec::new();
        for (name, _) in &lengths {
            if !names.iter().any(|known| known == name) {
                names.push((*name).to_owned());
            }
        }
        for (column, values) in &numbers {
            checks::values(&file, column, values)?;
        }
        let labels = labels.into_iter().map(|(column, of)| Ok((column.to_owned(), labelled(&file, column, &of)?)));
        let labels = labels.collect::<Result<Vec<_>, DataError>>()?;
        Ok(Frame {
            source: file,
            names,
            numbers: numbers.into_iter().map(|(name, values)| (name.to_owned(), values)).collect(),
            labels,
            n_rows,
            first_row: 0,
            kept_before: Vec::new(),
            left_out: LeftOut::default(),
            lines: RowLines::default(),
            assumed: Vec::new(),
        })
    }

    /// The name of the data's source, as in error messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of all columns of the header, those that were not asked for too.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows, without those left out.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The numbers of a column that was asked for as a value; `None` if its cells are words.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        self.numbers.iter().find(|(column, _)| column == name.trim()).map(|(_, values)| &values[..])
    }

    /// The labels of a column that was asked for as a label, or whose cells are words.
    pub fn labels(&self, name: &str) -> Option<&Labels> {
        self.labels.iter().find(|(column, _)| column == name.trim()).map(|(_, labels)| labels)
    }

    /// The row of the file of row `row`, counted from 0, without the header and blank lines.
    pub fn row_of_file(&self, row: usize) -> usize {
        self.first_row + row + self.kept_before.partition_point(|kept| *kept <= row)
    }

    /// The place of row `row` in messages: its line in a file of text, else its row in the file.
    pub fn place(&self, row: usize) -> String {
        let row = self.row_of_file(row);
        self.lines.of(row).map_or(CellPosition::Row(row), CellPosition::Line).to_string()
    }

    /// The rows of the file that were left out, because they miss a value in a column that is used.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The assumptions made to read the file, each in a sentence; none for most files.
    pub fn assumed(&self) -> &[String] {
        &self.assumed
    }

    /// Takes out the numbers of a column that was read as numbers.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub(super) fn take_numbers(&mut self, name: &str) -> Vec<f64> {
        let column = self.numbers.iter_mut().find(|(column, _)| column == name);
        std::mem::take(&mut column.expect("the column was read as numbers").1)
    }

    /// Takes out the labels of a column that was read as labels.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub(super) fn take_labels(&mut self, name: &str) -> Labels {
        let column = self.labels.iter_mut().find(|(column, _)| column == name);
        std::mem::take(&mut column.expect("the column was read as labels").1)
    }

    /// The rows of the file of all rows, in order.
    pub(super) fn rows_of_file(&self) -> impl Iterator<Item = usize> {
        let mut skipped = 0;
        (0..self.n_rows).map(move |row| {
            skipped += self.kept_before[skipped..].iter().take_while(|kept| **kept <= row).count();
            row + skipped
        })
    }
}

/// Labels without whitespace around them, none of them empty.
fn labelled(file: &str, column: &str, of: &[&str]) -> Result<Labels, DataError> {
    let mut labels = LabelIndex::with_capacity(of.len());
    for (row, label) in of.iter().map(|label| label.trim()).enumerate() {
        if label.is_empty() {
            let (place, fault) = (CellPosition::Row(row), CellFault::EmptyGroup.into());
            return Err(DataError::BadCell { file: file.into(), place, column: column.into(), fault });
        }
        labels.push(label);
    }
    Ok(labels.into_labels())
}
