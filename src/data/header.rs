//! The header: its position, its separator, and the fields of its columns.

use super::DataError;
use super::error::HeaderHint;
use super::reading::{Decimal, Delimiter, ReadOptions};
use super::records::{Field, Records, Separator, Unclosed, newlines};
use super::text::closest;
use super::wanted::Request;

/// The separators that are considered.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The header of a file, and the position of the first row.
pub(super) struct ColumnHeader {
    pub names: Vec<String>,
    pub separator: Separator,
    /// The line on which the header begins, counted from 1.
    line: u64,
    /// The offset of the first row after the header.
    pub end: usize,
    /// The number of lines before the first row.
    pub lines: u64,
    /// The header decoded as windows-1252, if it is not UTF-8.
    foreign: Option<String>,
}

impl ColumnHeader {
    /// Finds the header in the first bytes of a file: the first line that is neither blank nor a comment.
    pub fn find(file: &str, text: &[u8], request: &Request, reading: &ReadOptions) -> Result<ColumnHeader, DataError> {
        let mut start = 0;
        let end = loop {
            let line_end = line_end(text, start);
            let line = &text[start..line_end];
            if line.is_empty() {
                return Err(DataError::Empty { file: file.into() });
            }
            if !line.trim_ascii().is_empty() && !is_comment(line, request, reading) {
                break HeaderSpan::from(text, start).end;
            }
            start = line_end;
        };
        let written = &text[start..end];
        if written.contains(&0) {
            return Err(not_text(file, written));
        }
        if written.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') {
            return Err(DataError::BareCarriageReturns { file: file.into() });
        }
        let separator = separator(&HeaderSpan::from(text, start), reading);
        let line = 1 + newlines(&text[..start]);
        let mut fields = Vec::new();
        Records::new(written, separator).advance(&mut fields).map_err(|Unclosed(at)| DataError::UnclosedQuote {
            file: file.into(),
            line: line + newlines(&written[..at]),
        })?;
        let name = |field: &Field| String::from_utf8_lossy(&field.of(written)).trim().to_owned();
        Ok(ColumnHeader {
            names: fields.iter().map(name).collect(),
            separator,
            line,
            end,
            lines: newlines(&text[..end]),
            foreign: std::str::from_utf8(written)
                .is_err()
                .then(|| encoding_rs::WINDOWS_1252.decode(written).0.trim().to_owned()),
        })
    }

    /// The index of the field with this name.
    pub fn field(&self, file: &str, name: &str) -> Result<usize, DataError> {
        let mut found = (0..self.names.len()).filter(|&field| self.names[field] == name);
        match (found.next(), found.count()) {
            (Some(field), 0) => Ok(field),
            (Some(_), more) => Err(DataError::RepeatedColumn {
                file: file.into(),
                line: self.line,
                column: name.into(),
                times: more + 1,
            }),
            (None, _) => Err(self.missing(file, name)),
        }
    }

    fn missing(&self, file: &str, name: &str) -> DataError {
        let numbers = self.names.iter().filter(|name| name.replacen(',', ".", 1).parse::<f64>().is_ok()).count();
        let hint = match (&self.foreign, &self.names[..]) {
            (Some(text), _) => HeaderHint::Encoding(text.clone()),
            (_, [only]) if only.contains([' ', '\t']) => HeaderHint::Blanks,
            (_, [only]) => match only.chars().find(|c| "|:~^&;,\t".contains(*c)) {
                Some(separator) => HeaderHint::Delimiter(separator),
                None => HeaderHint::OneField,
            },
            (_, names) if 2 * numbers >= names.len() => HeaderHint::LooksLikeData,
            _ => HeaderHint::None,
        };
        missing_column(file, name, &self.names, hint)
    }
}

/// The error for a column that is not in the file, with the name that was probably meant.
pub(super) fn missing_column(file: &str, name: &str, names: &[String], hint: HeaderHint) -> DataError {
    let closest = closest(names, name);
    DataError::MissingColumn { file: file.into(), column: name.into(), closest, columns: names.to_vec(), hint }
}

