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
mod scale_likelihood;

pub use conditional_effects::ConditionalShorthand;
pub use scale_likelihood::{MAX_MEANS, MeansGivenScales, ScaleLikelihood};

use super::priors::LogPrior;
use super::qr::{GroupBundle, QrTable};
use crate::lanes::{LANES, Lanes};
use crate::math::ln;
use crate::model::{Layout, Model, Refusal};
use covariance::{Covariance, column, column_dot, deviation};

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
struct Parts<const M: usize> {
    /// Q - rest.
    squares: Lanes,
    /// The product of all d of the groups so far, and the log of the factors taken out of it.
    determinant: Lanes,
    log_determinant: f64,
    /// For each coefficient, the sums of r' q, of (r' q)^2, and of r' V^-1 r.
    first: [Lanes; M],
    second: [Lanes; M],
    leverage: [Lanes; M],
}

/// Whether the effects of `model` can be integrated out: effects and outcomes both have to be normal.
///
/// # Errors
/// If the model is a formula's, or its family is not Gaussian.
pub fn admits(model: &Model) -> Result<(), Refusal> {
    Refusal::unless_shorthand(model, "the density of the scales and means", "sample it instead")?;
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
        let means = self.layout.mu(0);
        let eps = scales.get(k);
        let precision = 1.0 / (eps * eps);
        let (mut mu, mut ratio) = ([0.0; M], [0.0; M]);
        for i in 0..k {
            mu[i] = theta[means + i];
            ratio[i] = (scales.get(i) / eps) * (scales.get(i) / eps);
        }

        let mut parts = Parts {
            squares: Lanes::ZERO,
            determinant: Lanes([1.0; LANES]),
            log_determinant: 0.0,
            first: [Lanes::ZERO; M],
            second: [Lanes::ZERO; M],
            leverage: [Lanes::ZERO; M],
        };
        let mut covariance = Covariance::<M>::new();
        for groups in self.table.bundles() {
            add_group(k, &mu, &ratio, groups, &mut covariance, &mut parts);
        }
        renormalize(&mut parts);
        self.sums_of(k, [log_density, precision], &ratio, &parts, theta, gradient)
    }
}

/// Adds eight groups to the `parts`, where `ratio` holds s; `covariance` is scratch.
#[inline(always)]
fn add_group<const M: usize>(
    k: usize,
    mu: &[f64; M],
    ratio: &[f64; M],
    groups: GroupBundle,
    covariance: &mut Covariance<M>,
    parts: &mut Parts<M>,
) {
    covariance.factorize(k, groups, ratio);
    for d in &covariance.diagonal[..k] {
        parts.determinant = parts.determinant * *d;
        if parts.determinant.sum() > LARGE {
            renormalize(parts);
        }
    }
    let mut whitened = deviation(k, groups, mu);
    parts.squares += covariance.whiten(k, &mut whitened);
    let q = covariance.solve(k, whitened);
    for c in 0..k {
        let first = column_dot(groups, c, &q);
        parts.first[c] += first;
        parts.second[c] += first * first;
        let mut column = column::<M>(groups, c);
        parts.leverage[c] += covariance.whiten(c + 1, &mut column);
    }
}

/// Takes the logarithm of the product out of it, before it overflows.
#[inline(always)]
fn renormalize<const M: usize>(parts: &mut Parts<M>) {
    parts.log_determinant += parts.determinant.map(ln).sum();
    parts.determinant = Lanes([1.0; LANES]);
}

impl Collapsed {
    /// The log density from its prior and the `parts`; adds the derivatives of the likelihood to the gradient.
    #[inline(always)]
    fn sums_of<const M: usize>(
        &self,
        k: usize,
        [log_prior, precision]: [f64; 2],
        ratio: &[f64; M],
        parts: &Parts<M>,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> f64 {
        let (means, sigmas, log_eps) = (self.layout.mu(0), self.layout.sigma(0), self.layout.eps());
        let scaled = (parts.squares.sum() + self.table.rest) * precision;
        let mut by_log_eps = scaled - self.observations;
        for i in 0..k {
            gradient[means + i] += parts.first[i].sum() * precision;
            let by_log_sigma = ratio[i] * (parts.second[i].sum() * precision - parts.leverage[i].sum());
            gradient[sigmas + i] += by_log_sigma;
            by_log_eps -= by_log_sigma;
        }
        gradient[log_eps] += by_log_eps;
        log_prior - 0.5 * (scaled + parts.log_determinant) - self.observations * theta[log_eps]
    }
}
