//! Sinks: where draws go as they are made.

mod memory;
mod precision;

pub use memory::Memory;
pub use precision::Precision;
