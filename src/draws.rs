//! Sinks: where draws go as they are made.

mod memory;

pub use memory::Memory;
