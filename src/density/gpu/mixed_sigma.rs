//! The numbers of a formula of sigma for mixed/row_scales.wgsl.

use super::rough_fit::RoughFit;
use crate::model::{Affine, Linear, Model};

/// For each coefficient of log sigma the sum of its column over all rows, and the coefficient of `fit`, both rounded to
/// 32 bits.
pub fn sums_of_sigma(model: &Model, fit: &RoughFit) -> Vec<[f64; 2]> {
    let Some((sigma, map)) = model.log_sigma() else { return Vec::new() };
    let (design, rows) = (model.design(), model.dataset().n_observations());
    let of = |((k, of_level), (center, units)): ((&usize, &bool), (&f64, &Affine))| {
        let sum: f64 = (0..rows).map(|i| design.column(*k, i) - center).sum();
        let at = if *k == 0 || *of_level { fit.log_sigma / units.unit } else { 0.0 };
        [sum, at].map(|number| f64::from(number as f32))
    };
    let Linear { centers, units, .. } = &map.coefficients;
    sigma.columns.iter().zip(&sigma.of_level).zip(centers.iter().zip(units)).map(of).collect()
}
