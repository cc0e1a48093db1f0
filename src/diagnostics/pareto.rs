//! The generalized Pareto distribution: F(x) = 1 - (1 + k x / sigma)^(-1/k) for x > 0, fitted to a sample.

use super::moments::sum;

/// The weight and the center of the prior on k, as if so many observations had been made there.
const PRIOR: (f64, f64) = (10.0, 0.5);

/// The shape k, without unit, and the scale sigma, in the sample's unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct GeneralizedPareto {
    pub shape: f64,
    pub scale: f64,
}

/// A point of the grid on which the posterior of b = -k / sigma is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShapePoint {
    b: f64,
    log_likelihood: f64,
}

impl GeneralizedPareto {
    /// Fits `ascending`, which is not empty, by the empirical Bayes estimate of Zhang and Stephens (2009), *A new and
    /// efficient estimation method for the generalized Pareto distribution*, Technometrics 51(3),
    /// [doi:10.1198/tech.2009.08017](https://doi.org/10.1198/tech.2009.08017), with the sign of k reversed; then k, but
    /// not sigma, is shrunk to 0.5 as if by ten more observations, as in Vehtari et al. (2024), appendix C. `grid` is
    /// room to work in. `NaN` where the estimate is undefined.
    pub(super) fn fit(ascending: &[f64], grid: &mut Vec<ShapePoint>) -> Self {
        let count = ascending.len() as f64;
        let log_mean = |b: f64| sum(ascending, |x| (-b * x).ln_1p()) / count;
        let quartile = ascending.get(((ascending.len() + 2) / 4).saturating_sub(1)).copied().unwrap_or(f64::NAN);
        let largest = ascending.last().copied().unwrap_or(f64::NAN);

        let points = 30 + ascending.len().isqrt();
        grid.clear();
        grid.extend((1..=points).map(|point| {
            let b = (1.0 - (points as f64 / (point as f64 - 0.5)).sqrt()) / (3.0 * quartile) + 1.0 / largest;
            let shape = log_mean(b);
            ShapePoint { b, log_likelihood: count * ((-b / shape).ln() - shape - 1.0) }
        }));
        let b = posterior_mean(grid);
        let shape = log_mean(b);
        Self { shape: (count * shape + PRIOR.0 * PRIOR.1) / (count + PRIOR.0), scale: -shape / b }
    }

    /// The quantile at a probability in (0, 1), in the sample's unit.
    pub(super) fn quantile(&self, p: f64) -> f64 {
        let exponential = -(-p).ln_1p();
        let of_unit = if self.shape.abs() < f64::EPSILON {
            exponential
        } else {
            (self.shape * exponential).exp_m1() / self.shape
        };
        self.scale * of_unit
    }
}

/// The posterior mean of b under a uniform prior on the grid; points of negligible probability do not count.
fn posterior_mean(grid: &[ShapePoint]) -> f64 {
    let highest = grid.iter().map(|point| point.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
    let likelihood = |point: &ShapePoint| (point.log_likelihood - highest).exp();
    let total: f64 = grid.iter().map(likelihood).sum();
    let is_counted = |point: &&ShapePoint| likelihood(point) / total >= 10.0 * f64::EPSILON;
    let weighted = grid.iter().filter(is_counted).map(|point| (likelihood(point), point.b));
    let (weight, b) = weighted.fold((0.0, 0.0), |(weight, sum), (of, b)| (weight + of, sum + of * b));
    b / weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::mean;

    #[test]
    fn a_sample_of_quantiles_gives_back_its_distribution() {
        for shape in [-0.4, 1e-17, 0.3, 0.9] {
            let truth = GeneralizedPareto { shape, scale: 2.5 };
            let sample: Vec<f64> = (0..4000).map(|i| truth.quantile((f64::from(i) + 0.5) / 4000.0)).collect();
            let fitted = GeneralizedPareto::fit(&sample, &mut Vec::new());
            assert!((fitted.shape - shape).abs() < 0.02, "{fitted:?} of {truth:?}");
            assert!((fitted.scale - 2.5).abs() < 0.05, "{fitted:?} of {truth:?}");
        }
    }

    #[test]
    fn a_quantile_is_where_the_distribution_has_its_probability() {
        for shape in [-0.4, 0.3, 2.0] {
            let distribution = GeneralizedPareto { shape, scale: 3.0 };
            let x = distribution.quantile(0.8);
            assert!((1.0 - (1.0 + shape * x / 3.0).powf(-1.0 / shape) - 0.8).abs() < 1e-12);
        }
        let exponential = GeneralizedPareto { shape: 0.0, scale: 3.0 };
        assert!((exponential.quantile(0.8) + 3.0 * 0.2_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_small_sample_is_drawn_to_a_half() {
        let truth = GeneralizedPareto { shape: -1.0, scale: 1.0 };
        let sample: Vec<f64> = (0..10).map(|i| truth.quantile((f64::from(i) + 0.5) / 10.0)).collect();
        let fitted = GeneralizedPareto::fit(&sample, &mut Vec::new());
        // Without the prior, k is the mean of ln(1 + k x / sigma), which sigma still knows.
        let b = -2.0 * (fitted.shape - 0.25) / fitted.scale;
        let alone = mean(&sample.iter().map(|x| (-b * x).ln_1p()).collect::<Vec<_>>());
        assert!((alone - 2.0 * (fitted.shape - 0.25)).abs() < 1e-12);
    }

    #[test]
    fn undefined_estimates_are_no_number() {
        for sample in [vec![0.0; 6], vec![], vec![f64::NAN; 6]] {
            assert!(GeneralizedPareto::fit(&sample, &mut Vec::new()).shape.is_nan(), "{sample:?}");
        }
    }
}
