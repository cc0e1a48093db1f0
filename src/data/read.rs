//! Reads separated text into a table: workers parse blocks in parallel, and the results are joined in order.
//!
//! The size of blocks does not depend on the number of threads, so messages do not either. Only a few blocks are in
//! memory beside the columns that are used.

use rayon::prelude::*;

use super::blocks::{BLOCK, Blocks, LONGEST_ROW};
use super::cells::CellReader;
use super::faults::{CellFault, CellPosition, Gap};
use super::header::{ColumnHeader, newlines};
use super::looks::Look;
use super::open::{Text, unreadable};
use super::part::{FilePart, FileParts};
use super::reading::{Decimal, ReadOptions};
use super::records::{Field, Records, Separator, Unclosed};
use super::{Columns, DataError, FileColumns};

/// The number of blocks for each worker to parse while others are read.
const BLOCKS_A_WORKER: usize = 2;

/// The largest number of different words in a column of categories.
const CATEGORIES: usize = 8;

/// Reads the requested columns, and lists the assumptions made.
pub(super) fn table(
    text: Text,
    columns: &Columns,
    reading: &ReadOptions,
) -> Result<(FileColumns, Vec<String>), DataError> {
    let (file, packed) = (text.file(), text.packed());
    let failed = |reason| unreadable(file, packed, reason);
    let mut blocks = Blocks::new(text.input);
    let first = blocks.peek().map_err(failed)?;
    let header = ColumnHeader::find(file, first, columns, reading)?;
    let layout = RowLayout::new(file, &header, &first[header.end..], columns, reading)?;
    blocks.skip(header.end);

    let mut lines = header.lines;
    let mut parts = FileParts::new(columns.predictors.len());
    let batch = BLOCKS_A_WORKER * rayon::current_num_threads();
    let read = |blocks: &mut Blocks<_>| -> std::io::Result<Vec<Vec<u8>>> {
        let next = std::iter::from_fn(|| blocks.next(header.separator).transpose());
        next.take(batch).collect()
    };
    // All of this runs in the thread pool, where a thread that waits for others does their work.
    rayon::scope(|_| {
        let mut waiting = read(&mut blocks).map_err(failed)?;
        while !waiting.is_empty() {
            let parse = || waiting.par_iter().map(|block| layout.parse(block)).collect::<Vec<_>>();
            let (next, parsed) = rayon::join(|| read(&mut blocks), parse);
            for (block, part) in waiting.iter().zip(parsed) {
                parts.add(part.map_err(|fault| fault.into_error(lines, &layout))?, lines);
                lines += newlines(block);
            }
            blocks.reuse(std::mem::replace(&mut waiting, next.map_err(failed)?));
        }
        Ok(())
    })?;
    let assumed = layout.assumed(parts.rows());
    Ok((parts.into_table(file, columns, reading.missing)?, assumed))
}

/// The field that rows have in addition to the header's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// An empty field at the end, because each row ends with a separator.
    Last,
    /// A field at the beginning with the names of rows, as R writes them.
    First,
}

/// The positions of the requested columns in each row.
struct RowLayout<'a> {
    file: &'a str,
    columns: &'a Columns,
    separator: Separator,
    decimal: Decimal,
    /// The number of fields in the header, and in each row.
    header: usize,
    width: usize,
    extra: Extra,
    group: usize,
    /// The fields of the outcome and the predictors.
    numbers: Vec<usize>,
    cells: CellReader,
}

/// A fault in a block, and its line in the block, counted from 0.
struct Fault {
    line: u64,
    what: What,
}

enum What {
    /// The number of fields, and whether the row looks like a comment.
    Length(usize, bool),
    /// The column, counted from the group, and the fault of its cell.
    Cell(usize, CellFault),
    Unclosed,
    TooLong,
}

