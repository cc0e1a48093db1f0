//! Reads separated text into a frame: workers parse blocks in parallel, and the results are joined in order.
//!
//! The size of blocks does not depend on the number of threads, so messages do not either. Only a few blocks are in
//! memory beside the columns that are used.

use rayon::prelude::*;

use super::DataError;
use super::blocks::{BLOCK, Blocks, LONGEST_ROW};
use super::cells::{CellReader, CellValue};
use super::faults::{CellFault, CellPosition};
use super::frame::Frame;
use super::header::ColumnHeader;
use super::lines::RowLines;
use super::looks::Look;
use super::open::{Text, unreadable};
use super::part::FilePart;
use super::reading::{Decimal, ReadOptions};
use super::records::{Field, Records, Separator, Unclosed, newlines};
use super::wanted::Request;

/// The number of blocks for each worker to parse while others are read.
const BLOCKS_A_WORKER: usize = 2;

/// The largest number of different words in a column of categories.
const CATEGORIES: usize = 8;

/// Reads the requested columns.
pub(super) fn frame<'a>(text: Text<'a>, request: &'a Request, reading: &ReadOptions) -> Result<Frame, DataError> {
    let file = text.file();
    let mut all = FilePart::new(request, 0);
    let (mut names, mut extra) = (Vec::new(), Extra::None);
    let begin = |layout: &RowLayout, header: &[String]| {
        (names, extra) = (header.to_vec(), layout.extra);
        Ok(())
    };
    let parse = |layout: &RowLayout<'a>, block: &[u8], lines| Ok((layout.parse(block, lines)?, lines));
    let join = |(part, lines)| {
        all.append(part, lines);
        Ok(())
    };
    in_blocks::<_, DataError>(text, request, reading, begin, parse, join)?;
    let assumed = extra.assumed(file, all.rows());
    Ok(Frame { assumed, ..all.into_frame(file, names, reading)? })
}

