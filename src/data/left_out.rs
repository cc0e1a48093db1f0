//! The rows that were left out, because they miss a value in a column that is used.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::text::shown;

/// The number of rows that were left out, and how many of them miss a value of each column. A row may miss several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// The number of rows that are left out.
    pub rows: usize,
    /// The columns with missing values, in the order in which they are asked for; by roles: group, outcome, predictors.
    pub missing: Vec<MissingValues>,
}

/// The number of rows that miss a value of a column.
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
