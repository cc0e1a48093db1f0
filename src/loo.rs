//! How well a model predicts rows that it has not seen: leave-one-out cross-validation by importance sampling or by
//! refits, of rows or of whole groups, and the comparison of several models.

mod crossvalidation;
mod error;
mod importance;
mod refit;
mod units;

pub use crossvalidation::{CrossValidation, LeftOutUnit, check_same_rows};
pub use error::LooError;
pub use importance::by_importance;
pub use refit::{Refit, Refits};
pub use units::LeftOutSets;