/// The error for bytes that are not text; zeros in every other byte suggest UTF-16.
fn not_text(file: &str, written: &[u8]) -> DataError {
    let zeros = |odd: usize| written.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let pairs = written.len() / 2;
    let encoding = match (zeros(0), zeros(1)) {
        (0, little) if 2 * little > pairs => Some("utf-16le"),
        (big, 0) if 2 * big > pairs => Some("utf-16be"),
        _ => None,
    };
    DataError::NotText { file: file.into(), encoding }
}

/// The end of the line that begins at `start`, after its line feed.
fn line_end(text: &[u8], start: usize) -> usize {
    memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length + 1)
}

/// Whether a line begins with `#` and has none of the requested names.
fn is_comment(line: &[u8], request: &Request, reading: &ReadOptions) -> bool {
    if line.first() != Some(&b'#') {
        return false;
    }
    let mut counts = [0; SEPARATORS.len()];
    SEPARATORS.iter().zip(&mut counts).for_each(|(separator, count)| {
        *count = memchr::memchr_iter(*separator, line).count();
    });
    let separator = separator(&HeaderSpan { end: line.len(), counts }, reading);
    let mut fields = Vec::new();
    // A comment may have unpaired quotes.
    let read = Records::new(line, separator).advance(&mut fields);
    let is_asked = |field: &Field| {
        let says = field.of(line);
        request.columns.iter().any(|wanted| wanted.name.as_bytes() == says.trim_ascii())
    };
    read.is_err() || !fields.iter().any(is_asked)
}

/// The extent of a header, and the separators outside its quotes.
struct HeaderSpan {
    /// The end, after the line feed.
    end: usize,
    /// The number of each of `SEPARATORS`.
    counts: [usize; SEPARATORS.len()],
}

impl HeaderSpan {
    /// The span of the header that begins at `start`: it goes on while a quote is open.
    fn from(text: &[u8], start: usize) -> HeaderSpan {
        let mut counts = [0; SEPARATORS.len()];
        // The separator is not known yet: a quote opens after any possible one.
        let (mut in_quotes, mut field_begins) = (false, true);
        let mut bytes = text[start..].iter().enumerate().peekable();
        while let Some((i, &byte)) = bytes.next() {
            if in_quotes {
                // A doubled quote is a literal quote.
                if byte == b'"' && bytes.next_if(|(_, next)| **next == b'"').is_none() {
                    in_quotes = false;
                    field_begins = false;
                }
                continue;
            }
            if byte == b'\n' {
                return HeaderSpan { end: start + i + 1, counts };
            }
            in_quotes = byte == b'"' && field_begins;
            let separator = SEPARATORS.iter().position(|separator| *separator == byte);
            if let Some(i) = separator {
                counts[i] += 1;
            }
            field_begins = separator.is_some();
        }
        HeaderSpan { end: text.len(), counts }
    }
}

/// The requested separator, or else the most frequent in the header; a comma if there is none.
fn separator(span: &HeaderSpan, reading: &ReadOptions) -> Separator {
    let [commas, semicolons, tabs] = span.counts;
    match (reading.delimiter, reading.decimal) {
        (Delimiter::Byte(byte), _) => Separator::Byte(byte),
        (Delimiter::Blanks, _) => Separator::Blanks,
        // With a decimal comma, commas inside numbers do not separate, and names may have many commas.
        (Delimiter::Guessed, Decimal::Comma) if semicolons > 0 => Separator::Byte(b';'),
        (Delimiter::Guessed, Decimal::Comma) if tabs > 0 => Separator::Byte(b'\t'),
        (Delimiter::Guessed, _) if semicolons > commas && semicolons >= tabs => Separator::Byte(b';'),
        (Delimiter::Guessed, _) if tabs > commas => Separator::Byte(b'\t'),
        (Delimiter::Guessed, _) => Separator::Byte(b','),
    }
}
