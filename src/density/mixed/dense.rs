//! The Gaussian likelihood of a formula's model of several factors, with all effects integrated out, block by block;
//! and the effects' conditional distribution. The mathematics is that of `density/mixed/collapsed.rs`, with a block's n
//! effects in the place of a group's q, and Lambda made of the factors of its levels.
//!
//! V = U U' with U upper triangular, from the last row upwards, so that U^-1 R is upper triangular, as R is. U' is
//! stored, row by row: all inner loops run along rows.

use super::blocks::{BlockTable, RowBlock};
use super::rest::CollapsedAt;
use super::sums::dot;
use super::term::TermScratch;
use crate::math::ln;

/// Scratch for one block.
#[derive(Debug, Clone, Default)]
pub struct DenseScratch {
    /// B = R Lambda / sigma, and U', `[row][column]`.
    b: Vec<f64>,
    lower: Vec<f64>,
    /// U^-1 R.
    whitened: Vec<f64>,
    e: Vec<f64>,
    pulled: Vec<f64>,
}

impl DenseScratch {
    /// Scratch for the largest block of `table`.
    pub fn new(table: &BlockTable) -> DenseScratch {
        let most = table.blocks.iter().map(|block| block.effects).max().unwrap_or(0);
        let square = vec![0.0; most * most];
        let line = vec![0.0; most];
        DenseScratch { b: square.clone(), lower: square.clone(), whitened: square, e: line.clone(), pulled: line }
    }

    /// Sets U' for a block, and returns log |U|.
    fn factorize(&mut self, block: &RowBlock, terms: &[TermScratch], sigma: f64) -> f64 {
        let n = block.effects;
        let b = &mut self.b[..n * n];
        b.fill(0.0);
        for piece in &block.pieces {
            let term = &terms[piece.term];
            let q = term.columns();
            let rows = b.chunks_exact_mut(n).zip(block.r.chunks_exact(n)).take(piece.start + q);
            for (b, r) in rows {
                for c in 0..q {
                    let entry = |m: usize| r[piece.start + m] * term.factor(m, c);
                    b[piece.start + c] = (c..q).map(entry).sum::<f64>() / sigma;
                }
            }
        }
        let lower = &mut self.lower[..n * n];
        for i in 0..n {
            // The rows of B begin near the diagonal; what is before is zero.
            let from = block.first[i];
            for j in 0..=i {
                lower[i * n + j] = dot(&b[i * n + from..(i + 1) * n], &b[j * n + from..(j + 1) * n]);
            }
            lower[i * n + i] += 1.0;
        }
        let mut log_determinant = 0.0;
        for k in (0..n).rev() {
            let (left, done) = lower.split_at_mut(k * n);
            let row = &mut done[..=k];
            let root = row[k].sqrt();
            log_determinant += ln(root);
            row.iter_mut().for_each(|entry| *entry /= root);
            for (i, above) in left.chunks_exact_mut(n).enumerate() {
                let factor = row[i];
                above[..=i].iter_mut().zip(&*row).for_each(|(entry, below)| *entry -= factor * below);
            }
        }
        log_determinant
    }

    /// Replaces e by U^-1 e.
    fn whiten(&mut self, n: usize) {
        for k in (0..n).rev() {
            let row = &self.lower[k * n..k * n + k + 1];
            self.e[k] /= row[k];
            let (left, done) = self.e.split_at_mut(k);
            left.iter_mut().zip(row).for_each(|(entry, u)| *entry -= done[0] * u);
        }
    }

    /// Replaces e by U'^-1 e.
    fn unwhiten(&mut self, n: usize) {
        for k in 0..n {
            let row = &self.lower[k * n..k * n + k + 1];
            self.e[k] = (self.e[k] - dot(&row[..k], &self.e[..k])) / row[k];
        }
    }

    /// Sets the whitened columns to U^-1 R.
    fn whiten_columns(&mut self, block: &RowBlock) {
        let n = block.effects;
        let whitened = &mut self.whitened[..n * n];
        whitened.copy_from_slice(&block.r);
        for k in (0..n).rev() {
            let row = &self.lower[k * n..k * n + k + 1];
            let (left, done) = whitened.split_at_mut(k * n);
            let below = &mut done[k..n];
            below.iter_mut().for_each(|entry| *entry /= row[k]);
            for (u, above) in row.iter().zip(left.chunks_exact_mut(n)) {
                above[k..].iter_mut().zip(&*below).for_each(|(entry, below)| *entry -= u * below);
            }
        }
    }

