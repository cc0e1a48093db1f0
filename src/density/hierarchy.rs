//! From theta to the coefficients of each level, and the gradient back: one file for each way in which coefficients spread.

pub mod diagonal;
