//! Sinks: where draws go as they are made.

mod across;
mod effects;
mod kept;
mod memory;
mod observations;
mod precision;
pub mod store;
mod summed;
mod units;

pub use across::{Across, Running};
pub use effects::{Completion, WithEffects};
pub use kept::Draws;
pub use memory::Memory;
pub use precision::Precision;
pub use summed::{Summed, Totals};
pub use units::units;
