//! The log density and its gradient on the CPU, in f64: priors, and the likelihood over groups, over observations, or
//! over groups whose effects are integrated out.
//!
//! With means and within-group sums as in [`GroupStatistics`](crate::model::GroupStatistics), s_k for sigma of
//! coefficient k, z for an effect, b for a beta, and SS for the residual sum of squares,
//!
//! ```text
//! log p = - N/2 log 2 pi - N log eps - SS / (2 eps^2)
//!         + sum_k { - log 2 pi / 2 - log sd_k - (mu_k - m_k)^2 / (2 sd_k^2) }
//!         + sum_k { - J/2 log 2 pi - sum_j z_kj^2 / 2 }                                non-centered
//!         + sum_k { - J/2 log 2 pi - J log s_k - sum_j (z_kj - mu_k)^2 / (2 s_k^2) }   centered
//!         + sum_{s of s_k, eps} { log 2/(pi c) - log(1 + (s/c)^2) + log s }            half-Cauchy, and the Jacobian
//! ```
//!
//! A marginal log density is that of mu, log sigma and log eps alone; its likelihood is in `density/marginal.rs`.

use std::f64::consts::{PI, TAU};

use multiversion::multiversion;

use super::groups::{self, GroupTable};
use super::marginal::{self, MarginalSums};
use super::observations::{self, ObservationTable};
use super::rotated::RotatedTable;
use super::sums::{At, Coefficient, Sums};
use super::{Batch, Density, DensityError, Evaluations, Likelihood};
use crate::data::MAX_COEFFICIENTS;
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::model::{Layout, Model};

/// Chunks of lanes that hold the scales of as many coefficients, and eps.
const MAX_CHUNKS: usize = (MAX_COEFFICIENTS + 1).div_ceil(LANES);

/// The posterior's log density on one CPU core, one position after the other.
#[derive(Debug, Clone)]
pub struct CpuDensity {
    fixed: Fixed,
    likelihood: Table,
}

#[derive(Debug, Clone)]
enum Table {
    Groups(GroupTable),
    Observations(ObservationTable),
    Marginal(RotatedTable),
}

impl CpuDensity {
    /// The log density of `model`, in the sampler's units, with the likelihood computed as `likelihood` says; that of a
    /// marginal model is always over groups.
    pub fn new(model: &Model, likelihood: Likelihood) -> CpuDensity {
        let likelihood = match likelihood {
            _ if model.parameterization().is_marginal() => Table::Marginal(RotatedTable::new(model)),
            Likelihood::Groups => Table::Groups(GroupTable::new(&model.group_statistics())),
            Likelihood::Observations => Table::Observations(ObservationTable::new(model)),
        };
        CpuDensity { fixed: Fixed::new(model), likelihood }
    }

    /// Log density at `theta`, and its gradient.
    pub fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        match &mut self.likelihood {
            Table::Groups(table) => over_groups(&self.fixed, table, theta, gradient),
            Table::Observations(table) => over_observations(&self.fixed, table, theta, gradient),
            Table::Marginal(table) => without_effects(&self.fixed, table, theta, gradient),
        }
    }
}

impl Density for CpuDensity {
    fn dim(&self) -> usize {
        self.fixed.dim
    }

    fn width(&self) -> usize {
        1
    }

    fn evaluate(&mut self, at: &dyn Batch, out: &mut Evaluations) -> Result<(), DensityError> {
        for i in 0..at.len() {
            let (log_density, gradient) = out.row_mut(i);
            *log_density = self.log_density(at.position(i), gradient);
        }
        Ok(())
    }
}

/// What does not depend on the position.
#[derive(Debug, Clone)]
struct Fixed {
    layout: Layout,
    dim: usize,
    observations: f64,
    centered: Vec<bool>,
    mu_mean: Vec<f64>,
    mu_precision: Vec<f64>,
    /// 1/c^2 of each sigma's half-Cauchy prior, then of eps's, in whole chunks of lanes.
    inverse_square_scale: Vec<Lanes>,
    /// Every normalising constant together.
    constant: f64,
}

impl Fixed {
    fn new(model: &Model) -> Fixed {
        let (layout, priors) = (model.layout(), model.scaled_priors());
        let coefficients = layout.coefficients;
        let observations = model.dataset().n_observations() as f64;
        let scales = [priors.sigma_scale.as_slice(), &[priors.eps_scale]].concat();
        let inverse_square: Vec<f64> = scales.iter().map(|scale| (1.0 / scale).powi(2)).collect();
        Fixed {
            layout,
            dim: model.dim(),
            observations,
            centered: (0..coefficients).map(|k| model.parameterization().is_centered(k)).collect(),
            mu_precision: priors.mu_sd.iter().map(|sd| (1.0 / sd).powi(2)).collect(),
            mu_mean: priors.mu_mean,
            inverse_square_scale: inverse_square.chunks(LANES).map(|chunk| Lanes::load(chunk, 0.0)).collect(),
            constant: normalising_constant(model),
        }
    }
}

