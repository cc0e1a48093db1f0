//! The starting states of a device engine's chains: computed on the CPU, at the same points as the CPU engine's.

use rayon::prelude::*;

use crate::density::cpu::CpuDensity;
use crate::engine::EngineError;
use crate::engine::host::Chains;
use crate::engine::worker::{HostChain, Worker};
use crate::model::Model;
use crate::nuts::{State, Transition};

/// Chains for which a thread looks for starting points at once.
const STARTS: usize = 256;

/// The state of each chain at its starting point.
///
/// # Errors
/// If a chain finds no starting point.
pub fn starting_states(model: &Model, chains: Chains) -> Result<Vec<State>, EngineError> {
    let density = CpuDensity::new(model);
    let dim = model.dim();
    let numbers: Vec<u32> = (chains.first..chains.first + chains.count).collect();
    let found = numbers.par_chunks(STARTS).map(|numbers| {
        let mut worker = Worker::new(Box::new(density.clone()), |dim| Transition::new(dim, 1));
        let chain = |number: &u32| HostChain::new(*number, chains.per_superchain, dim);
        let mut started: Vec<HostChain> = numbers.iter().map(chain).collect();
        worker.start(chains.seed, &mut started)?;
        Ok(started.into_iter().map(|chain| chain.state).collect::<Vec<_>>())
    });
    Ok(found.collect::<Result<Vec<_>, EngineError>>()?.into_iter().flatten().collect())
}
