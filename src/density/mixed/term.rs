//! One term of a formula at a position: its factor Lambda = diag(sd) L, its effects, and the pullback of derivatives.

use super::partial::PartialScratch;
use super::sums::{add_multiple, dot, sum};
use crate::model::correlation::{cholesky, pairs, pull_back};
use crate::model::{Centering, TermMap};

/// The factor of a term at a position, and scratch.
#[derive(Debug, Clone)]
pub struct TermScratch {
    columns: usize,
    /// The index of the first of the term's effects among those of all terms.
    first: usize,
    /// L, and Lambda, `[row][column]`; zero above the diagonal.
    unit: Vec<f64>,
    factor: Vec<f64>,
    /// The derivatives of the log density by Lambda.
    by_factor: Vec<f64>,
    /// Half the derivatives by the entries of Lambda Lambda', on and below the diagonal.
    by_covariance: Vec<f64>,
    /// Lambda^-1 r and Lambda'^-1 Lambda^-1 r of centered effects, `[column][level]`.
    whitened: Vec<f64>,
    solved: Vec<f64>,
    partial: Option<PartialScratch>,
}

impl TermScratch {
    /// Scratch for a term; `first` is the index in theta of the first effect of all terms.
    pub fn new(map: &TermMap, first: usize) -> TermScratch {
        let square = vec![0.0; map.columns * map.columns];
        let effects = if map.centering == Some(Centering::Centered) { map.columns * map.levels } else { 0 };
        let mut unit = square.clone();
        // Without correlations L stays as it is here.
        (0..map.columns).for_each(|i| unit[i * map.columns + i] = 1.0);
        TermScratch {
            columns: map.columns,
            first: map.effects - first,
            unit,
            factor: square.clone(),
            by_factor: square.clone(),
            by_covariance: square,
            whitened: vec![0.0; effects],
            solved: vec![0.0; effects],
            partial: map.partial.is_some().then(|| PartialScratch::new(map.columns * map.levels)),
        }
    }

