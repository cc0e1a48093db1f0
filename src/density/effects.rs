//! Group effects given everything else: drawn from their exact conditional normal, or their conditional means.
//!
//! A draw comes by Matheron's rule: effects and outcome are drawn from what they are before the data, and the effects then
//! moved by the regression of effects on outcome. With xi and zeta standard normal, K numbers each, a group's
//!
//! ```text
//! beta_k = mu_k + sigma_k xi_k + s_k r_k' V^-1 (w - R (mu + D xi) - eps zeta)
//! ```
//!
//! has the conditional distribution of beta given y, mu, sigma and eps (notation of `density/covariance.rs`); with zeros for xi
//! and zeta it is the conditional mean. Nothing is divided by sigma.

use multiversion::multiversion;

use super::covariance::{Covariance, along, deviation};
use super::rotated::RotatedTable;
use crate::data::MAX_COEFFICIENTS;
use crate::lanes::{LANES, Lanes};
use crate::model::Model;
use crate::random::{Place, Purpose};

/// The conditional distribution of all group effects of a model.
#[derive(Debug, Clone)]
pub struct ConditionalEffects {
    table: RotatedTable,
    /// Unit and shift of each coefficient, from the sampler's units to the user's.
    coefficient_units: Vec<(f64, f64)>,
    outcome_scale: f64,
    /// xi `[k][j]`, then zeta.
    normals: Vec<f64>,
}

/// mu, sigma and eps in the sampler's units.
struct Given<const M: usize> {
    mu: [f64; M],
    sigma: [f64; M],
    eps: f64,
}

impl ConditionalEffects {
    /// Of `model`, whatever its parameterization.
    pub fn new(model: &Model) -> ConditionalEffects {
        let (layout, scaling) = (model.layout(), model.scaling());
        let unit = |k| (scaling.coefficient_unit(k), scaling.coefficient_shift(k));
        ConditionalEffects {
            table: RotatedTable::new(model),
            coefficient_units: (0..layout.coefficients).map(unit).collect(),
            outcome_scale: scaling.outcome_scale,
            normals: vec![0.0; 2 * layout.coefficients * layout.groups],
        }
    }

    /// Writes a draw of the effects into `named`, a row of all D named variables in the user's units, the hyperparameters
    /// of which it is given. The draw is made of the random numbers of `place`, and no others.
    pub fn draw(&mut self, place: &Place, named: &mut [f64]) {
        place.normals(Purpose::Effect, &mut self.normals);
        write(self, named);
    }

    /// Writes the effects' conditional means into `named`, a row of all D named variables in the user's units, the
    /// hyperparameters of which it is given.
    pub fn mean(&mut self, named: &mut [f64]) {
        self.normals.fill(0.0);
        write(self, named);
    }
}

#[multiversion(targets = "simd")]
fn write(effects: &ConditionalEffects, named: &mut [f64]) {
    match effects.table.coefficients {
        1 => write_with::<1>(effects, 1, named),
        2 => write_with::<2>(effects, 2, named),
        3 => write_with::<3>(effects, 3, named),
        k if k <= 8 => write_with::<8>(effects, k, named),
        k => write_many(effects, k, named),
    }
}

/// Apart, because it takes a quarter of a megabyte of stack.
#[inline(never)]
#[multiversion(targets = "simd")]
fn write_many(effects: &ConditionalEffects, k: usize, named: &mut [f64]) {
    write_with::<MAX_COEFFICIENTS>(effects, k, named);
}

/// `M` is at least `k`, the number of coefficients.
#[inline(always)]
fn write_with<const M: usize>(effects: &ConditionalEffects, k: usize, named: &mut [f64]) {
    let (groups, units) = (effects.table.groups, &effects.coefficient_units);
    let (hyperparameters, betas) = named.split_at_mut(2 * k + 1);
    let eps = hyperparameters[2 * k] / effects.outcome_scale;
    let mut given = Given { mu: [0.0; M], sigma: [0.0; M], eps };
    let mut ratio = [0.0; M];
    for c in 0..k {
        given.mu[c] = (hyperparameters[c] - units[c].1) / units[c].0;
        given.sigma[c] = hyperparameters[k + c] / units[c].0;
        ratio[c] = (given.sigma[c] / eps) * (given.sigma[c] / eps);
    }
    let mut covariance = Covariance::<M>::new();
    let (xi, zeta) = effects.normals.split_at(k * groups);
    for (bundle, data) in effects.table.bundles().enumerate() {
        let here = bundle * LANES..groups.min((bundle + 1) * LANES);
        let normals = |of: &[f64], c: usize| Lanes::load(&of[c * groups..][here.clone()], 0.0);
        let mut offset = [Lanes::ZERO; M];
        let mut outcome = deviation(k, data, &given.mu);
        for c in 0..k {
            offset[c] = normals(xi, c) * given.sigma[c];
            outcome[c] -= normals(zeta, c) * given.eps;
            for (i, outcome) in outcome.iter_mut().enumerate().take(c + 1) {
                *outcome -= data.column(c)[i] * offset[c];
            }
        }
        covariance.factorize(k, data, &ratio);
        covariance.whiten(k, &mut outcome);
        let q = covariance.solve(k, outcome);
        for c in 0..k {
            let beta = offset[c] + given.mu[c] + along(data, c, &q) * ratio[c];
            let (unit, shift) = units[c];
            (beta * unit + shift).store(&mut betas[c * groups..][here.clone()]);
        }
    }
}