/// Every normalising constant of the log density together, in the sampler's units.
pub(crate) fn normalising_constant(model: &Model) -> f64 {
    let (layout, priors) = (model.layout(), model.scaled_priors());
    let scales = priors.sigma_scale.iter().chain([&priors.eps_scale]);
    // Every observation, and every coordinate but the scales.
    let normals = model.dataset().n_observations() + model.dim() - (layout.coefficients + 1);
    -0.5 * normals as f64 * TAU.ln() - priors.mu_sd.iter().map(|sd| sd.ln()).sum::<f64>()
        + scales.map(|scale| (2.0 / (PI * scale)).ln()).sum::<f64>()
}

#[multiversion(targets = "simd")]
fn over_groups(fixed: &Fixed, table: &GroupTable, theta: &[f64], gradient: &mut [f64]) -> f64 {
    match fixed.layout.coefficients {
        1 => with_likelihood::<1, 1>(fixed, 1, theta, gradient, |at, g| groups::sums::<1>(table, 1, at, theta, g)),
        2 => with_likelihood::<2, 1>(fixed, 2, theta, gradient, |at, g| groups::sums::<2>(table, 2, at, theta, g)),
        3 => with_likelihood::<3, 1>(fixed, 3, theta, gradient, |at, g| groups::sums::<3>(table, 3, at, theta, g)),
        k => with_likelihood::<MAX_COEFFICIENTS, MAX_CHUNKS>(fixed, k, theta, gradient, |at, g| {
            groups::sums(table, k, at, theta, g)
        }),
    }
}

#[multiversion(targets = "simd")]
fn over_observations(fixed: &Fixed, table: &mut ObservationTable, theta: &[f64], gradient: &mut [f64]) -> f64 {
    match fixed.layout.coefficients {
        1 => {
            with_likelihood::<1, 1>(fixed, 1, theta, gradient, |at, g| observations::sums::<1>(table, 1, at, theta, g))
        }
        2 => {
            with_likelihood::<2, 1>(fixed, 2, theta, gradient, |at, g| observations::sums::<2>(table, 2, at, theta, g))
        }
        3 => {
            with_likelihood::<3, 1>(fixed, 3, theta, gradient, |at, g| observations::sums::<3>(table, 3, at, theta, g))
        }
        k => with_likelihood::<MAX_COEFFICIENTS, MAX_CHUNKS>(fixed, k, theta, gradient, |at, g| {
            observations::sums(table, k, at, theta, g)
        }),
    }
}

#[multiversion(targets = "simd")]
fn without_effects(fixed: &Fixed, table: &RotatedTable, theta: &[f64], gradient: &mut [f64]) -> f64 {
    match fixed.layout.coefficients {
        1 => integrated::<1, 1>(fixed, 1, theta, gradient, table),
        2 => integrated::<2, 1>(fixed, 2, theta, gradient, table),
        3 => integrated::<3, 1>(fixed, 3, theta, gradient, table),
        k if k <= 8 => integrated::<8, 2>(fixed, k, theta, gradient, table),
        k => without_many_effects(fixed, k, theta, gradient, table),
    }
}

/// Apart, because it takes a quarter of a megabyte of stack.
#[inline(never)]
#[multiversion(targets = "simd")]
fn without_many_effects(fixed: &Fixed, k: usize, theta: &[f64], gradient: &mut [f64], table: &RotatedTable) -> f64 {
    integrated::<MAX_COEFFICIENTS, MAX_CHUNKS>(fixed, k, theta, gradient, table)
}

/// The scales sigma[0..K] and eps, and what their half-Cauchy priors and all constants add to the log density, eight at a
/// time; the priors' gradient is written.
///
/// `C` is the number of chunks that hold k + 1 scales.
#[inline(always)]
fn scales<const C: usize>(fixed: &Fixed, layout: Layout, theta: &[f64], gradient: &mut [f64]) -> ([Lanes; C], f64) {
    let mut scales = [Lanes::ZERO; C];
    let mut log_density = fixed.constant;
    for (chunk, (scale, inverse_square)) in scales.iter_mut().zip(&fixed.inverse_square_scale).enumerate() {
        let from = layout.sigma(0) + chunk * LANES;
        let logs = Lanes::load(&theta[from..(from + LANES).min(layout.eps() + 1)], 0.0);
        *scale = logs.map(exp);
        let ratio = *scale * *scale * *inverse_square;
        let one_plus = ratio + 1.0;
        // d/d log s of log s - log(1 + q) with q = (s/c)^2 is 1 - 2 q / (1 + q).
        let mut by_log = ratio;
        for (by_log, one_plus) in by_log.0.iter_mut().zip(one_plus.0) {
            *by_log = 1.0 - 2.0 * *by_log / one_plus;
        }
        log_density += (logs - one_plus.map(ln)).sum();
        by_log.store(&mut gradient[from..(from + LANES).min(layout.eps() + 1)]);
    }
    (scales, log_density)
}

