//! Why there is no such effect, or no such hypothesis.

use crate::predict::PredictError;

/// Why there is no such effect, or no such hypothesis.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// There are no draws, or no effects.
    #[error(transparent)]
    Draws(#[from] PredictError),

    /// There is no such column.
    #[error("--of {column}: the model has no such column; {cure}")]
    NoColumn {
        /// What was typed.
        column: String,
        /// What to write.
        cure: String,
    },

    /// A value that cannot be compared.
    #[error("--of {typed}: {problem}")]
    Value {
        /// What was typed.
        typed: String,
        /// What is wrong, and what to write.
        problem: String,
    },

    /// A store of an earlier version, which does not have the columns of the file.
    #[error("the run's store does not have its column `{column}`, since an earlier version wrote it; sample again")]
    NoSource {
        /// The column.
        column: String,
    },

    /// A hypothesis that cannot be read.
    #[error("--hypothesis '{typed}': {problem}")]
    Hypothesis {
        /// What was typed.
        typed: String,
        /// What is wrong, and what to write.
        problem: String,
    },
}
