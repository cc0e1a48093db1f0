//! The posterior of the scales of the shorthand's model with all else integrated out, and the variables in which its
//! grid is short.
//!
//! In t = (log sigma[0..K], log eps),
//!
//! ```text
//! log p(t | y) + log p(y) = log p(y | scales) + sum_{s of sigma[k], eps} { log 2/(pi c) - log(1 + (s/c)^2) + t_s }
//! ```
//!
//! where c is a half-Cauchy scale, and t_s the log Jacobian of the log transform. As sigma[k] goes to 0 the likelihood
//! has a limit, and only e^t remains: 37 units of t until 1e-16. The grid is therefore a grid in u, with
//!
//! ```text
//! log sigma[k] = origin_k + u - e^-u,    d log sigma / du = 1 + e^-u
//! ```
//!
//! (`independent/axis.rs`). The likelihood's poles in sigma[k] lie at about +-i eps / sqrt(the
//! information of a group) and beyond. With the smallest of these as the origin, they are one unit and more away from
//! the real line of u, and the error of the trapezoid rule with step h is about e^(-2 pi / h) or less. eps has no neck
//! unless there are hardly more observations than effects, and its axis is log eps.

use std::f64::consts::FRAC_2_PI;

use super::conditional::{Conditional, Means, NormalMoments, Scales};
use super::given::{AxisPoint, AxisVariable, GivenAxes, KnownAtPoint, MAX_AXES, Workspace};
use crate::model::Model;

/// log p(t | y) + log p(y), in the sampler's units.
#[derive(Debug, Clone)]
pub struct ScalePosterior {
    conditional: Conditional,
    /// sigma[0..K], eps.
    axes: Vec<AxisVariable>,
    /// Half-Cauchy scale of each axis.
    prior: AxisPoint,
}

impl ScalePosterior {
    /// The posterior of the scales of a model with at most two coefficients, in the units of its scaling.
    pub fn new(model: &Model) -> ScalePosterior {
        let priors = model.scaled_priors();
        let coefficients = model.layout().coefficients;
        let mut prior = [1.0; MAX_AXES];
        prior[..coefficients].copy_from_slice(&priors.sigma_scale);
        prior[coefficients] = priors.eps_scale;
        let mut axes = vec![AxisVariable::Spread; coefficients];
        axes.push(AxisVariable::Noise);
        ScalePosterior { conditional: Conditional::new(model), axes, prior }
    }

    /// K.
    fn coefficients(&self) -> usize {
        self.axes.len() - 1
    }

    /// The scales whose logarithms are `t`.
    fn scales(&self, t: &AxisPoint) -> Scales {
        let mut sigma = [0.0; 2];
        for (sigma, t) in sigma.iter_mut().zip(&t[..self.coefficients()]) {
            *sigma = t.exp();
        }
        Scales { sigma, eps: t[self.coefficients()].exp() }
    }
}

impl GivenAxes for ScalePosterior {
    fn axes(&self) -> &[AxisVariable] {
        &self.axes
    }

    fn width(&self) -> usize {
        Scales::WIDTH + Means::WIDTH
    }

    fn at(&self, t: &AxisPoint, workspace: &mut Workspace) -> (f64, KnownAtPoint) {
        let scales = self.scales(t);
        let (log_likelihood, means) = self.conditional.at(&scales, &mut workspace.lines);
        let half_cauchy = |(t, c): (&f64, &f64)| (FRAC_2_PI / c).ln() - (2.0 * (t - c.ln())).exp().ln_1p() + t;
        let prior: f64 = t[..self.axes.len()].iter().zip(&self.prior).map(half_cauchy).sum();
        let log_density = log_likelihood + prior;
        let known = scales.numbers().into_iter().chain(means.numbers()).collect();
        (if log_density.is_nan() { f64::NEG_INFINITY } else { log_density }, known)
    }

    fn neck(&self, axis: usize, t: &AxisPoint) -> f64 {
        t[self.coefficients()] - 0.5 * self.conditional.largest_information(axis).ln()
    }

    fn location(&self, k: usize, known: &[f64]) -> NormalMoments {
        Means::of(&known[Scales::WIDTH..]).mu(k)
    }

    fn effects(&self, j: usize, known: &[f64], effects: &mut [NormalMoments; MAX_AXES]) {
        let (scales, means) = known.split_at(Scales::WIDTH);
        let both = self.conditional.effects(j, &Scales::of(scales), &Means::of(means));
        effects[..both.len()].copy_from_slice(&both);
    }
}
