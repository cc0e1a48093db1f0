//! Reads frames from typed files: Parquet, and Arrow's record batches in a file (Feather) or a stream.
//!
//! Labels may be of any type that converts to text, including dictionaries; numbers are integers, floats, decimals, or
//! text that parses as a number; words are text or truth values. A null is a missing value.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

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
    mut input: impl Read,
    request: &Request,
    reading: &ReadOptions,
) -> Result<Frame, DataError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|reason| unreadable(file, None, reason))?;
    let called = if format == FileFormat::Parquet { "Parquet" } else { "Arrow" };
    let broken = |reason: String| {
        let reason = super::text::one_line(&reason);
        DataError::Columnar { file: file.into(), format: called, reason }
    };
    claims::check(&bytes, format).map_err(broken)?;
    let source = BatchReader { file, request, cells: CellReader::new(reading, request.takes_words), broken: &broken };
    let (names, all) = contained(|| decoded(&source, format, bytes)).map_err(broken)??;
    all.into_frame(file, names, reading)
}

/// The names of all columns of a file, and the requested columns.
fn decoded<'a>(
    source: &BatchReader<'a>,
    format: FileFormat,
    bytes: Vec<u8>,
) -> Result<(Vec<String>, FilePart<'a>), DataError> {
    let broken = source.broken;
    Ok(match format {
        FileFormat::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
            let builder = builder.map_err(|error| broken(error.to_string()))?;
            let names = names(builder.schema());
            let wanted = ProjectionMask::roots(builder.parquet_schema(), source.fields(&names)?);
            let batches = builder.with_projection(wanted).build().map_err(|error| broken(error.to_string()))?;
            (names, source.read(batches)?)
        }
        FileFormat::Arrow => {
            let all = FileReader::try_new(Cursor::new(&bytes), None).map_err(|error| broken(error.to_string()))?;
            let names = names(&all.schema());
            let batches = FileReader::try_new(Cursor::new(&bytes), Some(source.fields(&names)?));
            (names, source.read(batches.map_err(|error| broken(error.to_string()))?)?)
        }
        _ => {
            let batches = StreamReader::try_new(&bytes[..], None).map_err(|error| broken(error.to_string()))?;
            let names = names(&batches.schema());
            source.fields(&names)?;
            (names, source.read(batches)?)
        }
    })
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().trim().to_owned()).collect()
}

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
