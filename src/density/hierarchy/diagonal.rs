//! Independent coefficients: each varies about its mean with an sd of its own, and is centered or not. Twin of
//! shaders/hierarchy/diagonal.wgsl.
//!
//! With z for an effect in theta, s_k for sigma of coefficient k,
//!
//! ```text
//! non-centered   beta = mu_k + s_k z    log p = sum_kj { - z^2 / 2 }
//! centered       beta = z               log p = sum_kj { - log s_k - (z - mu_k)^2 / (2 s_k^2) }
//! ```

use std::ops::Range;

use crate::density::priors::ScaleLanes;
use crate::faults;
use crate::lanes::Lanes;
use crate::model::{Model, Role};

/// The position-independent part: where a term's blocks begin in theta, and which coefficients are centered.
#[derive(Debug, Clone)]
pub struct Diagonal {
    /// Indices in theta of the first mean, the first scale and the first effect.
    mu: usize,
    sigma: usize,
    effects: usize,
    levels: usize,
    centered: Vec<bool>,
}

/// The hyperparameters of a term at a position. `M` is at least K.
pub struct At<const M: usize> {
    pub coefficients: [Coefficient; M],
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
    /// beta, from effects.
    #[inline(always)]
    pub fn beta(&self, effect: Lanes) -> Lanes {
        if self.centered { effect } else { effect * self.sigma + self.mu }
    }

    /// The effect that contributes 0 to every sum; it pads the last chunk of levels.
    #[inline(always)]
    pub fn padding(&self) -> f64 {
        if self.centered { self.mu } else { 0.0 }
    }
}

/// The sums over levels that give the effects' log density and its gradient by the hyperparameters.
#[derive(Debug, Clone, Copy)]
pub struct LevelSums<const M: usize> {
    /// For each coefficient, the sum of z^2; if centered, of (z - mu)^2.
    squares: [Lanes; M],
    /// For each coefficient, the sum of d log likelihood / d beta; if centered, of (z - mu).
    first: [Lanes; M],
    /// For each coefficient, the sum of z times d log likelihood / d beta; 0 if centered.
    second: [Lanes; M],
}

impl<const M: usize> LevelSums<M> {
    #[inline(always)]
    pub fn zero() -> LevelSums<M> {
        LevelSums { squares: [Lanes::ZERO; M], first: [Lanes::ZERO; M], second: [Lanes::ZERO; M] }
    }

    /// Adds the effects of eight levels of coefficient `k`, given the likelihood's derivatives by their betas, and
    /// returns the log density's derivatives by the effects.
    #[inline(always)]
    pub fn pull(&mut self, k: usize, coefficient: &Coefficient, effect: Lanes, by_beta: Lanes) -> Lanes {
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

impl Diagonal {
    /// The hierarchy of the term of `model`.
    pub fn new(model: &Model) -> Diagonal {
        let layout = model.layout();
        Diagonal {
            mu: layout.mu(0),
            sigma: layout.sigma(0),
            effects: layout.block(Role::Effects).theta.start,
            levels: layout.groups,
            centered: (0..layout.coefficients).map(|k| model.coordinates().is_centered(k)).collect(),
        }
    }

    /// J.
    #[inline(always)]
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// The range in theta of the effects of coefficient `k`.
    #[inline(always)]
    pub fn effects(&self, k: usize) -> Range<usize> {
        let start = self.effects + k * self.levels;
        start..start + self.levels
    }

    /// The hyperparameters of `k` coefficients at `theta`; `scales` holds their sigmas.
    #[inline(always)]
    pub fn at<const M: usize, const C: usize>(&self, k: usize, theta: &[f64], scales: &ScaleLanes<C>) -> At<M> {
        let absent = Coefficient { mu: 0.0, sigma: 1.0, inverse_variance: 1.0, centered: false };
        let mut at = At { coefficients: [absent; M] };
        for (i, coefficient) in at.coefficients[..k].iter_mut().enumerate() {
            let sigma = scales.get(i);
            *coefficient = Coefficient {
                mu: theta[self.mu + i],
                sigma,
                inverse_variance: 1.0 / (sigma * sigma),
                centered: self.centered[i],
            };
        }
        at
    }

    /// The log density of all effects, without its constants; the gradient by mu and log sigma is added to `gradient`.
    #[inline(always)]
    pub fn finish<const M: usize>(
        &self,
        k: usize,
        at: &At<M>,
        sums: &LevelSums<M>,
        theta: &[f64],
        gradient: &mut [f64],
    ) -> f64 {
        let (mu, sigma, levels) = (self.mu, self.sigma, self.levels as f64);
        let mut log_density = 0.0;
        for (i, coefficient) in at.coefficients[..k].iter().enumerate() {
            let (mut squares, first) = (sums.squares[i].sum(), sums.first[i].sum());
            if faults::is_planted("level-sum") {
                squares -= sums.squares[i].0[0];
            }
            let (by_mu, by_log_sigma) = if coefficient.centered {
                let scaled = squares * coefficient.inverse_variance;
                log_density -= 0.5 * scaled + levels * theta[sigma + i];
                (first * coefficient.inverse_variance, scaled - levels)
            } else {
                log_density -= 0.5 * squares;
                (first, sums.second[i].sum() * coefficient.sigma)
            };
            gradient[mu + i] += by_mu;
            gradient[sigma + i] += by_log_sigma;
        }
        log_density
    }
}