impl<'a> RowLayout<'a> {
    /// The layout of the rows after `header`, the first of which are in `text`.
    fn new(
        file: &'a str,
        header: &ColumnHeader,
        text: &[u8],
        columns: &'a Columns,
        reading: &ReadOptions,
    ) -> Result<RowLayout<'a>, DataError> {
        let field = |name: &String| header.field(file, name);
        let group = field(&columns.group)?;
        let numbers = std::iter::once(&columns.outcome).chain(&columns.predictors);
        let numbers = numbers.map(field).collect::<Result<Vec<_>, _>>()?;
        let extra = extra(text, header);
        let first = usize::from(extra == Extra::First);
        Ok(RowLayout {
            file,
            columns,
            separator: header.separator,
            decimal: reading.decimal,
            header: header.names.len(),
            width: header.names.len() + usize::from(extra != Extra::None),
            extra,
            group: group + first,
            numbers: numbers.into_iter().map(|field| field + first).collect(),
            cells: CellReader::new(reading),
        })
    }

    /// The assumptions made about the `rows` rows.
    fn assumed(&self, rows: usize) -> Vec<String> {
        let file = self.file;
        match self.extra {
            Extra::First if rows > 0 => vec![format!(
                "the rows of {file} have one field more than its header: the first is taken for their names, as R writes them"
            )],
            _ => Vec::new(),
        }
    }

    fn parse(&self, block: &[u8]) -> Result<FilePart, Fault> {
        if block.len() > LONGEST_ROW {
            return Err(Fault { line: 0, what: What::TooLong });
        }
        let line = |at: usize| newlines(&block[..at]);
        let mut part = FilePart::new(self.numbers.len() - 1, newlines(block) as usize + 1);
        let mut records = Records::new(block, self.separator);
        let (mut fields, mut values) = (Vec::new(), Vec::with_capacity(self.numbers.len()));
        loop {
            match records.advance(&mut fields) {
                Ok(true) => {}
                Ok(false) => return Ok(part),
                Err(Unclosed(at)) => return Err(Fault { line: line(at), what: What::Unclosed }),
            }
            let ends = || fields.last().is_some_and(|field| field.of(block).trim_ascii().is_empty());
            if fields.len() != self.width || self.extra == Extra::Last && !ends() {
                let comment = block[fields[0].start] == b'#';
                return Err(Fault { line: line(fields[0].start), what: What::Length(fields.len(), comment) });
            }
            let wrong = |column: usize, fault| Fault {
                line: line(fields[self.field(column)].start),
                what: What::Cell(column, self.explained(fault, column, &block[fields[0].start..])),
            };
            let group = fields[self.group].of(block);
            let label = self.cells.label(&group).map_err(|fault| wrong(0, fault))?;
            values.clear();
            for (i, field) in self.numbers.iter().enumerate() {
                let value = self.cells.number(&fields[*field].of(block));
                values.push(value.map_err(|fault| wrong(i + 1, fault))?);
            }
            part.push(label, &values, |column| {
                let field = fields[self.field(column)];
                let text = String::from_utf8_lossy(&field.of(block)).trim().to_owned();
                Gap { place: CellPosition::Line(line(field.start) + 1), column: self.name(column).clone(), text }
            });
        }
    }

    /// The field of a column, counted from the group.
    fn field(&self, column: usize) -> usize {
        column.checked_sub(1).map_or(self.group, |i| self.numbers[i])
    }

    fn name(&self, column: usize) -> &'a String {
        match column {
            0 => &self.columns.group,
            1 => &self.columns.outcome,
            _ => &self.columns.predictors[column - 2],
        }
    }

    /// The fault; for a word in a column of only a few different words, with the words in the next rows.
    fn explained(&self, fault: CellFault, column: usize, rest: &[u8]) -> CellFault {
        let CellFault::NotANumber { text, look: Look::Text } = fault else { return fault };
        let mut records = Records::new(&rest[..rest.len().min(BLOCK)], self.separator);
        let mut fields = Vec::new();
        let (mut words, mut others) = (Vec::<String>::new(), 0);
        while matches!(records.advance(&mut fields), Ok(true)) && words.len() <= CATEGORIES {
            let Some(field) = fields.get(self.field(column)).filter(|_| fields.len() == self.width) else { continue };
            let says = field.of(rest);
            let word = String::from_utf8_lossy(&says).trim().to_owned();
            if !self.cells.is_word(&says) {
                others += usize::from(!matches!(self.cells.number(&says), Ok(None)));
            } else if !words.contains(&word) {
                words.push(word);
            }
        }
        let look =
            if others == 0 && (2..=CATEGORIES).contains(&words.len()) { Look::Category(words) } else { Look::Text };
        CellFault::NotANumber { text, look }
    }
}

impl Fault {
    /// The error for this fault, in a block that begins after `lines` lines.
    fn into_error(self, lines: u64, layout: &RowLayout) -> DataError {
        let (file, line) = (layout.file.to_owned(), lines + self.line + 1);
        match self.what {
            What::Cell(column, fault) => DataError::BadCell {
                file,
                place: CellPosition::Line(line),
                column: layout.name(column).clone(),
                fault: fault.into(),
            },
            What::Unclosed => DataError::UnclosedQuote { file, line },
            What::TooLong => DataError::LongRow { file, line },
            What::Length(found, is_comment) => {
                let separator = layout.separator.name();
                let cure = if is_comment {
                    "remove the line: comments are read before the header only".to_string()
                } else if layout.decimal == Decimal::Comma && layout.separator == Separator::Byte(b',') {
                    "with --decimal , a comma cannot separate fields too: put double quotes around the numbers, or use \
                     semicolons between fields"
                        .to_string()
                } else {
                    format!("complete the line, or put double quotes around a field with a {separator} in it")
                };
                DataError::UnequalLengths { file, line, expected: layout.header, found, separator, cure }
            }
        }
    }
}

/// The field that the first rows have in addition to the header's. A first field has names of rows only if no name
/// occurs twice: otherwise it may be a column, whose neighbor was split by a decimal comma.
fn extra(text: &[u8], header: &ColumnHeader) -> Extra {
    let width = header.names.len() + 1;
    let mut records = Records::new(text, header.separator);
    let mut fields: Vec<Field> = Vec::new();
    let mut names = std::collections::HashSet::new();
    while matches!(records.advance(&mut fields), Ok(true)) {
        if fields.len() != width {
            // The text may end within a row.
            let is_torn = fields.last().is_some_and(|field| field.end == text.len());
            return if is_torn && !names.is_empty() { Extra::First } else { Extra::None };
        }
        if names.is_empty() && fields[width - 1].of(text).trim_ascii().is_empty() {
            return Extra::Last;
        }
        if !names.insert(fields[0].of(text).into_owned()) {
            return Extra::None;
        }
    }
    if names.is_empty() { Extra::None } else { Extra::First }
}
