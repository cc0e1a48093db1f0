//! Pointwise quantities of a draw: the log likelihood of each observation, and a replicate of it.

use std::sync::Arc;

use crate::family::{Distribution, with_family};
use crate::model::{Model, Role};
use crate::random::StreamKey;

/// Computes pointwise quantities, in the order of the data set and in the user's units.
#[derive(Clone)]
pub struct Pointwise {
    model: Arc<Model>,
    seed: u64,
    first_chain: u32,
    log_likelihood: bool,
    posterior_predictive: bool,
    etas: Vec<f64>,
}

impl Pointwise {
    /// For draws of `model` by chains from number `first_chain` on, in the experiment of `seed`.
    pub fn new(
        model: Arc<Model>,
        seed: u64,
        first_chain: u32,
        log_likelihood: bool,
        posterior_predictive: bool,
    ) -> Pointwise {
        let etas = vec![0.0; model.dataset().n_observations()];
        Pointwise { model, seed, first_chain, log_likelihood, posterior_predictive, etas }
    }

    /// Writes the log likelihood of each observation under a draw, then a replicate of each observation, as far as
    /// wanted; the draw is all D named variables, number `draw` of chain `chain`.
    pub fn write(&mut self, chain: usize, draw: usize, named: &[f64], out: &mut [f64]) {
        let (layout, data) = (self.model.layout(), self.model.dataset());
        for group in 0..layout.groups {
            for i in data.group_range(group) {
                let slopes =
                    (1..layout.coefficients).map(|k| named[layout.effects(k).start + group] * data.predictor(k - 1)[i]);
                self.etas[i] = named[layout.effects(0).start + group] + slopes.sum::<f64>();
            }
        }
        let dispersions = &named[layout.block(Role::Dispersion).named.clone()];
        let (key, etas) = (
            StreamKey { seed: self.seed, chain: self.first_chain + chain as u32, transition: draw as u32 },
            &self.etas,
        );
        with_family!(self.model.family(), F => {
            let family = F::at(dispersions);
            let (here, after) = out.split_at_mut(if self.log_likelihood { etas.len() } else { 0 });
            if self.log_likelihood {
                family.log_densities(data.outcome(), etas, here);
            }
            if self.posterior_predictive {
                family.replicate(&key, etas, after);
            }
        });
    }
}
