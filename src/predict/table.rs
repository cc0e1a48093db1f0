//! The table of predictions: the input's columns, and beside them what is answered for each row.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::PredictError;
use super::answers::{Answer, Answerer, RowAnswers};
use super::evaluate::Evaluator;
use super::grid::RowGrid;
use super::rows::{RowLevel, RowReader, Rows};
use crate::data::{DataError, FileBlock, RowRequest, stream};
use crate::summary::write_whole;

/// Significant digits of an answer, which has no more before its Monte Carlo error.
const DIGITS: i32 = 7;

/// Where rows come from.
#[derive(Debug)]
pub enum RowSource<'a> {
    /// A file.
    File(RowRequest<'a>),
    /// A grid.
    Grid(RowGrid),
}

/// How predictions are made and written.
#[derive(Debug)]
pub struct PredictionTable<'a> {
    /// What reads rows.
    pub reader: &'a RowReader<'a>,
    /// What evaluates the model.
    pub evaluator: &'a Evaluator<'a>,
    /// Probabilities of quantiles, in ascending order.
    pub quantiles: &'a [f64],
    /// The name of the table's file, in messages.
    pub file: &'a str,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrittenRows {
    /// Rows of the table.
    pub rows: usize,
    /// Those of them without an answer, because they miss a value.
    pub unanswered: usize,
    /// Rows of a level that the model's data do not have.
    pub new: usize,
    /// Rows whose level of some factor is not known.
    pub unknown: usize,
}

impl WrittenRows {
    fn add(&mut self, other: WrittenRows) {
        self.rows += other.rows;
        self.unanswered += other.unanswered;
        self.new += other.new;
        self.unknown += other.unknown;
    }
}

/// A block of the table.
struct WrittenBlock {
    text: Vec<u8>,
    written: WrittenRows,
    rows: Rows,
    numbers: Vec<u64>,
}

impl PredictionTable<'_> {
    /// The names of the columns of answers.
    pub fn names(&self) -> Vec<String> {
        let of = |what: &str| {
            let quantiles = self.quantiles.iter().map(move |p| format!("{what}_q{}", rounded(100.0 * p)));
            std::iter::once(format!("{what}_sd")).chain(quantiles).collect::<Vec<_>>()
        };
        std::iter::once("mean".to_string()).chain(of("expectation")).chain(of("outcome")).collect()
    }

    /// Writes the table of `source` into a file, of which nobody sees half; as [`write`](Self::write).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_file(
        &self,
        source: RowSource,
        path: &Path,
        keep: impl FnMut(&Rows, &[u64]) -> Result<(), PredictError> + Send,
    ) -> Result<WrittenRows, PredictError> {
        let mut written = WrittenRows::default();
        let done = write_whole(path, |file| {
            written = self.write(source, file, keep).map_err(io::Error::other)?;
            Ok(())
        });
        done.map_err(|error| match error.downcast::<PredictError>() {
            Ok(error) => error,
            Err(error) => self.unwritten(error),
        })?;
        Ok(written)
    }

    /// Writes the table of `source` as CSV, and gives the rows to `keep`, with a number for each, block by block.
    ///
    /// # Errors
    /// If a row cannot be read or predicted, or the table cannot be written.
    pub fn write(
        &self,
        source: RowSource,
        mut out: impl Write + Send,
        mut keep: impl FnMut(&Rows, &[u64]) -> Result<(), PredictError> + Send,
    ) -> Result<WrittenRows, PredictError> {
        let file = match &source {
            RowSource::File(request) => request.path.display().to_string(),
            RowSource::Grid(_) => "the grid".to_string(),
        };
        // Written together with the first rows, so that nothing is, if these cannot be read.
        let header = Mutex::new(Vec::new());
        let begin = |columns: &[String]| {
            let names = self.names();
            if let Some(column) = names.iter().find(|name| columns.contains(name)) {
                return Err(PredictError::Taken { file: file.clone(), column: column.clone() });
            }
            let mut line = csv::Writer::from_writer(Vec::new());
            line.write_record(columns.iter().chain(&names)).map_err(|error| self.unwritten(error.into()))?;
            let line = line.into_inner().map_err(|error| self.unwritten(error.into_error()))?;
            *header.lock().unwrap_or_else(PoisonError::into_inner) = line;
            Ok(())
        };
        let mut written = WrittenRows::default();
        let mut take = |block: WrittenBlock| {
            let header = std::mem::take(&mut *header.lock().unwrap_or_else(PoisonError::into_inner));
            out.write_all(&header).and_then(|()| out.write_all(&block.text)).map_err(|error| self.unwritten(error))?;
            written.add(block.written);
            keep(&block.rows, &block.numbers)
        };
        match source {
            RowSource::File(request) => stream(&request, begin, |block| self.block(block), take)?,
            RowSource::Grid(grid) => {
                begin(&grid.frame.columns().iter().map(ToString::to_string).collect::<Vec<String>>())?;
                take(self.block(&grid.frame.into_block())?)?;
            }
        }
        out.flush().map_err(|error| self.unwritten(error))?;
        if written.rows == 0 { Err(DataError::HeaderOnly { file }.into()) } else { Ok(written) }
    }

    fn unwritten(&self, reason: io::Error) -> PredictError {
        PredictError::Unwritten { file: self.file.to_string(), reason }
    }

    /// The lines of a block.
    fn block(&self, block: &FileBlock) -> Result<WrittenBlock, PredictError> {
        let rows = self.reader.rows(block)?;
        let (places, different) = different(&rows);
        let room = || Answerer::new(self.evaluator, self.quantiles);
        let answer = |answerer: &mut Answerer, row: &usize| values(&answerer.answer(&rows, *row));
        let answers: Vec<Vec<String>> = different.par_iter().map_init(room, answer).collect();
        let none = vec![String::new(); self.names().len()];
        let is = |row: usize, what: fn(&RowLevel) -> bool| rows.levels.iter().any(|levels| what(&levels[row]));
        let (mut table, mut written) = (csv::Writer::from_writer(Vec::new()), WrittenRows::default());
        let failed = |error: csv::Error| self.unwritten(error.into());
        block.each_row(|place, cells| {
            cells.iter().try_for_each(|cell| table.write_field(cell)).map_err(failed)?;
            written.rows += 1;
            let answers = match place {
                Some(row) => {
                    written.new += usize::from(is(row, |level| matches!(level, RowLevel::New(_) | RowLevel::Average)));
                    written.unknown += usize::from(is(row, |level| *level == RowLevel::Missing));
                    &answers[places[row]]
                }
                None => {
                    written.unanswered += 1;
                    &none
                }
            };
            table.write_record(answers).map_err(failed)
        })?;
        let text = table.into_inner().map_err(|error| self.unwritten(error.into_error()))?;
        let numbers = (0..rows.count).map(|row| block.number(row)).collect();
        Ok(WrittenBlock { text, written, rows, numbers })
    }
}

