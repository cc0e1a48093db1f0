//! Splits separated text into rows and fields: quotes as in RFC 4180, any separator, lines that end with LF.
//!
//! A double quote opens a quoted field only at the beginning of a field; elsewhere it is an ordinary character. In
//! quotes a doubled quote is a literal quote. A CR before the end of a line is whitespace.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memchr3, memrchr};

/// The separator of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// This byte.
    Byte(u8),
    /// Any number of spaces and tabs; those at both ends of a line are ignored.
    Blanks,
}

impl Separator {
    /// Whether a field may begin after this byte.
    fn precedes_field(self, byte: u8) -> bool {
        byte == b'\n'
            || match self {
                Separator::Byte(separator) => byte == separator,
                Separator::Blanks => is_blank(byte),
            }
    }

    /// The name in messages.
    pub fn name(self) -> String {
        match self {
            Separator::Byte(b',') => "comma".to_string(),
            Separator::Byte(b';') => "semicolon".to_string(),
            Separator::Byte(b'\t') => "tab".to_string(),
            Separator::Byte(byte) => format!("`{}`", char::from(byte)),
            Separator::Blanks => "blank".to_string(),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// A field's range in its text, including quotes and the text around them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub start: usize,
    pub end: usize,
}

impl Field {
    /// The field's content without its quotes, including whitespace around it.
    pub fn of(self, text: &[u8]) -> Cow<'_, [u8]> {
        let written = &text[self.start..self.end];
        if written.first() != Some(&b'"') {
            return Cow::Borrowed(written);
        }
        // Text after the closing quote belongs to the field.
        let close = closing_quote(written, 1).unwrap_or(written.len());
        let (quoted, rest) = (&written[1..close], written.get(close + 1..).unwrap_or_default());
        if memchr(b'"', quoted).is_none() && rest.trim_ascii().is_empty() {
            return Cow::Borrowed(quoted);
        }
        let mut says = Vec::with_capacity(written.len());
        let mut doubled = false;
        for &byte in quoted {
            doubled = byte == b'"' && !doubled;
            if !doubled {
                says.push(byte);
            }
        }
        says.extend(rest);
        Cow::Owned(says)
    }
}

/// The rows of a text, one at a time.
pub(super) struct Records<'a> {
    text: &'a [u8],
    separator: Separator,
    at: usize,
}

/// The position of a quote that is never closed.
#[derive(Debug)]
pub(super) struct Unclosed(pub usize);

impl<'a> Records<'a> {
    pub fn new(text: &'a [u8], separator: Separator) -> Records<'a> {
        Records { text, separator, at: 0 }
    }

    /// Reads the fields of the next row that is not blank; false at the end.
    pub fn advance(&mut self, fields: &mut Vec<Field>) -> Result<bool, Unclosed> {
        while self.at < self.text.len() {
            fields.clear();
            match self.separator {
                Separator::Byte(separator) => self.separated(separator, fields)?,
                Separator::Blanks => self.spaced(fields)?,
            }
            let blank = |field: &Field| self.text[field.start..field.end].trim_ascii().is_empty();
            if fields.len() > 1 || !fields.iter().all(blank) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn separated(&mut self, separator: u8, fields: &mut Vec<Field>) -> Result<(), Unclosed> {
        loop {
            let start = self.at;
            let from = self.past_quotes(start)?;
            let Some(length) = memchr2(separator, b'\n', &self.text[from..]) else {
                fields.push(Field { start, end: self.text.len() });
                self.at = self.text.len();
                return Ok(());
            };
            let end = from + length;
            fields.push(Field { start, end });
            self.at = end + 1;
            if self.text[end] == b'\n' {
                return Ok(());
            }
        }
    }

    fn spaced(&mut self, fields: &mut Vec<Field>) -> Result<(), Unclosed> {
        loop {
            self.at += self.text[self.at..].iter().take_while(|&&byte| is_blank(byte)).count();
            let start = self.at;
            match self.text.get(start) {
                None => return Ok(()),
                Some(b'\n') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => {}
            }
            let from = self.past_quotes(start)?;
            let end = memchr3(b' ', b'\t', b'\n', &self.text[from..]).map_or(self.text.len(), |length| from + length);
            fields.push(Field { start, end });
            self.at = end;
        }
    }

    /// The position from which to search for the end of the field that begins at `start`.
    fn past_quotes(&self, start: usize) -> Result<usize, Unclosed> {
        if self.text.get(start) != Some(&b'"') {
            return Ok(start);
        }
        closing_quote(self.text, start + 1).map(|close| close + 1).ok_or(Unclosed(start))
    }
}

/// The position of the quote that closes the one before `from`.
fn closing_quote(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', text.get(from..)?)?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// The number of lines that end in `text`.
pub(super) fn newlines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

/// The end of the last complete row of `text`, which begins with a row and may end within one.
pub(super) fn last_end(text: &[u8], separator: Separator) -> Option<usize> {
    // Everything before `outside` is done, and no quote is open there.
    let (mut outside, mut search, mut last) = (0, 0, None);
    let line_end = |from: usize, to: usize| memrchr(b'\n', &text[from..to]).map(|length| from + length + 1);
    while let Some(length) = memchr(b'"', &text[search..]) {
        let quote = search + length;
        search = quote + 1;
        if quote > 0 && !separator.precedes_field(text[quote - 1]) {
            continue;
        }
        last = line_end(outside, quote).or(last);
        match closing_quote(text, search) {
            Some(close) => search = close + 1,
            None => return last,
        }
        outside = search;
    }
    line_end(outside, text.len()).or(last)
}