    /// Sets e to W_y - W_X b.
    fn deviate(&mut self, block: &RowBlock, coefficients: &[f64]) {
        let n = block.effects;
        self.e[..n].copy_from_slice(&block.w[coefficients.len() * n..]);
        for (coefficient, w) in coefficients.iter().zip(block.w.chunks_exact(n)) {
            self.e[..n].iter_mut().zip(w).for_each(|(e, w)| *e -= coefficient * w);
        }
    }

    /// Writes the effects of a block, in the sampler's units, given standard normal numbers, those of the effects and
    /// those of the noise.
    pub fn complete(
        &mut self,
        block: &RowBlock,
        coefficients: &[f64],
        terms: &[TermScratch],
        sigma: f64,
        [xi, zeta]: [&[f64]; 2],
        effects: &mut [f64],
    ) {
        let n = block.effects;
        self.factorize(block, terms, sigma);
        self.deviate(block, coefficients);
        // B xi sigma is R Lambda xi.
        for (i, (e, zeta)) in self.e[..n].iter_mut().zip(zeta).enumerate() {
            *e -= sigma * (zeta + dot(&self.b[i * n..(i + 1) * n], xi));
        }
        self.whiten(n);
        self.unwhiten(n);
        self.pull(block);
        for piece in &block.pieces {
            let term = &terms[piece.term];
            let (q, here) = (term.columns(), piece.start);
            for i in 0..q {
                // Lambda (xi + Lambda' R' u / sigma^2).
                let turned = |c: usize| (c..q).map(|m| term.factor(m, c) * self.pulled[here + m]).sum::<f64>();
                let offset = |c: usize| xi[here + c] + turned(c) / (sigma * sigma);
                effects[here + i] = (0..=i).map(|c| term.factor(i, c) * offset(c)).sum();
            }
        }
    }

    /// Sets the pulled vector to R' e.
    fn pull(&mut self, block: &RowBlock) {
        let n = block.effects;
        self.pulled[..n].fill(0.0);
        for (i, row) in block.r.chunks_exact(n).enumerate() {
            let e = self.e[i];
            self.pulled[i..n].iter_mut().zip(&row[i..]).for_each(|(pulled, r)| *pulled += e * r);
        }
    }
}

/// The log likelihood given the population-level coefficients, Lambda of all terms, and sigma; writes the derivatives
/// by the first, and adds those by the second to the terms.
pub fn at(
    table: &BlockTable,
    scratch: &mut DenseScratch,
    coefficients: &[f64],
    terms: &mut [TermScratch],
    sigma: f64,
    by_coefficients: &mut [f64],
) -> CollapsedAt {
    let precision = 1.0 / (sigma * sigma);
    let (mut squares, mut log_determinant) = (0.0, 0.0);
    by_coefficients.fill(0.0);
    for block in &table.blocks {
        let n = block.effects;
        log_determinant += scratch.factorize(block, terms, sigma);
        scratch.deviate(block, coefficients);
        scratch.whiten(n);
        squares += dot(&scratch.e[..n], &scratch.e[..n]);
        scratch.unwhiten(n);
        for (by_coefficient, w) in by_coefficients.iter_mut().zip(block.w.chunks_exact(n)) {
            *by_coefficient += dot(w, &scratch.e[..n]);
        }
        scratch.pull(block);
        scratch.whiten_columns(block);
        for piece in &block.pieces {
            let q = terms[piece.term].columns();
            for c in 0..q {
                for d in 0..=c {
                    let (i, j) = (piece.start + c, piece.start + d);
                    let column = |at: usize| scratch.whitened[..n * n].iter().skip(at).step_by(n).take(j + 1);
                    let leverage: f64 = column(i).zip(column(j)).map(|(u, v)| u * v).sum();
                    let by = scratch.pulled[i] * scratch.pulled[j] * precision - leverage;
                    terms[piece.term].add_by_covariance(c, d, by * precision);
                }
            }
        }
    }
    table.rest.finish([squares, log_determinant], coefficients, sigma, terms, by_coefficients)
}
