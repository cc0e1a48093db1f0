//! Why rows cannot be predicted.

use crate::data::DataError;
use crate::formula::FormulaError;

/// Why rows cannot be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// There are no draws.
    #[error("the run has no draws yet; go on with it, with `warpnuts sample --resume`")]
    NoDraws,

    /// There are no effects.
    #[error("the run has kept no group effects, and this needs them; sample again without --keep hyper")]
    NoEffects,

    /// The draws do not fit into memory.
    #[error(
        "the draws take {needed} MiB of memory, and {free} are free; take fewer (predict --draws), or sample again with --thin"
    )]
    NoRoom {
        /// MiB of the draws.
        needed: u64,
        /// MiB that are free.
        free: u64,
    },

    /// The store does not say what the formula learnt.
    #[error(
        "the run's store does not say what its formula means at other rows, since an earlier version wrote it; sample again"
    )]
    NothingLearnt,

    /// A number of trials that is none.
    #[error("{file}, {place}: {value} is no number of trials; write a whole number from 0")]
    Trials {
        /// The file.
        file: String,
        /// The line, or the row.
        place: String,
        /// The number.
        value: f64,
    },

    /// A level that is not among the model's, with `NewLevels::Refuse`.
    #[error(
        "{file}, {place}: `{level}` is no level of {factor} in the run's data; correct it, or leave --new-levels refuse out, so \
         that it is taken for one drawn from the population"
    )]
    NewLevel {
        /// The file.
        file: String,
        /// The factor.
        factor: String,
        /// The label.
        level: String,
        /// Where it is first.
        place: String,
    },

    /// A column that would be there twice.
    #[error("{file} has a column `{column}` already, which is the name of an answer; rename it")]
    Taken {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },

    /// A grid that cannot be.
    #[error("--at {typed}: {problem}")]
    Grid {
        /// What was typed.
        typed: String,
        /// What is wrong, and what to write.
        problem: String,
    },

    /// A grid of too many rows.
    #[error("--at: these are {rows} combinations, and a grid has up to {most}; write fewer values")]
    LargeGrid {
        /// Its rows.
        rows: usize,
        /// Rows that are possible.
        most: usize,
    },

    /// Stopped by the user.
    #[error("interrupted: nothing was written")]
    Interrupted,

    /// A file that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),

    /// A formula that cannot be evaluated.
    #[error(transparent)]
    Formula(#[from] FormulaError),

    /// A file that cannot be written.
    #[error("{file} could not be written: {reason}; make room, or name another place with --out")]
    Unwritten {
        /// The file.
        file: String,
        /// Why.
        reason: std::io::Error,
    },
}
