//! Reads frames from typed files: Parquet, and Arrow's record batches in a file (Feather) or a stream.
//!
//! Labels may be of any type that converts to text, including dictionaries; numbers are integers, floats, decimals, or
//! text that parses as a number; words are text or truth values. A null is a missing value.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::cells::{CellReader, CellValue};
use super::claims;
use super::contained::contained;
use super::error::HeaderHint;
use super::faults::{CellFault, CellPosition};
use super::frame::Frame;
use super::header::missing_column;
use super::looks::Look;
use super::open::{FileFormat, unreadable};
use super::part::FilePart;
use super::reading::ReadOptions;
use super::wanted::{Request, WantedColumn};
use super::{DataError, MAX_MAGNITUDE};

/// Reads the requested columns. The whole file is in memory meanwhile, because its directory is at its end.
pub(super) fn frame(
    file: &str,
    format: FileFormat,
    input: impl Read,
    request: &Request,
    reading: &ReadOptions,
) -> Result<Frame, DataError> {
    let broken = &broken(file, format);
    let source = BatchReader { file, request, cells: CellReader::new(reading, request.takes_words), broken };
    let bytes = whole(file, format, input, broken)?;
    let all = || {
        let (names, batches) = source.batches(format, bytes, true)?;
        Ok::<_, DataError>((names, source.read(batches)?))
    };
    let (names, all) = contained(all).map_err(broken)??;
    all.into_frame(file, names, reading)
}

/// Some consecutive rows of a file.
pub(super) struct BatchRows<'a> {
    /// The requested columns.
    pub part: FilePart<'a>,
    /// The row of the file with which they begin, counted from 0.
    pub first: usize,
    /// All columns as text, `[column][row]`; without a value, nothing.
    pub cells: Vec<StringArray>,
}

/// Gives the names of all columns of a file to `begin`, and then its rows to `take`, some at a time, with all their
/// cells. The file as it is packed is in memory meanwhile.
pub(super) fn each_batch<E: From<DataError>>(
    file: &str,
    format: FileFormat,
    input: impl Read,
    request: &Request,
    reading: &ReadOptions,
    begin: impl FnOnce(&[String]) -> Result<(), E>,
    mut take: impl FnMut(BatchRows) -> Result<(), E>,
) -> Result<(), E> {
    let broken = &broken(file, format);
    let source = BatchReader { file, request, cells: CellReader::new(reading, request.takes_words), broken };
    let bytes = whole(file, format, input, broken)?;
    let (names, mut batches) = contained(|| source.batches(format, bytes, false)).map_err(broken)??;
    begin(&names)?;
    let mut first = 0;
    while let Some(batch) = contained(|| batches.next()).map_err(broken)? {
        let batch = batch.map_err(|error| broken(error.to_string()))?;
        for start in (0..batch.num_rows()).step_by(ROWS) {
            let some = batch.slice(start, ROWS.min(batch.num_rows() - start));
            let rows = || {
                let cells = some.columns().iter().map(as_text).collect::<Result<_, ArrowError>>();
                let cells = cells.map_err(|error| broken(error.to_string()))?;
                Ok::<_, DataError>(BatchRows { part: source.part(&some, first)?, first, cells })
            };
            take(contained(rows).map_err(broken)??)?;
            first += some.num_rows();
        }
    }
    Ok(())
}

/// The bytes of a file, none of which claims more than there is.
fn whole(
    file: &str,
    format: FileFormat,
    mut input: impl Read,
    broken: &dyn Fn(String) -> DataError,
) -> Result<Bytes, DataError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|reason| unreadable(file, None, reason))?;
    claims::check(&bytes, format).map_err(broken)?;
    Ok(bytes.into())
}

/// Says why a file cannot be read.
fn broken(file: &str, format: FileFormat) -> impl Fn(String) -> DataError {
    let called = if format == FileFormat::Parquet { "Parquet" } else { "Arrow" };
    move |reason| DataError::Columnar { file: file.into(), format: called, reason: super::text::one_line(&reason) }
}

