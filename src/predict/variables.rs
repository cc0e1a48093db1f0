//! Draws of a model's variables as columns: for each variable its value in every draw, chain after chain.

use std::ops::Range;
use std::sync::Arc;

use super::PredictError;
use super::prior;
use crate::experiment::Sampled;
use crate::family::MOST_DISPERSIONS;
use crate::machine;
use crate::model::Model;

/// Draws of all variables of a model, in the user's units, or, from the prior, of the hyperparameters.
#[derive(Debug, Clone)]
pub struct DrawnVariables {
    model: Arc<Model>,
    /// Chains, and draws of each, that are here.
    shape: [usize; 2],
    /// The number of each chain that is here, and of each draw in its chain.
    chains: Vec<u32>,
    draws: Vec<u32>,
    seed: u64,
    /// `[variable][chain][draw]`.
    values: Vec<f64>,
    is_prior: bool,
}

impl DrawnVariables {
    /// The draws of a run: all, or evenly spaced ones, so that they are about `most` and no more.
    ///
    /// # Errors
    /// If the run has no draws, or no effects, or if they do not fit into memory.
    pub fn of(sampled: &Sampled, most: usize) -> Result<DrawnVariables, PredictError> {
        let dim = sampled.model.layout().dim();
        if sampled.draws.variables() < dim && sampled.draws.draws() > 0 {
            return Err(PredictError::NoEffects);
        }
        DrawnVariables::leading(sampled, sampled.draws.variable_ranges(), most)
    }

    /// The same of the hyperparameters alone, which say all of a level in the middle of its population.
    ///
    /// # Errors
    /// If the run has no draws, or if they do not fit into memory.
    pub fn of_hyperparameters(sampled: &Sampled, most: usize) -> Result<DrawnVariables, PredictError> {
        let count = sampled.model.layout().hyperparameters();
        DrawnVariables::leading(sampled, (0..count).map(|i| i..i + 1).collect(), most)
    }

    /// The draws of the variables in `ranges`, which are the first ones.
    fn leading(sampled: &Sampled, ranges: Vec<Range<usize>>, most: usize) -> Result<DrawnVariables, PredictError> {
        let (model, draws) = (&sampled.model, &sampled.draws);
        if draws.draws() == 0 {
            return Err(PredictError::NoDraws);
        }
        let of_chain = every(draws.draws(), (most / draws.chains()).max(1));
        let chains = every(draws.chains(), most.max(1));
        let size = ranges.last().map_or(0, |last| last.end) * chains.len() * of_chain.len();
        let needed = (size * size_of::<f64>()) as u64;
        if let Some(free) = machine::available_memory().filter(|free| *free < needed) {
            return Err(PredictError::NoRoom { needed: needed >> 20, free: free >> 20 });
        }
        let mut values = Vec::with_capacity(size);
        for range in ranges {
            let all = draws.read(range);
            for variable in all.chunks_exact(draws.chains() * draws.draws()) {
                for chain in &chains {
                    let own = &variable[chain * draws.draws()..][..draws.draws()];
                    values.extend(of_chain.iter().map(|draw| own[*draw]));
                }
            }
        }
        let first_chain = sampled.settings.first_chain;
        Ok(DrawnVariables {
            model: model.clone(),
            shape: [chains.len(), of_chain.len()],
            chains: chains.iter().map(|chain| first_chain + *chain as u32).collect(),
            draws: of_chain.iter().map(|draw| *draw as u32).collect(),
            seed: sampled.settings.seed,
            values,
            is_prior: false,
        })
    }

    /// Draws of the hyperparameters from the prior of `model`, as one chain; every effect is that of a new level.
    pub fn of_prior(model: &Arc<Model>, seed: u64, count: usize) -> DrawnVariables {
        let values = prior::draws(model, seed, count);
        let draws = (0..count as u32).collect();
        DrawnVariables { model: model.clone(), shape: [1, count], chains: vec![0], draws, seed, values, is_prior: true }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Number of draws, of all chains together.
    pub fn count(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Numbers of the chains that are here.
    pub fn chains(&self) -> &[u32] {
        &self.chains
    }

    /// Numbers of the draws of each chain that are here.
    pub fn draws(&self) -> &[u32] {
        &self.draws
    }

    /// The run's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether these are draws from the prior, without effects.
    pub fn is_prior(&self) -> bool {
        self.is_prior
    }

    /// The draws of a variable, `[chain][draw]`.
    pub fn of_variable(&self, i: usize) -> &[f64] {
        &self.values[i * self.count()..][..self.count()]
    }

    /// Writes the leading variables of a draw, as many as `named` has room for.
    pub fn write_draw(&self, draw: usize, named: &mut [f64]) {
        named.iter_mut().enumerate().for_each(|(i, value)| *value = self.values[i * self.count() + draw]);
    }

    /// The family's dispersions in a draw.
    pub fn dispersions(&self, draw: usize) -> [f64; MOST_DISPERSIONS] {
        self.model.dispersions(|i| self.of_variable(i)[draw])
    }
}

/// At most `most` of `count`, evenly spaced.
fn every(count: usize, most: usize) -> Vec<usize> {
    let step = count.div_ceil(most).max(1);
    // The last one is there rather than the first, which is nearest to warm-up.
    ((count - 1) % step..count).step_by(step).collect()
}
