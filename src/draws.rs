//! Sinks: where draws go as they are made.

mod effects;
mod memory;
mod precision;

pub use effects::WithEffects;
pub use memory::Memory;
pub use precision::Precision;
