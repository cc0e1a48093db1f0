//! Reads a file into a [`Dataset`]: grouped observations that models can trust.
//!
//! Input that would make a model meaningless, or a sampler fail in its ten-thousandth transition (a word among numbers,
//! an infinity, a predictor that repeats the intercept), is refused here, in the first milliseconds, with a message
//! that names the file, the line, the column and what to change.

mod blocks;
mod cells;
mod centring;
mod checks;
#[cfg(feature = "columnar")]
mod claims;
pub(crate) mod collinear;
mod column;
#[cfg(feature = "columnar")]
mod columnar;
#[cfg(feature = "columnar")]
mod contained;
mod design;
mod error;
mod factors;
mod faults;
mod frame;
mod header;
mod labels;
mod left_out;
mod lines;
mod load;
mod looks;
pub(crate) mod moments;
mod noise;
mod open;
mod part;
mod read;
mod reading;
mod records;
mod sentinels;
mod stream;
mod subset;
pub(crate) mod text;
mod wanted;

use std::ops::Range;

use rayon::prelude::*;

pub use centring::{Centring, FarPredictor};
pub use design::{DesignWarnings, Discrete, FactorWarnings};
pub use error::{DataError, HeaderHint};
pub use factors::{Factor, FileRows};
pub use faults::{CellFault, CellPosition, Gap, MissingRows};
pub use frame::Frame;
pub use labels::Labels;
pub use left_out::{LeftOut, MissingValues};
pub use looks::Look;
pub use reading::{Decimal, Delimiter, Encoding, MISSING_LABELS, Missing, ReadOptions};
pub use sentinels::Sentinel;
pub use stream::{FileBlock, RowRequest, stream};
pub use text::one_line;
pub use wanted::WantedColumn;

/// The largest number of coefficients, including the intercept.
pub const MAX_COEFFICIENTS: usize = 64;

/// The largest magnitude of a value: sums of squares of larger values would overflow.
pub const MAX_MAGNITUDE: f64 = 1e150;

/// [`Dataset::source`] of the built-in survey, and of standard input.
pub const BUILT_IN: &str = "radon.csv (built in)";
pub const STANDARD_INPUT: &str = "standard input";

/// The names of the columns in use, by role.
///
/// A column has one role, except that the group may be a predictor too, where its labels are numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The column of group labels, any text.
    pub group: String,
    /// The column of the outcome.
    pub outcome: String,
    /// The columns of the predictors, without the intercept; none for a model of intercepts only.
    pub predictors: Vec<String>,
}

impl Columns {
    /// The columns of [`Dataset::radon`]: `log_radon` explained by `floor`, grouped by `county`.
    pub fn radon() -> Columns {
        Columns { group: "county".into(), outcome: "log_radon".into(), predictors: vec!["floor".into()] }
    }
}

/// N observations in J groups, with K coefficients: the intercept and one for each of the K - 1 predictors.
///
/// All values are finite and in the user's units. Observations are sorted by group, groups by first appearance, and
/// rows within a group as in the file; so a group is a range of observations.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    source: String,
    columns: Columns,
    groups: Vec<String>,
    /// J + 1 offsets: group j is `starts[j]..starts[j + 1]`.
    starts: Vec<usize>,
    /// Each sorted observation's row in the file.
    rows: Vec<usize>,
    left_out: LeftOut,
    /// The assumptions made to read the file, each in a sentence.
    assumed: Vec<String>,
    outcome: Vec<f64>,
    predictors: Vec<Vec<f64>>,
    predictor_means: Vec<f64>,
    /// Factors beside the groups, row by row in the sorted order.
    factors: Vec<Factor>,
    weights: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    errors: Option<Vec<f64>>,
    trials: Option<Vec<f64>>,
    /// Columns from which predictors are computed, row by row in the sorted order.
    sources: Vec<(String, Vec<f64>)>,
}

impl Dataset {
    /// The Minnesota radon survey, built in: 919 homes in 85 counties; see `data/README.md`.
    ///
    /// # Errors
    ///
    /// Never: the file is part of the program, and a test reads it.
    pub fn radon() -> Result<Dataset, DataError> {
        Dataset::from_built_in(&Columns::radon())
    }

