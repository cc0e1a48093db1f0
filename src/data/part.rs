//! The checked rows of a block or a batch; and how the parts of a file are joined to one [`Frame`], in order.

use std::borrow::Cow;

use super::DataError;
use super::cells::CellValue;
use super::column::ColumnPart;
use super::faults::{CellPosition, Gap, MissingRows};
use super::frame::Frame;
use super::left_out::{LeftOut, MissingValues};
use super::lines::RowLines;
use super::reading::{Missing, ReadOptions};
use super::wanted::{Request, WantedColumn};

/// The largest number of cells without a value that are listed.
const LISTED: usize = 10;

/// Stands for a label that is missing.
const NO_LABEL: CellValue = CellValue { number: None, text: Some(Cow::Borrowed("")) };

/// The rows of a part of a file.
pub(super) struct FilePart<'a> {
    request: &'a Request,
    columns: Vec<ColumnPart>,
    /// The number of rows, including those left out.
    rows: usize,
    /// For each row that is left out, the number of rows before it that are not.
    kept_before: Vec<usize>,
    /// The number of rows that miss a value of each column.
    missing: Vec<usize>,
    /// The first cells without a value.
    gaps: Vec<Gap>,
    /// The lines of the rows, if they have lines.
    lines: RowLines,
}

impl<'a> FilePart<'a> {
    /// An empty part, with capacity for `rows` rows.
    pub fn new(request: &'a Request, rows: usize) -> FilePart<'a> {
        FilePart {
            request,
            columns: request.columns.iter().map(|wanted| ColumnPart::new(wanted, rows)).collect(),
            rows: 0,
            kept_before: Vec::new(),
            missing: vec![0; request.columns.len()],
            gaps: Vec::new(),
            lines: RowLines::default(),
        }
    }

    /// Adds a row of cells, one for each column, or leaves it out if it misses a value.
    ///
    /// `found` says where the cell of a column is, and what its text is.
    pub fn push(&mut self, cells: &[Option<CellValue>], found: impl Fn(usize) -> (CellPosition, String)) {
        self.rows += 1;
        if cells.iter().enumerate().all(|(i, cell)| cell.is_some() || self.request.may_miss(i)) {
            let columns = self.columns.iter_mut().zip(cells).enumerate();
            columns.for_each(|(i, (column, cell))| column.push(cell.as_ref().unwrap_or(&NO_LABEL), || found(i)));
            return;
        }
        self.kept_before.push(self.rows - 1 - self.kept_before.len());
        for (i, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_none()) {
            self.missing[i] += 1;
            if self.gaps.len() < LISTED {
                let (place, text) = found(i);
                self.gaps.push(Gap { place, column: self.request.columns[i].name.clone(), text });
            }
        }
    }

    /// The number of rows so far, including those left out.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether a cell of column `i` is this word.
    pub fn has_word(&self, i: usize, word: &str) -> bool {
        self.columns[i].has_word(word)
    }

    /// The same part, with the lines of its rows.
    pub fn with_lines(self, lines: RowLines) -> FilePart<'a> {
        FilePart { lines, ..self }
    }

    /// Adds the next part, which begins after `lines` lines.
    pub fn append(&mut self, next: FilePart, lines: u64) {
        let kept = self.kept();
        self.columns.iter_mut().zip(next.columns).for_each(|(column, next)| column.append(next, lines));
        self.lines.append(&next.lines, self.rows, lines);
        self.kept_before.extend(next.kept_before.iter().map(|before| kept + before));
        self.rows += next.rows;
        self.missing.iter_mut().zip(&next.missing).for_each(|(missing, next)| *missing += next);
        let room = LISTED - self.gaps.len();
        let next = next.gaps.into_iter().take(room);
        self.gaps.extend(next.map(|gap| Gap { place: gap.place.after(lines), ..gap }));
    }

    fn kept(&self) -> usize {
        self.rows - self.kept_before.len()
    }

    /// The rows that were left out.
    fn left_out(&self) -> LeftOut {
        let of_column = self.request.columns.iter().zip(&self.missing).filter(|(_, rows)| **rows > 0);
        let missing =
            |(wanted, rows): (&WantedColumn, &usize)| MissingValues { column: wanted.name.clone(), rows: *rows };
        LeftOut { rows: self.kept_before.len(), missing: of_column.map(missing).collect() }
    }

    /// The whole file, whose header has these names.
    ///
    /// # Errors
    ///
    /// If there is no row, if rows with missing values are to be refused, or if a column has numbers and words.
    pub fn into_frame(self, file: &str, names: Vec<String>, reading: &ReadOptions) -> Result<Frame, DataError> {
        self.check_missing(file, reading)?;
        let (n_rows, left_out, source) = (self.kept(), self.left_out(), file.to_owned());
        match (n_rows, left_out.is_empty()) {
            (0, true) => Err(DataError::HeaderOnly { file: source }),
            (0, false) => Err(DataError::AllMissing { file: source, left_out }),
            _ => self.into_rows(file, names, reading),
        }
    }

    /// Checks that no row is left out if such rows are to be refused.
    ///
    /// # Errors
    ///
    /// A list of the first cells without a value.
    pub fn check_missing(&self, file: &str, reading: &ReadOptions) -> Result<(), DataError> {
        let left_out = self.left_out();
        if left_out.is_empty() || reading.missing != Missing::Refuse {
            return Ok(());
        }
        Err(DataError::Missing(MissingRows { file: file.to_owned(), left_out, gaps: self.gaps.clone() }))
    }

    /// These rows, of which there may be none; the rows left out are those without a value.
    ///
    /// # Errors
    ///
    /// If a column has numbers and words.
    pub fn into_rows(self, file: &str, names: Vec<String>, reading: &ReadOptions) -> Result<Frame, DataError> {
        let (n_rows, left_out, source) = (self.kept(), self.left_out(), file.to_owned());
        let (mut numbers, mut labels) = (Vec::new(), Vec::new());
        for (wanted, column) in self.request.columns.iter().zip(self.columns) {
            let typed = column.typed(reading.decimal).map_err(|(place, fault)| DataError::BadCell {
                file: file.into(),
                place,
                column: wanted.name.clone(),
                fault: fault.into(),
            })?;
            numbers.extend(typed.numbers.map(|values| (wanted.name.clone(), values)));
            labels.extend(typed.labels.map(|of| (wanted.name.clone(), of)));
        }
        let (kept_before, lines, assumed) = (self.kept_before, self.lines, Vec::new());
        Ok(Frame { source, names, numbers, labels, n_rows, first_row: 0, kept_before, left_out, lines, assumed })
    }
}