/// Cuts text into blocks of rows. `begin` is given the header; `work`, in parallel, each block with the number of lines
/// before it; `take`, in order, what `work` made of each.
///
/// # Errors
///
/// If the text cannot be read or has no header with the requested columns, and the first error of the three.
pub(super) fn in_blocks<'a, T: Send, E: From<DataError> + Send>(
    text: Text<'a>,
    request: &'a Request,
    reading: &ReadOptions,
    begin: impl FnOnce(&RowLayout, &[String]) -> Result<(), E>,
    work: impl Fn(&RowLayout<'a>, &[u8], u64) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let (file, packed) = (text.file(), text.packed());
    let failed = |reason| unreadable(file, packed, reason);
    let mut blocks = Blocks::new(text.input);
    let first = blocks.peek().map_err(failed)?;
    let header = ColumnHeader::find(file, first, request, reading)?;
    let layout = RowLayout::new(file, &header, &first[header.end..], request, reading)?;
    blocks.skip(header.end);
    begin(&layout, &header.names)?;

    let mut lines = header.lines;
    let batch = BLOCKS_A_WORKER * rayon::current_num_threads();
    let read = |blocks: &mut Blocks<_>| -> std::io::Result<Vec<Vec<u8>>> {
        let next = std::iter::from_fn(|| blocks.next(header.separator).transpose());
        next.take(batch).collect()
    };
    // All of this runs in the thread pool, where a thread that waits for others does their work.
    rayon::scope(|_| {
        let mut waiting = read(&mut blocks).map_err(failed)?;
        while !waiting.is_empty() {
            let starts: Vec<u64> = waiting
                .iter()
                .map(|block| {
                    let start = lines;
                    lines += newlines(block);
                    start
                })
                .collect();
            let of_each = || waiting.par_iter().zip(&starts).map(|(block, lines)| work(&layout, block, *lines));
            let (next, done) = rayon::join(|| read(&mut blocks), || of_each().collect::<Vec<_>>());
            done.into_iter().try_for_each(|done| take(done?))?;
            blocks.reuse(std::mem::replace(&mut waiting, next.map_err(failed)?));
        }
        Ok(())
    })
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

impl Extra {
    /// The assumptions made about the `rows` rows of a file.
    fn assumed(self, file: &str, rows: usize) -> Vec<String> {
        match self {
            Extra::First if rows > 0 => vec![format!(
                "the rows of {file} have one field more than its header: the first is taken for their names, as R writes them"
            )],
            _ => Vec::new(),
        }
    }
}

/// The positions of the requested columns in each row.
pub(super) struct RowLayout<'a> {
    file: &'a str,
    request: &'a Request,
    separator: Separator,
    decimal: Decimal,
    /// The number of fields in the header, and in each row.
    header: usize,
    width: usize,
    extra: Extra,
    /// The field of each requested column.
    fields: Vec<usize>,
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
    /// The index of the requested column, and the fault of its cell.
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
        request: &'a Request,
        reading: &ReadOptions,
    ) -> Result<RowLayout<'a>, DataError> {
        let fields = request.columns.iter().map(|wanted| header.field(file, &wanted.name));
        let fields = fields.collect::<Result<Vec<usize>, _>>()?;
        let extra = extra(text, header);
        let first = usize::from(extra == Extra::First);
        Ok(RowLayout {
            file,
            request,
            separator: header.separator,
            decimal: reading.decimal,
            header: header.names.len(),
            width: header.names.len() + usize::from(extra != Extra::None),
            extra,
            fields: fields.into_iter().map(|field| field + first).collect(),
            cells: CellReader::new(reading, request.takes_words),
        })
    }

    /// Whether the first field of each row, which the header lacks, is the name of the row.
    pub fn has_row_names(&self) -> bool {
        self.extra == Extra::First
    }

    /// The separator of fields.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// The fields of each row that are columns of the header.
    pub fn columns(&self) -> usize {
        self.header
    }

    /// The rows of a block that begins after `lines` lines.
    pub fn parse(&self, block: &[u8], lines: u64) -> Result<FilePart<'a>, DataError> {
        self.part(block).map_err(|fault| fault.into_error(lines, self))
    }

    fn part(&self, block: &[u8]) -> Result<FilePart<'a>, Fault> {
        if block.len() > LONGEST_ROW {
            return Err(Fault { line: 0, what: What::TooLong });
        }
        let line = |at: usize| newlines(&block[..at]);
        // The last line of a file may have no end.
        let lines = newlines(block) + u64::from(!block.ends_with(b"\n"));
        let mut part = FilePart::new(self.request, lines as usize);
        let mut records = Records::new(block, self.separator);
        let (mut fields, mut starts) = (Vec::new(), Vec::with_capacity(lines as usize));
        let mut cells: Vec<Option<CellValue>> = Vec::with_capacity(self.fields.len());
        loop {
            match records.advance(&mut fields) {
                Ok(true) => {}
                Ok(false) => break,
                Err(Unclosed(at)) => return Err(Fault { line: line(at), what: What::Unclosed }),
            }
            let ends = || fields.last().is_some_and(|field| field.of(block).trim_ascii().is_empty());
            if fields.len() != self.width || self.extra == Extra::Last && !ends() {
                let comment = block[fields[0].start] == b'#';
                return Err(Fault { line: line(fields[0].start), what: What::Length(fields.len(), comment) });
            }
            starts.push(fields[0].start);
            cells.clear();
            for (i, (wanted, &field)) in self.request.columns.iter().zip(&self.fields).enumerate() {
                let cell = self.cells.cell(fields[field].of(block), wanted, |text| part.has_word(i, text));
                cells.push(cell.map_err(|fault| Fault {
                    line: line(fields[field].start),
                    what: What::Cell(i, self.explained(fault, field, &block[fields[0].start..])),
                })?);
            }
            part.push(&cells, |i| {
                let field = fields[self.fields[i]];
                let text = String::from_utf8_lossy(&field.of(block)).trim().to_owned();
                (CellPosition::Line(line(field.start) + 1), text)
            });
        }
        Ok(part.with_lines(RowLines::of_block(block, &starts, lines)))
    }

    /// The fault; for a word in a column of only a few different words, with the words in the next rows.
    fn explained(&self, fault: CellFault, field: usize, rest: &[u8]) -> CellFault {
        let CellFault::NotANumber { text, look: Look::Text } = fault else { return fault };
        let mut records = Records::new(&rest[..rest.len().min(BLOCK)], self.separator);
        let mut fields = Vec::new();
        let (mut words, mut others) = (Vec::<String>::new(), 0);
        while matches!(records.advance(&mut fields), Ok(true)) && words.len() <= CATEGORIES {
            let Some(field) = fields.get(field).filter(|_| fields.len() == self.width) else { continue };
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
                column: layout.request.columns[column].name.clone(),
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