    /// Builds a data set from columns in memory, one label and one value for each observation; for simulated data.
    ///
    /// # Errors
    ///
    /// As [`from_reader`](Dataset::from_reader), with the row (counted from 0) in place of the line.
    pub fn from_columns(
        name: &str,
        group_name: &str,
        outcome_name: &str,
        predictor_names: &[impl AsRef<str>],
        group_labels: &[impl AsRef<str>],
        outcome: Vec<f64>,
        predictors: Vec<Vec<f64>>,
    ) -> Result<Dataset, DataError> {
        let file = text::one_line(name);
        let columns = Columns {
            group: group_name.into(),
            outcome: outcome_name.into(),
            predictors: predictor_names.iter().map(|p| p.as_ref().into()).collect(),
        }
        .trimmed();
        checks::roles(&file, &columns)?;
        checks::shapes(&file, &columns, group_labels.len(), &outcome, &predictors)?;
        let named = columns.predictors.iter().zip(predictors);
        let numbers = std::iter::once((&columns.outcome, outcome)).chain(named);
        let numbers = numbers.map(|(name, values)| (name.as_str(), values)).collect();
        let labels = vec![(columns.group.as_str(), group_labels.iter().map(AsRef::as_ref).collect())];
        let frame = Frame::from_columns(&file, numbers, labels)?;
        Dataset::of_roles(frame, columns)
    }

    /// Checks whole columns and sorts them by group.
    fn of_roles(mut frame: Frame, columns: Columns) -> Result<Dataset, DataError> {
        let groups = frame.take_labels(&columns.group);
        let outcome = frame.take_numbers(&columns.outcome);
        let predictors: Vec<Vec<f64>> = columns.predictors.iter().map(|name| frame.take_numbers(name)).collect();
        let (file, left_out) = (frame.source.clone(), frame.left_out.clone());
        if let ([group], false) = (&groups.levels[..], left_out.is_empty()) {
            return Err(DataError::OneGroupLeft { file, column: columns.group, group: group.clone(), left_out });
        }
        checks::table(&file, &columns, &groups.levels, &outcome, &predictors)?;
        let starts = starts(groups.levels.len(), &groups.of);
        // A stable counting sort keeps the order of the file within each group. Reads are sequential, and so are the
        // writes of each group: if groups are few, all write positions stay in the cache.
        let in_groups = |values| sorted(&starts, &groups.of, values);
        let columns_in_groups = || {
            let predictors = predictors.into_par_iter().map(in_groups).collect::<Vec<Vec<f64>>>();
            (in_groups(outcome), predictors)
        };
        let (rows, (outcome, predictors)) =
            rayon::join(|| sorted(&starts, &groups.of, frame.rows_of_file()), columns_in_groups);
        let dataset = Dataset {
            outcome,
            predictor_means: vec![0.0; predictors.len()],
            predictors,
            source: file,
            columns,
            groups: groups.levels,
            starts,
            rows,
            left_out,
            assumed: frame.assumed,
            factors: Vec::new(),
            weights: None,
            offset: None,
            errors: None,
            trials: None,
            sources: Vec::new(),
        };
        noise::refuse_none(&dataset)?;
        Ok(dataset)
    }

    /// Sets each observation's row in the file, given in the file's order, and which rows were left out.
    ///
    /// # Panics
    ///
    /// If `rows` does not have one entry for each observation.
    pub fn with_rows_of_file(mut self, rows: &[usize], left_out: LeftOut) -> Dataset {
        assert_eq!(rows.len(), self.rows.len());
        self.rows.iter_mut().for_each(|row| *row = rows[*row]);
        Dataset { left_out, ..self }
    }

    /// Sets the means that were subtracted from the predictors before.
    pub fn with_predictor_means(self, predictor_means: Vec<f64>) -> Dataset {
        debug_assert_eq!(predictor_means.len(), self.predictors.len());
        Dataset { predictor_means, ..self }
    }

    /// The rows of the file that were left out, because they miss a value in a column that is used.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The assumptions made to read the file, each in a sentence; none for most files.
    pub fn assumed(&self) -> &[String] {
        &self.assumed
    }

