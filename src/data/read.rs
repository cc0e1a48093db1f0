//! One pass over a CSV file, row by row through one buffer, that keeps the numbers and one copy of each group's name.

use std::io::{self, BufRead, BufReader, Read};

use super::{CellFault, Columns, DataError, GroupIndex, MAX_MAGNITUDE, Place, Table};

/// Put after the last byte of every file: a line of its own, unless a quote was left open, which would otherwise
/// take the rest of a file into one cell without a word.
const END: &[u8] = b"\n\x04end of file\x04";

/// The separators looked for, and what messages call them.
const SEPARATORS: [(u8, &str); 3] = [(b',', "comma"), (b';', "semicolon"), (b'\t', "tab")];

/// A header longer than this is none.
const LONGEST_HEADER: u64 = 1 << 20;

/// Reads the columns asked for; `file` is its name in messages.
pub(super) fn table(file: &str, reader: impl Read, columns: &Columns) -> Result<Table, DataError> {
    let mut input = BufReader::new(reader);
    let head = head(file, &mut input)?;
    let (separator, separator_name) = head.separator();
    let mut rows = Rows {
        file,
        record: csv::ByteRecord::new(),
        // Lines end with LF and nothing else, a CR before it is a blank to be trimmed: only so can lines be counted.
        csv: csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(1 << 16)
            .from_reader(head.bytes.as_slice().chain(input).chain(END)),
    };

    if !rows.advance()? {
        return Err(DataError::Empty { file: file.into() });
    }
    let header: Vec<String> = rows.record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let line = rows.line(0);
    let find = |name: &String| find(file, line, &header, name);
    let group = find(&columns.group)?;
    let outcome = find(&columns.outcome)?;
    let predictors = columns.predictors.iter().map(find).collect::<Result<Vec<_>, _>>()?;

    let mut groups = GroupIndex::default();
    let mut table = Table {
        groups: Vec::new(),
        group_of: Vec::new(),
        outcome: Vec::new(),
        predictors: vec![Vec::new(); predictors.len()],
    };
    while rows.advance()? {
        if rows.record.len() != header.len() {
            return Err(DataError::UnequalLengths {
                file: file.into(),
                line: rows.line(0),
                expected: header.len(),
                found: rows.record.len(),
                separator: separator_name,
            });
        }
        let label = rows.cell(group, &columns.group, label)?;
        table.group_of.push(groups.index_of(label));
        table.outcome.push(rows.cell(outcome, &columns.outcome, number)?);
        for (k, &field) in predictors.iter().enumerate() {
            let value = rows.cell(field, &columns.predictors[k], number)?;
            table.predictors[k].push(value);
        }
    }
    table.groups = groups.into_names();
    Ok(table)
}

/// The rows of a file, one at a time.
struct Rows<'a, R> {
    file: &'a str,
    csv: csv::Reader<R>,
    record: csv::ByteRecord,
}

