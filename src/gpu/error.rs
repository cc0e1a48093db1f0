//! What can go wrong with a GPU, and what to do about it.

/// Why a GPU could not be used, or stopped working.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GpuError {
    /// No adapter at all.
    #[error(
        "there is no GPU adapter; install a driver with Vulkan, Metal or DirectX 12 (on Debian without a GPU, mesa-vulkan-drivers brings a slow one in software)"
    )]
    NoAdapter,
    /// No adapter of that name.
    #[error("no adapter is called `{wanted}`; there is: {there}")]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// The names there are.
        there: String,
    },
    /// Only an adapter that computes on the CPU.
    #[error(
        "the only adapter, {name}, is software that runs on the CPU, slower than `--engine cpu`; to use it nevertheless, add --allow-software-adapter"
    )]
    Software {
        /// The adapter's name.
        name: String,
    },
    /// The adapter gave no device.
    #[error("adapter {name} could not be opened: {reason}")]
    Open {
        /// The adapter's name.
        name: String,
        /// What the driver said.
        reason: String,
    },
    /// A switch of the environment has a value that it cannot have.
    #[error("{name} is `{value}`; it can be {values}, or not set at all")]
    Switch {
        /// The variable.
        name: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be set to.
        values: String,
    },
    /// A shader is not valid.
    #[error("shader {name} is not valid, which is a defect of warpnuts; use --engine cpu, and report this: {reason}")]
    Shader {
        /// The shader's name.
        name: String,
        /// What was said about it.
        reason: String,
    },
    /// The driver compiles no pipeline of a valid shader.
    #[error(
        "the driver of {adapter} refused to compile kernel `{name}` ({reason}); {remedy}, and report this line with what `warpnuts devices` prints"
    )]
    Pipeline {
        /// The kernel's name.
        name: String,
        /// The adapter, with its driver.
        adapter: String,
        /// What wgpu says, which does not pass on the driver's own code.
        reason: String,
        /// What to try.
        remedy: &'static str,
    },
    /// Something is larger than the device can bind or hold.
    #[error("{what} would take {bytes} bytes on the device, which allows {limit}; {remedy}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// What it would take.
        bytes: u64,
        /// What the device allows.
        limit: u64,
        /// What to change.
        remedy: String,
    },
    /// The device's memory is full.
    #[error("the device's memory is full: {reason}; run fewer chains at once, or use --engine cpu")]
    OutOfMemory {
        /// What the driver said.
        reason: String,
    },
    /// The device is gone.
    #[error(
        "the device was lost ({reason}): a driver reset, a removed card or a dispatch that ran too long; use --engine cpu, or restart the driver and try again"
    )]
    Lost {
        /// What the driver said.
        reason: String,
    },
    /// Anything else that the driver did not accept.
    #[error("the device refused a command: {reason}; use --engine cpu, and report this")]
    Refused {
        /// What was said about it.
        reason: String,
    },
}

impl From<wgpu::Error> for GpuError {
    fn from(error: wgpu::Error) -> GpuError {
        let reason = error.to_string();
        match error {
            wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory { reason },
            wgpu::Error::Internal { .. } => GpuError::Lost { reason },
            wgpu::Error::Validation { .. } => GpuError::Refused { reason },
        }
    }
}
