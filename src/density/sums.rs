//! What the two ways to compute the likelihood have in common: the hyperparameters at a position, and the sums over groups
//! that a log density and its gradient are made of.

use crate::lanes::Lanes;

/// The hyperparameters at a position, as the likelihood needs them.
pub struct At<const M: usize> {
    pub coefficients: [Coefficient; M],
    /// 1 / eps^2.
    pub precision: f64,
}

/// One coefficient's hyperparameters at a position.
#[derive(Debug, Clone, Copy)]
pub struct Coefficient {
    pub mu: f64,
    pub sigma: f64,
    pub inverse_variance: f64,
    pub centered: bool,
}

impl Coefficient {
    /// beta of effects.
    #[inline(always)]
    pub fn beta(&self, effect: Lanes) -> Lanes {
        if self.centered { effect } else { effect * self.sigma + self.mu }
    }

    /// The effect that adds nothing to any sum, to fill up the last chunk of groups.
    #[inline(always)]
    pub fn padding(&self) -> f64 {
        if self.centered { self.mu } else { 0.0 }
    }
}

/// Sums over groups from which a log density and the gradient by the hyperparameters are made.
#[derive(Debug, Clone, Copy)]
pub struct Sums<const M: usize> {
    /// Residual sum of squares.
    pub residual_squares: Lanes,
    /// Of each coefficient, the sum of z^2, or of (z - mu)^2 where it is centered.
    pub squares: [Lanes; M],
    /// The sum of d log likelihood / d beta, or of (z - mu) where it is centered.
    pub first: [Lanes; M],
    /// The sum of z times d log likelihood / d beta; 0 where it is centered.
    pub second: [Lanes; M],
}

impl<const M: usize> Sums<M> {
    #[inline(always)]
    pub fn zero() -> Sums<M> {
        Sums {
            residual_squares: Lanes::ZERO,
            squares: [Lanes::ZERO; M],
            first: [Lanes::ZERO; M],
            second: [Lanes::ZERO; M],
        }
    }

    /// Adds eight groups' effects of coefficient `k` with the likelihood's derivative by their betas, and returns the
    /// log density's derivative by the effects.
    #[inline(always)]
    pub fn add(&mut self, k: usize, coefficient: &Coefficient, effect: Lanes, by_beta: Lanes) -> Lanes {
        if coefficient.centered {
            let from_mean = effect + -coefficient.mu;
            self.squares[k] += from_mean * from_mean;
            self.first[k] += from_mean;
            by_beta - from_mean * coefficient.inverse_variance
        } else {
            self.squares[k] += effect * effect;
            self.first[k] += by_beta;
            self.second[k] += by_beta * effect;
            by_beta * coefficient.sigma - effect
        }
    }
}
