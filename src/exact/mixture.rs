//! Mixtures of normals: mu and every effect are normal at each point of the grid, and a mixture over all of it.

use statrs::distribution::{ContinuousCDF, Normal as Standard};
use statrs::function::erf::erfc;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use super::conditional::Moments;

/// One normal of a mixture.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    pub weight: f64,
    pub mean: f64,
    pub sd: f64,
}

/// Normals whose weights add up to one.
#[derive(Debug, Clone)]
pub struct Mixture(pub Vec<Component>);

/// Mean and variance of a mixture, by the law of total variance, from (weight, moments) of its components.
pub fn moments(components: impl Iterator<Item = (f64, Moments)> + Clone) -> Moments {
    let mean = components.clone().map(|(weight, normal)| weight * normal.mean).sum::<f64>();
    let variance = components.map(|(weight, normal)| weight * (normal.variance + (normal.mean - mean).powi(2))).sum();
    Moments { mean, variance }
}

/// The quantile of a standard normal.
pub fn normal_quantile(p: f64) -> f64 {
    Standard::standard().inverse_cdf(p)
}

impl Mixture {
    /// Probability of at most `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.at(x).0
    }

    /// Density at `x`.
    pub fn density(&self, x: f64) -> f64 {
        self.at(x).1
    }

    /// The x at which the cdf is `p`, found by Newton's method from `start` in a bracket; infinite for p of 0 and 1.
    pub fn quantile(&self, p: f64, start: f64) -> f64 {
        /// Components reach no further, in their sds, for any p that a double can hold apart from 0 and 1.
        const REACH: f64 = 40.0;
        if p <= 0.0 || p >= 1.0 {
            return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        let (mut low, mut high, mut narrowest) = (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY);
        for component in &self.0 {
            low = low.min(component.mean - REACH * component.sd);
            high = high.max(component.mean + REACH * component.sd);
            narrowest = narrowest.min(component.sd);
        }
        safeguarded_newton(|x| self.at(x), p, start, low, high, narrowest)
    }

    /// Cdf and density.
    fn at(&self, x: f64) -> (f64, f64) {
        let (mut cdf, mut density) = (0.0, 0.0);
        for component in &self.0 {
            let inverse = 1.0 / component.sd;
            let z = (x - component.mean) * inverse;
            cdf += component.weight * 0.5 * erfc(-z * FRAC_1_SQRT_2);
            density += component.weight * inverse * (-0.5 * z * z).exp();
        }
        (cdf, density / TAU.sqrt())
    }
}

/// Solves cdf(x) = p for an increasing cdf, given with its density, between `low` and `high`. A step far below `unit`, on
/// which the density varies, is the last one, because Newton's error is its square.
pub fn safeguarded_newton(
    at: impl Fn(f64) -> (f64, f64),
    p: f64,
    start: f64,
    mut low: f64,
    mut high: f64,
    unit: f64,
) -> f64 {
    const LAST: f64 = 1e-5;
    const MAX_STEPS: usize = 400;
    let mut x = start.clamp(low, high);
    for _ in 0..MAX_STEPS {
        let (cdf, density) = at(x);
        if cdf < p {
            low = x;
        } else {
            high = x;
        }
        let newton = x - (cdf - p) / density;
        // At the root rounding may put Newton's iterate on an end of the bracket. A halved bracket is never the last step.
        let is_inside = newton >= low && newton <= high;
        let next = if is_inside { newton } else { 0.5 * (low + high) };
        let step = (next - x).abs();
        x = next;
        if is_inside && step <= LAST * unit || high - low <= 2.0 * f64::EPSILON * x.abs() {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_found_from_anywhere() {
        let component = |weight, mean, sd| Component { weight, mean, sd };
        let mixture = Mixture(vec![component(0.3, -2.0, 0.1), component(0.7, 5.0, 3.0)]);
        for p in [1e-12, 1e-3, 0.2999, 0.3, 0.31, 0.5, 0.999] {
            let quantile = mixture.quantile(p, 0.0);
            assert!((mixture.cdf(quantile) - p).abs() < 1e-9 * p, "{p}");
            // From nearby, on either side, and from the root itself too.
            for start in [-1e3, -1e-4, -1e-6, -1e-15, 0.0, 1e-15, 1e-6, 1e-5, 1e-4, 1e3] {
                let again = mixture.quantile(p, quantile + start);
                assert!((again - quantile).abs() < 1e-9 * quantile.abs(), "{p} {start}: {again}, not {quantile}");
            }
        }
    }
}
