//! An axis on which the posterior of a scale is short: log scale = origin + u - e^-u.
//!
//! As a scale goes to 0 the likelihood has a limit, and in t, its logarithm, only the Jacobian e^t remains: 37 units of
//! t until 1e-16. For large u the axis is t itself; at u = -3.6 it is 37 units below the origin, so that the density in
//! u falls doubly exponentially (Takahasi and Mori, 1974).

use crate::lanes::Lanes;
use crate::math::exp;

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
        self.at(u).0
    }

    /// d log scale / du.
    pub fn slope(&self, u: f64) -> f64 {
        self.at(u).1
    }

    /// The log scale at `u`, and d log scale / du.
    #[inline]
    pub fn at(&self, u: f64) -> (f64, f64) {
        match self {
            ScaleAxis::Bent { origin } => {
                let bend = exp(-u);
                (origin + u - bend, 1.0 + bend)
            }
            ScaleAxis::Straight => (u, 1.0),
        }
    }

    /// The same for eight values of u.
    #[inline(always)]
    pub fn at_each(&self, u: Lanes) -> (Lanes, Lanes) {
        match self {
            ScaleAxis::Bent { origin } => {
                let bend = (u * -1.0).map(exp);
                (u - bend + *origin, bend + 1.0)
            }
            ScaleAxis::Straight => (u, Lanes::ZERO + 1.0),
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
