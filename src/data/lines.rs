//! The lines on which the rows of a file of text begin, as runs of rows on consecutive lines.

use super::records::newlines;

/// The line of each row, counted as editors do: from 1, with the header and blank lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RowLines {
    /// The first row of each run, and its line.
    runs: Vec<(usize, u64)>,
}

impl RowLines {
    /// The lines of the rows that begin at `starts` in a block of `lines` lines; the first line is line 1.
    pub fn of_block(block: &[u8], starts: &[usize], lines: u64) -> RowLines {
        let mut found = RowLines::default();
        if lines == starts.len() as u64 {
            // No line is blank, and no row has several.
            found.push(0, 1);
            return found;
        }
        let (mut line, mut at) = (1, 0);
        for (row, &start) in starts.iter().enumerate() {
            line += newlines(&block[at..start]);
            at = start;
            found.push(row, line);
        }
        found
    }

    /// Adds the next rows, which come after `rows` rows and `lines` lines.
    pub fn append(&mut self, next: &RowLines, rows: usize, lines: u64) {
        next.runs.iter().for_each(|(row, line)| self.push(rows + row, lines + line));
    }

    /// The line of a row; `None` if rows have no lines, as in a Parquet file.
    pub fn of(&self, row: usize) -> Option<u64> {
        let after = self.runs.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.runs.get(after.checked_sub(1)?)?;
        Some(line + (row - first) as u64)
    }

    /// Adds a row that comes after all others: a new run, unless it goes on with the last one.
    fn push(&mut self, row: usize, line: u64) {
        let goes_on = self.runs.last().is_some_and(|(first, of_first)| of_first + (row - first) as u64 == line);
        if !goes_on {
            self.runs.push((row, line));
        }
    }
}