    /// Sets Lambda, and the derivatives by it to zero.
    pub fn set(&mut self, map: &TermMap, values: &[f64]) {
        let q = self.columns;
        if let Some(first) = map.partials {
            cholesky(q, &values[first..first + pairs(q)], &mut self.unit);
        }
        for (i, sd) in values[map.scales..map.scales + q].iter().enumerate() {
            for j in 0..=i {
                self.factor[i * q + j] = sd * self.unit[i * q + j];
            }
        }
        self.by_factor.fill(0.0);
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Lambda_ij, for i >= j.
    pub fn factor(&self, i: usize, j: usize) -> f64 {
        self.factor[i * self.columns + j]
    }

    /// Adds to G_ij, for i >= j, where the derivatives by Lambda are G Lambda.
    pub fn add_by_covariance(&mut self, i: usize, j: usize, by: f64) {
        self.by_covariance[i * self.columns + j] += by;
    }

    /// Sets the derivatives by Lambda to G Lambda and G to zero; returns the sum of the derivatives times Lambda.
    pub fn by_covariance_to_factor(&mut self) -> f64 {
        let q = self.columns;
        let mut total = 0.0;
        for i in 0..q {
            for k in 0..=i {
                let by = |d: usize| self.by_covariance[if d <= i { i * q + d } else { d * q + i }];
                self.by_factor[i * q + k] = (k..q).map(|d| by(d) * self.factor[d * q + k]).sum();
                total += self.by_factor[i * q + k] * self.factor[i * q + k];
            }
        }
        self.by_covariance.fill(0.0);
        total
    }

    /// Writes r of every level, `[column][level]`, among the `effects` of all terms.
    pub fn effects(&mut self, map: &TermMap, values: &[f64], theta: &[f64], effects: &mut [f64]) {
        let effects = &mut effects[self.first..][..self.columns * map.levels];
        match (&map.partial, &mut self.partial) {
            (Some(partial), Some(scratch)) => {
                let theta = &theta[map.effects..][..effects.len()];
                scratch.set(map, partial, values, &self.factor, theta);
                map.effects_of_offsets(&self.factor, &scratch.offsets, effects);
            }
            _ => map.effects(values, &self.factor, theta, effects),
        }
    }

    /// The log density of the effects, without constants. Adds the derivatives of the whole log density by the effects'
    /// entries to `gradient`, by Lambda to those kept here, and by the means to `by_values`, given the derivatives of
    /// the log likelihood by r in `by_effects`.
    pub fn pull(
        &mut self,
        map: &TermMap,
        theta: &[f64],
        effects: &[f64],
        by_effects: &[f64],
        gradient: &mut [f64],
        by_values: &mut [f64],
    ) -> f64 {
        let size = self.columns * map.levels;
        let (r, by_r) = (&effects[self.first..][..size], &by_effects[self.first..][..size]);
        let (theta, gradient) = (&theta[map.effects..][..size], &mut gradient[map.effects..][..size]);
        match map.centering {
            Some(Centering::Centered) => self.pull_centered(map, r, by_r, gradient, by_values),
            Some(Centering::Partial) => self.pull_partial(map, by_r, gradient, by_values),
            _ => self.pull_offsets(map.levels, theta, by_r, gradient),
        }
    }

    fn pull_partial(&mut self, map: &TermMap, by_r: &[f64], gradient: &mut [f64], by_values: &mut [f64]) -> f64 {
        let (Some(partial), Some(scratch)) = (&map.partial, &mut self.partial) else { return f64::NAN };
        scratch.pull(map, (partial, &self.factor), by_r, gradient, &mut self.by_factor, by_values)
    }

    fn pull_offsets(&mut self, levels: usize, z: &[f64], by_r: &[f64], gradient: &mut [f64]) -> f64 {
        let q = self.columns;
        for (k, (gradient, z)) in gradient.chunks_exact_mut(levels).zip(z.chunks_exact(levels)).enumerate() {
            gradient.iter_mut().zip(z).for_each(|(gradient, z)| *gradient = -z);
            for (c, by_r) in by_r.chunks_exact(levels).enumerate().skip(k) {
                add_multiple(self.factor[c * q + k], by_r, gradient);
                self.by_factor[c * q + k] += dot(by_r, z);
            }
        }
        -0.5 * dot(z, z)
    }

    fn pull_centered(
        &mut self,
        map: &TermMap,
        r: &[f64],
        by_r: &[f64],
        gradient: &mut [f64],
        by_values: &mut [f64],
    ) -> f64 {
        let (q, levels) = (self.columns, map.levels);
        self.whitened.copy_from_slice(r);
        for c in 0..q {
            let (done, rest) = self.whitened.split_at_mut(c * levels);
            let row = &mut rest[..levels];
            for (k, done) in done.chunks_exact(levels).enumerate() {
                add_multiple(-self.factor[c * q + k], done, row);
            }
            let inverse = 1.0 / self.factor[c * q + c];
            row.iter_mut().for_each(|entry| *entry *= inverse);
        }
        self.solved.copy_from_slice(&self.whitened);
        for c in (0..q).rev() {
            let (rest, done) = self.solved.split_at_mut((c + 1) * levels);
            let row = &mut rest[c * levels..];
            for (k, done) in (c + 1..q).zip(done.chunks_exact(levels)) {
                add_multiple(-self.factor[k * q + c], done, row);
            }
            let inverse = 1.0 / self.factor[c * q + c];
            row.iter_mut().for_each(|entry| *entry *= inverse);
        }
        let mut log_density = -0.5 * dot(&self.whitened, &self.whitened);
        for c in 0..q {
            let here = c * levels..(c + 1) * levels;
            let diagonal = self.factor[c * q + c];
            log_density -= levels as f64 * diagonal.ln();
            self.by_factor[c * q + c] -= levels as f64 / diagonal;
            for k in 0..=c {
                let whitened = &self.whitened[k * levels..(k + 1) * levels];
                self.by_factor[c * q + k] += dot(&self.solved[here.clone()], whitened);
            }
            let row = &mut gradient[here.clone()];
            for ((gradient, by_r), solved) in row.iter_mut().zip(&by_r[here.clone()]).zip(&self.solved[here]) {
                *gradient = by_r - solved;
            }
            map.pull_mean(c, -sum(row), by_values);
        }
        log_density
    }

    /// Adds the derivatives by the sds and the partial correlations, given those by Lambda.
    pub fn pull_factor(&mut self, map: &TermMap, values: &[f64], by_values: &mut [f64]) {
        let q = self.columns;
        for (i, sd) in values[map.scales..map.scales + q].iter().enumerate() {
            for j in 0..=i {
                by_values[map.scales + i] += self.by_factor[i * q + j] * self.unit[i * q + j];
                self.by_factor[i * q + j] *= sd;
            }
        }
        if let Some(first) = map.partials {
            let here = first..first + pairs(q);
            pull_back(q, &values[here.clone()], &self.by_factor, &mut by_values[here]);
        }
    }
}
