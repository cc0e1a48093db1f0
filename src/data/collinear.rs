//! Finds predictors that are linear combinations of others, by a QR decomposition that reads each value once.
//!
//! Modified Gram-Schmidt in the order in which the predictors are named, so that the later predictor is reported. R is
//! as accurate as Householder's (Björck 1967), unlike a Cholesky factor of the Gram matrix: the Gram matrix has
//! squares, and the square of a relative distance of 1e-8 is rounding.

use super::moments::{largest_deviation, mean};

/// A predictor depends on the others if its distance from their span, relative to its length, is at most this.
const DEPENDENT: f64 = 1e-8;

/// A predictor is reported if its contribution, relative to the length of the dependent predictor, exceeds this.
const CONTRIBUTES: f64 = 1e-6;

/// Rows processed at once: so few that all columns of a block stay in a core's cache.
const BLOCK: usize = 512;

/// Predictor `dependent` is a linear combination of the predictors `on`, and of the intercept if there is one.
pub(crate) struct Dependence {
    pub dependent: usize,
    pub on: Vec<usize>,
}

/// The first predictor that depends on predictors before it, and on the intercept if there is one. None may be
/// constant.
pub(crate) fn first(predictors: &[&[f64]], intercept: bool) -> Option<Dependence> {
    let scales: Vec<(f64, f64)> = predictors
        .iter()
        .map(|values| {
            // Centering accounts for the intercept.
            let mean = if intercept { mean(values) } else { 0.0 };
            (mean, largest_deviation(values, mean))
        })
        .collect();
    let n = predictors.first().map_or(0, |values| values.len());
    // Column k of the upper triangle R, with zeros below the diagonal.
    let mut r = vec![vec![0.0; predictors.len()]; predictors.len()];
    for start in (0..n).step_by(BLOCK) {
        let rows = start..n.min(start + BLOCK);
        // R of the rows so far, stacked on the next rows, has the R of all these rows.
        for (column, (values, &(mean, scale))) in r.iter_mut().zip(predictors.iter().zip(&scales)) {
            column.extend(values[rows.clone()].iter().map(|value| (value - mean) / scale));
        }
        r = triangle(r);
    }
    (0..predictors.len()).find_map(|k| {
        let length = norm(&r[k]);
        (r[k][k] <= DEPENDENT * length).then(|| Dependence { dependent: k, on: contributors(&r, k, length) })
    })
}

/// The length of the last column's residual on the others.
pub(crate) fn residual(columns: Vec<Vec<f64>>) -> f64 {
    triangle(columns).last().and_then(|column| column.last()).copied().unwrap_or(0.0)
}

/// R of these columns: R_ik = q_i . x_k, where q_i are orthonormal columns.
fn triangle(mut columns: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut r = vec![vec![0.0; columns.len()]; columns.len()];
    for i in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(i + 1);
        let q = &mut done[i];
        let length = norm(q);
        r[i][i] = length;
        if length == 0.0 {
            continue;
        }
        q.iter_mut().for_each(|value| *value /= length);
        for (column, r) in rest.iter_mut().zip(&mut r[i + 1..]) {
            r[i] = q.iter().zip(&*column).map(|(q, x)| q * x).sum();
            column.iter_mut().zip(&*q).for_each(|(x, q)| *x -= r[i] * q);
        }
    }
    r
}

/// The predictors i < k that matter in x_k = sum_i c_i x_i; back substitution in R gives c.
fn contributors(r: &[Vec<f64>], k: usize, length: f64) -> Vec<usize> {
    let mut c = r[k][..k].to_vec();
    for i in (0..k).rev() {
        c[i] /= r[i][i];
        for row in 0..i {
            c[row] -= c[i] * r[i][row];
        }
    }
    (0..k).filter(|&i| c[i].abs() * norm(&r[i]) > CONTRIBUTES * length).collect()
}

fn norm(column: &[f64]) -> f64 {
    column.iter().map(|x| x * x).sum::<f64>().sqrt()
}
