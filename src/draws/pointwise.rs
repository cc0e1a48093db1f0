//! Pointwise quantities of a draw: the log likelihood of each observation, and a replicate of it.

use std::sync::Arc;

use crate::family::{Distribution, GaussianWithErrors, with_family};
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
    /// The level of each row in each term of a formula.
    levels: Vec<Vec<u32>>,
    /// The outcomes, and the roots of the weights: rows times these have noise of one sd.
    outcomes: Vec<f64>,
    roots: Option<Vec<f64>>,
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
        let roots = data.weights().map(|weights| weights.iter().map(|weight| weight.sqrt()).collect::<Vec<f64>>());
        let mut outcomes = data.outcome().to_vec();
        multiply(&mut outcomes, &roots);
        Pointwise { model, seed, first_chain, log_likelihood, posterior_predictive, etas, levels, outcomes, roots }
    }

    /// Writes the log likelihood of each observation under a draw, then a replicate of each observation, as far as
    /// wanted; the draw is all D named variables, number `draw` of chain `chain`.
    pub fn write(&mut self, chain: usize, draw: usize, named: &[f64], out: &mut [f64]) {
        let (layout, data) = (self.model.layout(), self.model.dataset());
        if let Some(mixed) = self.model.mixed() {
            mixed.etas(data, layout, named, &self.levels, &mut self.etas);
            multiply(&mut self.etas, &self.roots);
        }
        let groups = if self.model.mixed().is_some() { 0 } else { layout.groups };
        for group in 0..groups {
            for i in data.group_range(group) {
                let slopes =
                    (1..layout.coefficients).map(|k| named[layout.effects(k).start + group] * data.predictor(k - 1)[i]);
                self.etas[i] = named[layout.effects(0).start + group] + slopes.sum::<f64>();
            }
        }
        let known = [1.0];
        let dispersions = layout.blocks_of(Role::Dispersion).next();
        let dispersions = dispersions.map_or(&known[..], |block| &named[block.named.clone()]);
        let (key, etas) = (
            StreamKey { seed: self.seed, chain: self.first_chain + chain as u32, transition: draw as u32 },
            &self.etas,
        );
        let (here, after) = out.split_at_mut(if self.log_likelihood { etas.len() } else { 0 });
        if let Some(errors) = data.errors() {
            let gaussian = GaussianWithErrors::at(dispersions[0]);
            if self.log_likelihood {
                gaussian.log_densities(&self.outcomes, etas, errors, here);
            }
            if self.posterior_predictive {
                gaussian.replicate(&key, etas, errors, after);
            }
            return;
        }
        with_family!(self.model.family(), F => {
            let family = F::at(dispersions);
            if self.log_likelihood {
                family.log_densities(&self.outcomes, etas, here);
                if let Some(roots) = &self.roots {
                    here.iter_mut().zip(roots).for_each(|(log_density, root)| *log_density += root.ln());
                }
            }
            if self.posterior_predictive {
                family.replicate(&key, etas, after);
                if let Some(roots) = &self.roots {
                    after.iter_mut().zip(roots).for_each(|(replicate, root)| *replicate /= root);
                }
            }
        });
    }
}

/// Multiplies rows by the roots of their weights, if they have any.
fn multiply(rows: &mut [f64], roots: &Option<Vec<f64>>) {
    if let Some(roots) = roots {
        rows.iter_mut().zip(roots).for_each(|(row, root)| *row *= root);
    }
}
