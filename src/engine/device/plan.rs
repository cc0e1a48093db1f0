//! How a device engine is to be built, and the shaders that are compiled for it.

use std::sync::Arc;

use super::kernels::{self, DeviceOutput, Kernels, TransitionShaders, admits};
use crate::density::DensityError;
use crate::engine::Keep;
use crate::engine::host::Chains;
use crate::gpu::{Gpu, Target};
use crate::model::Model;

/// How a device engine is to be built, beside its model.
#[derive(Debug, Clone, Copy)]
pub struct DevicePlan {
    /// The chains.
    pub chains: Chains,
    /// The most doublings of a trajectory there is room for.
    pub max_depth: u32,
    /// What goes to the sink.
    pub keep: Keep,
}

/// The shaders of a plan, compiled.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) shaders: TransitionShaders,
    pub(super) kernels: Arc<Kernels>,
}

impl Compiled {
    /// Compiles what `plan` needs for `model` on `gpu`; another number of chains may do better with other shaders.
    ///
    /// # Errors
    /// When the device does not admit `model`, or the driver refuses a shader.
    pub fn new(gpu: &Gpu, model: &Model, plan: &DevicePlan) -> Result<Compiled, DensityError> {
        admits(gpu, model)?;
        let target = target(gpu, plan);
        let sums = plan.keep == Keep::Summary && kernels::draws_effects(model, target);
        let output = if sums { DeviceOutput::Sums } else { DeviceOutput::Draws(plan.keep.sampled(model)) };
        let shaders = TransitionShaders::new(model, plan.max_depth, output, target);
        let kernels = Arc::new(shaders.compile(gpu)?);
        Ok(Compiled { shaders, kernels })
    }

    /// Whether they are what `plan` needs, if it differs from the plan they were compiled for in its chains alone.
    pub fn suits(&self, gpu: &Gpu, model: &Model, plan: &DevicePlan) -> bool {
        kernels::team(model, target(gpu, plan)) == self.shaders.team
    }

    /// How many lanes share a chain, and how many numbers of each of its vectors a lane holds.
    pub fn team(&self) -> (u32, usize) {
        (self.shaders.team.lanes, self.shaders.lie.slots)
    }
}

/// What the kernels of a plan are written for.
fn target(gpu: &Gpu, plan: &DevicePlan) -> Target {
    gpu.target_of(plan.chains.count, plan.keep == Keep::Summary)
}
