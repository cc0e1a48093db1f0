//! Small matrices of eight groups at a time: K x K entries, `[row][column]`, each with a lane for every group.

use std::cmp::Ordering;

use crate::lanes::{LANES, Lanes};

/// Replaces a symmetric matrix by its lower triangular factor, and writes the factor's inverse.
#[inline(always)]
pub fn cholesky(k: usize, matrix: &mut [Lanes], inverse: &mut [Lanes]) {
    for column in 0..k {
        for row in 0..k {
            let mut entry = matrix[row * k + column];
            for c in 0..column {
                entry -= matrix[row * k + c] * matrix[column * k + c];
            }
            matrix[row * k + column] = match row.cmp(&column) {
                Ordering::Less => Lanes::ZERO,
                Ordering::Equal => entry.map(f64::sqrt),
                Ordering::Greater => entry / matrix[column * k + column],
            };
        }
    }
    for column in 0..k {
        for row in 0..k {
            let mut entry = if row == column { Lanes([1.0; LANES]) } else { Lanes::ZERO };
            for c in column..row {
                entry -= matrix[row * k + c] * inverse[c * k + column];
            }
            inverse[row * k + column] = if row < column { Lanes::ZERO } else { entry / matrix[row * k + row] };
        }
    }
}

/// out = M x, for a lower triangular M.
#[inline(always)]
pub fn lower(k: usize, matrix: &[Lanes], x: &[Lanes], out: &mut [Lanes]) {
    for (row, out) in out.iter_mut().enumerate() {
        *out = (0..=row).fold(Lanes::ZERO, |sum, c| sum + matrix[row * k + c] * x[c]);
    }
}

/// out = M' x, for a lower triangular M.
#[inline(always)]
pub fn upper(k: usize, matrix: &[Lanes], x: &[Lanes], out: &mut [Lanes]) {
    for (row, out) in out.iter_mut().enumerate() {
        *out = (row..k).fold(Lanes::ZERO, |sum, c| sum + matrix[c * k + row] * x[c]);
    }
}
