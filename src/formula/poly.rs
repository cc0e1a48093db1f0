//! Orthogonal polynomials of a column, as R's `poly` has them.

use serde::{Deserialize, Serialize};

use crate::data::moments::{largest_deviation, mean};

/// Polynomials of degrees 0 to some degree, by a recurrence: each is x times the one before it, less multiples of all
/// before it, in units of a length. x is a value about the centre, in units of the scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Polynomials {
    centre: f64,
    scale: f64,
    /// The polynomial of degree 0.
    constant: f64,
    /// For each further degree, the multiples and the length.
    steps: Vec<(Vec<f64>, f64)>,
}

impl Polynomials {
    /// The polynomials of degrees 1 to `degree`, and their columns at the values: orthogonal to each other and to the
    /// intercept, of length 1, with positive leading coefficients.
    ///
    /// # Errors
    ///
    /// The number of different values, if it is no more than the degree.
    pub fn of(values: &[f64], degree: usize) -> Result<(Polynomials, Vec<Vec<f64>>), usize> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if sorted.len() <= degree {
            return Err(sorted.len());
        }
        let centre = mean(values);
        let scale = largest_deviation(values, centre);
        let constant = 1.0 / (values.len() as f64).sqrt();
        let mut found = Polynomials { centre, scale, constant, steps: Vec::new() };
        let x = found.units(values);
        let mut basis = vec![vec![constant; x.len()]];
        for k in 0..degree {
            // x times the last polynomial has the next degree; its leading coefficient stays positive.
            let mut next: Vec<f64> = basis[k].iter().zip(&x).map(|(p, x)| p * x).collect();
            let mut multiples = vec![0.0; basis.len()];
            // What is left of the others after one pass is rounding, which the second removes.
            for _ in 0..2 {
                for (other, multiple) in basis.iter().zip(&mut multiples) {
                    let along = dot(other, &next);
                    *multiple += along;
                    subtract(&mut next, along, other);
                }
            }
            let length = dot(&next, &next).sqrt();
            next.iter_mut().for_each(|value| *value /= length);
            basis.push(next);
            found.steps.push((multiples, length));
        }
        basis.remove(0);
        Ok((found, basis))
    }

    /// The columns of degrees 1 and more at other values.
    pub fn at(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let x = self.units(values);
        let mut basis = vec![vec![self.constant; x.len()]];
        for (k, (multiples, length)) in self.steps.iter().enumerate() {
            let mut next: Vec<f64> = basis[k].iter().zip(&x).map(|(p, x)| p * x).collect();
            for (other, multiple) in basis.iter().zip(multiples) {
                subtract(&mut next, *multiple, other);
            }
            next.iter_mut().for_each(|value| *value /= length);
            basis.push(next);
        }
        basis.remove(0);
        basis
    }

    fn units(&self, values: &[f64]) -> Vec<f64> {
        values.iter().map(|value| (value - self.centre) / self.scale).collect()
    }
}

fn subtract(from: &mut [f64], multiple: f64, other: &[f64]) {
    from.iter_mut().zip(other).for_each(|(value, other)| *value -= multiple * other);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
