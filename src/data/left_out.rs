//! The rows that were left out, for they miss a value in a column that is used.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::text::shown;

/// How many rows were left out, and how many of them miss a value of which column. A row may miss several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Rows that are left out.
    pub rows: usize,
    /// Of the columns that miss any, in the order of group, outcome, predictors.
    pub missing: Vec<MissingValues>,
}

/// The rows that miss a value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingValues {
    pub column: String,
    pub rows: usize,
}

impl LeftOut {
    /// Whether no row was left out.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

/// `2 of y, 1 of site`
impl Display for LeftOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, MissingValues { column, rows }) in self.missing.iter().enumerate() {
            write!(f, "{}{rows} of {}", if i == 0 { "" } else { ", " }, shown(column))?;
        }
        Ok(())
    }
}