/// The values of a column as text; nothing for a value that is missing.
fn as_text(values: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(values, &options)?;
    let cell = |row: usize| values.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose();
    (0..values.len()).map(cell).collect()
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().trim().to_owned()).collect()
}

/// Rows, some at a time.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Rows that are read at once.
const ROWS: usize = 16_384;

/// Reads the requested columns from record batches.
struct BatchReader<'a> {
    file: &'a str,
    request: &'a Request,
    cells: CellReader,
    broken: &'a dyn Fn(String) -> DataError,
}

/// A column in a batch.
enum BatchColumn {
    /// Text, to be read as in a CSV file.
    Text(ArrayRef),
    /// Floats, and the labels if they are wanted.
    Numbers(ArrayRef, Option<ArrayRef>),
}

impl<'a> BatchReader<'a> {
    /// The names of all columns of a file, and its rows, with the requested columns or with all.
    fn batches(
        &self,
        format: FileFormat,
        bytes: Bytes,
        requested_only: bool,
    ) -> Result<(Vec<String>, Batches), DataError> {
        let broken = |error: ArrowError| (self.broken)(error.to_string());
        Ok(match format {
            FileFormat::Parquet => {
                let broken = |error: ParquetError| (self.broken)(error.to_string());
                let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(broken)?.with_batch_size(ROWS);
                let names = names(builder.schema());
                let requested = ProjectionMask::roots(builder.parquet_schema(), self.fields(&names)?);
                let mask = if requested_only { requested } else { ProjectionMask::all() };
                (names, Box::new(builder.with_projection(mask).build().map_err(broken)?))
            }
            FileFormat::Arrow => {
                let all = FileReader::try_new(Cursor::new(bytes.clone()), None).map_err(broken)?;
                let names = names(&all.schema());
                let requested = Some(self.fields(&names)?).filter(|_| requested_only);
                (names, Box::new(FileReader::try_new(Cursor::new(bytes), requested).map_err(broken)?))
            }
            _ => {
                let batches = StreamReader::try_new(Cursor::new(bytes), None).map_err(broken)?;
                let names = names(&batches.schema());
                self.fields(&names)?;
                (names, Box::new(batches))
            }
        })
    }

    /// The indices of the requested columns in the file.
    fn fields(&self, names: &[String]) -> Result<Vec<usize>, DataError> {
        let field = |wanted: &WantedColumn| {
            let name = &wanted.name;
            let mut found = (0..names.len()).filter(|&field| names[field] == *name);
            match (found.next(), found.count()) {
                (Some(field), 0) => Ok(field),
                (Some(_), more) => Err(DataError::RepeatedColumn {
                    file: self.file.into(),
                    line: 1,
                    column: name.clone(),
                    times: more + 1,
                }),
                (None, _) => Err(missing_column(self.file, name, names, HeaderHint::None)),
            }
        };
        self.request.columns.iter().map(field).collect()
    }

    fn read(&self, batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Result<FilePart<'a>, DataError> {
        let mut all = FilePart::new(self.request, 0);
        for batch in batches {
            let batch = batch.map_err(|error| (self.broken)(error.to_string()))?;
            let part = self.part(&batch, all.rows())?;
            all.append(part, 0);
        }
        Ok(all)
    }

