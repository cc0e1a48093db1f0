//! Data sets of a formula: any columns, and several factors, of which the first sorts the rows.

use super::left_out::LeftOut;
use super::{Columns, DataError, Dataset, Frame, checks, noise, sorted, starts, text};

/// A grouping column: its levels, in order of first appearance, and the level of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The name of the column, or of several whose combinations are levels: `county`, `batch:cask`.
    pub name: String,
    /// The levels' names.
    pub levels: Vec<String>,
    /// The level of each row.
    pub of: Vec<u32>,
}

/// The rows of a file that are in a data set.
#[derive(Debug, Clone, Default)]
pub struct FileRows {
    /// The name of the file, or of another source.
    pub source: String,
    /// The row of the file of each row.
    pub rows: Vec<usize>,
    /// The rows that were left out.
    pub left_out: LeftOut,
    /// The assumptions made to read the file.
    pub assumed: Vec<String>,
    /// The weight of each row, by which the variance of its outcome is divided; positive.
    pub weights: Option<Vec<f64>>,
    /// The known part of each row's linear predictor.
    pub offset: Option<Vec<f64>>,
    /// The known standard error of each outcome, beside the noise that all rows have; positive.
    pub errors: Option<Vec<f64>>,
    /// The number of trials of each row, of which its outcome is the successes; positive.
    pub trials: Option<Vec<f64>>,
    /// Columns of the file from which others are computed: numbers, or the numbers of levels.
    pub sources: Vec<(String, Vec<f64>)>,
}

impl Frame {
    /// The rows of this frame, for a data set of its columns.
    pub fn rows(&self) -> FileRows {
        FileRows {
            source: self.source.clone(),
            rows: self.rows_of_file().collect(),
            left_out: self.left_out.clone(),
            assumed: self.assumed.clone(),
            ..FileRows::default()
        }
    }

    /// The numbers of a column of `what` for each row, which are positive if `positive` is set.
    ///
    /// # Errors
    /// If the column has words, or a number that is not positive.
    pub fn of_rows(&self, name: &str, what: &'static str, positive: bool) -> Result<Vec<f64>, DataError> {
        let (file, column) = (self.source.clone(), name.to_string());
        let Some(numbers) = self.numbers(name) else { return Err(DataError::Words { file, column, what }) };
        match numbers.iter().position(|number| positive && *number <= 0.0) {
            None => Ok(numbers.to_vec()),
            Some(row) => {
                let (place, value) = (self.place(row), numbers[row]);
                Err(DataError::NotPositive { file, place, column, value, what })
            }
        }
    }
}

impl Dataset {
    /// The data set of a formula: an outcome, numeric columns and factors, row by row in the order of the file. The
    /// first factor sorts the rows.
    ///
    /// # Errors
    /// If there are no rows, a factor has a single level, or a value is not finite.
    ///
    /// # Panics
    /// If columns are of different lengths, or there is no factor.
    pub fn of_formula(
        file: FileRows,
        (outcome_name, outcome): (String, Vec<f64>),
        columns: Vec<(String, Vec<f64>)>,
        mut factors: Vec<Factor>,
    ) -> Result<Dataset, DataError> {
        let FileRows { source, rows, left_out, assumed, weights, offset, errors, trials, sources } = file;
        let source = text::one_line(&source);
        let lengths =
            columns.iter().map(|(_, values)| values.len()).chain(factors.iter().map(|factor| factor.of.len()));
        assert!(lengths.chain([rows.len()]).all(|length| length == outcome.len()));
        for (name, values) in columns.iter().chain([&(outcome_name.clone(), outcome.clone())]) {
            checks::values(&source, name, values)?;
        }
        let first = factors.remove(0);
        for factor in [&first].into_iter().chain(&factors) {
            checks::levels(&source, &factor.name, &factor.levels)?;
        }
        let (starts, groups) = (starts(first.levels.len(), &first.of), &first.of);
        let others = factors.into_iter().map(|factor| Factor { of: sorted(&starts, groups, factor.of), ..factor });
        let (predictors, values): (Vec<String>, Vec<Vec<f64>>) =
            columns.into_iter().map(|(name, values)| (name, sorted(&starts, groups, values))).unzip();
        let others = others.collect();
        let beside = [weights, offset, errors, trials];
        let sources = sources.into_iter().map(|(name, values)| (name, sorted(&starts, groups, values))).collect();
        let [weights, offset, errors, trials] =
            beside.map(|column| column.map(|column| sorted(&starts, groups, column)));
        Ok(Dataset {
            source,
            columns: Columns { group: first.name, outcome: outcome_name, predictors },
            groups: first.levels,
            rows: sorted(&starts, groups, rows),
            left_out,
            assumed,
            outcome: sorted(&starts, groups, outcome),
            predictor_means: vec![0.0; values.len()],
            predictors: values,
            starts,
            factors: others,
            weights,
            offset,
            errors,
            trials,
            sources,
        })
    }

