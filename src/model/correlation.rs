//! Correlation matrices by their canonical partial correlations (Lewandowski, Kurowicka and Joe 2009), which are free
//! numbers between -1 and 1, and whose Cholesky factors are products of them.
//!
//! With w_ij for i > j, row by row,
//!
//! ```text
//! L_ij = w_ij prod_{k<j} sqrt(1 - w_ik^2),    L_ii = prod_{k<i} sqrt(1 - w_ik^2),    Omega = L L'
//! ```

/// Number of correlations of `q` variables.
pub fn pairs(q: usize) -> usize {
    q * q.saturating_sub(1) / 2
}

/// The place of the pair i > j among all pairs, row by row.
pub fn pair(i: usize, j: usize) -> usize {
    i * (i - 1) / 2 + j
}

/// Writes the Cholesky factor L, `[i][j]` with row length `q`, of the correlation matrix of these `partials`; entries
/// above the diagonal are not touched.
pub fn cholesky(q: usize, partials: &[f64], factor: &mut [f64]) {
    for i in 0..q {
        let mut left = 1.0;
        for j in 0..i {
            let w = partials[pair(i, j)];
            factor[i * q + j] = w * left;
            left *= (1.0 - w * w).max(0.0).sqrt();
        }
        factor[i * q + i] = left;
    }
}

/// Replaces the derivatives by L, `[i][j]`, of a function by its derivatives by the `partials`, which are added to
/// `by_partials`.
pub fn pull_back(q: usize, partials: &[f64], by_factor: &[f64], by_partials: &mut [f64]) {
    for i in 1..q {
        // The remaining product before each column, and the derivative by it, from the last column backwards.
        let mut left = [1.0; crate::data::MAX_COEFFICIENTS];
        for j in 0..i {
            let w = partials[pair(i, j)];
            left[j + 1] = left[j] * (1.0 - w * w).max(0.0).sqrt();
        }
        let mut by_left = by_factor[i * q + i];
        for j in (0..i).rev() {
            let w = partials[pair(i, j)];
            let root = (1.0 - w * w).max(f64::MIN_POSITIVE).sqrt();
            by_partials[pair(i, j)] += by_factor[i * q + j] * left[j] - by_left * left[j] * w / root;
            by_left = by_factor[i * q + j] * w + by_left * root;
        }
    }
}

/// Writes the correlations, pair by pair, of the Cholesky factor L.
pub fn correlations(q: usize, factor: &[f64], correlations: &mut [f64]) {
    for i in 1..q {
        for j in 0..i {
            correlations[pair(i, j)] = (0..=j).map(|k| factor[i * q + k] * factor[j * q + k]).sum();
        }
    }
}

/// Writes the partial correlations of the matrix with these `correlations`; NaN where the matrix is not positive
/// definite.
pub fn partials(q: usize, correlations: &[f64], partials: &mut [f64]) {
    let mut factor = vec![0.0; q * q];
    for i in 0..q {
        let mut left: f64 = 1.0;
        for j in 0..i {
            let known: f64 = (0..j).map(|k| factor[i * q + k] * factor[j * q + k]).sum();
            factor[i * q + j] = (correlations[pair(i, j)] - known) / factor[j * q + j];
            partials[pair(i, j)] = factor[i * q + j] / left.sqrt();
            left -= factor[i * q + j] * factor[i * q + j];
        }
        factor[i * q + i] = left.sqrt();
    }
}

/// The exponent alpha of 1 - w^2 in the density of the partial correlation of column `j`, under LKJ(eta) of `q`
/// variables: density (1 - w^2)^(alpha - 1), over its normalising constant.
pub fn lkj_exponent(q: usize, eta: f64, j: usize) -> f64 {
    eta + 0.5 * (q - 2 - j) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTIALS: [f64; 6] = [0.3, -0.5, 0.2, 0.7, 0.1, -0.4];

    #[test]
    fn a_factor_has_rows_of_length_one_and_gives_its_partials_back() {
        let mut factor = [0.0; 16];
        cholesky(4, &PARTIALS, &mut factor);
        for row in factor.chunks(4) {
            assert!((row.iter().map(|entry| entry * entry).sum::<f64>() - 1.0).abs() < 1e-15);
        }
        let (mut all, mut back) = ([0.0; 6], [0.0; 6]);
        correlations(4, &factor, &mut all);
        assert!((all[0] - 0.3).abs() < 1e-15);
        partials(4, &all, &mut back);
        for (back, partial) in back.iter().zip(PARTIALS) {
            assert!((back - partial).abs() < 1e-14);
        }
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let weights: Vec<f64> = (0..16).map(|i| (f64::from(i) * 1.3).sin()).collect();
        let value = |partials: &[f64]| {
            let mut factor = [0.0; 16];
            cholesky(4, partials, &mut factor);
            factor.iter().zip(&weights).map(|(entry, weight)| entry * weight).sum::<f64>()
        };
        let mut by_partials = [0.0; 6];
        pull_back(4, &PARTIALS, &weights, &mut by_partials);
        for (place, derivative) in by_partials.into_iter().enumerate() {
            let at = |step: f64| {
                let mut moved = PARTIALS;
                moved[place] += step;
                value(&moved)
            };
            assert!(((at(1e-6) - at(-1e-6)) / 2e-6 - derivative).abs() < 1e-8, "{place}");
        }
    }
}
