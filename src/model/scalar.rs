//! Maps from an entry of theta to a hyperparameter: the identity, the exponential, and those of bounded numbers.

use crate::math::exp;

/// The map from an entry of theta to the value of a hyperparameter in the sampler's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// Any number.
    Identity,
    /// A positive number, by its logarithm.
    Exp,
    /// A number between bounds, by its logit.
    Interval {
        /// The lower bound.
        low: f64,
        /// The distance of the upper bound.
        width: f64,
    },
    /// A number between -1 and 1, by its inverse hyperbolic tangent.
    Tanh,
}

/// A hyperparameter at an entry of theta.
#[derive(Debug, Clone, Copy)]
pub struct AtEntry {
    /// Its value.
    pub value: f64,
    /// The derivative of the value by the entry.
    pub slope: f64,
    /// The logarithm of that derivative, and its derivative by the entry.
    pub log_slope: [f64; 2],
}

impl Scalar {
    /// The value at an entry of theta.
    #[inline]
    pub fn at(self, entry: f64) -> AtEntry {
        match self {
            Scalar::Identity => AtEntry { value: entry, slope: 1.0, log_slope: [0.0, 0.0] },
            Scalar::Exp => {
                let value = exp(entry);
                AtEntry { value, slope: value, log_slope: [entry, 1.0] }
            }
            Scalar::Interval { low, width } => {
                // From the nearer bound, so that no digits are lost.
                let small = exp(-entry.abs());
                let (near, far) = (small / (1.0 + small), 1.0 / (1.0 + small));
                let (share, rest) = if entry < 0.0 { (near, far) } else { (far, near) };
                let slope = width * share * rest;
                let log_slope = width.ln() - entry.abs() - 2.0 * small.ln_1p();
                AtEntry { value: low + width * share, slope, log_slope: [log_slope, rest - share] }
            }
            Scalar::Tanh => {
                let small = exp(-2.0 * entry.abs());
                let value = ((1.0 - small) / (1.0 + small)).copysign(entry);
                // 1 - tanh^2 = 4 e^{-2|x|} / (1 + e^{-2|x|})^2.
                let slope = 4.0 * small / ((1.0 + small) * (1.0 + small));
                let log_slope = 4.0_f64.ln() - 2.0 * entry.abs() - 2.0 * small.ln_1p();
                AtEntry { value, slope, log_slope: [log_slope, -2.0 * value] }
            }
        }
    }

    /// The entry of theta at which the value is this.
    pub fn invert(self, value: f64) -> f64 {
        match self {
            Scalar::Identity => value,
            Scalar::Exp => value.ln(),
            Scalar::Interval { low, width } => ((value - low) / (low + width - value)).ln(),
            Scalar::Tanh => value.atanh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_inverted_and_match_their_slopes() {
        for scalar in [Scalar::Identity, Scalar::Exp, Scalar::Interval { low: 2.0, width: 5.0 }, Scalar::Tanh] {
            for entry in [-3.0, -0.4, 0.0, 0.7, 2.5] {
                let at = scalar.at(entry);
                assert!((scalar.invert(at.value) - entry).abs() < 1e-12, "{scalar:?}");
                let slope = (scalar.at(entry + 1e-6).value - scalar.at(entry - 1e-6).value) / 2e-6;
                assert!((slope - at.slope).abs() < 1e-8 * slope.abs().max(1.0), "{scalar:?}");
                assert!((at.slope.ln() - at.log_slope[0]).abs() < 1e-12, "{scalar:?}");
                let change = (scalar.at(entry + 1e-6).log_slope[0] - scalar.at(entry - 1e-6).log_slope[0]) / 2e-6;
                assert!((change - at.log_slope[1]).abs() < 1e-8, "{scalar:?}");
            }
        }
    }
}
