//! A whole run: a model, settings and a place to compute become draws in memory, and everything there is to tell about
//! them.

mod backend;
pub mod cost;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::density::Likelihood;
use crate::draws::{Memory, Precision, WithEffects};
use crate::driver::{self, Plan, Run};
use crate::engine::host::Chains;
use crate::engine::{DeviceFailure, EngineError, Progress};
use crate::model::Model;
use crate::nuts::Statistics;

pub(crate) use backend::lanes_and_width;
pub use backend::{Backend, Choice, Engine, choose};

/// From so many chains on, and with fewer draws of each than [`SHORT_CHAIN`], chains share starting points.
const MANY_CHAINS: u32 = 64;

/// Shorter chains have too few draws to compare their own variance with that between them, as R-hat does: it is above
/// 1.01 even for chains that have long converged, where a draw is worth a fifth of an independent one.
const SHORT_CHAIN: u32 = 1000;

/// Which variables of each draw are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// All D of them.
    All,
    /// mu, sigma and eps; no group effects.
    Hyper,
}

/// How to run.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Settings {
    /// How many chains.
    pub chains: u32,
    /// Global number of the first one: the same in a shard as in the whole experiment.
    pub first_chain: u32,
    /// Transitions of each chain before draws are kept.
    pub warmup: u32,
    /// Draws of each chain.
    pub draws: u32,
    /// The seed of every random number.
    pub seed: u64,
    /// The mean acceptance to aim at.
    pub target_accept: f64,
    /// The most doublings of a trajectory.
    pub max_tree_depth: u32,
    /// How the likelihood is computed.
    pub likelihood: Likelihood,
    /// Which variables are kept.
    pub keep: Keep,
    /// How exactly draws are kept.
    pub draw_precision: Precision,
    /// How many lanes work at once. No draw depends on it.
    pub threads: usize,
}

impl Default for Settings {
    /// 16 chains of 1000 warm-up transitions and 1000 draws of everything, on all cores.
    fn default() -> Settings {
        Settings {
            chains: 16,
            first_chain: 0,
            warmup: 1000,
            draws: 1000,
            seed: 1,
            target_accept: 0.8,
            max_tree_depth: 10,
            likelihood: Likelihood::Groups,
            keep: Keep::All,
            draw_precision: Precision::F64,
            threads: crate::machine::threads(),
        }
    }
}

impl Settings {
    /// How many variables of `model` are kept of each draw.
    pub fn variables(&self, model: &Model) -> usize {
        match self.keep {
            Keep::All => model.layout().dim(),
            Keep::Hyper => model.layout().hyperparameters(),
        }
    }

    /// How many variables of each draw an engine knows: of a marginal model the hyperparameters, for effects are drawn on the
    /// way to where draws are kept.
    pub fn sampled_variables(&self, model: &Model) -> usize {
        self.variables(model).min(model.dim())
    }

    /// The memory that a run will take at its peak, in bytes: the draws, their statistics, and each chain's state.
    pub fn memory(&self, model: &Model) -> u128 {
        let number = size_of::<f64>() as u128;
        let (chains, draws) = (u128::from(self.chains), u128::from(self.draws));
        let draw = (self.variables(model) * self.draw_precision.bytes()) as u128 + size_of::<Statistics>() as u128;
        // Position, gradient, and the running mean and squares of both.
        let chain = 6 * model.dim() as u128 * number;
        chains * (draws * draw + chain)
    }

    /// How many consecutive chains share a starting point, so that nested R-hat can tell what many short chains have
    /// forgotten: 1 unless there are 64 chains or more of fewer than 1000 draws, and then about the square root of their
    /// number, as a power of two that divides it (and the number of the first chain).
    pub fn chains_per_superchain(&self) -> u32 {
        if self.chains < MANY_CHAINS || self.draws >= SHORT_CHAIN {
            return 1;
        }
        let divides = |size: u32| self.chains.is_multiple_of(size) && self.first_chain.is_multiple_of(size);
        let sizes = (0..31).map(|power| 1u32 << power);
        sizes.take_while(|size| u64::from(*size).pow(2) <= u64::from(self.chains) && divides(*size)).last().unwrap_or(1)
    }
}

/// What a run has drawn.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// The posterior that was sampled.
    pub model: Arc<Model>,
    /// How it was sampled.
    pub settings: Settings,
    /// Where it was sampled.
    pub backend: Backend,
    /// The variables that were kept, in order.
    pub names: Vec<String>,
    /// Their draws.
    pub draws: Memory,
    /// What the driver tells.
    pub run: Run,
    /// Whether the run was stopped before its last draw.
    pub interrupted: bool,
    /// From before the first starting point to after the last draw.
    pub wall: Duration,
}

/// Samples `model` on the CPU.
///
/// `progress` counts along, and stops the run early where it is told to.
///
/// # Errors
/// When a chain finds no starting point.
pub fn sample(model: Arc<Model>, settings: Settings, progress: Arc<Progress>) -> Result<Sampled, EngineError> {
    sample_on(&Backend::Cpu, model, settings, progress)
}

/// Samples `model` where `backend` computes.
///
/// `progress` counts along, and stops the run early where it is told to. A device that fails in the middle of the run
/// leaves what was drawn, and its failure in [`Run`].
///
/// # Errors
/// When a chain finds no starting point, or a device fails before the first draw, and the run cannot go on without it.
pub fn sample_on(
    backend: &Backend,
    model: Arc<Model>,
    settings: Settings,
    progress: Arc<Progress>,
) -> Result<Sampled, EngineError> {
    let start = Instant::now();
    let chains = Chains {
        seed: settings.seed,
        first: settings.first_chain,
        count: settings.chains,
        per_superchain: settings.chains_per_superchain(),
    };
    let variables = settings.variables(&model);
    let (chain_count, draw_count) = (settings.chains as usize, settings.draws as usize);
    let mut draws = Memory::rounded(model.clone(), settings.draw_precision, variables, chain_count, draw_count);
    let plan = Plan {
        warmup: settings.warmup,
        draws: settings.draws,
        target_accept: settings.target_accept,
        max_depth: settings.max_tree_depth,
    };
    let mut engine = backend.start(&model, &settings, chains, progress)?;
    let run = if settings.sampled_variables(&model) < variables {
        let mut completed = WithEffects::new(&mut draws, &model, settings.seed, settings.first_chain, settings.threads);
        driver::run(&mut *engine, model.dim(), &plan, &mut completed)?
    } else {
        driver::run(&mut *engine, model.dim(), &plan, &mut draws)?
    };
    draws.shrink_to_fit();
    if let Some(DeviceFailure { error, resumed: false }) = &run.failure
        && run.draws == 0
    {
        return Err(error.clone().into());
    }
    let mut names = model.names();
    names.truncate(variables);
    let interrupted = run.draws < settings.draws;
    let backend = backend.clone();
    Ok(Sampled { model, settings, backend, names, draws, run, interrupted, wall: start.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superchains_are_for_many_short_chains() {
        let size = |chains, first_chain, draws| {
            Settings { chains, first_chain, draws, ..Settings::default() }.chains_per_superchain()
        };
        assert_eq!(size(64, 0, 8), 8);
        assert_eq!(size(10_000, 0, 20), 16);
        assert_eq!(size(1000, 4, 20), 4);
        assert_eq!(size(16, 0, 8), 1);
        assert_eq!(size(64, 0, 1000), 1);
        assert_eq!(size(65, 0, 8), 1);
    }
}
