//! The Gaussian log density with every effect integrated out, eight groups at a time. Twin of shaders/collapsed.wgsl.
//!
//! With V, s_k = sigma_k^2 / eps^2 and d of `Covariance`, omega = w - R mu and q = V^-1 omega,
//!
//! ```text
//! log p(y | mu, sigma, eps) = - N/2 log 2 pi - N log eps - sum_j sum_i log d_i / 2 - Q / (2 eps^2),
//!                         Q = sum_j omega' V^-1 omega + rest
//! d / d mu_k        = sum_j r_k' q / eps^2
//! d / d log sigma_k = s_k sum_j { (r_k' q)^2 / eps^2 - r_k' V^-1 r_k }
//! d / d log eps     = Q / eps^2 - N - sum_k d / d log sigma_k
//! ```
//!
//! The last line holds because V depends on the ratios sigma_k / eps only.

mod conditional_effects;
mod covariance;

pub use conditional_effects::ConditionalEffects;

use super::priors::LogPrior;
use super::qr::QrTable;
use crate::lanes::{LANES, Lanes};
use crate::math::ln;
use crate::model::{GroupMean, Layout, Model, Refusal, Spread, Term};
use covariance::{Covariance, along, column, deviation};

/// The size at which a running product is replaced by its logarithm, before it overflows.
const LARGE: f64 = 1e100;

/// The log density of a model whose effects are integrated out.
#[derive(Debug, Clone)]
pub struct Collapsed {
    table: QrTable,
    priors: LogPrior,
    layout: Layout,
    observations: f64,
}

/// The sums over groups from which the log density and its gradient are computed.
struct CollapsedSums<const M: usize> {
    /// Q - rest.
    squares: Lanes,
    /// The log of the product of all d.
    log_determinant: f64,
    /// For each coefficient, the sums of r' q, of (r' q)^2, and of r' V^-1 r.
    first: [Lanes; M],
    second: [Lanes; M],
    leverage: [Lanes; M],
}

/// Whether the effects of `model` can be integrated out: effects and outcomes both have to be normal.
///
/// # Errors
/// If the family is not Gaussian.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    let Term { factor: _, columns: _, mean: GroupMean::Free, spread: Spread::Independent, coordinates: _ } =
        model.term();
    let remedy = "use --parameterization non-centered and --likelihood observations";
    Refusal::unless_gaussian(model, "integrating the group effects out", remedy)
}

impl Collapsed {
    /// The collapsed log density of `model`, in the units of its scaling.
    pub fn new(model: &Model) -> Collapsed {
        Collapsed {
            table: QrTable::new(model),
            priors: LogPrior::new(model),
            layout: model.layout().clone(),
            observations: model.dataset().n_observations() as f64,
        }
    }

    /// K.
    pub fn coefficients(&self) -> usize {
        self.layout.coefficients
    }

    /// Log density at `theta`, and its gradient, for `k` coefficients, K. `M` is at least K, and `C` chunks of lanes
    /// hold K + 1 scales.
    #[inline(always)]
    pub fn log_density<const M: usize, const C: usize>(&self, k: usize, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let (scales, log_density) = self.priors.at::<C>(theta, gradient);
        let (means, sigmas, log_eps) = (self.layout.mu(0), self.layout.sigma(0), self.layout.eps());
        let eps = scales.get(k);
        let precision = 1.0 / (eps * eps);
        let (mut mu, mut ratio) = ([0.0; M], [0.0; M]);
        for i in 0..k {
            mu[i] = theta[means + i];
            ratio[i] = (scales.get(i) / eps) * (scales.get(i) / eps);
        }

        let sums: CollapsedSums<M> = sums(&self.table, k, &mu, &ratio);

        let scaled = (sums.squares.sum() + self.table.rest) * precision;
        let mut by_log_eps = scaled - self.observations;
        for i in 0..k {
            gradient[means + i] += sums.first[i].sum() * precision;
            let by_log_sigma = ratio[i] * (sums.second[i].sum() * precision - sums.leverage[i].sum());
            gradient[sigmas + i] += by_log_sigma;
            by_log_eps -= by_log_sigma;
        }
        gradient[log_eps] += by_log_eps;
        log_density - 0.5 * (scaled + sums.log_determinant) - self.observations * theta[log_eps]
    }
}

/// The sums over all groups; `ratio` holds s.
#[inline(always)]
fn sums<const M: usize>(table: &QrTable, k: usize, mu: &[f64; M], ratio: &[f64; M]) -> CollapsedSums<M> {
    let mut sums = CollapsedSums {
        squares: Lanes::ZERO,
        log_determinant: 0.0,
        first: [Lanes::ZERO; M],
        second: [Lanes::ZERO; M],
        leverage: [Lanes::ZERO; M],
    };
    let mut product = Lanes([1.0; LANES]);
    let mut covariance = Covariance::<M>::new();
    for groups in table.bundles() {
        covariance.factorize(k, groups, ratio);
        for d in &covariance.diagonal[..k] {
            product = product * *d;
            if product.sum() > LARGE {
                sums.log_determinant += product.map(ln).sum();
                product = Lanes([1.0; LANES]);
            }
        }
        let mut whitened = deviation(k, groups, mu);
        sums.squares += covariance.whiten(k, &mut whitened);
        let q = covariance.solve(k, whitened);
        for c in 0..k {
            let first = along(groups, c, &q);
            sums.first[c] += first;
            sums.second[c] += first * first;
            let mut column = column::<M>(groups, c);
            sums.leverage[c] += covariance.whiten(c + 1, &mut column);
        }
    }
    sums.log_determinant += product.map(ln).sum();
    sums
}
