//! The log density of the scales, with all else integrated out, on axes where it is short.

use multiversion::multiversion;

use super::axis::ScaleAxis;
use super::lattice::climb;
use crate::density::collapsed::{MeansGivenScales, ScaleLikelihood};
use crate::density::qr::QrGroups;
use crate::lanes::{LANES, Lanes};
use crate::math::{exp, ln};
use crate::model::Model;

/// log p(u, y) of the `A` = K + 1 scales, `sigma[0..K]` and eps, in the sampler's units.
#[derive(Debug, Clone)]
pub struct ScaleDensity<const A: usize> {
    pub likelihood: ScaleLikelihood<A>,
    /// 1 / c^2 of each half-Cauchy prior, and the sum of their constants.
    pub inverse_square: [f64; A],
    constant: f64,
    pub axes: [ScaleAxis; A],
}

/// The density at eight points.
#[derive(Debug, Clone, Copy)]
pub struct AtScales<const A: usize> {
    /// log p(u, y); -inf where it is not a number.
    pub log_density: Lanes,
    /// log p(t, y), without the Jacobian of the axes.
    pub of_logs: Lanes,
    /// t, the log scales.
    pub logs: [Lanes; A],
    /// mu given the scales.
    pub means: MeansGivenScales<A>,
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

    /// The density at eight values of u, of which only the first `points` are needed.
    #[inline(always)]
    pub fn at(&self, u: &[Lanes; A], points: usize) -> AtScales<A> {
        let (mut logs, mut slopes) = ([Lanes::ZERO; A], Lanes::ZERO + 1.0);
        for i in 0..A {
            let (log, slope) = self.axes[i].at_each(u[i]);
            logs[i] = log;
            slopes = slopes * slope;
        }
        let (log_likelihood, means) = self.likelihood.at(&logs, points);
        // The half-Cauchy priors, with the Jacobian of the logarithm.
        let (mut prior, mut tails) = (Lanes::ZERO + self.constant, Lanes::ZERO + 1.0);
        for (log, inverse_square) in logs.iter().zip(&self.inverse_square) {
            prior += *log;
            tails = tails * ((*log * 2.0).map(exp) * *inverse_square + 1.0);
        }
        let of_logs = log_likelihood + prior - tails.map(ln);
        let log_density = of_logs + slopes.map(ln);
        let log_density = log_density.map(|value| if value.is_nan() { f64::NEG_INFINITY } else { value });
        AtScales { log_density, of_logs, logs, means }
    }

    /// log p(u, y) at the points `u`, eight at most.
    pub fn log_densities(&self, u: &[[f64; A]]) -> [f64; LANES] {
        evaluate(self, &lanes_of(u), u.len()).0
    }

    /// log p(u, y) at `u`.
    pub fn log_density(&self, u: &[f64; A]) -> f64 {
        self.log_densities(std::slice::from_ref(u))[0]
    }

    /// u at log scales.
    pub fn u(&self, logs: &[f64; A]) -> [f64; A] {
        std::array::from_fn(|i| self.axes[i].u(logs[i]))
    }

    /// A point near the mode, found by climbing from `start`, and the posterior's width along each axis.
    pub fn mode(&self, start: [f64; A]) -> ([f64; A], [f64; A]) {
        climb(A, |u| self.log_density(u), start, [0.5; A])
    }
}

#[multiversion(targets = "simd")]
fn evaluate<const A: usize>(density: &ScaleDensity<A>, u: &[Lanes; A], points: usize) -> Lanes {
    density.at(u, points).log_density
}

/// Points by lane, the first of them also where there are no more; eight at most.
#[inline(always)]
pub fn lanes_of<const A: usize>(points: &[[f64; A]]) -> [Lanes; A] {
    std::array::from_fn(|i| Lanes(std::array::from_fn(|lane| points[if lane < points.len() { lane } else { 0 }][i])))
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
