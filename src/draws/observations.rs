//! What a draw says of each observation: its log likelihood, and a replicate of it.

use std::f64::consts::TAU;
use std::sync::Arc;

use crate::model::Model;
use crate::random::{Place, Purpose};

/// Computes what is kept of each observation, in the order of the data set, in the user's units.
pub struct Observations {
    model: Arc<Model>,
    seed: u64,
    first_chain: u32,
    log_likelihood: bool,
    posterior_predictive: bool,
    location: Vec<f64>,
}

impl Observations {
    /// Of draws of `model` by chains from number `first_chain` of the experiment of `seed`.
    pub fn new(
        model: Arc<Model>,
        seed: u64,
        first_chain: u32,
        log_likelihood: bool,
        posterior_predictive: bool,
    ) -> Observations {
        let location = vec![0.0; model.dataset().n_observations()];
        Observations { model, seed, first_chain, log_likelihood, posterior_predictive, location }
    }

    /// Writes the log likelihood of each observation under a draw, then a replicate of each, as far as they are wanted; a
    /// draw is all D named variables, the `draw`-th of chain `chain`.
    pub fn write(&mut self, chain: usize, draw: usize, named: &[f64], out: &mut [f64]) {
        let (layout, data) = (self.model.layout(), self.model.dataset());
        for group in 0..layout.groups {
            for i in data.group_range(group) {
                let slopes =
                    (1..layout.coefficients).map(|k| named[layout.effects(k).start + group] * data.predictor(k - 1)[i]);
                self.location[i] = named[layout.effects(0).start + group] + slopes.sum::<f64>();
            }
        }
        let eps = named[layout.eps()];
        let mut rest = out;
        if self.log_likelihood {
            let (here, after) = rest.split_at_mut(self.location.len());
            let constant = -0.5 * TAU.ln() - eps.ln();
            for ((out, location), outcome) in here.iter_mut().zip(&self.location).zip(data.outcome()) {
                let z = (outcome - location) / eps;
                *out = constant - 0.5 * z * z;
            }
            rest = after;
        }
        if self.posterior_predictive {
            let chain = self.first_chain + chain as u32;
            Place { seed: self.seed, chain, transition: draw as u32 }.normals(Purpose::Replicate, rest);
            for (out, location) in rest.iter_mut().zip(&self.location) {
                *out = location + eps * *out;
            }
        }
    }
}
