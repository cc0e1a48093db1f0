//! Sinks: where draws go as they are made.

mod between_chains;
mod complete_collapsed;
mod location_scale;
mod memory;
mod pointwise;
mod precision;
mod recorded;
pub mod store;
mod streaming;

pub use between_chains::{BetweenChains, Running};
pub use complete_collapsed::{Completion, WithEffects};
pub use location_scale::location_scales;
pub use memory::Memory;
pub use precision::Precision;
pub use recorded::Draws;
pub use streaming::{Summed, Totals};
