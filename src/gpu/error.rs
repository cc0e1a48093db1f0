//! Failures of a GPU, and their remedies.

/// Why a GPU could not be used, or stopped working.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GpuError {
    /// There is no adapter.
    #[error(
        "there is no GPU adapter; install a driver with Vulkan, Metal or DirectX 12 (on Debian without a GPU, mesa-vulkan-drivers brings a slow one in software)"
    )]
    NoAdapter,
    /// No adapter has this name.
    #[error("no adapter is called `{wanted}`; there is: {there}")]
    NotFound {
        /// The name that was asked for.
        wanted: String,
        /// The names of all adapters.
        there: String,
    },
    /// The only adapter is software on the CPU.
    #[error(
        "the only adapter, {name}, is software that runs on the CPU, slower than `--engine cpu`; to use it nevertheless, add --allow-software-adapter"
    )]
    Software {
        /// The adapter's name.
        name: String,
    },
    /// The driver gave no device.
    #[error("adapter {name} could not be opened: {reason}")]
    Open {
        /// The adapter's name.
        name: String,
        /// The driver's message.
        reason: String,
    },
    /// A switch of the environment has an invalid value.
    #[error("{name} is `{value}`; it can be {values}, or not set at all")]
    Switch {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values it may have.
        values: String,
    },
    /// A shader is invalid.
    #[error("shader {name} is not valid, which is a defect of warpnuts; use --engine cpu, and report this: {reason}")]
    Shader {
        /// The shader's name.
        name: String,
        /// The validator's message.
        reason: String,
    },
    /// The driver did not compile a pipeline of a valid shader.
    #[error(
        "the driver of {adapter} refused to compile kernel `{name}` ({reason}); {remedy}, and report this line with what `warpnuts devices` prints"
    )]
    Pipeline {
        /// The kernel's name.
        name: String,
        /// The adapter, with its driver.
        adapter: String,
        /// wgpu's message, which lacks the driver's own error code.
        reason: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// A buffer or a table is larger than the device can bind or hold.
    #[error("{what} would take {bytes} bytes on the device, which allows {limit}; {remedy}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The device's limit in bytes.
        limit: u64,
        /// The remedy.
        remedy: String,
    },
    /// The device's memory is full.
    #[error("the device's memory is full: {reason}; run fewer chains at once, or use --engine cpu")]
    OutOfMemory {
        /// The driver's message.
        reason: String,
    },
    /// The device was lost.
    #[error(
        "the device was lost ({reason}): a driver reset, a removed card or a dispatch that ran too long; use --engine cpu, or restart the driver and try again"
    )]
    Lost {
        /// The driver's message.
        reason: String,
    },
    /// The device refused a command for another reason.
    #[error("the device refused a command: {reason}; use --engine cpu, and report this")]
    Refused {
        /// The driver's message.
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
