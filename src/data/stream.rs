//! Streams the rows of a file block by block, with all their cells as they are written: for work that keeps no row.

use std::borrow::Cow;
use std::path::Path;

use super::DataError;
#[cfg(feature = "columnar")]
use super::columnar::{self, BatchRows};
use super::frame::Frame;
use super::load::opened;
#[cfg(feature = "columnar")]
use super::load::refuse_unreadable;
#[cfg(not(feature = "columnar"))]
use super::load::typed_frame;
use super::open::{FileFormat, Text, unreadable};
use super::part::FilePart;
use super::read::{RowLayout, in_blocks};
use super::reading::ReadOptions;
use super::records::{Field, Records, Separator};
use super::text;
use super::wanted::{Request, WantedColumn};

/// The rows of a file that are read: which columns, and how.
#[derive(Debug, Clone, Copy)]
pub struct RowRequest<'a> {
    /// The file; `-` is standard input.
    pub path: &'a Path,
    /// The columns: values are numbers.
    pub wanted: &'a [WantedColumn],
    /// Columns of labels without which rows are kept: a missing label is empty.
    pub may_miss: &'a [String],
    /// How the file is written.
    pub reading: &'a ReadOptions,
}

/// Some consecutive rows of a file.
#[derive(Debug)]
pub struct FileBlock<'b> {
    /// The wanted columns of the rows that miss no value.
    pub frame: Frame,
    cells: BlockCells<'b>,
}

/// All cells of the rows of a block.
#[derive(Debug)]
enum BlockCells<'b> {
    /// Those of the frame.
    OfFrame,
    Text(BlockText<'b>),
    /// Of a Parquet or Arrow file, `[column][row]`.
    #[cfg(feature = "columnar")]
    Columns(Vec<arrow_array::StringArray>),
}

/// The rows of a block as they are written.
#[derive(Debug)]
struct BlockText<'b> {
    text: &'b [u8],
    separator: Separator,
    /// Fields of a row that are shown: those of the header, and the name of a row before them.
    shown: usize,
}

impl FileBlock<'_> {
    /// A number that no other row of the file has: the line of row `row` of the frame, or its place in the file.
    pub fn number(&self, row: usize) -> u64 {
        let in_file = self.frame.row_of_file(row);
        self.frame.lines.of(in_file).unwrap_or(in_file as u64)
    }

    /// Calls `each` for every row, also for those that miss a value, with the row's place in the frame, if it is there,
    /// and its cells, in the order of the header that [`stream`] gives.
    ///
    /// # Errors
    ///
    /// The first of `each`.
    pub fn each_row<E>(&self, mut each: impl FnMut(Option<usize>, &[Cow<[u8]>]) -> Result<(), E>) -> Result<(), E> {
        let mut left_out = self.frame.kept_before.iter().peekable();
        let mut row = 0;
        let mut each = |cells: &[Cow<[u8]>]| {
            let place = if left_out.next_if(|kept| **kept == row).is_some() { None } else { Some(row) };
            row += usize::from(place.is_some());
            each(place, cells)
        };
        match &self.cells {
            BlockCells::OfFrame => (0..self.frame.n_rows).try_for_each(|row| each(&self.frame.cells(row))),
            BlockCells::Text(BlockText { text, separator, shown }) => {
                let mut records = Records::new(text, *separator);
                let mut fields: Vec<Field> = Vec::new();
                // The rows were parsed before.
                while matches!(records.advance(&mut fields), Ok(true)) {
                    each(&fields.iter().take(*shown).map(|field| field.of(text)).collect::<Vec<Cow<[u8]>>>())?;
                }
                Ok(())
            }
            #[cfg(feature = "columnar")]
            BlockCells::Columns(columns) => {
                let rows = columns.first().map_or(0, arrow_array::Array::len);
                (0..rows).try_for_each(|row| {
                    let cells = columns.iter().map(|column| Cow::Borrowed(cell_of(column, row)));
                    each(&cells.collect::<Vec<Cow<[u8]>>>())
                })
            }
        }
    }
}

