//! The checked rows of a block or a batch; and how the parts of a file are joined to one [`FileColumns`], in order.

use super::faults::{CellPosition, Gap, MissingRows};
use super::labels::GroupIndex;
use super::left_out::{LeftOut, MissingValues};
use super::reading::Missing;
use super::{Columns, DataError, FileColumns};

/// The largest number of cells without a value that are listed.
const LISTED: usize = 10;

/// The rows of a part of a file.
pub(super) struct FilePart {
    groups: GroupIndex,
    group_of: Vec<usize>,
    outcome: Vec<f64>,
    predictors: Vec<Vec<f64>>,
    /// The number of rows, including those left out.
    rows: usize,
    /// The rows left out, counted from the part's first.
    skipped: Vec<usize>,
    /// The number of rows that miss a value of the group, the outcome and each predictor.
    missing: Vec<usize>,
    /// The first cells without a value.
    gaps: Vec<Gap>,
}

impl FilePart {
    /// An empty part, with capacity for `rows` rows.
    pub fn new(predictors: usize, rows: usize) -> FilePart {
        FilePart {
            groups: GroupIndex::default(),
            group_of: Vec::with_capacity(rows),
            outcome: Vec::with_capacity(rows),
            predictors: (0..predictors).map(|_| Vec::with_capacity(rows)).collect(),
            rows: 0,
            skipped: Vec::new(),
            missing: vec![0; predictors + 2],
            gaps: Vec::new(),
        }
    }

    /// Adds a row, or leaves it out if it misses a value; `values` are the outcome and the predictors.
    ///
    /// `gap` describes the cell of a column, counted from the group.
    pub fn push(&mut self, label: Option<&str>, values: &[Option<f64>], gap: impl Fn(usize) -> Gap) {
        self.rows += 1;
        let (Some(label), true) = (label, values.iter().all(Option::is_some)) else {
            self.skipped.push(self.rows - 1);
            let misses = std::iter::once(label.is_none()).chain(values.iter().map(Option::is_none));
            for (column, _) in misses.enumerate().filter(|(_, misses)| *misses) {
                self.missing[column] += 1;
                // A group that is a predictor too is one cell.
                let listed = self.gaps.len() < LISTED && !self.gaps.contains(&gap(column));
                self.gaps.extend(listed.then(|| gap(column)));
            }
            return;
        };
        self.group_of.push(self.groups.index_of(label));
        let columns = std::iter::once(&mut self.outcome).chain(&mut self.predictors);
        columns.zip(values.iter().flatten()).for_each(|(column, value)| column.push(*value));
    }
}

/// The parts so far, joined.
pub(super) struct FileParts {
    groups: GroupIndex,
    all: FilePart,
}

impl FileParts {
    pub fn new(predictors: usize) -> FileParts {
        FileParts { groups: GroupIndex::default(), all: FilePart::new(predictors, 0) }
    }

    /// Adds the next part, which begins after `lines` lines.
    pub fn add(&mut self, part: FilePart, lines: u64) {
        let all = &mut self.all;
        // In order of first appearance in the part, and so in the file.
        let numbers: Vec<usize> = part.groups.names().iter().map(|label| self.groups.index_of(label)).collect();
        all.group_of.extend(part.group_of.iter().map(|group| numbers[*group]));
        all.outcome.extend(&part.outcome);
        all.predictors.iter_mut().zip(&part.predictors).for_each(|(all, part)| all.extend(part));
        all.skipped.extend(part.skipped.iter().map(|row| all.rows + row));
        all.rows += part.rows;
        all.missing.iter_mut().zip(&part.missing).for_each(|(all, part)| *all += part);
        let room = LISTED - all.gaps.len();
        all.gaps.extend(part.gaps.into_iter().take(room).map(|gap| gap.after(lines)));
    }

    /// The number of rows so far.
    pub fn rows(&self) -> usize {
        self.all.rows
    }

    /// The whole table, unless rows with missing values are to be refused, or too little is left without them.
    pub fn into_table(self, file: &str, columns: &Columns, missing: Missing) -> Result<FileColumns, DataError> {
        let FilePart { mut group_of, mut outcome, mut predictors, skipped, missing: counts, gaps, .. } = self.all;
        let names = [&columns.group, &columns.outcome].into_iter().chain(&columns.predictors);
        let of_column = names.zip(counts).enumerate().filter(|(i, (name, rows))| {
            // The group may be a predictor too: its missing values are counted once.
            *rows > 0 && (*i == 0 || **name != columns.group)
        });
        let left_out = LeftOut {
            rows: skipped.len(),
            missing: of_column.map(|(_, (name, rows))| MissingValues { column: name.clone(), rows }).collect(),
        };
        let groups = self.groups.into_names();
        let file = file.to_owned();
        if !left_out.is_empty() && missing == Missing::Refuse {
            return Err(DataError::Missing(MissingRows { file, left_out, gaps }));
        }
        match &groups[..] {
            [] if !left_out.is_empty() => return Err(DataError::AllMissing { file, left_out }),
            [group] if !left_out.is_empty() => {
                let (column, group) = (columns.group.clone(), group.clone());
                return Err(DataError::OneGroupLeft { file, column, group, left_out });
            }
            _ => {}
        }
        group_of.shrink_to_fit();
        outcome.shrink_to_fit();
        predictors.iter_mut().for_each(Vec::shrink_to_fit);
        Ok(FileColumns { groups, group_of, outcome, predictors, skipped, left_out })
    }
}

impl Gap {
    /// This gap, after `lines` lines of other parts.
    fn after(self, lines: u64) -> Gap {
        let place = match self.place {
            CellPosition::Line(line) => CellPosition::Line(lines + line),
            row => row,
        };
        Gap { place, ..self }
    }
}
