//! The plan of a device engine, and the shaders compiled for it.

use std::sync::Arc;

use super::kernels::{self, DeviceOutput, Kernels, TransitionShaders, admits};
use crate::density::DensityError;
use crate::engine::Keep;
use crate::engine::host::Chains;
use crate::gpu::{Gpu, Target};
use crate::model::Model;

/// The plan of a device engine, apart from its model.
#[derive(Debug, Clone, Copy)]
pub struct DevicePlan {
    /// The chains.
    pub chains: Chains,
    /// Largest number of doublings of a trajectory that buffers allow.
    pub max_depth: u32,
    /// The variables that go to the sink.
    pub keep: Keep,
    /// The most eigenvectors of a metric.
    pub rank: usize,
}

/// The compiled shaders of a plan.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) shaders: TransitionShaders,
    pub(super) kernels: Arc<Kernels>,
}

impl Compiled {
    /// Compiles the shaders of `plan` for `model` on `gpu`; for another number of chains other shaders may be faster.
    ///
    /// # Errors
    /// If the device does not admit `model`, or the driver refuses a shader.
    pub fn new(gpu: &Gpu, model: &Model, plan: &DevicePlan) -> Result<Compiled, DensityError> {
        admits(gpu, model)?;
        let target = target(gpu, plan);
        let sums = plan.keep == Keep::Summary && kernels::sums_draws(model, target);
        let output = if sums { DeviceOutput::Sums } else { DeviceOutput::Draws(plan.keep.sampled(model)) };
        let shaders = TransitionShaders::new(model, plan.max_depth, output, target);
        let kernels = Arc::new(shaders.compile(gpu)?);
        Ok(Compiled { shaders, kernels })
    }

    /// Whether these shaders suit `plan`, which differs from the plan that they were compiled for only in its chains.
    pub fn suits(&self, gpu: &Gpu, model: &Model, plan: &DevicePlan) -> bool {
        kernels::team(model, target(gpu, plan)) == self.shaders.team
    }

    /// Number of lanes that share a chain, and of numbers of each vector in a lane.
    pub fn team(&self) -> (u32, usize) {
        (self.shaders.team.lanes, self.shaders.lie.slots)
    }
}

/// The target of a plan's kernels.
fn target(gpu: &Gpu, plan: &DevicePlan) -> Target {
    gpu.target_of(plan.chains.count, plan.keep == Keep::Summary)
}
