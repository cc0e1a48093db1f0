//! The numbers of a formula's row on a device: which the table has, and where; what is the same in all rows is a
//! constant of the shaders.

use crate::density::mixed::LikelihoodRows;
use crate::family::{Distribution, MOST_NUMBERS, with_family};
use crate::gpu::ShaderHeader;
use crate::model::Model;

/// The numbers of a row: those of its family, the known part of eta if it differs, population-level columns, columns
/// of terms, those of log sigma, and the level of each factor.
#[derive(Debug, Clone, Default)]
pub struct RowShape {
    /// How many of the family's numbers there are, and the values of the others in all rows.
    pub numbers: usize,
    same: [f64; MOST_NUMBERS],
    /// Whether the known part of eta differs between rows, and what it is if not.
    pub has_offset: bool,
    offset: f64,
    /// Whether the first population-level column is 1 in all rows.
    pub has_ones: bool,
    /// The place of each column of the terms; 0 if it is 1 in all rows.
    pub entries: Vec<usize>,
    /// The places of the columns of log sigma and of the levels, and the number of all numbers.
    sigma: usize,
    levels: usize,
    pub width: usize,
    /// Number of rows, and the index of the first one's numbers in the table: the lists of rows, chunks and levels come
    /// before them.
    pub rows: usize,
    pub first: usize,
}

impl RowShape {
    /// The numbers of the rows `likelihood` of `model`; `columns` are the design's columns of the terms, in the order
    /// in which the device has them, and the table has `first` words before the rows.
    pub fn new(
        model: &Model,
        likelihood: &LikelihoodRows,
        columns: &[usize],
        factors: usize,
        first: usize,
    ) -> RowShape {
        let Some(mixed) = model.mixed() else { return RowShape::default() };
        let (numbers, same) = numbers_that_differ(model, likelihood);
        let mut offsets = likelihood.outcomes.iter().zip(&likelihood.roots).map(|(row, root)| row.offset * root);
        let offset = offsets.next().unwrap_or(0.0);
        let has_offset = offsets.any(|other| other != offset);
        let is_weighted = likelihood.roots.iter().any(|root| *root != 1.0);
        let has_ones = mixed.population.first() == Some(&0) && !is_weighted;
        let mut end = numbers + usize::from(has_offset) + mixed.population.len() - usize::from(has_ones);
        let mut entries = Vec::with_capacity(columns.len());
        for column in columns {
            let is_one = *column == 0 && !is_weighted;
            entries.push(if is_one { 0 } else { end });
            end += usize::from(!is_one);
        }
        let levels = end + mixed.sigma.as_ref().map_or(0, |sigma| sigma.columns.len());
        let rows = likelihood.of.len();
        let width = levels + factors;
        RowShape { numbers, same, has_offset, offset, has_ones, entries, sigma: end, levels, width, rows, first }
    }

    /// The constants of shaders.
    pub fn header(&self, header: ShaderHeader) -> ShaderHeader {
        let numbers = [
            ("ROWS", self.rows),
            ("ROW_NUMBERS", self.numbers),
            ("OFFSETS", usize::from(self.has_offset)),
            ("ONES", usize::from(self.has_ones)),
            ("ROW_SIGMA", self.sigma),
            ("ROW_LEVELS", self.levels),
            ("ROW_WIDTH", self.width),
            ("FIRST_ROW", self.first),
        ];
        let header = numbers.into_iter().fold(header, |header, (name, value)| header.number(name, value as u32));
        let header = header.real("SECOND_NUMBER", self.same[1]).real("THIRD_NUMBER", self.same[2]);
        header.real("OFFSET", f64::from(self.offset as f32))
    }
}

/// How many of the family's numbers are in the table: all up to the last that is not the same in all rows, and the
/// first; and what the others are.
fn numbers_that_differ(model: &Model, likelihood: &LikelihoodRows) -> (usize, [f64; MOST_NUMBERS]) {
    let mut rows = (0..likelihood.of.len()).map(|row| numbers_of(model, likelihood, row));
    let same = rows.next().unwrap_or_default();
    let mut numbers = 1;
    for row in rows {
        numbers = (numbers..MOST_NUMBERS).rev().find(|n| row[*n] != same[*n]).map_or(numbers, |n| n + 1);
    }
    (numbers, same.map(f64::from))
}

/// What the family knows of row `row` of the likelihood: its numbers times the root of the row's weight; with known
/// errors, the outcome and the known variance.
pub fn numbers_of(model: &Model, likelihood: &LikelihoodRows, row: usize) -> [f32; MOST_NUMBERS] {
    let (outcome, root) = (&likelihood.outcomes[row], likelihood.roots[row]);
    let mut numbers = with_family!(model.family(), F => F::numbers(outcome).map(|number| (number * root) as f32));
    if model.dataset().errors().is_some() {
        numbers[1] = model.design().known_variance(likelihood.of[row]) as f32;
    }
    numbers
}
