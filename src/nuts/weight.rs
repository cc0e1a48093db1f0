//! The total weight of a tree's states, exp(H0 - H) each, and the share of each state as it is added.

use crate::math::exp;

/// A log weight this far above the unit becomes the new unit, long before its exponential overflows.
const LARGE: f64 = 300.0;

/// A sum of weights, `sum` times e^`unit`.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    unit: f64,
    sum: f64,
}

/// A state's share of a sum.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Weight of the state, in the sum's unit.
    pub weight: f64,
    /// Total weight, this state included.
    pub total: f64,
    /// min(1, e^(log weight)), the probability that a Metropolis step would accept the state.
    pub acceptance: f64,
}

impl Weight {
    /// The empty sum.
    pub const ZERO: Weight = Weight { unit: 0.0, sum: 0.0 };

    /// The weight of a tree's first state, e^0.
    pub const ONE: Weight = Weight { unit: 0.0, sum: 1.0 };

    /// Adds a state of log weight `log_weight`, and returns its share of the new sum.
    #[inline]
    pub fn add(&mut self, log_weight: f64) -> Share {
        if log_weight - self.unit > LARGE {
            self.sum *= exp(self.unit - log_weight);
            self.unit = log_weight;
        }
        let weight = exp(log_weight - self.unit);
        self.sum += weight;
        let acceptance = if self.unit == 0.0 { weight.min(1.0) } else { exp(log_weight.min(0.0)) };
        Share { weight, total: self.sum, acceptance }
    }

    /// Adds another sum, and returns its ratio to the old sum.
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

    fn share(weight: &mut Weight, log_weight: f64) -> f64 {
        let share = weight.add(log_weight);
        share.weight / share.total
    }

    #[test]
    fn shares_are_those_of_exponentials() {
        let mut weight = Weight::ZERO;
        assert_eq!(share(&mut weight, -2.0), 1.0);
        assert!((share(&mut weight, 1.0) - 1.0 / (1.0 + (-3.0f64).exp())).abs() < 1e-15);
    }

    #[test]
    fn a_million_above_the_start_is_no_overflow() {
        let mut weight = Weight::ONE;
        assert_eq!(share(&mut weight, 1e6), 1.0);
        assert_eq!(share(&mut weight, 1e6), 0.5);
        let mut other = Weight::ZERO;
        other.add(1e6);
        assert_eq!(weight.join(other), 0.5);
        assert!((share(&mut weight, 1e6) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn acceptance_is_that_of_a_metropolis_step_in_any_unit() {
        let mut weight = Weight::ONE;
        assert_eq!(weight.add(-1.0).acceptance, exp(-1.0));
        assert_eq!(weight.add(2.0).acceptance, 1.0);
        weight.add(1e6);
        assert_eq!(weight.add(-1.0).acceptance, exp(-1.0));
        assert_eq!(weight.add(2.0).acceptance, 1.0);
    }
}