/// A cell of a column; nothing if it has no value.
#[cfg(feature = "columnar")]
fn cell_of(column: &arrow_array::StringArray, row: usize) -> &[u8] {
    use arrow_array::Array;
    if column.is_valid(row) { column.value(row).as_bytes() } else { b"" }
}

impl Frame {
    /// The cells of a row as text, column by column in the order of [`columns`](Self::columns).
    fn cells(&self, row: usize) -> Vec<Cow<'static, [u8]>> {
        let cell = |name: &&str| match (self.labels(name), self.numbers(name)) {
            (Some(labels), _) => labels.levels[labels.of[row] as usize].clone().into_bytes(),
            (None, numbers) => numbers.map_or(Vec::new(), |numbers| numbers[row].to_string().into_bytes()),
        };
        self.columns().iter().map(cell).map(Cow::Owned).collect()
    }

    /// The names of the columns that were asked for, in the order of the header.
    pub fn columns(&self) -> Vec<&str> {
        let is_there = |name: &&str| self.numbers(name).is_some() || self.labels(name).is_some();
        self.names.iter().map(|name| &name[..]).filter(is_there).collect()
    }

    /// The same frame, whose header has the columns in this order.
    pub fn in_order_of(mut self, names: &[String]) -> Frame {
        self.names.sort_by_key(|name| names.iter().position(|other| other == name));
        self
    }

    /// The frame as one block of rows.
    pub fn into_block(self) -> FileBlock<'static> {
        FileBlock { frame: self, cells: BlockCells::OfFrame }
    }
}

/// Passes the rows of a file through `work`, block by block and text in parallel, and what becomes of them to `take`,
/// in order. Before, `begin` is given the names of the file's columns, after an empty one if rows have names.
///
/// # Errors
///
/// If the file cannot be read or lacks a column, if a value is no number, and the first error of the three.
pub fn stream<T: Send, E: From<DataError> + Send>(
    request: &RowRequest,
    begin: impl FnOnce(&[String]) -> Result<(), E>,
    work: impl Fn(&FileBlock) -> Result<T, E> + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let RowRequest { path, wanted, may_miss, reading } = *request;
    let (name, reader) = opened(path)?;
    let (file, request) = (&*text::one_line(&name), &Request::of_rows(wanted, may_miss));
    let (format, input) = FileFormat::of(reader).map_err(|reason| unreadable(file, None, reason))?;
    if !matches!(format, FileFormat::Text | FileFormat::Gzip | FileFormat::Zstd) {
        #[cfg(feature = "columnar")]
        return {
            let mut take = take;
            refuse_unreadable(file, format)?;
            columnar::each_batch(file, format, input, request, reading, begin, |BatchRows { part, first, cells }| {
                part.check_missing(file, reading)?;
                let frame = Frame { first_row: first, ..part.into_rows(file, Vec::new(), reading)? };
                take(work(&FileBlock { frame, cells: BlockCells::Columns(cells) })?)
            })
        };
        #[cfg(not(feature = "columnar"))]
        return typed_frame(file, format, input, request, reading).map(drop).map_err(E::from);
    }
    let begin = |layout: &RowLayout, header: &[String]| {
        let row_names = layout.has_row_names().then(String::new);
        begin(&row_names.into_iter().chain(header.iter().cloned()).collect::<Vec<_>>())
    };
    let of_block = |layout: &RowLayout, block: &[u8], lines| {
        let mut part = FilePart::new(request, 0);
        part.append(layout.parse(block, lines)?, lines);
        part.check_missing(file, reading)?;
        let shown = layout.columns() + usize::from(layout.has_row_names());
        let cells = BlockCells::Text(BlockText { text: block, separator: layout.separator(), shown });
        work(&FileBlock { frame: part.into_rows(file, Vec::new(), reading)?, cells })
    };
    in_blocks(Text::new(file, format, input, reading.encoding)?, request, reading, begin, of_block, take)
}
