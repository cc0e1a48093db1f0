//! The exact conditional normal distribution of group effects given everything else: its draws and its means.
//!
//! Draws use Matheron's rule: effects and outcome are drawn from their prior distributions, then the effects are
//! shifted by the regression of effects on outcome. With xi and zeta standard normal, K numbers each, a group's
//!
//! ```text
//! beta_k = mu_k + sigma_k xi_k + s_k r_k' V^-1 (w - R (mu + D xi) - eps zeta)
//! ```
//!
//! has the conditional distribution of beta given y, mu, sigma and eps (notation of `density/collapsed/covariance.rs`);
//! with xi and zeta zero, it is the conditional mean. Nothing is divided by sigma.

use super::covariance::{Covariance, column_dot, deviation};
use crate::density::dispatch::{ForCoefficients, dispatch};
use crate::density::qr::QrTable;
use crate::lanes::{LANES, Lanes};
use crate::model::{Affine, Layout, Model, Role};
use crate::random::{Purpose, StreamKey};

/// The conditional distribution of all group effects of a model.
#[derive(Debug, Clone)]
pub struct ConditionalShorthand {
    table: QrTable,
    layout: Layout,
    /// xi `[k][j]`, then zeta `[k][j]`.
    normals: Vec<f64>,
}

/// mu, sigma and eps in the sampler's units.
struct Given<const M: usize> {
    mu: [f64; M],
    sigma: [f64; M],
    eps: f64,
}

impl ConditionalShorthand {
    /// The conditional distribution for `model`, whatever its parameterization.
    pub fn new(model: &Model) -> ConditionalShorthand {
        let layout = model.layout().clone();
        ConditionalShorthand {
            table: QrTable::new(model),
            normals: vec![0.0; 2 * layout.coefficients * layout.groups],
            layout,
        }
    }

    /// Writes a draw of the effects into `named`, a row of all D named variables in the user's units whose
    /// hyperparameters are given. The draw uses only the random numbers of `key`.
    pub fn draw(&mut self, key: &StreamKey, named: &mut [f64]) {
        key.normals(Purpose::Effect, &mut self.normals);
        dispatch(self.layout.coefficients, Complete { effects: self, named });
    }

    /// Writes effects that were drawn elsewhere into `named`, a row of all D named variables in the user's units:
    /// `drawn` has them as `[k][j]`, in the sampler's units, about a value of each coefficient in `means`.
    pub fn place(&self, means: &[f64], drawn: &[f32], named: &mut [f64]) {
        let units = &self.layout.block(Role::Mean).units;
        let betas = named[self.layout.hyperparameters()..].chunks_exact_mut(self.layout.groups);
        for ((betas, drawn), (mean, units)) in
            betas.zip(drawn.chunks_exact(self.layout.groups)).zip(means.iter().zip(units))
        {
            let Affine { unit, shift } = *units;
            for (beta, drawn) in betas.iter_mut().zip(drawn) {
                *beta = (mean + f64::from(*drawn)) * unit + shift;
            }
        }
    }

    /// Writes the effects' conditional means into `named`, a row of all D named variables in the user's units whose
    /// hyperparameters are given.
    pub fn mean(&mut self, named: &mut [f64]) {
        self.normals.fill(0.0);
        dispatch(self.layout.coefficients, Complete { effects: self, named });
    }
}

/// Computes effects from normal deviates, given the hyperparameters.
struct Complete<'a> {
    effects: &'a ConditionalShorthand,
    named: &'a mut [f64],
}

impl ForCoefficients for Complete<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const M: usize, const C: usize>(self, k: usize) {
        let Complete { effects, named } = self;
        let (groups, layout) = (effects.table.groups, &effects.layout);
        let (means, scales) = (layout.block(Role::Mean), layout.block(Role::Scale));
        let (hyperparameters, betas) = named.split_at_mut(layout.hyperparameters());
        let eps = layout.units(layout.eps()).invert(hyperparameters[layout.eps()]);
        let mut given = Given { mu: [0.0; M], sigma: [0.0; M], eps };
        let mut ratio = [0.0; M];
        for c in 0..k {
            given.mu[c] = means.units[c].invert(hyperparameters[layout.mu(c)]);
            given.sigma[c] = scales.units[c].invert(hyperparameters[layout.sigma(c)]);
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
                let beta = offset[c] + given.mu[c] + column_dot(data, c, &q) * ratio[c];
                let Affine { unit, shift } = means.units[c];
                (beta * unit + shift).store(&mut betas[c * groups..][here.clone()]);
            }
        }
    }
}
