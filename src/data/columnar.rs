//! Reads tables from typed files: Parquet, and Arrow's record batches in a file (Feather) or a stream.
//!
//! Group labels may be of any type that converts to text, including dictionaries; numbers are integers, floats,
//! decimals, or text that parses as a number. A null is a missing value.

use std::io::{Cursor, Read};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{can_cast_types, cast};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::cells::CellReader;
use super::error::HeaderHint;
use super::faults::{CellFault, CellPosition, Gap};
use super::header::missing_column;
use super::looks::Look;
use super::open::{FileFormat, unreadable};
use super::part::{FilePart, FileParts};
use super::reading::ReadOptions;
use super::{Columns, DataError, FileColumns, MAX_MAGNITUDE};

/// Reads the requested columns. The whole file is in memory meanwhile, because its directory is at its end.
pub(super) fn table(
    file: &str,
    format: FileFormat,
    mut input: impl Read,
    columns: &Columns,
    reading: &ReadOptions,
) -> Result<FileColumns, DataError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|reason| unreadable(file, None, reason))?;
    let called = if format == FileFormat::Parquet { "Parquet" } else { "Arrow" };
    let broken = |reason: String| {
        let reason = super::text::one_line(&reason);
        DataError::Columnar { file: file.into(), format: called, reason }
    };
    let source = BatchReader { file, columns, cells: CellReader::new(reading), broken: &broken };
    let parts = match format {
        FileFormat::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
            let builder = builder.map_err(|error| broken(error.to_string()))?;
            let wanted = ProjectionMask::roots(builder.parquet_schema(), source.fields(builder.schema())?);
            let batches = builder.with_projection(wanted).build().map_err(|error| broken(error.to_string()))?;
            source.read(batches)?
        }
        FileFormat::Arrow => {
            let all = FileReader::try_new(Cursor::new(&bytes), None).map_err(|error| broken(error.to_string()))?;
            let wanted = source.fields(&all.schema())?;
            let batches = FileReader::try_new(Cursor::new(&bytes), Some(wanted));
            source.read(batches.map_err(|error| broken(error.to_string()))?)?
        }
        _ => {
            let batches = StreamReader::try_new(&bytes[..], None).map_err(|error| broken(error.to_string()))?;
            source.fields(&batches.schema())?;
            source.read(batches)?
        }
    };
    parts.into_table(file, columns, reading.missing)
}

/// Reads the requested columns from record batches.
struct BatchReader<'a> {
    file: &'a str,
    columns: &'a Columns,
    cells: CellReader,
    broken: &'a dyn Fn(String) -> DataError,
}

/// A column of numbers in a batch.
enum NumberColumn {
    /// Floats.
    Plain(ArrayRef),
    /// Text, to be parsed as in a CSV file.
    Text(ArrayRef),
}

