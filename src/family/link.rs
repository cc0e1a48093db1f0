//! Links: from the mean of an outcome, or the probability of a success, to the linear predictor eta.

use statrs::distribution::{ContinuousCDF, Normal};

/// A link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// eta is the mean.
    Identity,
    /// eta is the logarithm of the mean.
    Log,
    /// eta is the logarithm of the odds.
    Logit,
    /// eta is the standard normal quantile of the probability.
    Probit,
}

impl Link {
    /// The name, as typed.
    pub fn name(self) -> &'static str {
        match self {
            Link::Identity => "identity",
            Link::Log => "log",
            Link::Logit => "logit",
            Link::Probit => "probit",
        }
    }

    /// The mean or the probability at eta.
    pub fn inverse(self, eta: f64) -> f64 {
        match self {
            Link::Identity => eta,
            Link::Log => eta.exp(),
            Link::Logit => 1.0 / (1.0 + (-eta).exp()),
            Link::Probit => Normal::standard().cdf(eta),
        }
    }

    /// Eta at the mean or the probability.
    pub fn at(self, mean: f64) -> f64 {
        match self {
            Link::Identity => mean,
            Link::Log => mean.ln(),
            Link::Logit => (mean / (1.0 - mean)).ln(),
            Link::Probit => Normal::standard().inverse_cdf(mean),
        }
    }

    /// The derivative of the mean or the probability by eta.
    pub fn slope(self, eta: f64) -> f64 {
        match self {
            Link::Identity => 1.0,
            Link::Log => eta.exp(),
            Link::Logit => {
                let share = self.inverse(-eta.abs());
                share * (1.0 - share)
            }
            Link::Probit => (-0.5 * eta * eta).exp() / std::f64::consts::TAU.sqrt(),
        }
    }
}
