//! An axis of the grid: the logarithm of a scale, or the inverse hyperbolic tangent of a partial correlation, as a
//! function of u, in which the posterior is short.
//!
//! Under LKJ the density of a partial correlation w in u = atanh w falls as e^(-2 alpha |u|); tanh has its poles at
//! +-i pi / 2, so that the trapezoid rule with step h has an error of about e^(-pi^2 / h).

use crate::independent::axis::ScaleAxis;

/// The variable of an axis, as a function of u.
#[derive(Debug, Clone, Copy)]
pub enum GridAxis {
    /// A scale, by its logarithm.
    Scale(ScaleAxis),
    /// A partial correlation, by its inverse hyperbolic tangent, u itself.
    Correlation,
}

impl GridAxis {
    /// The logarithm of the scale, or the inverse hyperbolic tangent of the correlation.
    pub fn t(self, u: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.log_scale(u),
            GridAxis::Correlation => u,
        }
    }

    /// dt / du.
    pub fn slope(self, u: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.slope(u),
            GridAxis::Correlation => 1.0,
        }
    }

    /// u at t; infinite if t is.
    pub fn u(self, t: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.u(t),
            GridAxis::Correlation => t,
        }
    }

    /// The variable at u.
    pub fn value(self, u: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.log_scale(u).exp(),
            GridAxis::Correlation => u.tanh(),
        }
    }

    /// The logarithm of d variable / du.
    pub fn log_jacobian(self, u: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.log_scale(u) + axis.slope(u).ln(),
            // log sech^2, without overflow.
            GridAxis::Correlation => 2.0 * (std::f64::consts::LN_2 - u.abs() - (-2.0 * u.abs()).exp().ln_1p()),
        }
    }

    /// The ends of the variable's range.
    pub fn range(self) -> [f64; 2] {
        match self {
            GridAxis::Scale(_) => [0.0, f64::INFINITY],
            GridAxis::Correlation => [-1.0, 1.0],
        }
    }

    /// u at a value of the variable inside its range.
    pub fn of_value(self, value: f64) -> f64 {
        match self {
            GridAxis::Scale(axis) => axis.u(value.ln()),
            GridAxis::Correlation => value.atanh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_goes_there_and_back_and_its_jacobian_is_its_derivative() {
        for axis in [
            GridAxis::Scale(ScaleAxis::Bent { origin: -1.3 }),
            GridAxis::Scale(ScaleAxis::Straight),
            GridAxis::Correlation,
        ] {
            for i in -8..9 {
                let u = 0.37 * f64::from(i);
                assert!((axis.of_value(axis.value(u)) - u).abs() < 1e-9, "{axis:?} {u}");
                assert!((axis.u(axis.t(u)) - u).abs() < 1e-12, "{axis:?} {u}");
                let difference = (axis.value(u + 1e-6) - axis.value(u - 1e-6)) / 2e-6;
                assert!((axis.log_jacobian(u).exp() / difference - 1.0).abs() < 1e-7, "{axis:?} {u}");
                let difference = (axis.t(u + 1e-6) - axis.t(u - 1e-6)) / 2e-6;
                assert!((axis.slope(u) / difference - 1.0).abs() < 1e-7, "{axis:?} {u}");
            }
        }
    }
}