    /// Refuses an outcome that does not vary, beside its offset where it is a `location`, or is the same share of all
    /// trials, none or all of them.
    ///
    /// # Errors
    /// If it does not vary.
    pub fn refuse_constant(&self, location: bool) -> Result<(), DataError> {
        let name = &self.columns.outcome;
        match (&self.offset, &self.trials) {
            (Some(offset), _) if location => {
                let left: Vec<f64> = self.outcome.iter().zip(offset).map(|(y, known)| y - known).collect();
                checks::varies(&self.source, &format!("{name} - offset"), &left)
            }
            (_, Some(trials)) => {
                let shares: Vec<f64> = self.outcome.iter().zip(trials).map(|(k, n)| k / n).collect();
                let all = |share: f64| shares.iter().all(|own| *own == share);
                let name = format!("{name} / trials");
                if all(0.0) || all(1.0) { checks::varies(&self.source, &name, &shares) } else { Ok(()) }
            }
            _ => checks::varies(&self.source, name, &self.outcome),
        }
    }

    /// Refuses an outcome that levels of the first factor and slopes that all share fit to rounding, unless noise may
    /// be known.
    ///
    /// # Errors
    /// If there is no noise.
    pub fn refuse_common_fit(&self) -> Result<(), DataError> {
        if self.may_know_noise() { Ok(()) } else { noise::refuse_common(self) }
    }

    /// The same rows with other outcomes, in the same order.
    ///
    /// # Panics
    /// If there is not an outcome for each row.
    pub fn with_outcome(&self, outcome: Vec<f64>) -> Dataset {
        assert_eq!(outcome.len(), self.outcome.len());
        Dataset { outcome, ..self.clone() }
    }

    /// The dispersions of row `i`, given those of all: the first is an sd, which weights divide and known errors add
    /// to.
    pub fn row_dispersions<const N: usize>(&self, i: usize, mut dispersions: [f64; N]) -> [f64; N] {
        if let (Some(weights), Some(first)) = (&self.weights, dispersions.first_mut()) {
            *first /= weights[i].sqrt();
        }
        if let (Some(errors), Some(first)) = (&self.errors, dispersions.first_mut()) {
            *first = (*first * *first + errors[i] * errors[i]).sqrt();
        }
        dispersions
    }

    /// The number of trials of each sorted row; `None` if all are 1.
    pub fn trials(&self) -> Option<&[f64]> {
        self.trials.as_deref()
    }

    /// The weight of each sorted row, by which the variance of its outcome is divided; `None` if all are 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Columns of the file from which predictors are computed, row by row in the sorted order: numbers, or the numbers
    /// of levels.
    pub fn sources(&self) -> &[(String, Vec<f64>)] {
        &self.sources
    }

    /// The known standard error of each sorted row, whose variance is added to that of the noise; `None` if all are 0.
    pub fn errors(&self) -> Option<&[f64]> {
        self.errors.as_deref()
    }

    /// Whether noise may be known, by weights or by errors: then the outcome need not say anything of it.
    pub fn may_know_noise(&self) -> bool {
        self.weights.is_some() || self.errors.is_some()
    }

    /// The known part of each sorted row's linear predictor; `None` if all are 0.
    pub fn offset(&self) -> Option<&[f64]> {
        self.offset.as_deref()
    }

    /// Refuses an outcome that every group's own regression on all predictors fits to rounding, for models in which all
    /// of them vary by the groups.
    ///
    /// # Errors
    /// If there is no noise.
    pub fn refuse_without_noise(&self) -> Result<(), DataError> {
        noise::refuse_none(self)
    }

    /// The number of factors, the groups included.
    pub fn n_factors(&self) -> usize {
        self.factors.len() + 1
    }

    /// The name of a factor; 0 is the groups' column.
    ///
    /// # Panics
    /// If there is no such factor.
    pub fn factor_name(&self, factor: usize) -> &str {
        if factor == 0 { self.group_name() } else { &self.factors[factor - 1].name }
    }

    /// The names of a factor's levels; 0 is the groups' column.
    ///
    /// # Panics
    /// If there is no such factor.
    pub fn levels(&self, factor: usize) -> &[String] {
        if factor == 0 { self.groups() } else { &self.factors[factor - 1].levels }
    }

    /// The level of a factor in each sorted row; 0 is the groups' column.
    ///
    /// # Panics
    /// If there is no such factor.
    pub fn level_of_rows(&self, factor: usize) -> Vec<u32> {
        match factor {
            0 => (0..self.n_groups()).flat_map(|j| self.group_range(j).map(move |_| j as u32)).collect(),
            _ => self.factors[factor - 1].of.clone(),
        }
    }
}
