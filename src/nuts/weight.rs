//! The total weight of the states of a tree, exp(H0 - H) each, from which a state is drawn as they are added.

use crate::math::exp;

/// Above this, a log weight becomes the new unit, long before its exponential overflows.
const LARGE: f64 = 300.0;

/// A sum of weights, `sum` times e^`unit`.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    unit: f64,
    sum: f64,
}

impl Weight {
    /// The weight of no states.
    pub const ZERO: Weight = Weight { unit: 0.0, sum: 0.0 };

    /// The weight of the state a tree starts from, e^0.
    pub const ONE: Weight = Weight { unit: 0.0, sum: 1.0 };

    /// Adds a state of log weight `log_weight`, and returns its share of the new sum.
    pub fn add(&mut self, log_weight: f64) -> f64 {
        if log_weight - self.unit > LARGE {
            self.sum *= exp(self.unit - log_weight);
            self.unit = log_weight;
        }
        let weight = exp(log_weight - self.unit);
        self.sum += weight;
        weight / self.sum
    }

    /// Adds another sum, and returns its ratio to the old one.
    pub fn join(&mut self, other: Weight) -> f64 {
        let ratio = other.sum / self.sum * exp(other.unit - self.unit);
        let unit = self.unit.max(other.unit);
        self.sum = self.sum * exp(self.unit - unit) + other.sum * exp(other.unit - unit);
        self.unit = unit;
        ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_exponentials() {
        let mut weight = Weight::ZERO;
        assert_eq!(weight.add(-2.0), 1.0);
        assert!((weight.add(1.0) - 1.0 / (1.0 + (-3.0f64).exp())).abs() < 1e-15);
    }

    #[test]
    fn a_million_above_the_start_is_no_overflow() {
        let mut weight = Weight::ONE;
        assert_eq!(weight.add(1e6), 1.0);
        assert_eq!(weight.add(1e6), 0.5);
        let mut other = Weight::ZERO;
        other.add(1e6);
        assert_eq!(weight.join(other), 0.5);
        assert!((weight.add(1e6) - 0.25).abs() < 1e-15);
    }
}
