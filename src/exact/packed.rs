//! Symmetric matrices whose lower half is stored row by row.

/// The place of entry (i, j), j <= i, of a lower half that is stored row by row.
#[inline(always)]
pub fn packed(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// Replaces a packed matrix by its Cholesky factor; returns its log determinant, NaN if it is not positive definite.
pub fn factorize(p: usize, matrix: &mut [f64]) -> f64 {
    let mut log_determinant = 0.0;
    for i in 0..p {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| matrix[packed(i, k)] * matrix[packed(j, k)]).sum();
            let left = matrix[packed(i, j)] - known;
            matrix[packed(i, j)] = if i == j { left.sqrt() } else { left / matrix[packed(j, j)] };
        }
        log_determinant += 2.0 * matrix[packed(i, i)].ln();
    }
    log_determinant
}

/// Replaces x by L^-1 x.
pub fn forward(lower: &[f64], x: &mut [f64]) {
    for i in 0..x.len() {
        let known: f64 = (0..i).map(|k| lower[packed(i, k)] * x[k]).sum();
        x[i] = (x[i] - known) / lower[packed(i, i)];
    }
}

/// Replaces x by L'^-1 x.
pub fn backward(lower: &[f64], x: &mut [f64]) {
    for i in (0..x.len()).rev() {
        let known: f64 = (i + 1..x.len()).map(|k| lower[packed(k, i)] * x[k]).sum();
        x[i] = (x[i] - known) / lower[packed(i, i)];
    }
}
