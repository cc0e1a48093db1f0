//! The GPU: adapters, an opened device, kernels, and round trips to the device. Nothing here knows a model. Every call
//! of wgpu is here, or in the density and the engine that run on the device.

mod adapter;
mod device;
mod entry_point;
mod error;
mod exchange;
mod kernel;
mod meter;
mod shader;
mod submission;
mod switches;

pub use adapter::{Adapter, flags};
pub use device::{Gpu, Target};
pub use entry_point::EntryPoint;
pub use error::GpuError;
pub use exchange::Exchange;
pub use kernel::ComputeKernel;
pub use meter::{Meter, MeterReading};
pub use shader::{ShaderHeader, Source};
pub(crate) use shader::{shared_struct, source};
pub use submission::{Clock, Readback, Submission};
pub use switches::Switches;