    /// The rows of a batch, the first of which is row `first` of the file.
    fn part(&self, batch: &RecordBatch, first: usize) -> Result<FilePart<'a>, DataError> {
        let wrong = |row: usize, name: &str, fault: CellFault| DataError::BadCell {
            file: self.file.into(),
            place: CellPosition::Row(first + row),
            column: name.into(),
            fault: fault.into(),
        };
        let column = |wanted: &WantedColumn| {
            let name = &wanted.name;
            let schema = batch.schema();
            let place = schema.fields().iter().position(|field| field.name().trim() == name);
            let place = place.ok_or_else(|| (self.broken)(format!("a batch has no column `{name}`")))?;
            let values = batch.column(place);
            let first = (0..values.len()).find(|row| values.is_valid(*row)).unwrap_or(0);
            self.column(values, wanted).map_err(|fault| wrong(first, name, fault))
        };
        let columns = self.request.columns.iter().map(column).collect::<Result<Vec<BatchColumn>, DataError>>()?;
        let mut part = FilePart::new(self.request, batch.num_rows());
        let mut cells = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            cells.clear();
            for (i, (wanted, column)) in self.request.columns.iter().zip(&columns).enumerate() {
                let cell = self.cell(column, row, wanted, |text| part.has_word(i, text));
                cells.push(cell.map_err(|fault| wrong(row, &wanted.name, fault))?);
            }
            part.push(&cells, |i| (CellPosition::Row(first + row), columns[i].text(row)));
        }
        Ok(part)
    }

    /// A column, or why it cannot be converted to what is wanted.
    fn column(&self, values: &ArrayRef, wanted: &WantedColumn) -> Result<BatchColumn, CellFault> {
        let to = |kind: DataType| cast(values, &kind).map_err(|_| CellFault::Type(values.data_type().to_string()));
        let of_values = match values.data_type() {
            DataType::Dictionary(_, of) => of,
            other => other,
        };
        if !wanted.as_value {
            return to(DataType::Utf8).map(BatchColumn::Text);
        }
        let looks = |look: Look| {
            let text = to(DataType::Utf8)?;
            let text = text.as_string::<i32>().iter().flatten().next().unwrap_or_default().to_owned();
            Err(CellFault::NotANumber { text, look })
        };
        match of_values {
            DataType::Boolean if self.request.takes_words => to(DataType::Utf8).map(BatchColumn::Text),
            DataType::Boolean => looks(Look::Truth),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => looks(Look::Date),
            DataType::Time32(_) | DataType::Time64(_) => looks(Look::Time),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => to(DataType::Utf8).map(BatchColumn::Text),
            of if of.is_numeric() || *of == DataType::Null => {
                let labels = wanted.as_label.then(|| to(DataType::Utf8)).transpose()?;
                Ok(BatchColumn::Numbers(to(DataType::Float64)?, labels))
            }
            of => Err(CellFault::Type(of.to_string())),
        }
    }

    /// What is wanted of a cell, or `None` if it is missing.
    fn cell<'t>(
        &self,
        column: &'t BatchColumn,
        row: usize,
        wanted: &WantedColumn,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Option<CellValue<'t>>, CellFault> {
        match column {
            BatchColumn::Text(values) if values.is_null(row) => Ok(None),
            BatchColumn::Numbers(values, _) if values.is_null(row) => Ok(None),
            BatchColumn::Text(values) => {
                let text = values.as_string::<i32>().value(row).as_bytes();
                self.cells.cell(Cow::Borrowed(text), wanted, is_known)
            }
            BatchColumn::Numbers(values, labels) => match values.as_primitive::<Float64Type>().value(row) {
                // Words for a missing value are compared as numbers here, `NaN` included.
                value if self.cells.means_missing(value) => Ok(None),
                value if !value.is_finite() => Err(CellFault::NotFinite(value.to_string())),
                value if value.abs() > MAX_MAGNITUDE => Err(CellFault::TooLarge(format!("{value:e}"))),
                value => {
                    let text = labels.as_ref().map(|labels| Cow::Borrowed(labels.as_string::<i32>().value(row)));
                    Ok(Some(CellValue { number: Some(value), text }))
                }
            },
        }
    }
}

impl BatchColumn {
    /// The text of a cell; nothing for a number.
    fn text(&self, row: usize) -> String {
        match self {
            BatchColumn::Text(values) if values.is_valid(row) => values.as_string::<i32>().value(row).trim().to_owned(),
            _ => String::new(),
        }
    }
}
