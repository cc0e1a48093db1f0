//! Each group's own least-squares estimate, without the other groups.

use crate::data::Dataset;

/// A pivot below this fraction of its column's squared length is a rounding error.
const ROUNDING: f64 = 1e-9;

/// The K coefficients of group `j` that its own observations determine; `NaN` for the others.
///
/// Gauss-Jordan elimination of the normal equations: a coefficient with a pivot is determined if no coefficient without
/// a pivot has a part in its row.
pub fn estimate(dataset: &Dataset, j: usize) -> Vec<f64> {
    let count = dataset.n_coefficients();
    let rows = dataset.group_range(j);
    let column = |k: usize, i: usize| if k == 0 { 1.0 } else { dataset.predictor(k - 1)[i] };
    // Columns of length 1, so that units do not matter.
    let lengths: Vec<f64> =
        (0..count).map(|k| rows.clone().map(|i| column(k, i).powi(2)).sum::<f64>().sqrt()).collect();
    let unit = |k: usize, i: usize| if lengths[k] > 0.0 { column(k, i) / lengths[k] } else { 0.0 };
    let mut equations: Vec<Vec<f64>> = (0..count)
        .map(|k| {
            let mut row: Vec<f64> = (0..count).map(|l| rows.clone().map(|i| unit(k, i) * unit(l, i)).sum()).collect();
            row.push(rows.clone().map(|i| unit(k, i) * dataset.outcome()[i]).sum());
            row
        })
        .collect();
    let mut has_pivot = vec![false; count];
    for k in 0..count {
        if equations[k][k] <= ROUNDING {
            continue;
        }
        has_pivot[k] = true;
        let pivot = equations[k][k];
        equations[k].iter_mut().for_each(|entry| *entry /= pivot);
        let row = equations[k].clone();
        for (_, other) in equations.iter_mut().enumerate().filter(|(l, _)| *l != k) {
            let factor = other[k];
            other.iter_mut().zip(&row).for_each(|(entry, pivot)| *entry -= factor * pivot);
        }
    }
    let is_determined = |k: usize| {
        has_pivot[k] && (0..count).all(|l| l == k || has_pivot[l] || equations[k][l].abs() < ROUNDING.sqrt())
    };
    (0..count).map(|k| if is_determined(k) { equations[k][count] / lengths[k] } else { f64::NAN }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(groups: &[&str], x: &[f64], y: &[f64]) -> Dataset {
        Dataset::from_columns("test", "g", "y", &["x"], groups, y.to_vec(), vec![x.to_vec()]).unwrap()
    }

    #[test]
    fn a_line_is_found_where_there_is_one() {
        let data = dataset(
            &["line", "line", "line", "flat", "flat", "up", "up"],
            &[2000.0, 2001.0, 2002.0, 0.0, 0.0, 1.0, 1.0],
            &[5.0, 7.0, 9.0, 3.0, 4.0, 1.0, 2.0],
        );
        let line = estimate(&data, 0);
        assert!((line[1] - 2.0).abs() < 1e-6 && (line[0] + 3995.0).abs() < 1e-2, "{line:?}");
        // All x are zero: the intercept is the mean outcome, and the slope is unknown.
        let flat = estimate(&data, 1);
        assert!((flat[0] - 3.5).abs() < 1e-12 && flat[1].is_nan(), "{flat:?}");
        // All x are one: only the sum of intercept and slope is known.
        assert!(estimate(&data, 2).iter().all(|value| value.is_nan()));
    }
}
