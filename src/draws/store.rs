//! A store of draws that outlives the run: Zarr v3 in ArviZ's layout, written block by block during the run, and read
//! variable by variable.
//!
//! The metadata at the root are written last and give the number of draws, so whenever a writer ends, the store is
//! complete up to that number. The states of the chains after these draws are in a file beside the store.

mod arrays;
mod checkpoint;
mod chunks;
mod desk;
mod error;
mod files;
mod fixed_arrays;
mod fresh;
mod layout;
mod lock;
mod metadata;
mod model;
mod not_a_run;
mod part_reader;
mod predictions;
mod read;
mod row_buffer;
mod write;

pub use checkpoint::exists as has_checkpoint;
pub use error::{Damage, StoreError};
pub use layout::Extent;
pub use predictions::PredictionWriter;
pub use read::Store;
pub use write::{Checkpoints, Writer, Writing};

/// The folder of the store inside the folder of a run.
pub const STORE: &str = "draws.zarr";

/// The format that this version writes, and the only one that it reads.
const FORMAT: u64 = 2;
