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

pub use between_chains::{BetweenChains, RunningVariance};
pub use complete_collapsed::{CompletingSink, Completion};
pub use location_scale::location_scales;
pub use memory::Memory;
pub use pointwise::Pointwise;
pub use precision::Precision;
pub use recorded::Draws;
pub use streaming::{StreamingSink, Totals};
