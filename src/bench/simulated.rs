//! Data simulated from the model itself, of any size.

use crate::data::{DataError, Dataset};
use crate::random::{Purpose, StreamKey};

/// The sds of group effects and of the residuals.
const SIGMA: f64 = 0.5;
const EPS: f64 = 1.0;

/// `observations` observations in `groups` groups of equal size, give or take one, with `coefficients` coefficients:
/// the intercept, and predictors that are standard normal.
///
/// # Errors
/// If there are more groups than observations, no coefficient, or too many.
pub fn simulate(observations: usize, groups: usize, coefficients: usize, seed: u64) -> Result<Dataset, DataError> {
    let normals = |column: u32, count: usize| {
        let mut normals = vec![0.0; count];
        StreamKey { seed, chain: u32::MAX, transition: column }.normals(Purpose::Stream, &mut normals);
        normals
    };
    let predictors: Vec<Vec<f64>> = (1..coefficients as u32).map(|k| normals(2 * k, observations)).collect();
    let effects: Vec<Vec<f64>> = (0..coefficients as u32).map(|k| normals(2 * k + 1, groups)).collect();
    let mut outcome = normals(0, observations);
    let names: Vec<String> = (0..groups).map(|group| format!("group {group}")).collect();
    let mut labels = Vec::with_capacity(observations);
    for (i, outcome) in outcome.iter_mut().enumerate() {
        let group = (i as u128 * groups as u128 / observations as u128) as usize;
        *outcome *= EPS;
        for (k, effects) in effects.iter().enumerate() {
            let x = if k == 0 { 1.0 } else { predictors[k - 1][i] };
            *outcome += x * (1.0 + SIGMA * effects[group]);
        }
        labels.push(names[group].as_str());
    }
    let predictor_names: Vec<String> = (1..coefficients).map(|k| format!("x{k}")).collect();
    Dataset::from_columns("simulated data", "group", "y", &predictor_names, &labels, outcome, predictors)
}