    /// Values of the outcome and the predictors that probably mark missing values.
    pub fn sentinels(&self) -> Vec<Sentinel> {
        let outcome = (&self.columns.outcome, &self.outcome, 0.0);
        let means = self.predictors.iter().zip(&self.predictor_means);
        let predictors = self.columns.predictors.iter().zip(means).map(|(name, (values, mean))| (name, values, *mean));
        let all = std::iter::once(outcome).chain(predictors);
        all.flat_map(|(name, values, subtracted)| sentinels::of(name, values, subtracted)).collect()
    }

    /// A fingerprint of everything a model uses: each observation's group, outcome and predictors, in order. Sixteen
    /// hexadecimal digits of the hash FNV-1a (Fowler, Noll and Vo); good against mistakes, not against malice.
    pub fn checksum(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for (group, ends) in self.groups.iter().zip(&self.starts[1..]) {
            take(group.as_bytes());
            take(&(*ends as u64).to_le_bytes());
        }
        let of_rows = self.weights.iter().chain(&self.offset).chain(&self.errors).chain(&self.trials).flatten();
        for value in self.outcome.iter().chain(self.predictors.iter().flatten()).chain(of_rows) {
            take(&value.to_bits().to_le_bytes());
        }
        for factor in &self.factors {
            factor.levels.iter().for_each(|level| take(level.as_bytes()));
            factor.of.iter().for_each(|level| take(&level.to_le_bytes()));
        }
        format!("{hash:016x}")
    }

    /// The name of the data's source, as in error messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The name of the column of groups.
    pub fn group_name(&self) -> &str {
        &self.columns.group
    }

    /// The name of the outcome's column.
    pub fn outcome_name(&self) -> &str {
        &self.columns.outcome
    }

    /// The K - 1 names of the predictors' columns.
    pub fn predictor_names(&self) -> &[String] {
        &self.columns.predictors
    }

    /// The J names of the groups, in order of first appearance.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// J, at least 2.
    pub fn n_groups(&self) -> usize {
        self.groups.len()
    }

    /// N, at least J.
    pub fn n_observations(&self) -> usize {
        self.outcome.len()
    }

    /// K: the intercept and the predictors, at most [`MAX_COEFFICIENTS`].
    pub fn n_coefficients(&self) -> usize {
        self.predictors.len() + 1
    }

    /// The N outcomes, sorted by group.
    pub fn outcome(&self) -> &[f64] {
        &self.outcome
    }

    /// The N values of predictor `k`, sorted by group; `k` in 0..K-1, the intercept not counted.
    ///
    /// # Panics
    ///
    /// If there is no such predictor.
    pub fn predictor(&self, k: usize) -> &[f64] {
        &self.predictors[k]
    }

    /// The sorted observations of group `j`; never empty.
    ///
    /// # Panics
    ///
    /// If there is no such group.
    pub fn group_range(&self, j: usize) -> Range<usize> {
        self.starts[j]..self.starts[j + 1]
    }

    /// The row of the file of sorted observation `i`, counted from 0, without the header and blank lines.
    ///
    /// # Panics
    ///
    /// If there is no such observation.
    pub fn row_of(&self, i: usize) -> usize {
        self.rows[i]
    }

    /// The mean that [`centered`](Dataset::centered) subtracted from each predictor; 0 if none was.
    pub fn predictor_means(&self) -> &[f64] {
        &self.predictor_means
    }
}

impl Columns {
    /// These columns without whitespace around their names, as in headers.
    fn trimmed(&self) -> Columns {
        Columns {
            group: self.group.trim().into(),
            outcome: self.outcome.trim().into(),
            predictors: self.predictors.iter().map(|p| p.trim().into()).collect(),
        }
    }
}

/// The groups' first indices in sorted rows, and the number of rows; `group_of` has the group of each row.
fn starts(groups: usize, group_of: &[u32]) -> Vec<usize> {
    let mut starts = vec![0; groups + 1];
    for &group in group_of {
        starts[group as usize + 1] += 1;
    }
    for group in 0..groups {
        starts[group + 1] += starts[group];
    }
    starts
}

/// Sorts `values`, one for each row, by group; `starts` are the groups' first indices.
fn sorted<T: Copy + Default>(starts: &[usize], group_of: &[u32], values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut next = starts.to_vec();
    let mut sorted = vec![T::default(); group_of.len()];
    for (value, &group) in values.into_iter().zip(group_of) {
        let next = &mut next[group as usize];
        sorted[*next] = value;
        *next += 1;
    }
    sorted
}
