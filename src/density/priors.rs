//! The priors of all hyperparameters: normal for means, half-Cauchy for scales and dispersions. Twin of
//! shaders/priors.wgsl.
//!
//! ```text
//! log p = sum_k { - log 2 pi / 2 - log sd_k - (mu_k - m_k)^2 / (2 sd_k^2) }
//!         + sum_{s of sigma_k, dispersions} { log 2/(pi c) - log(1 + (s/c)^2) + log s }    log s: the Jacobian
//! ```

use std::f64::consts::{PI, TAU};
use std::ops::Range;

use crate::family::{Distribution, Gaussian};
use crate::faults;
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::model::{Model, Role};

/// The position-independent part of the priors.
#[derive(Debug, Clone)]
pub struct LogPrior {
    mu: Range<usize>,
    positive: Range<usize>,
    mu_mean: Vec<f64>,
    mu_precision: Vec<f64>,
    /// 1/c^2 of each half-Cauchy prior, in chunks of lanes.
    inverse_square_scale: Vec<Lanes>,
    /// The sum of all normalising constants of the posterior.
    constant: f64,
}

/// Sigmas and dispersions at a position, in the order of the layout; `C` chunks of lanes hold them.
pub struct ScaleLanes<const C: usize>([Lanes; C]);

impl<const C: usize> ScaleLanes<C> {
    /// The `i`-th scale.
    #[inline(always)]
    pub fn get(&self, i: usize) -> f64 {
        self.0[i / LANES].0[i % LANES]
    }
}

impl LogPrior {
    /// The priors of `model`, in the sampler's units.
    pub fn new(model: &Model) -> LogPrior {
        let (layout, priors) = (model.layout(), model.scaled_priors());
        let inverse_square: Vec<f64> = scales(model).iter().map(|scale| (1.0 / scale).powi(2)).collect();
        LogPrior {
            mu: layout.block(Role::Mean).theta.clone(),
            positive: layout.positive(),
            mu_precision: priors.mu_sd.iter().map(|sd| (1.0 / sd).powi(2)).collect(),
            mu_mean: priors.mu_mean,
            inverse_square_scale: inverse_square.chunks(LANES).map(|chunk| Lanes::load(chunk, 0.0)).collect(),
            constant: normalising_constant(model),
        }
    }

    /// The scales at `theta`, and the log density of the hyperparameters with every normalising constant of the
    /// posterior; the gradient by the hyperparameters is written to `gradient`.
    #[inline(always)]
    pub fn at<const C: usize>(&self, theta: &[f64], gradient: &mut [f64]) -> (ScaleLanes<C>, f64) {
        let mut scales = [Lanes::ZERO; C];
        let mut log_density = self.constant;
        for (chunk, (scale, inverse_square)) in scales.iter_mut().zip(&self.inverse_square_scale).enumerate() {
            let from = self.positive.start + chunk * LANES;
            let logs = Lanes::load(&theta[from..(from + LANES).min(self.positive.end)], 0.0);
            *scale = logs.map(exp);
            let (log_prior, by_log) = scale_prior(logs, *scale, *inverse_square);
            log_density += log_prior.sum();
            by_log.store(&mut gradient[from..(from + LANES).min(self.positive.end)]);
        }
        let priors = self.mu_mean.iter().zip(&self.mu_precision);
        for ((mu, by_mu), (mean, precision)) in
            theta[self.mu.clone()].iter().zip(&mut gradient[self.mu.clone()]).zip(priors)
        {
            let (log_prior, force) = mu_prior(*mu, *mean, *precision);
            log_density += log_prior;
            *by_mu = force;
        }
        (ScaleLanes(scales), log_density)
    }
}

/// Log densities of the half-Cauchy priors of eight scales, with the Jacobians of their logarithms, and the derivatives
/// by these logarithms: log s - log(1 + q) with q = (s/c)^2 has the derivative 1 - 2 q / (1 + q).
#[inline(always)]
fn scale_prior(log_scale: Lanes, scale: Lanes, inverse_square: Lanes) -> (Lanes, Lanes) {
    let mut by_log = scale * scale * inverse_square;
    let one_plus = by_log + 1.0;
    for (by_log, one_plus) in by_log.0.iter_mut().zip(one_plus.0) {
        *by_log = 1.0 - 2.0 * *by_log / one_plus;
    }
    let jacobian = if faults::is_planted("jacobian-sign") { -1.0 } else { 1.0 };
    (log_scale * jacobian - one_plus.map(ln), by_log)
}

/// Log density of the prior of mu, without its constant, and the derivative by mu.
#[inline(always)]
fn mu_prior(mu: f64, mean: f64, precision: f64) -> (f64, f64) {
    let from_mean = mu - mean;
    (-(0.5 * from_mean * from_mean * precision), -(from_mean * precision))
}

/// The half-Cauchy scale of each sigma, then of each dispersion, in the sampler's units.
fn scales(model: &Model) -> Vec<f64> {
    let priors = model.scaled_priors();
    let dispersions = model.layout().block(Role::Dispersion).named.len();
    [priors.sigma_scale, vec![priors.eps_scale; dispersions]].concat()
}

/// The sum of all normalising constants of the log density, in the sampler's units.
pub fn normalising_constant(model: &Model) -> f64 {
    let (layout, priors) = (model.layout(), model.scaled_priors());
    // Every coordinate but the scales has a normal density.
    let normals = model.dim() - layout.positive().len();
    let outcomes = model.dataset().n_observations() as f64 * Gaussian::row_constant();
    outcomes - 0.5 * normals as f64 * TAU.ln() - priors.mu_sd.iter().map(|sd| sd.ln()).sum::<f64>()
        + scales(model).iter().map(|scale| (2.0 / (PI * scale)).ln()).sum::<f64>()
}
