//! The coefficients of a linear predictor, of eta or of log sigma: their units, and the means about which columns are.

use super::Scaling;
use super::affine::Affine;
use super::scalar::Scalar;
use crate::data::Dataset;
use crate::data::moments::mean;

/// The means of columns in the user's units; 1 of the intercept's.
pub fn means(columns: &[usize], dataset: &Dataset) -> Vec<f64> {
    columns.iter().map(|k| if *k == 0 { 1.0 } else { mean(dataset.predictor(k - 1)) }).collect()
}

/// Coefficients of a linear predictor, whose intercept is sampled at the means of the other columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Units of each coefficient.
    pub units: Vec<Affine>,
    /// The center of each column, in the sampler's units; 0 for the intercept.
    pub centers: Vec<f64>,
    /// Whether the first coefficient is an intercept.
    pub has_intercept: bool,
}

impl Linear {
    /// The coefficients of `columns`, which have these `means` in the user's units, and 1 of the intercept.
    pub fn new(columns: &[usize], means: &[f64], units: Vec<Affine>, scaling: &Scaling) -> Linear {
        let has_intercept = columns.first() == Some(&0);
        let center = |(k, mean): (&usize, &f64)| match *k {
            0 => 0.0,
            _ if !has_intercept => 0.0,
            k => mean / scaling.predictors[k - 1],
        };
        Linear { units, centers: columns.iter().zip(means).map(center).collect(), has_intercept }
    }

    /// Writes the coefficients in the sampler's units, where `named` holds them in the user's.
    pub fn values_of_named(&self, named: &[f64], values: &mut [f64]) {
        for ((value, units), named) in values.iter_mut().zip(&self.units).zip(named) {
            *value = units.invert(*named);
        }
        if self.has_intercept {
            values[0] += self.to_means(values);
        }
    }

    /// Writes the coefficients in the user's units, given their `values` in the sampler's.
    pub fn name_values(&self, values: &[f64], named: &mut [f64]) {
        let moved = if self.has_intercept { self.to_means(values) } else { 0.0 };
        for (k, (named, units)) in named.iter_mut().zip(&self.units).enumerate() {
            *named = units.apply(values[k] - if k == 0 { moved } else { 0.0 });
        }
    }

    /// What the columns add to the linear predictor between 0 and their means.
    fn to_means(&self, values: &[f64]) -> f64 {
        (1..self.centers.len()).map(|k| self.centers[k] * values[k]).sum()
    }

    /// The logarithms of the units of the coefficients that are in theta as they are.
    pub fn log_units(&self, scalars: &[Scalar]) -> f64 {
        let with_scalars = self.units.iter().zip(scalars);
        with_scalars.filter(|(_, scalar)| **scalar == Scalar::Identity).map(|(units, _)| units.unit.ln()).sum()
    }
}
