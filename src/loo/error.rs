//! Why rows cannot be left out.

use crate::engine::EngineError;
use crate::model::{NoCollapse, Refusal};
use crate::predict::PredictError;

/// Why rows cannot be left out.
#[derive(Debug, thiserror::Error)]
pub enum LooError {
    /// There are too few draws, or no effects.
    #[error(transparent)]
    Draws(#[from] PredictError),

    /// The effects cannot be integrated out.
    #[error("leaving rows out exactly integrates out effects, {0}; leave --exact, --by and --folds out")]
    NotCollapsed(NoCollapse),

    /// The model's log density cannot be computed.
    #[error(transparent)]
    Refused(Refusal),

    /// All rows would be left out together.
    #[error("all rows are of one group, and without it there is nothing to fit; leave --by out")]
    NothingLeft,

    /// There is no such factor.
    #[error("--by {factor}: the model has no such factor; {cure}")]
    NoFactor {
        /// What was typed.
        factor: String,
        /// What to write.
        cure: String,
    },

    /// There are more folds than rows.
    #[error("--folds {folds}: there are {rows} rows; write fewer folds")]
    ManyFolds {
        /// What was typed.
        folds: usize,
        /// Rows of the data.
        rows: usize,
    },

    /// Runs of different data.
    #[error("only models of the same outcomes can be compared, and {problem}; name runs of the same data")]
    OtherRows {
        /// What differs.
        problem: String,
    },

    /// A refit failed.
    #[error("a refit failed: {0}")]
    Engine(EngineError),
}