impl<R: Read> Rows<'_, R> {
    /// Goes to the next row that is not blank; false at the end.
    fn advance(&mut self) -> Result<bool, DataError> {
        loop {
            let more = self.csv.read_byte_record(&mut self.record);
            let more = more.map_err(|error| unreadable(self.file, error.into()))?;
            if !more || self.record.as_slice() == &END[1..] {
                return Ok(false);
            }
            if self.record.as_slice().ends_with(END) {
                return Err(DataError::UnclosedQuote {
                    file: self.file.into(),
                    // This row has no line feed behind it, which `line` takes for granted.
                    line: self.line(self.record.len() - 1) + 1,
                });
            }
            if self.record.len() > 1 || !self.record.as_slice().trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The line on which a field of this row begins, counted from 1.
    ///
    /// The reader's own `Position` is that of the end of the row before, blank lines not yet passed; so count back
    /// from the end of this one.
    fn line(&self, field: usize) -> u64 {
        let last = self.csv.position().line() - 1;
        let rest = self.record.iter().skip(field);
        last - rest.map(|cell| cell.iter().filter(|&&byte| byte == b'\n').count() as u64).sum::<u64>()
    }

    /// What `read` makes of a field of this row.
    fn cell<'r, T>(
        &'r self,
        field: usize,
        column: &str,
        read: impl Fn(&'r str) -> Result<T, CellFault>,
    ) -> Result<T, DataError> {
        let text = std::str::from_utf8(&self.record[field]);
        let cell = text.map_err(|_| CellFault::NotUtf8).and_then(|text| read(text.trim()));
        cell.map_err(|fault| DataError::BadCell {
            file: self.file.into(),
            place: Place::Line(self.line(field)),
            column: column.into(),
            fault,
        })
    }
}

fn label(text: &str) -> Result<&str, CellFault> {
    if text.is_empty() {
        return Err(CellFault::EmptyGroup);
    }
    Ok(text)
}

fn number(text: &str) -> Result<f64, CellFault> {
    match text.parse::<f64>() {
        Ok(value) if value.abs() <= MAX_MAGNITUDE => Ok(value),
        // `1e999` is read as an infinity, but is not spelled like one.
        Ok(_) if text.contains(|c: char| c.is_ascii_digit()) => Err(CellFault::TooLarge(text.into())),
        Ok(_) => Err(CellFault::NotFinite(text.into())),
        Err(_) if text.is_empty() => Err(CellFault::Empty),
        Err(_) if text.replacen(',', ".", 1).parse::<f64>().is_ok() => Err(CellFault::DecimalComma(text.into())),
        Err(_) => Err(CellFault::NotANumber(text.into())),
    }
}

/// Which field of the header has this name.
fn find(file: &str, line: u64, header: &[String], name: &str) -> Result<usize, DataError> {
    let mut found = (0..header.len()).filter(|&field| header[field] == name);
    match (found.next(), found.count()) {
        (Some(field), 0) => Ok(field),
        (Some(_), more) => {
            Err(DataError::RepeatedColumn { file: file.into(), line, column: name.into(), times: more + 1 })
        }
        (None, _) => Err(DataError::MissingColumn {
            file: file.into(),
            column: name.into(),
            closest: closest(header, name),
            columns: header.to_vec(),
        }),
    }
}

/// The name that was probably meant: at most every third letter of it is wrong.
fn closest(header: &[String], name: &str) -> Option<String> {
    let length = name.chars().count();
    let near = length.div_ceil(3).min(length.saturating_sub(1));
    let distance = |candidate: &&String| edits(&candidate.to_lowercase(), &name.to_lowercase());
    header
        .iter()
        .filter(|candidate| !candidate.is_empty())
        .min_by_key(distance)
        .filter(|candidate| distance(candidate) <= near)
        .cloned()
}

/// The fewest letters to insert, remove or replace to make one word of another (Levenshtein 1966).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// Reads up to the end of the header, which tells the separator before the first row is parsed.
fn head(file: &str, input: &mut impl BufRead) -> Result<Head, DataError> {
    let mut head = Head::default();
    let mut input = input.take(LONGEST_HEADER);
    loop {
        let from = head.bytes.len();
        let read = input.read_until(b'\n', &mut head.bytes);
        let read = read.map_err(|error| unreadable(file, error))?;
        // Excel marks UTF-8 with a byte order mark, which is no part of the first name.
        if from == 0 && head.bytes.starts_with(b"\xef\xbb\xbf") {
            head.bytes.drain(..3);
        }
        head.scan(from);
        if read == 0 || !(head.in_quotes || head.bytes.trim_ascii().is_empty()) {
            break;
        }
    }
    if head.bytes.contains(&0) {
        return Err(DataError::NotText { file: file.into() });
    }
    if head.bytes.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') {
        return Err(DataError::BareCarriageReturns { file: file.into() });
    }
    Ok(head)
}

/// The lines of a file's header, and what stands outside quotes in them.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
    /// Of each of `SEPARATORS`, how many.
    counts: [usize; SEPARATORS.len()],
    /// Whether a quote is open at the end: the header goes on.
    in_quotes: bool,
}

impl Head {
    /// Takes the line that begins at `from` into account.
    fn scan(&mut self, from: usize) {
        // A quote opens at the beginning of a field only; one in its midst is a letter like any other.
        let mut field_begins = true;
        let mut line = self.bytes[from..].iter().peekable();
        while let Some(&byte) = line.next() {
            if self.in_quotes {
                // A doubled quote stands for itself.
                if byte == b'"' && line.next_if(|&&next| next == b'"').is_none() {
                    self.in_quotes = false;
                    field_begins = false;
                }
                continue;
            }
            self.in_quotes = byte == b'"' && field_begins;
            let separator = SEPARATORS.iter().position(|&(candidate, _)| candidate == byte);
            if let Some(i) = separator {
                self.counts[i] += 1;
            }
            field_begins = separator.is_some();
        }
    }

    /// The separator that it has most of; a comma where there is none.
    fn separator(&self) -> (u8, &'static str) {
        // Of equals, `max_by_key` takes the last: hence from the back.
        let most = (0..SEPARATORS.len()).rev().max_by_key(|&i| self.counts[i]);
        SEPARATORS[most.unwrap_or(0)]
    }
}

fn unreadable(file: &str, reason: io::Error) -> DataError {
    DataError::Unreadable { file: file.into(), reason }
}
