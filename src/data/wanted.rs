//! Which columns are read, and as what.

use super::Columns;

/// What a formula wants of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedColumn {
    /// The name in the header.
    pub name: String,
    /// As numbers, or as categories where the cells are words.
    pub as_value: bool,
    /// As labels, whatever the cells are.
    pub as_label: bool,
}

/// The columns to be read, each once.
pub(super) struct Request {
    pub columns: Vec<WantedColumn>,
    /// Whether words are values too, or numbers only.
    pub takes_words: bool,
    /// Columns of labels that may be missing: the label is then empty, and the row is kept.
    may_miss: Vec<String>,
}

impl Request {
    /// The columns of a formula, whose values may be words.
    pub fn of_formula(wanted: &[WantedColumn]) -> Request {
        let mut request = Request { columns: Vec::new(), takes_words: true, may_miss: Vec::new() };
        wanted.iter().for_each(|column| request.add(&column.name, column.as_value, column.as_label));
        request
    }

    /// The columns of rows that are predicted: values are numbers, and some labels may be missing.
    pub fn of_rows(wanted: &[WantedColumn], may_miss: &[String]) -> Request {
        Request { takes_words: false, may_miss: may_miss.to_vec(), ..Request::of_formula(wanted) }
    }

    /// Whether a row without a cell of column `i` is kept: the cell is a label that may be missing.
    pub fn may_miss(&self, i: usize) -> bool {
        let WantedColumn { name, as_value, .. } = &self.columns[i];
        !as_value && self.may_miss.contains(name)
    }

    /// The columns of a model by roles: the group, the outcome and the predictors; the group may be a predictor too.
    pub fn of_roles(columns: &Columns) -> Request {
        let mut request = Request { columns: Vec::new(), takes_words: false, may_miss: Vec::new() };
        request.add(&columns.group, false, true);
        let values = std::iter::once(&columns.outcome).chain(&columns.predictors);
        values.for_each(|name| request.add(name, true, false));
        request
    }

    fn add(&mut self, name: &str, as_value: bool, as_label: bool) {
        // Names in headers have no whitespace around them.
        let name = name.trim();
        match self.columns.iter_mut().find(|column| column.name == name) {
            Some(column) => {
                column.as_value |= as_value;
                column.as_label |= as_label;
            }
            None => self.columns.push(WantedColumn { name: name.to_owned(), as_value, as_label }),
        }
    }
}
