//! Densities on a device for the host's workers, one for each.

use std::sync::Arc;

use super::Settings;
use crate::density::gpu::DeviceModel;
use crate::density::{Density, DensityError};
use crate::model::Model;

/// Workers with fewer chains than this spend their time on round trips to the device.
const SMALLEST_WIDTH: usize = 256;

/// Most memory for the transitions of all workers, in bytes.
const TRANSITIONS_MEMORY: usize = 4 << 30;

/// Densities of `device`, one for each worker.
pub(crate) fn on_device(
    device: &Arc<DeviceModel>,
    model: &Model,
    settings: &Settings,
) -> Result<Vec<Box<dyn Density>>, DensityError> {
    let (workers, width) = workers_and_width(model, settings, device.largest_width());
    (0..workers).map(|_| Ok(Box::new(device.density(width)?) as Box<dyn Density>)).collect()
}

/// The number of workers that drive a device, and the number of chains that each advances at once. There are at least
/// two workers, so that one uses the host while another uses the device.
pub(crate) fn workers_and_width(model: &Model, settings: &Settings, largest: usize) -> (usize, usize) {
    let chains = settings.chains as usize;
    let workers = settings.threads.min(chains / SMALLEST_WIDTH).max(2).min(chains);
    let fit = TRANSITIONS_MEMORY / transition_memory(model, settings) / workers;
    (workers, chains.div_ceil(workers).min(largest).min(fit.max(1)))
}

/// Size of a transition on the host, in bytes: ends, samples and checkpoints of a trajectory.
pub(crate) fn transition_memory(model: &Model, settings: &Settings) -> usize {
    (16 + 3 * settings.max_tree_depth as usize) * model.dim() * size_of::<f64>()
}
