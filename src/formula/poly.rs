//! Orthogonal polynomials of a column, as R's `poly` has them.

use crate::data::moments::{largest_deviation, mean};

/// The polynomials of degrees 1 to `degree` at the values: orthogonal to each other and to the intercept, of length 1,
/// with positive leading coefficients. One column for each degree.
///
/// # Errors
///
/// The number of different values, if it is no more than the degree.
pub(super) fn polynomials(values: &[f64], degree: usize) -> Result<Vec<Vec<f64>>, usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    if sorted.len() <= degree {
        return Err(sorted.len());
    }
    let centre = mean(values);
    let scale = largest_deviation(values, centre);
    let x: Vec<f64> = values.iter().map(|value| (value - centre) / scale).collect();
    let mut basis = vec![vec![1.0 / (x.len() as f64).sqrt(); x.len()]];
    for k in 0..degree {
        // x times the last polynomial has the next degree; its leading coefficient stays positive.
        let mut next: Vec<f64> = basis[k].iter().zip(&x).map(|(p, x)| p * x).collect();
        // What is left of the others after one pass is rounding, which the second removes.
        for _ in 0..2 {
            for other in &basis {
                let along = dot(other, &next);
                next.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = dot(&next, &next).sqrt();
        next.iter_mut().for_each(|value| *value /= length);
        basis.push(next);
    }
    basis.remove(0);
    Ok(basis)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