impl BatchReader<'_> {
    /// The names of the group, the outcome and the predictors.
    fn names(&self) -> impl Iterator<Item = &String> {
        [&self.columns.group, &self.columns.outcome].into_iter().chain(&self.columns.predictors)
    }

    /// The indices of the requested columns in the file.
    fn fields(&self, schema: &Schema) -> Result<Vec<usize>, DataError> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().trim().to_owned()).collect();
        let field = |name: &String| {
            let mut found = (0..names.len()).filter(|&field| names[field] == *name);
            match (found.next(), found.count()) {
                (Some(field), 0) => Ok(field),
                (Some(_), more) => Err(DataError::RepeatedColumn {
                    file: self.file.into(),
                    line: 1,
                    column: name.clone(),
                    times: more + 1,
                }),
                (None, _) => Err(missing_column(self.file, name, &names, HeaderHint::None)),
            }
        };
        self.names().map(field).collect()
    }

    fn read(&self, batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Result<FileParts, DataError> {
        let mut parts = FileParts::new(self.columns.predictors.len());
        for batch in batches {
            let batch = batch.map_err(|error| (self.broken)(error.to_string()))?;
            let part = self.part(&batch, parts.rows())?;
            parts.add(part, 0);
        }
        Ok(parts)
    }

    /// The rows of a batch, the first of which is row `first` of the file.
    fn part(&self, batch: &RecordBatch, first: usize) -> Result<FilePart, DataError> {
        let column = |name: &String| {
            let schema = batch.schema();
            let place = schema.fields().iter().position(|field| field.name().trim() == name);
            let place = place.ok_or_else(|| (self.broken)(format!("a batch has no column `{name}`")))?;
            Ok(batch.column(place).clone())
        };
        let wrong = |row: usize, name: &str, fault: CellFault| DataError::BadCell {
            file: self.file.into(),
            place: CellPosition::Row(first + row),
            column: name.into(),
            fault: fault.into(),
        };
        let group = column(&self.columns.group)?;
        if !can_cast_types(group.data_type(), &DataType::Utf8) {
            return Err(wrong(0, &self.columns.group, CellFault::Type(group.data_type().to_string())));
        }
        let labels = cast(&group, &DataType::Utf8).map_err(|error| (self.broken)(error.to_string()))?;
        let labels = labels.as_string::<i32>();
        let numbers = self.names().skip(1).map(|name| {
            let values = column(name)?;
            let first = (0..values.len()).find(|row| values.is_valid(*row)).unwrap_or(0);
            self.numbers(&values).map_err(|fault| wrong(first, name, fault))
        });
        let numbers = numbers.collect::<Result<Vec<NumberColumn>, DataError>>()?;
        let mut part = FilePart::new(self.columns.predictors.len(), batch.num_rows());
        let mut values = Vec::with_capacity(numbers.len());
        for row in 0..batch.num_rows() {
            let label = if labels.is_null(row) { "" } else { labels.value(row) };
            let label = self.cells.label(label.as_bytes()).map_err(|fault| wrong(row, &self.columns.group, fault))?;
            values.clear();
            for (column, name) in numbers.iter().zip(self.names().skip(1)) {
                values.push(self.number(column, row).map_err(|fault| wrong(row, name, fault))?);
            }
            part.push(label, &values, |i| Gap {
                place: CellPosition::Row(first + row),
                column: self.names().nth(i).cloned().unwrap_or_default(),
                text: String::new(),
            });
        }
        Ok(part)
    }

    /// A column as numbers, or why it cannot be converted.
    fn numbers(&self, values: &ArrayRef) -> Result<NumberColumn, CellFault> {
        let of_values = match values.data_type() {
            DataType::Dictionary(_, of) => of,
            other => other,
        };
        let looks = |look: Look| {
            let text = cast(values, &DataType::Utf8).ok();
            let text = text
                .as_ref()
                .map(|text| text.as_string::<i32>().iter().flatten().next().unwrap_or_default().to_owned());
            Err(CellFault::NotANumber { text: text.unwrap_or_default(), look })
        };
        let to = |wanted: DataType| cast(values, &wanted).map_err(|_| CellFault::Type(values.data_type().to_string()));
        match of_values {
            DataType::Boolean => looks(Look::Truth),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => looks(Look::Date),
            DataType::Time32(_) | DataType::Time64(_) => looks(Look::Time),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => to(DataType::Utf8).map(NumberColumn::Text),
            of if of.is_numeric() || *of == DataType::Null => to(DataType::Float64).map(NumberColumn::Plain),
            of => Err(CellFault::Type(of.to_string())),
        }
    }

    fn number(&self, column: &NumberColumn, row: usize) -> Result<Option<f64>, CellFault> {
        let value = match column {
            NumberColumn::Plain(values) if values.is_null(row) => return Ok(None),
            NumberColumn::Text(values) if values.is_null(row) => return Ok(None),
            NumberColumn::Text(values) => return self.cells.number(values.as_string::<i32>().value(row).as_bytes()),
            NumberColumn::Plain(values) => values.as_primitive::<Float64Type>().value(row),
        };
        match value {
            // Words for a missing value are compared as numbers here, `NaN` included.
            value if self.cells.means_missing(value) => Ok(None),
            value if !value.is_finite() => Err(CellFault::NotFinite(value.to_string())),
            value if value.abs() > MAX_MAGNITUDE => Err(CellFault::TooLarge(format!("{value:e}"))),
            value => Ok(Some(value)),
        }
    }
}
