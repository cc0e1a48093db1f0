//! The profile of the marginal density: its maximum over all means or population-level coefficients for each choice of
//! the other hyperparameters. The maximum is exact, because they are normal given these. The profile is smooth, however
//! far a predictor, and mu with it, is from zero.

use crate::density::cpu::CpuDensity;
use crate::model::{Model, Shape};

/// The marginal log density of a model over its hyperparameters, in the sampler's units.
#[derive(Debug, Clone)]
pub struct Profile {
    density: CpuDensity,
    /// The number of leading entries of theta in which the log density is quadratic: mu, or the population-level
    /// coefficients if their priors are normal, and none otherwise.
    linear: usize,
    /// The last profile point.
    theta: Vec<f64>,
    gradient: Vec<f64>,
    beside: Vec<f64>,
}

impl Profile {
    /// The profile of `model`, whose effects can be integrated out, whatever its parameterization.
    pub fn new(model: &Model) -> Profile {
        let model = model.collapsed();
        let normal = model.mixed().is_none_or(|mixed| {
            mixed.priors.population.iter().all(|prior| prior.shape == Shape::Normal && !prior.half)
        });
        let width = model.layout().hyperparameters();
        Profile {
            density: CpuDensity::new(&model),
            linear: if normal { model.layout().locations() } else { 0 },
            theta: vec![0.0; width],
            gradient: vec![0.0; width],
            beside: vec![0.0; width],
        }
    }

    /// The number of leading entries of theta over which the profile is the maximum.
    pub fn linear(&self) -> usize {
        self.linear
    }

    /// The maximum over the [linear](Self::linear) entries of the log density given the `others`, and its gradient by
    /// these. Not finite if there is no maximum.
    pub fn at(&mut self, others: &[f64], gradient: &mut [f64]) -> f64 {
        let k = self.linear;
        self.theta[k..].copy_from_slice(others);
        let Some(step) = self.newton() else { return f64::NEG_INFINITY };
        self.theta[..k].iter_mut().zip(&step).for_each(|(mu, step)| *mu += step);
        let log_density = self.density.log_density(&self.theta, &mut self.gradient);
        gradient.copy_from_slice(&self.gradient[k..]);
        log_density
    }

    /// The last point evaluated.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// Newton's step in the linear entries to the maximum; its curvature is exact, because the gradient is linear.
    fn newton(&mut self) -> Option<Vec<f64>> {
        let k = self.linear;
        self.density.log_density(&self.theta, &mut self.gradient);
        let mut curvature = vec![vec![0.0; k]; k];
        for (c, column) in curvature.iter_mut().enumerate() {
            let mu = self.theta[c];
            self.theta[c] = mu + 1.0;
            self.density.log_density(&self.theta, &mut self.beside);
            self.theta[c] = mu;
            column
                .iter_mut()
                .zip(self.gradient.iter().zip(&self.beside))
                .for_each(|(h, (here, there))| *h = here - there);
        }
        Some(Cholesky::of(&curvature)?.solve(&self.gradient[..k]))
    }

    /// The negative Hessian at `theta` by central differences of the gradient, factorized; `None` if it is not positive
    /// definite, so that `theta` is no mode.
    pub fn curvature(&mut self, theta: &[f64]) -> Option<Cholesky> {
        const STEP: f64 = 1e-4;
        let n = theta.len();
        self.theta.copy_from_slice(theta);
        let mut curvature = vec![vec![0.0; n]; n];
        for i in 0..n {
            // The step may be far longer than the sd of mu, which does no harm: the gradient is linear in mu.
            self.theta[i] = theta[i] + STEP;
            self.density.log_density(&self.theta, &mut self.gradient);
            self.theta[i] = theta[i] - STEP;
            self.density.log_density(&self.theta, &mut self.beside);
            self.theta[i] = theta[i];
            for (j, (there, here)) in self.beside.iter().zip(&self.gradient).enumerate() {
                let half = (there - here) / (4.0 * STEP);
                curvature[i][j] += half;
                curvature[j][i] += half;
            }
        }
        Cholesky::of(&curvature)
    }

    /// Log density at `theta`; writes its gradient.
    pub fn log_density(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        self.density.log_density(theta, gradient)
    }
}

/// A symmetric positive definite matrix, factorized as L L'.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky(Vec<Vec<f64>>);

impl Cholesky {
    /// Factorizes `matrix`; `None` if it is not positive definite.
    pub fn of(matrix: &[Vec<f64>]) -> Option<Cholesky> {
        let n = matrix.len();
        let mut l = vec![vec![0.0; n]; n];
        for i in 0..n {
            for j in 0..=i {
                let left: f64 = matrix[i][j] - (0..j).map(|c| l[i][c] * l[j][c]).sum::<f64>();
                l[i][j] = if i == j { left.sqrt() } else { left / l[j][j] };
                if i == j && !l[i][i].is_normal() {
                    return None;
                }
            }
        }
        Some(Cholesky(l))
    }

    /// L, a row of n for each of n.
    pub fn lower(&self) -> &[Vec<f64>] {
        &self.0
    }

    /// Solves (L L') x = b for x.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..x.len() {
            let known: f64 = (0..i).map(|j| self.0[i][j] * x[j]).sum();
            x[i] = (x[i] - known) / self.0[i][i];
        }
        self.back(x)
    }

    /// Solves L' x = b for x: if b is standard normal, x is a normal vector with precision L L'.
    pub fn back(&self, mut x: Vec<f64>) -> Vec<f64> {
        for i in (0..x.len()).rev() {
            let known: f64 = (i + 1..x.len()).map(|j| self.0[j][i] * x[j]).sum();
            x[i] = (x[i] - known) / self.0[i][i];
        }
        x
    }

    /// Log determinant of L L'.
    pub fn log_determinant(&self) -> f64 {
        2.0 * self.0.iter().enumerate().map(|(i, row)| row[i].ln()).sum::<f64>()
    }
}
