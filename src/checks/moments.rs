//! Sums over rows of one draw's residuals, from which statistics of their shape and their spread come.

use crate::math::exp;

/// Sums over rows.
#[derive(Debug, Clone, Copy)]
pub struct ResidualMoments {
    count: f64,
    least: f64,
    most: f64,
    /// Of the first four powers.
    powers: [f64; 4],
    /// Of [`odd`].
    odd: f64,
    /// Of the square root of the size, of the size, and of the former times the fitted value.
    root: f64,
    size: f64,
    with_fitted: f64,
}

impl ResidualMoments {
    /// Of no row.
    pub const NONE: ResidualMoments = ResidualMoments {
        count: 0.0,
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
        powers: [0.0; 4],
        odd: 0.0,
        root: 0.0,
        size: 0.0,
        with_fitted: 0.0,
    };

    /// Adds a standardized residual, at this fitted value.
    pub fn add(&mut self, z: f64, fitted: f64) {
        let (square, root) = (z * z, z.abs().sqrt());
        self.count += 1.0;
        self.least = self.least.min(z);
        self.most = self.most.max(z);
        let powers = [z, square, z * square, square * square];
        self.powers.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        self.odd += odd(z);
        self.root += root;
        self.size += z.abs();
        self.with_fitted += root * fitted;
    }

    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: &ResidualMoments) {
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.powers.iter_mut().zip(other.powers).for_each(|(sum, power)| *sum += power);
        self.odd += other.odd;
        self.root += other.root;
        self.size += other.size;
        self.with_fitted += other.with_fitted;
    }

    /// The smallest residual.
    pub fn least(&self) -> f64 {
        self.least
    }

    /// The largest residual.
    pub fn most(&self) -> f64 {
        self.most
    }

    /// The root mean square, 1 for standard normal residuals, which need not be zero on average.
    pub fn root_mean_square(&self) -> f64 {
        (self.powers[1] / self.count).sqrt()
    }

    /// Skewness and excess kurtosis.
    pub fn shape(&self) -> [f64; 2] {
        let [m1, m2, m3, m4] = self.powers.map(|power| power / self.count);
        let variance = m2 - m1 * m1;
        let third = m3 - 3.0 * m1 * m2 + 2.0 * m1.powi(3);
        let fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1.powi(4);
        [third / variance.powf(1.5), fourth / (variance * variance) - 3.0]
    }

    /// The mean of [`odd`]: the skewness of the middle, which a few residuals far away do not change.
    pub fn middle_skewness(&self) -> f64 {
        self.odd / self.count
    }

    /// The correlation of the square root of the residuals' size with fitted values, given the sums of these and of
    /// their squares; 0 where fitted values are all alike.
    pub fn trend(&self, fitted: [f64; 2]) -> f64 {
        let about = |sum: f64, other: f64| sum * other / self.count;
        let of_root = self.size - about(self.root, self.root);
        let of_fitted = fitted[1] - about(fitted[0], fitted[0]);
        correlation(self.with_fitted - about(self.root, fitted[0]), of_root, of_fitted, fitted[1])
    }
}

/// A correlation from sums of squares about means; 0 where those of the second are only rounding of `raw`.
pub fn correlation(product: f64, first: f64, second: f64, raw: f64) -> f64 {
    if second <= ROUNDING * raw || first <= 0.0 { 0.0 } else { product / (first * second).sqrt() }
}

/// A smaller part of a sum of squares is rounding.
const ROUNDING: f64 = 1e-10;

/// An odd function of a residual that is bounded, and on average does not change with the location of standard normal
/// residuals: (z^3 - 1.5 z) exp(-z^2 / 2). Skewed residuals have a mean of it with the sign of their skewness.
fn odd(z: f64) -> f64 {
    (z * z - 1.5) * z * exp(-0.5 * z * z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_moments_of_hand() {
        // Of 0, 0, 0, 4: mean 1, variance 3, third moment (-3 + 27) / 4 = 6, fourth (3 + 81) / 4 = 21.
        let (mut all, mut rest) = (ResidualMoments::NONE, ResidualMoments::NONE);
        [(0.0, 1.0), (0.0, 2.0)].iter().for_each(|(z, fitted)| all.add(*z, *fitted));
        [(0.0, 3.0), (4.0, 6.0)].iter().for_each(|(z, fitted)| rest.add(*z, *fitted));
        all.merge(&rest);
        assert_eq!([all.least(), all.most(), all.root_mean_square()], [0.0, 4.0, 2.0]);
        let [skewness, kurtosis] = all.shape();
        assert!((skewness - 6.0 / 27f64.sqrt()).abs() < 1e-12 && (kurtosis - (21.0 / 9.0 - 3.0)).abs() < 1e-12);
        // Roots 0, 0, 0, 2 against 1, 2, 3, 6: 6 / sqrt(3 * 14).
        assert!((all.trend([12.0, 50.0]) - 6.0 / 42f64.sqrt()).abs() < 1e-12);
        assert_eq!(all.trend([4e8, 4e16 + 1.0]), 0.0);
    }

    #[test]
    fn the_middle_is_skewed_as_the_whole_and_does_not_see_the_location() {
        // Exponential quantiles, and normal ones moved by 0.1.
        let steps = || (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0);
        let mean = |sums: ResidualMoments| sums.middle_skewness();
        let mut skewed = ResidualMoments::NONE;
        steps().for_each(|p| skewed.add(-(-p).ln_1p() - 1.0, 0.0));
        assert!(mean(skewed) > 0.1, "{}", mean(skewed));
        let normal = statrs::distribution::Normal::standard();
        let mut moved = ResidualMoments::NONE;
        steps().for_each(|p| moved.add(statrs::distribution::ContinuousCDF::inverse_cdf(&normal, p) + 0.1, 0.0));
        assert!(mean(moved).abs() < 2e-3, "{}", mean(moved));
    }
}
