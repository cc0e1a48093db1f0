//! Sinks: where draws go as they are made.

mod effects;
mod kept;
mod memory;
mod observations;
mod precision;
pub mod store;
mod thinned;

pub use effects::WithEffects;
pub use kept::Draws;
pub use memory::Memory;
pub use precision::Precision;
pub use thinned::Thinned;
