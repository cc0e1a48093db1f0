//! What the reduction of rows to directions of the effects leaves over, and the sum of everything: common to groups and
//! to blocks.

use super::term::TermScratch;
use crate::faults;
use crate::math::ln;

/// The log likelihood, without its constant, and its derivative by log sigma.
pub struct CollapsedAt {
    pub log_likelihood: f64,
    pub by_log_sigma: f64,
}

/// The sum over groups or blocks of (X, y)' (I - Q Q') (X, y), and the number of rows.
#[derive(Debug, Clone)]
pub struct Rest {
    observations: f64,
    /// `[row][column]`, the outcome last.
    products: Vec<f64>,
}

impl Rest {
    /// The sum of `parts`, of `observations` rows and `population` population-level columns.
    pub fn of<'a>(observations: usize, population: usize, parts: impl Iterator<Item = &'a Vec<f64>>) -> Rest {
        let mut products = vec![0.0; (population + 1) * (population + 1)];
        for part in parts {
            products.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        Rest { observations: observations as f64, products }
    }

    /// The sum of (X, y)' (I - Q Q') (X, y), `[row][column]`, the outcome last.
    pub fn products(&self) -> &[f64] {
        &self.products
    }

    /// The log likelihood, given the sums of e' V^-1 e and of log |V| / 2 over all groups or blocks. Completes the
    /// derivatives by the population-level coefficients, which hold the sum of W_X' V^-1 e, and those of the terms.
    pub fn finish(
        &self,
        [squares, log_determinant]: [f64; 2],
        coefficients: &[f64],
        sigma: f64,
        terms: &mut [TermScratch],
        by_coefficients: &mut [f64],
    ) -> CollapsedAt {
        let (width, precision) = (coefficients.len() + 1, 1.0 / (sigma * sigma));
        let residual = |k: usize| {
            let of = |l: usize| self.products[k * width + l] * coefficients[l];
            self.products[k * width + width - 1] - (0..width - 1).map(of).sum::<f64>()
        };
        let mut total = squares + residual(width - 1);
        for (k, by_coefficient) in by_coefficients.iter_mut().enumerate() {
            let left = residual(k);
            total -= coefficients[k] * left;
            *by_coefficient = (*by_coefficient + left) * precision;
        }
        let scaled = total * precision;
        let log_determinant = if faults::is_planted("lost-determinant") { 0.0 } else { log_determinant };
        let by_factors: f64 = terms.iter_mut().map(TermScratch::by_covariance_to_factor).sum();
        CollapsedAt {
            log_likelihood: -0.5 * scaled - log_determinant - self.observations * ln(sigma),
            by_log_sigma: scaled - self.observations - by_factors,
        }
    }
}