/// For each row the place among the different rows of one that is equal, and the different rows.
fn different(rows: &Rows) -> (Vec<usize>, Vec<usize>) {
    let mut known: HashMap<Vec<u64>, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut different = Vec::new();
    let level = |level: &RowLevel| match level {
        RowLevel::Known(level) => u64::from(*level),
        RowLevel::New(label) => 1 << 32 | u64::from(*label),
        RowLevel::Missing => 2 << 32,
        RowLevel::Average => 3 << 32,
    };
    let place = |row: usize| {
        let beside = [&rows.offset, &rows.weights, &rows.errors].into_iter().flatten();
        let numbers = rows.predictors.iter().chain(beside).map(|column| column[row].to_bits());
        let key = numbers.chain(rows.levels.iter().map(|levels| level(&levels[row]))).collect();
        *known.entry(key).or_insert_with(|| {
            different.push(row);
            different.len() - 1
        })
    };
    ((0..rows.count).map(place).collect(), different)
}

/// The answers of a row, as they stand in the table.
fn values(answers: &RowAnswers) -> Vec<String> {
    let of = |Answer { sd, quantiles, .. }: &Answer| [&[*sd], &quantiles[..]].concat();
    let numbers = [vec![answers.expectation.mean], of(&answers.expectation), of(&answers.outcome)].concat();
    numbers.into_iter().map(number_text).collect()
}

/// A number to [`DIGITS`] digits.
fn number_text(number: f64) -> String {
    match number.abs() {
        size if size != 0.0 && !(1e-5..1e15).contains(&size) => format!("{:e}", rounded(number)),
        _ => rounded(number).to_string(),
    }
}

/// A number rounded to [`DIGITS`] digits.
fn rounded(number: f64) -> f64 {
    if number == 0.0 {
        return number;
    }
    let scale = 10_f64.powi(DIGITS - 1 - number.abs().log10().floor() as i32);
    let rounded = (number * scale).round() / scale;
    if rounded.is_finite() { rounded } else { number }
}
