//! Pointwise quantities of a draw: the log likelihood of each observation, and a replicate of it.

use std::sync::Arc;

use crate::family::{Distribution, MOST_DISPERSIONS, with_family};
use crate::model::Model;
use crate::random::{Purpose, StreamKey};

/// Computes pointwise quantities, in the order of the data set and in the user's units.
#[derive(Clone)]
pub struct Pointwise {
    model: Arc<Model>,
    seed: u64,
    first_chain: u32,
    log_likelihood: bool,
    posterior_predictive: bool,
    etas: Vec<f64>,
    /// The sigma of each row, if it has a formula.
    sigmas: Option<Vec<f64>>,
    /// The level of each row in each term of a formula.
    levels: Vec<Vec<u32>>,
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
        let data = model.dataset();
        let etas = vec![0.0; data.n_observations()];
        let terms = model.mixed().map_or(&[][..], |mixed| &mixed.terms);
        let levels = terms.iter().map(|term| data.level_of_rows(term.factor)).collect();
        let sigmas = model.log_sigma().map(|_| etas.clone());
        Pointwise { model, seed, first_chain, log_likelihood, posterior_predictive, etas, sigmas, levels }
    }

    /// Writes the log likelihood of each observation under a draw, then a replicate of each observation, as far as
    /// wanted; the draw is all D named variables, number `draw` of chain `chain`.
    pub fn write(&mut self, chain: usize, draw: usize, named: &[f64], out: &mut [f64]) {
        let (layout, data) = (self.model.layout(), self.model.dataset());
        if let Some(mixed) = self.model.mixed() {
            mixed.etas(data, layout, named, &self.levels, &mut self.etas);
        }
        if let (Some((sigma, map)), Some(sigmas)) = (self.model.log_sigma(), &mut self.sigmas) {
            sigma.sigmas(data, &named[map.places()], sigmas);
        }
        let groups = if self.model.mixed().is_some() { 0 } else { layout.groups };
        for group in 0..groups {
            for i in data.group_range(group) {
                let slopes =
                    (1..layout.coefficients).map(|k| named[layout.effects(k).start + group] * data.predictor(k - 1)[i]);
                self.etas[i] = named[layout.effects(0).start + group] + slopes.sum::<f64>();
            }
        }
        let key = StreamKey { seed: self.seed, chain: self.first_chain + chain as u32, transition: draw as u32 };
        let (here, after) = out.split_at_mut(if self.log_likelihood { self.etas.len() } else { 0 });
        let dispersions = self.model.dispersions(|i| named[i]);
        with_family!(self.model.family(), F => self.write_rows::<F>(&key, dispersions, here, after));
    }

    /// The same, given the linear predictors and the dispersions of the draw.
    fn write_rows<F: Distribution>(
        &self,
        key: &StreamKey,
        dispersions: [f64; MOST_DISPERSIONS],
        log_likelihoods: &mut [f64],
        replicates: &mut [f64],
    ) {
        let data = self.model.dataset();
        let is_alike = data.weights().is_none() && data.errors().is_none() && self.sigmas.is_none();
        let common = F::at(&dispersions);
        let family = |i: usize| {
            if is_alike {
                return common;
            }
            let mut of_row = dispersions;
            of_row[0] = self.sigmas.as_ref().map_or(of_row[0], |sigmas| sigmas[i]);
            F::at(&data.row_dispersions(i, of_row))
        };
        let size = |i: usize| data.trials().map_or(1.0, |trials| trials[i]);
        for (i, (out, outcome)) in log_likelihoods.iter_mut().zip(data.outcome()).enumerate() {
            *out = family(i).log_density(*outcome, size(i), self.etas[i]);
        }
        if self.posterior_predictive {
            key.normals(Purpose::Replicate, replicates);
            for (i, out) in replicates.iter_mut().enumerate() {
                *out = family(i).quantile(size(i), self.etas[i], *out);
            }
        }
    }
}
