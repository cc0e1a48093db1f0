//! Predictions: the expectation and the outcome at new rows, from the draws of a run or from the prior.
//!
//! Rows of a file become rows of the model, which is evaluated in every draw; what is answered goes to a CSV file, row
//! by row, and all draws, if they are wanted, to a Zarr group. Memory does not grow with the number of rows.

mod answers;
mod error;
mod evaluate;
mod grid;
mod levels;
mod prior;
mod quantiles;
mod rows;
mod table;
mod variables;

pub use answers::{Answer, Answerer, RowAnswers};
pub use error::PredictError;
pub use evaluate::{Evaluator, Scratch};
pub(crate) use grid::column_and_values;
pub use grid::{GridValues, RowGrid};
pub use rows::{ColumnValues, NewLevels, NewValue, RowLevel, RowReader, Rows};
pub use table::{PredictionTable, RowSource, WrittenRows};
pub use variables::DrawnVariables;