/// Log density and gradient where all effects are integrated out; `M` and `C` as for [`with_likelihood`].
#[inline(always)]
fn integrated<const M: usize, const C: usize>(
    fixed: &Fixed,
    k: usize,
    theta: &[f64],
    gradient: &mut [f64],
    table: &RotatedTable,
) -> f64 {
    let layout = Layout { coefficients: k, groups: fixed.layout.groups };
    let (scales, mut log_density) = scales::<C>(fixed, layout, theta, gradient);
    let scale = |i: usize| scales[i / LANES].0[i % LANES];
    let eps = scale(k);
    let precision = 1.0 / (eps * eps);
    let (mut mu, mut ratio) = ([0.0; M], [0.0; M]);
    for i in 0..k {
        mu[i] = theta[layout.mu(i)];
        ratio[i] = (scale(i) / eps) * (scale(i) / eps);
    }

    let sums: MarginalSums<M> = marginal::sums(table, k, &mu, &ratio);

    let scaled = (sums.squares.sum() + table.rest) * precision;
    let mut by_log_eps = scaled - fixed.observations;
    for i in 0..k {
        let from_prior = mu[i] - fixed.mu_mean[i];
        log_density -= 0.5 * from_prior * from_prior * fixed.mu_precision[i];
        gradient[layout.mu(i)] = sums.first[i].sum() * precision - from_prior * fixed.mu_precision[i];
        let by_log_sigma = ratio[i] * (sums.second[i].sum() * precision - sums.leverage[i].sum());
        gradient[layout.sigma(i)] += by_log_sigma;
        by_log_eps -= by_log_sigma;
    }
    gradient[layout.eps()] += by_log_eps;
    log_density - 0.5 * (scaled + sums.log_determinant) - fixed.observations * theta[layout.eps()]
}

/// Log density and gradient, with `likelihood` adding up over the groups and writing the gradient by their effects.
///
/// `M >= k` is the number of coefficients where a compiler should know it, `C` that of chunks which hold k + 1 scales.
#[inline(always)]
fn with_likelihood<const M: usize, const C: usize>(
    fixed: &Fixed,
    k: usize,
    theta: &[f64],
    gradient: &mut [f64],
    likelihood: impl FnOnce(&At<M>, &mut [f64]) -> Sums<M>,
) -> f64 {
    let layout = Layout { coefficients: k, groups: fixed.layout.groups };
    let groups = layout.groups as f64;

    let (scales, mut log_density) = scales::<C>(fixed, layout, theta, gradient);
    let scale = |i: usize| scales[i / LANES].0[i % LANES];
    let eps = scale(k);
    let absent = Coefficient { mu: 0.0, sigma: 1.0, inverse_variance: 1.0, centered: false };
    let mut at = At { coefficients: [absent; M], precision: 1.0 / (eps * eps) };
    for (i, coefficient) in at.coefficients[..k].iter_mut().enumerate() {
        let sigma = scale(i);
        *coefficient = Coefficient {
            mu: theta[layout.mu(i)],
            sigma,
            inverse_variance: 1.0 / (sigma * sigma),
            centered: fixed.centered[i],
        };
    }

    let sums = likelihood(&at, gradient);

    for (i, coefficient) in at.coefficients[..k].iter().enumerate() {
        let from_prior = coefficient.mu - fixed.mu_mean[i];
        log_density -= 0.5 * from_prior * from_prior * fixed.mu_precision[i];
        let (squares, first) = (sums.squares[i].sum(), sums.first[i].sum());
        let (by_mu, by_log_sigma) = if coefficient.centered {
            let scaled = squares * coefficient.inverse_variance;
            log_density -= 0.5 * scaled + groups * theta[layout.sigma(i)];
            (first * coefficient.inverse_variance, scaled - groups)
        } else {
            log_density -= 0.5 * squares;
            (first, sums.second[i].sum() * coefficient.sigma)
        };
        gradient[layout.mu(i)] = by_mu - from_prior * fixed.mu_precision[i];
        gradient[layout.sigma(i)] += by_log_sigma;
    }
    let scaled = sums.residual_squares.sum() * at.precision;
    gradient[layout.eps()] += scaled - fixed.observations;
    log_density - 0.5 * scaled - fixed.observations * theta[layout.eps()]
}
