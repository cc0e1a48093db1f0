//! The log density of the scales, with all else integrated out, on axes where it is short.

use super::axis::ScaleAxis;
use super::lattice::climb;
use crate::density::collapsed::{MeansGivenScales, ScaleLikelihood};
use crate::density::qr::QrGroups;
use crate::math::{exp, ln};
use crate::model::Model;

/// log p(u, y) of the `A` = K + 1 scales, `sigma[0..K]` and eps, in the sampler's units.
#[derive(Debug, Clone)]
pub struct ScaleDensity<const A: usize> {
    likelihood: ScaleLikelihood,
    /// 1 / c^2 of each half-Cauchy prior, and the sum of their constants.
    inverse_square: [f64; A],
    constant: f64,
    axes: [ScaleAxis; A],
}

/// The density at a point.
#[derive(Debug, Clone, Copy)]
pub struct AtScales<const A: usize> {
    /// log p(u, y); -inf where it is not a number.
    pub log_density: f64,
    /// log p(t, y), without the Jacobian of the axes.
    pub of_logs: f64,
    /// t, the log scales.
    pub logs: [f64; A],
    /// mu given the scales.
    pub means: MeansGivenScales,
}

impl<const A: usize> ScaleDensity<A> {
    /// The density of a model with `A` scales, on axes that suit a mode at the log scales `mode`.
    pub fn new(model: &Model, mode: [f64; A]) -> ScaleDensity<A> {
        let priors = model.scaled_priors();
        let cauchy = priors.sigma_scale.iter().chain([&priors.eps_scale]);
        let mut inverse_square = [0.0; A];
        inverse_square.iter_mut().zip(cauchy.clone()).for_each(|(to, c)| *to = 1.0 / (c * c));
        ScaleDensity {
            likelihood: ScaleLikelihood::new(model),
            inverse_square,
            constant: cauchy.map(|c| (std::f64::consts::FRAC_2_PI / c).ln()).sum(),
            axes: axes(model, mode),
        }
    }

    /// The density at `u`.
    #[inline]
    pub fn at(&self, u: &[f64; A]) -> AtScales<A> {
        let (mut logs, mut slopes) = ([0.0; A], 1.0);
        for i in 0..A {
            let (log, slope) = self.axes[i].at(u[i]);
            logs[i] = log;
            slopes *= slope;
        }
        let (log_likelihood, means) = self.likelihood.at(&logs);
        // The half-Cauchy priors, with the Jacobian of the logarithm.
        let (mut prior, mut tails) = (self.constant, 1.0);
        for (t, inverse_square) in logs.iter().zip(&self.inverse_square) {
            prior += t;
            tails *= 1.0 + inverse_square * exp(2.0 * t);
        }
        let of_logs = log_likelihood + prior - ln(tails);
        let log_density = of_logs + ln(slopes);
        let log_density = if log_density.is_nan() { f64::NEG_INFINITY } else { log_density };
        AtScales { log_density, of_logs, logs, means }
    }

    /// u at log scales.
    pub fn u(&self, logs: &[f64; A]) -> [f64; A] {
        std::array::from_fn(|i| self.axes[i].u(logs[i]))
    }

    /// A point near the mode, found by climbing from `start`, and the posterior's width along each axis.
    pub fn mode(&self, start: [f64; A]) -> ([f64; A], [f64; A]) {
        climb(A, |u| self.at(u).log_density, start, [0.5; A])
    }
}

/// Axes that bend where a scale is too small to show: that of sigma\[k\] where it is below the error of the most
/// informative group, and that of eps, if there are hardly more observations than effects, where it is far below
/// sigma\[0\].
fn axes<const A: usize>(model: &Model, mode: [f64; A]) -> [ScaleAxis; A] {
    /// Fewer degrees of freedom leave eps a neck.
    const FEW: f64 = 10.0;
    let (groups, k) = (QrGroups::new(model), A - 1);
    let freedom = model.dataset().n_observations() as f64 - (k * model.layout().groups) as f64;
    std::array::from_fn(|i| match i {
        _ if i < k => ScaleAxis::Bent { origin: mode[k] - 0.5 * groups.largest_information(i).ln() },
        _ if freedom < FEW => ScaleAxis::Bent { origin: mode[0].max(mode[k]) - 1.0 },
        _ => ScaleAxis::Straight,
    })
}
