//! Sinks: where draws go as they are made.

mod effects;
mod memory;

pub use effects::WithEffects;
pub use memory::Memory;
