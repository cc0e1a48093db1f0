//! Mixtures of normals: mu and every effect are normal given a point of the grid, and a mixture over all points.

use multiversion::multiversion;
use statrs::distribution::{ContinuousCDF, Normal as Standard};

use super::conditional::NormalMoments;
use super::normal::{Normal, normal};

/// Normals with weights that add up to one, as arrays.
#[derive(Debug, Clone, Default)]
pub struct Mixture {
    weight: Vec<f64>,
    mean: Vec<f64>,
    /// 1 / sd.
    inverse: Vec<f64>,
}

/// A distribution at one point: its cdf, its density, and the density's derivative.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local {
    pub cdf: f64,
    pub density: f64,
    pub bend: f64,
}

/// Mean and variance of a mixture, by the law of total variance, from (weight, moments) of its components.
pub fn moments(components: impl Iterator<Item = (f64, NormalMoments)> + Clone) -> NormalMoments {
    let mean = components.clone().map(|(weight, normal)| weight * normal.mean).sum::<f64>();
    let variance = components.map(|(weight, normal)| weight * (normal.variance + (normal.mean - mean).powi(2))).sum();
    NormalMoments { mean, variance }
}

/// The quantile of a standard normal.
pub fn normal_quantile(p: f64) -> f64 {
    Standard::standard().inverse_cdf(p)
}

impl FromIterator<(f64, NormalMoments)> for Mixture {
    fn from_iter<I: IntoIterator<Item = (f64, NormalMoments)>>(components: I) -> Mixture {
        let mut mixture = Mixture::default();
        for (weight, normal) in components {
            mixture.weight.push(weight);
            mixture.mean.push(normal.mean);
            mixture.inverse.push(1.0 / normal.variance.sqrt());
        }
        mixture
    }
}

impl Mixture {
    /// Probability of a value of at most `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.at(x).cdf
    }

    /// Density at `x`.
    pub fn density(&self, x: f64) -> f64 {
        self.at(x).density
    }

    /// The x at which the cdf is `p`; the search starts at `start` in a bracket. Infinite for p of 0 and 1.
    pub fn quantile(&self, p: f64, start: f64) -> f64 {
        /// Half the width of the bracket around a component, in its sds.
        const REACH: f64 = 40.0;
        if p <= 0.0 || p >= 1.0 {
            return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        let (mut low, mut high, mut narrowest) = (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY);
        for (mean, inverse) in self.mean.iter().zip(&self.inverse) {
            let sd = 1.0 / inverse;
            low = low.min(mean - REACH * sd);
            high = high.max(mean + REACH * sd);
            narrowest = narrowest.min(sd);
        }
        solve(|x| self.at(x), p, start, low, high, narrowest)
    }

    fn at(&self, x: f64) -> Local {
        let [cdf, density, bend] = sums(normal(), x, &self.weight, &self.mean, &self.inverse);
        Local { cdf, density, bend }
    }
}

/// Cdf, density and the density's derivative at `x`, in eight running sums each.
#[multiversion(targets = "simd")]
fn sums(table: &Normal, x: f64, weight: &[f64], mean: &[f64], inverse: &[f64]) -> [f64; 3] {
    const SIDE_BY_SIDE: usize = 8;
    let term = |weight: f64, mean: f64, inverse: f64| {
        let z = (x - mean) * inverse;
        let (cdf, density) = table.at(z);
        let density = weight * inverse * density;
        [weight * cdf, density, -z * inverse * density]
    };
    let mut lanes = [[0.0; SIDE_BY_SIDE]; 3];
    let (weights, last_weights) = weight.as_chunks::<SIDE_BY_SIDE>();
    let (means, last_means) = mean.as_chunks::<SIDE_BY_SIDE>();
    let (inverses, last_inverses) = inverse.as_chunks::<SIDE_BY_SIDE>();
    for ((weight, mean), inverse) in weights.iter().zip(means).zip(inverses) {
        for i in 0..SIDE_BY_SIDE {
            let [cdf, density, bend] = term(weight[i], mean[i], inverse[i]);
            lanes[0][i] += cdf;
            lanes[1][i] += density;
            lanes[2][i] += bend;
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f64>());
    for ((weight, mean), inverse) in last_weights.iter().zip(last_means).zip(last_inverses) {
        let term = term(*weight, *mean, *inverse);
        sums.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
    }
    sums
}

/// Solves cdf(x) = p between `low` and `high` by Chebyshev's steps of third order: Newton's, corrected by the density's
/// derivative. A step far below `unit`, over which the density varies, is the last, because the error is its cube.
pub fn solve(at: impl Fn(f64) -> Local, p: f64, start: f64, mut low: f64, mut high: f64, unit: f64) -> f64 {
    const LAST: f64 = 3e-4;
    /// A larger correction is not applied.
    const LARGEST: f64 = 0.3;
    const MAX_STEPS: usize = 400;
    let mut x = start.clamp(low, high);
    for _ in 0..MAX_STEPS {
        let Local { cdf, density, bend } = at(x);
        if cdf < p {
            low = x;
        } else {
            high = x;
        }
        let newton = (p - cdf) / density;
        let correction = 0.5 * newton * bend / density;
        let corrected = if correction.abs() < LARGEST { x + newton * (1.0 - correction) } else { x + newton };
        // At the root, rounding may put an iterate on an end of the bracket. A bisection step does not end the search.
        let is_inside = corrected >= low && corrected <= high;
        let next = if is_inside { corrected } else { 0.5 * (low + high) };
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
        let component = |weight, mean, sd: f64| (weight, NormalMoments { mean, variance: sd * sd });
        let mixture: Mixture = [component(0.3, -2.0, 0.1), component(0.7, 5.0, 3.0)].into_iter().collect();
        for p in [1e-12, 1e-3, 0.2999, 0.3, 0.31, 0.5, 0.999] {
            let quantile = mixture.quantile(p, 0.0);
            assert!((mixture.cdf(quantile) - p).abs() < 1e-9 * p, "{p}");
            // From nearby, on either side, and from the root itself.
            for start in [-1e3, -1e-4, -1e-6, -1e-15, 0.0, 1e-15, 1e-6, 1e-5, 1e-4, 1e3] {
                let again = mixture.quantile(p, quantile + start);
                assert!((again - quantile).abs() < 1e-9 * quantile.abs(), "{p} {start}: {again}, not {quantile}");
            }
        }
    }

    #[test]
    fn every_component_counts() {
        // 19 components: two groups of eight, and a remainder of three.
        let parts =
            || (0..19).map(|i| (f64::from(i + 1) / 190.0, NormalMoments { mean: f64::from(i), variance: 0.04 }));
        let mixture: Mixture = parts().collect();
        let mut below = 0.0;
        for (i, (weight, _)) in parts().enumerate() {
            below += weight;
            assert!((mixture.cdf(i as f64 + 0.5) - below).abs() < 0.01 * weight + 1e-3, "{i}");
            assert!((mixture.density(i as f64) / (weight * 5.0 * 0.398_942_28) - 1.0).abs() < 1e-3, "{i}");
        }
    }
}
