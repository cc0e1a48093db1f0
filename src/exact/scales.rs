//! The posterior of the scales with all else integrated out, and the variables in which its grid is short.
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
//! For large u this is log sigma itself; at u = -3.6 it is 37 units below the origin, so that the integrand falls
//! doubly exponentially (Takahasi and Mori, 1974). The likelihood's poles in sigma[k] lie at about +-i eps / sqrt(the
//! information of a group) and beyond. With the smallest of these as the origin, they are one unit and more away from
//! the real line of u, and the error of the trapezoid rule with step h is about e^(-2 pi / h) or less. eps has no neck
//! unless there are hardly more observations than effects, and its axis is log eps.

use std::f64::consts::FRAC_2_PI;

use super::conditional::{Conditional, Means, Scales, Workspace};
use crate::model::Model;

/// Most axes: two sigmas and eps.
pub const MAX_AXES: usize = 3;

/// A point in u, or in t, by axis: `sigma[0..K]`, `eps`, padded with zeros.
pub type AxisPoint = [f64; MAX_AXES];

/// log p(t | y) + log p(y), in the sampler's units.
#[derive(Debug, Clone)]
pub struct ScalePosterior {
    pub conditional: Conditional,
    /// K.
    coefficients: usize,
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
        ScalePosterior { conditional: Conditional::new(model), coefficients, prior }
    }

    /// Number of axes, K + 1.
    pub fn axes(&self) -> usize {
        self.coefficients + 1
    }

    /// The scales whose logarithms are `t`.
    pub fn scales(&self, t: &AxisPoint) -> Scales {
        let mut sigma = [0.0; 2];
        for (sigma, t) in sigma.iter_mut().zip(&t[..self.coefficients]) {
            *sigma = t.exp();
        }
        Scales { sigma, eps: t[self.coefficients].exp() }
    }

    /// Log density at `t` (-inf if it is NaN), and mu given these scales.
    pub fn at(&self, t: &AxisPoint, workspace: &mut Workspace) -> (f64, Means) {
        let (log_likelihood, means) = self.conditional.at(&self.scales(t), workspace);
        let half_cauchy = |(t, c): (&f64, &f64)| (FRAC_2_PI / c).ln() - (2.0 * (t - c.ln())).exp().ln_1p() + t;
        let prior: f64 = t[..self.axes()].iter().zip(&self.prior).map(half_cauchy).sum();
        let log_density = log_likelihood + prior;
        (if log_density.is_nan() { f64::NEG_INFINITY } else { log_density }, means)
    }
}

/// The transform from u to a log scale.
#[derive(Debug, Clone, Copy)]
pub enum ScaleAxis {
    /// log scale = origin + u - e^-u.
    Bent {
        /// The log scale at which the neck begins.
        origin: f64,
    },
    /// log scale = u.
    Straight,
}

impl ScaleAxis {
    /// The log scale at `u`.
    pub fn log_scale(&self, u: f64) -> f64 {
        match self {
            ScaleAxis::Bent { origin } => origin + u - (-u).exp(),
            ScaleAxis::Straight => u,
        }
    }

    /// d log scale / du.
    pub fn slope(&self, u: f64) -> f64 {
        match self {
            ScaleAxis::Bent { .. } => 1.0 + (-u).exp(),
            ScaleAxis::Straight => 1.0,
        }
    }

    /// u at a log scale; infinite if the log scale is.
    pub fn u(&self, log_scale: f64) -> f64 {
        let ScaleAxis::Bent { origin } = self else { return log_scale };
        let y = log_scale - origin;
        if y.is_infinite() {
            return y;
        }
        // u - e^-u is increasing and concave: after one step at most, Newton's iterates rise to the root.
        let mut u = if y < -1.0 { -(-y).ln() } else { y.max(0.0) };
        for _ in 0..60 {
            let step = (u - (-u).exp() - y) / (1.0 + (-u).exp());
            u -= step;
            if step.abs() <= 1e-15 * u.abs().max(1.0) {
                break;
            }
        }
        u
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_goes_there_and_back_and_its_slope_is_its_derivative() {
        let axis = ScaleAxis::Bent { origin: -1.3 };
        for i in -35..400 {
            let u = 0.1 * f64::from(i);
            assert!((axis.u(axis.log_scale(u)) - u).abs() < 1e-12 * u.abs().max(1.0), "{u}");
            let difference = (axis.log_scale(u + 1e-6) - axis.log_scale(u - 1e-6)) / 2e-6;
            assert!((axis.slope(u) - difference).abs() < 1e-8 * axis.slope(u), "{u}");
        }
    }
}
